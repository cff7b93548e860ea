"""A GeoTIFF made again from its own tiles and from blocks that were evaluated again.

Compressed tiles cannot be replaced within a file, so the whole file is made again in a draft, which then gets its name.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import rasterio
import xarray as xr
import zarr
from rasterio.io import DatasetReaderBase

from rangegeo.stores.beside import OF_FOLDER, preview_path, style_path
from rangegeo.stores.checked import Checked
from rangegeo.stores.geotiff import FILES_AT_ONCE, Completion, finished_profile, sampled
from rangegeo.stores.geotiff_journal import known_journal
from rangegeo.stores.geotiff_sample import TAG
from rangegeo.stores.quantise import Storage
from rangegeo.support.progress import SILENT
from rangegeo.support.unfinished import commit


def copy_blocks(checked: Checked, stored: zarr.Array, blocks: set[int]) -> None:
    """Copy the stored values of blocks of a file into the array of a draft."""
    level = checked.levels[0]

    def copy(block: int) -> None:
        rows, cols = level.windows[block]
        stored[:, :, rows, cols] = level.read(level.windows[block]).astype(stored.dtype)

    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        list(pool.map(copy, sorted(blocks)))


def finish_again(
    path: Path,
    cube: xr.DataArray,
    stored: zarr.Array,
    storage: Storage,
    folder: Path,
    *,
    beside: bool,
    like: Path | None = None,
) -> None:
    """Make a file again from the array of its draft, with the metadata that it has, and what is missing beside it.

    Args:
        cube: (1, band, y, x) its names, grid and betas.
        folder: where the new files lie until they are complete.
        beside: whether only what is missing beside the file is wanted.
        like: a file with the same metadata, for one that is not there.
    """
    with rasterio.open(like or path) as file:
        tags = {name: text for name, text in file.tags().items() if name != TAG}
        journal, profile = known_journal(file), _profile_of(file, cube, storage)
        overviews = bool(file.overviews(1)) if journal is None else journal.overviews
    completion = Completion.of(cube, {}, sampled(stored, storage), storage, profile, overviews=overviews)
    finished = folder / path.name
    replace(completion, tags=[tags]).run(stored, finished, 0, SILENT)
    for made, final in ((style_path, style_path(path)), (preview_path, preview_path(path))):
        if not (final.exists() or OF_FOLDER in tags):
            commit(made(finished), final)
    if not beside:
        commit(finished, path)


def _profile_of(file: DatasetReaderBase, cube: xr.DataArray, storage: Storage) -> dict[str, Any]:
    """The creation options of a file: those that its journal knows, or the usual ones with its own compression."""
    journal = known_journal(file)
    if journal is not None:
        return dict(journal.profile)
    codec = file.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION", "NONE")
    return finished_profile(cube, storage.dtype, {"COMPRESS": codec})
