"""What is in view, as files: embeddings on a grid in degrees, and maps as they are drawn."""

from __future__ import annotations

import math
import shlex
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile
from rasterio.transform import Affine

import rangegeo.accessor  # noqa: F401 - cubes get .rangegeo
from rangegeo.cubes.raster import raster
from rangegeo.errors import UsageError
from rangegeo.view.cubes import CubeSource
from rangegeo.view.models import ModelSource
from rangegeo.view.pictures import CLASSES, rgb_of
from rangegeo.view.sources import Bounds, Source
from rangegeo.view.tile import HALF, SIDE, Tile, northing

MOST_TILES = 64  # of a map that is drawn; a screen of 4096 x 2160 pixels has 153, and one of 1920 x 1080 has 40
MOST_VALUES = 64_000_000  # of embeddings, 256 MB
PIXELS = 512  # along the longer side of embeddings
FORMATS = {"cog": ".tif", "zarr": ".zarr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Embeddings that are downloaded.

    Attributes:
        bounds: west, south, east, north in degrees.
        beta: of the embeddings.
        pca: how many principal components; 0 for all bands.
        format: "cog" or "zarr".
    """

    bounds: Bounds
    beta: float
    pca: int
    format: str

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(f"a download is {' or '.join(FORMATS)}, got {self.format[:20]!r}")
        if not 0 <= self.pca <= 64:
            raise UsageError(f"principal components must be from 0 to 64, got {self.pca}; 0 is for all bands")

    @property
    def res(self) -> float:
        """The side of a pixel in degrees, rounded to two digits."""
        west, south, east, north = self.bounds
        size = max(east - west, north - south) / PIXELS
        digits = 1 - math.floor(math.log10(size))
        return round(size, digits)

    def command(self, source: Source) -> str:
        """The command line, or the line of Python, that makes the same file."""
        name = f"view{FORMATS[self.format]}"
        if isinstance(source, CubeSource):
            rows, cols = source.window(self.bounds)
            ending = f'to_{"zarr" if self.format == "zarr" else "geotiff"}("{name}")'
            part = f"isel(y=slice({rows.start}, {rows.stop}), x=slice({cols.start}, {cols.stop}))"
            return f'rg.open_cube("{source.given}").{part}.rangegeo.{ending}'
        model = source.about.given
        parts = ["rangegeo", "raster", "--model", model, "--bbox", ",".join(f"{side:.6g}" for side in self._sides)]
        parts += ["--res", f"{self.res:g}"]
        parts += ["--beta", f"{self.beta:g}"] if source.layers.betas else []
        parts += ["--pca", str(self.pca)] if self.pca else []
        return shlex.join([*parts, "-o", name])

    @property
    def _sides(self) -> Bounds:
        """The box within ±180 degrees, whose west is larger than its east if it crosses the antimeridian."""
        west, south, east, north = (float(f"{side:.6g}") for side in self.bounds)
        if east - west >= 360:
            return -180.0, south, 180.0, north
        west, east = ((side + 180) % 360 - 180 for side in (west, east))
        return west, south, east if east != -180 else 180.0, north

    def cube(self, source: Source) -> xr.DataArray:
        """The cube, lazily.

        Raises:
            UsageError: nothing of the source is in view, or it is too much.
        """
        if isinstance(source, CubeSource):
            rows, cols = source.window(self.bounds)
            found = source.cube.isel(y=rows, x=cols)
        else:
            assert isinstance(source, ModelSource)
            betas = (self.beta,) if source.layers.betas else None
            found = raster(self._sides, self.res, model=source.model, betas=betas, pca=self.pca or None)
        if found.size > MOST_VALUES:
            raise UsageError(
                f"this view has {found.size:,} values, and a download at most {MOST_VALUES:,}; zoom in, take principal "
                "components, or run the command line"
            )
        return found


def embeddings(source: Source, wanted: Wanted) -> tuple[bytes, str]:
    """Embeddings of what is in view.

    Returns:
        The bytes of a Cloud Optimized GeoTIFF, or of a Zarr store in a .zip, and the name of the file.
    """
    cube = wanted.cube(source)
    with tempfile.TemporaryDirectory(prefix="rangegeo-") as folder:
        path = Path(folder) / f"view{FORMATS[wanted.format]}"
        if wanted.format == "zarr":
            cube.rangegeo.to_zarr(path)
            packed = Path(folder) / "view.zarr.zip"
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
                for file in sorted(path.rglob("*")):
                    if file.is_file():
                        archive.write(file, file.relative_to(path))
            return packed.read_bytes(), packed.name
        written = cube.rangegeo.to_geotiff(path)
        if len(written) > 1:
            raise UsageError("this cube has several betas, which are several GeoTIFFs; take Zarr")
        return Path(str(written[0])).read_bytes(), path.name


def drawn(bounds: Bounds, zoom: int, tile_of: Callable[[Tile], np.ndarray]) -> tuple[np.ndarray, Affine]:
    """What is in view, joined from tiles.

    Args:
        bounds: west, south, east, north in degrees.
        zoom: of the tiles.
        tile_of: (bands, SIDE, SIDE) of a tile.
    Returns:
        (bands, h, w), and the transform of its pixels in EPSG:3857.
    """
    west, south, east, north = bounds
    world = SIDE * 2**zoom
    left, right = (round((side + 180) / 360 * world) for side in (west, east))
    top, bottom = (round((HALF - northing(side)) / (2 * HALF) * world) for side in (north, south))
    top, bottom, right = max(0, top), min(world, bottom), max(right, left + 1)
    columns, rows = range(left // SIDE, -(-right // SIDE)), range(top // SIDE, max(-(-bottom // SIDE), top // SIDE + 1))
    if len(columns) * len(rows) > MOST_TILES:
        raise UsageError(
            f"this view has {len(columns) * len(rows)} tiles, and a download at most {MOST_TILES}; zoom out"
        )
    joined = np.concatenate(
        [np.concatenate([tile_of(Tile(zoom, x % 2**zoom, y)) for x in columns], axis=2) for y in rows], axis=1
    )
    top_left = columns[0] * SIDE, rows[0] * SIDE
    cut = joined[:, top - top_left[1] : bottom - top_left[1], left - top_left[0] : right - top_left[0]]
    size = 2 * HALF / world
    return cut, Affine(size, 0, left * size - HALF, 0, -size, HALF - top * size)


def as_cog(values: np.ndarray, transform: Affine, names: list[str], classes: tuple[str, ...] = ()) -> bytes:
    """A Cloud Optimized GeoTIFF in EPSG:3857.

    Args:
        values: (bands, h, w); NaN, or 0 in integers, where there are no data.
        names: of the bands.
        classes: names of the classes 1, 2 and so on, which get colours; empty for other values.
    """
    bands, height, width = values.shape
    nodata = np.nan if values.dtype.kind == "f" else 0
    profile = {
        "driver": "COG",
        "count": bands,
        "height": height,
        "width": width,
        "dtype": values.dtype,
        "nodata": nodata,
    }
    with MemoryFile() as held:
        with held.open(**profile, crs="EPSG:3857", transform=transform, compress="DEFLATE") as file:
            file.write(values)
            file.descriptions = names
            if classes:
                colours = rgb_of(CLASSES[: len(classes)]).tolist()
                file.write_colormap(1, {0: (0, 0, 0, 0)} | {n: (*rgb, 255) for n, rgb in enumerate(colours, 1)})
                file.update_tags(1, **{f"class_{number}": name for number, name in enumerate(classes, 1)})
            elif bands == 3:
                file.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
        return held.read()
