"""`rangegeo.build_database`: places and what is seen or known there, to a RANGE database."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rangegeo.errors import PlaceWarning
from rangegeo.jobs.database import DatabaseJob
from rangegeo.jobs.database_options import DatabaseOutput, PlaceChoice, Sight
from rangegeo.support.paths import local_path
from rangegeo.support.progress import SILENT, Progress


def build_database(
    path: str | Path,
    places: Any = None,
    *,
    imagery: str | Path | Sequence[str | Path] = (),
    values: str | Path | Sequence[str | Path] = (),
    sample: int | None = None,
    bbox: Sequence[float] | None = None,
    sea: bool = False,
    stratify: str | Path | None = None,
    seed: int = 0,
    bands: Sequence[int] = (),
    size_km: float | Sequence[float] = (),
    pixels: int = 64,
    value_range: tuple[float, float] | None = None,
    encoder: str | Callable[..., Any] = "efficientnet-lite0",
    encoder_weights: str | Path | None = None,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    weights: str | Path = "demo",
    pca: int | None = None,
    half: bool = False,
    npz: bool = False,
    device: str = "auto",
    batch: int = 256,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress = SILENT,
) -> Path:
    """Build a RANGE database: places, what is seen or known there, and keys of a location encoder.

    Args:
        path: of the database, ending in .safetensors, or in .npz for the published form.
        places: a table of places or the path of one, as `rangegeo.evaluate` takes labels; None with `sample`, or if
            `imagery` is a folder, whose index has the places.
        imagery: rasters that GDAL opens, such as a mosaic or a VRT, or one folder of pictures with an `index.csv`
            (columns `file` or `fn`, `lon`, `lat`). Pictures of `size_km` around each place are encoded.
        values: rasters whose bands are the values, as they are: at the places, or the means of windows of `size_km`.
        sample: take so many places that lie evenly on land, or at sea too if `sea`.
        bbox: west, south, east, north of the sample in degrees; by default the globe.
        stratify: a raster of classes; the sample has as many places in each.
        seed: of the sample.
        bands: of the rasters, from 1 on; by default all.
        size_km: the side of the windows on the ground, up to 5000; several are encoded one after another. Whole
            pictures of a folder need none.
        pixels: a side of the pictures that the encoder gets has, up to 1024.
        value_range: the values that count as black and as white; by default (0, 255) for 8-bit imagery.
        encoder: "efficientnet-lite0", "colours", "torchvision:NAME", "timm:NAME", "package.module:name", or a function
            or module of torch from (n, bands, pixels, pixels) to (n, d).
        encoder_weights: a file with the weights of a network of torchvision or timm.
        mean, std: of the bands, in units from black, 0, to white, 1; by default those of the encoder.
        weights: the location encoder of the keys: "demo", "official" or a checkpoint. Load the database with it.
        pca: turn values into so many principal components.
        half: store numbers in 16 bits.
        npz: write the published form beside a .safetensors too.
        device: "auto", "cpu", "cuda" or "cuda:1", of the encoder.
        batch: places that are computed at a time, and kept if a run is interrupted.
        overwrite: replace outputs that exist.
        resume: continue what an interrupted call with the same arguments left.
        progress: is told how far it is.
    Returns:
        The path. `rangegeo.load_model("RANGE+", weights=..., db=path)` takes it.
    Warns:
        PlaceWarning: places are left out, with the reason of the first.
    Raises:
        UsageError: an argument is wrong. TableError: the places cannot be read. ImageryError: a raster cannot be read,
            or no place lies in it. WeightsError: weights cannot be used. OutputError: the output cannot be written;
            nothing was touched.
    """
    classes = None if stratify is None else str(stratify)
    choice = PlaceChoice(places=places, sample=sample, bbox=bbox, sea=sea, stratify=classes, seed=seed)
    sight = Sight(
        imagery=_several(imagery),
        values=_several(values),
        bands=tuple(bands),
        size_km=(size_km,) if isinstance(size_km, int | float) else tuple(size_km),
        pixels=pixels,
        value_range=value_range,
        encoder=encoder,
        encoder_weights=None if encoder_weights is None else str(encoder_weights),
        mean=tuple(mean),
        std=tuple(std),
        device=device,
        batch=batch,
    )
    output = DatabaseOutput(
        out=local_path(path), npz=npz, weights=str(weights), pca=pca, half=half, overwrite=overwrite, resume=resume
    )
    with ExitStack() as open_files:
        job = DatabaseJob.prepare(choice, sight, output, open_files)
        prepared = list(job.remarks)
        written = job.write(progress)
    for line in (*prepared, *job.remarks):
        warnings.warn(PlaceWarning(line), stacklevel=2)
    return written[0]


def _several(paths: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    return (str(paths),) if isinstance(paths, str | Path) else tuple(map(str, paths))
