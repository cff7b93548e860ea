"""The table of GeoTIFFs that QGIS has to open, and how one is written: a new kind is one line."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from oracles import golden

import rangegeo.accessor  # noqa: F401, registers .rangegeo
from rangegeo.cli.main import run
from rangegeo.stores.opening import open_cube

MINI = f"--weights {golden.GOLDEN / 'satclip-mini.ckpt'} --db {golden.GOLDEN / 'range_db_mini.npz'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is written.

    Attributes:
        options: of `rangegeo raster`; LIKE and AREA stand for a raster and a vector file.
        published_sizes: with a model of 1024 + 256 bands; else the miniature one of 24 + 16.
        weights: as options, of the miniature model.
        change: of the values (band, y, x), in place, before they are written again.
        preview: whether to look at what `rangegeo preview` makes of it.
        gdal: the oldest that reads it rightly, if it is newer than Debian's.
    """

    options: str
    published_sizes: bool = False
    weights: str = MINI
    change: Callable[[np.ndarray], None] | None = None
    preview: bool = False
    gdal: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A file, what QGIS was asked about it and what it answered; see workflows/qgis/look.py.

    Attributes:
        facts: the answer, with the path of the picture in it.
        asked: the job.
        gdal: version of the GDAL that QGIS is built with.
    """

    path: Path
    facts: dict
    asked: dict
    gdal: tuple[int, ...]

    @property
    def is_preview(self) -> bool:
        return self.path.stem.endswith("_rgb")


def outlier(values: np.ndarray) -> None:
    """One pixel a million times as large as the others."""
    values[:, 1, 1] = 1e6


def hole(values: np.ndarray) -> None:
    """No data in a corner and in one pixel."""
    values[:, :12, :20] = np.nan
    values[:, 30, 30] = np.nan


SMALL = "--bbox 5,44,8,46 --res 0.05"
SIGNED_BYTES = (3, 7)  # GDAL that has them
KINDS = {
    "1280 bands": Kind(options=SMALL, published_sizes=True),
    "1280 bands, UTM": Kind(
        options="--bbox-crs EPSG:32632 --bbox 300000,4900000,420000,4990000 --crs EPSG:32632 --res 2000 4000",
        published_sizes=True,
    ),
    "1280 bands, Mercator": Kind(options="--bbox 5,44,8,46 --crs EPSG:3857 --res 6000", published_sizes=True),
    "1280 bands, antimeridian": Kind(options="--bbox 176,-19,-178,-15 --res 0.1", published_sizes=True),
    "1280 bands, float16": Kind(options=f"{SMALL} --dtype float16", published_sizes=True),
    "1280 bands, int16": Kind(options=f"{SMALL} --dtype int16", published_sizes=True),
    "1280 bands, int8": Kind(options=f"{SMALL} --dtype int8", published_sizes=True, gdal=SIGNED_BYTES),
    "several betas": Kind(options=f"{SMALL} --beta 0,0.5,1"),
    "components": Kind(options=f"{SMALL} --layout components"),
    "PCA": Kind(options=f"{SMALL} --pca 3"),
    "one band": Kind(options=f"{SMALL} --bands 7"),
    "two bands": Kind(options=f"{SMALL} --bands 30,2"),
    "no beta": Kind(options=f"{SMALL} --model SatCLIP", weights=f"--weights {golden.GOLDEN / 'satclip-mini.ckpt'}"),
    "with overviews": Kind(options="--bbox 5,44,8,46 --res 0.005 --pca 3"),
    "with overviews, int16": Kind(options="--bbox 5,44,8,46 --res 0.005 --pca 3 --dtype int16"),
    "no overviews": Kind(options=f"{SMALL} --format gtiff"),
    "the globe with its outside": Kind(options="--bbox -180,-90,180,90 --crs ESRI:54009 --res 500000 --bands location"),
    "polar": Kind(options="--bbox -180,75,180,90 --crs EPSG:3995 --res 100000"),
    "an outlier": Kind(options=SMALL, change=outlier),
    "holes": Kind(options=SMALL, change=hole),
    "the grid of another": Kind(options="--like LIKE --bands visual"),
    "an area": Kind(options="--aoi AREA --res 0.0625"),
    "an area, float16": Kind(options="--aoi AREA --res 0.0625 --dtype float16 --beta 0,1"),
    "an area, int16": Kind(options="--aoi AREA --res 0.0625 --dtype int16 --beta 0,1"),
    "an area, int8": Kind(options="--aoi AREA --res 0.0625 --dtype int8", gdal=SIGNED_BYTES),
    "diagnostics, int16": Kind(options=f"{SMALL} --bands diagnostics,1 --dtype int16"),
    "1280 bands, an area": Kind(options="--aoi AREA --res 4000 --crs EPSG:32632", published_sizes=True),
    "colours": Kind(options=f"{SMALL} --crs EPSG:3035 --res 5000", preview=True),
}


def raster(options: str, out: Path) -> list[Path]:
    """What `rangegeo raster` with these options wrote."""
    return rangegeo_prints("raster", *shlex.split(options), "-q", "-o", out)


def preview(paths: list[Path], out: Path) -> list[Path]:
    """What `rangegeo preview` wrote."""
    return rangegeo_prints("preview", *paths, "-o", out)


def rangegeo_prints(*arguments: object) -> list[Path]:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run([str(argument) for argument in arguments]) == 0
    return [Path(line) for line in printed.getvalue().splitlines()]


def change(paths: list[Path], edit: Callable[[np.ndarray], None]) -> list[Path]:
    """The same cubes written again with other values."""
    changed = []
    for path in paths:
        cube = open_cube(path).compute()
        edit(cube.values)
        changed += cube.rangegeo.to_geotiff(path, overwrite=True)
    return changed
