"""Repair of a stored cube: what was damaged is put back or evaluated again, and everything else stays as it is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr
import zarr

from rangegeo.cubes.graph import to_dask
from rangegeo.cubes.overviews import make_overviews
from rangegeo.cubes.recorded import recorded_spec
from rangegeo.errors import CubeError, UsageError, argument
from rangegeo.grid.zarr_store import store_of
from rangegeo.jobs.examined import Asked, Examined, blocks_of, examined, opened
from rangegeo.jobs.verified import Report
from rangegeo.schema.cube import as_4d
from rangegeo.schema.facts import facts_of
from rangegeo.stores.arrays import array_to_write, block_keys, block_sides, block_writer, draft_array
from rangegeo.stores.blocks import BlockWriter, Written, write_blocks
from rangegeo.stores.checked import Level, size_of
from rangegeo.stores.checked_zarr import level_names, put_back
from rangegeo.stores.drafts import Draft
from rangegeo.stores.geotiff_again import copy_blocks, finish_again
from rangegeo.stores.journal import Entry
from rangegeo.stores.kept import keep_journal
from rangegeo.stores.objects import delete_object
from rangegeo.stores.opening import open_cube
from rangegeo.stores.quantise import Storage
from rangegeo.stores.taken import storage_at
from rangegeo.support.location import Location
from rangegeo.support.progress import Progress
from rangegeo.support.repository import Repository
from rangegeo.support.unfinished import claimed

REPAIR = "repair"  # the folder of the draft of a GeoTIFF, in the hidden folder of the output
HERE = "threads"  # the scheduler: what is known of the blocks stays in this process, also if a cluster is there


def repaired(path: Location, asked: Asked) -> Report:
    """Verify a cube, make what is damaged again, and verify it once more.

    Raises:
        CubeError: what is needed for a repair is not known, or not here. Nothing was changed, but for metadata that
            were put back.
        OutputError: another process writes the cube.
    """
    if isinstance(path, Repository):
        raise UsageError(
            f"a repository of Icechunk changes as a whole, and its blocks are not repaired; make {path} again with "
            f"{argument('overwrite', True)}, or read an earlier state of it"
        )
    with claimed(path) as folder:
        found = examined(path, asked)
        is_file = isinstance(path, Path) and not path.is_dir()
        back = () if is_file or not found.report.changed else tuple(put_back(path))
        if back:
            found = examined(path, asked)
        blocks = _to_repair(found)
        if any(blocks.values()) or found.report.changed or found.checked.beside:
            _check(path, found)
            if isinstance(path, Path) and isinstance(folder, Path) and is_file:
                _repair_geotiff(path, found, blocks[0], folder / REPAIR, asked.progress)
            else:
                _repair_zarr(path, found, blocks, asked.progress)
        again = tuple(blocks_of(found.checked, found.geoboxes, blocks))
        back += tuple(made.name for made in found.checked.beside if made.exists())
        return replace(examined(path, asked).report, put_back=back, repaired=again)


def _to_repair(found: Examined) -> Mapping[int, set[int]]:
    """The numbers of the blocks that must be evaluated again, by the numbers of their levels.

    Without checksums nothing tells which blocks are as they were written, so all of them must.
    """
    if found.checked.has_checksums:
        return found.damaged
    return {level.number: set(range(len(level.windows))) for level in found.checked.levels}


def _check(path: Location, found: Examined) -> None:
    """Refuse a repair that cannot be done."""
    facts = facts_of(opened(path, 0, found.checked))
    if found.model is None:
        raise CubeError(f"{path} was not repaired: {'; '.join(note.message for note in found.report.notes)}")
    if not found.checked.has_checksums and "aoi" in facts:
        raise CubeError(
            f"{path} has neither checksums nor the area that it was made for, so nothing tells which of its pixels "
            "have data: make it again"
        )


def _repair_zarr(path: Location, found: Examined, blocks: Mapping[int, set[int]], progress: Progress) -> None:
    """Evaluate blocks of a Zarr store again and write them; then its journal speaks of what was written.

    If it is interrupted, the journal still speaks of the old bytes, so the store is found damaged again.
    """
    assert found.model is not None
    store, journal = store_of(path, read_only=False), found.checked.journal
    names = level_names(store, journal)
    side = max(size_of(found.checked.levels[0].windows[0]))
    cube = open_cube(path, chunks=None)
    storage = storage_at(path, cube)
    raster = to_dask(recorded_spec(cube, found.model, side))
    cubes = [raster.cube, *(make_overviews(raster) if len(names) > 1 else [])]
    known: list[dict[tuple[int, int], Entry]] = [dict(journal.levels[name]) if journal else {} for name in names]
    written = []
    for level, name, entries, values in zip(found.checked.levels, names, known, cubes, strict=True):
        wanted = {_at(level, block): block for block in blocks[level.number]}
        array = array_to_write(path / name, anew=True)
        every = [_at(level, block) for block in range(len(level.windows))]
        done = {at: entries.get(at, Entry()) for at in every if at not in wanted}
        write = _writer(array, storage, level, wanted, entries)
        written.append(Written(cube=_in_blocks_of(array, as_4d(values)), write=write, done=done))
    write_blocks(written[0], also=written[1:], progress=progress, scheduler=HERE)
    keep_journal(store, dict(zip(names, known, strict=True)))


def _repair_geotiff(path: Path, found: Examined, blocks: set[int], folder: Path, progress: Progress) -> None:
    """Make a GeoTIFF again, with these blocks evaluated again. It replaces the old one in one step.

    Args:
        folder: for the draft; it is removed in the end.
    """
    assert found.model is not None
    level = found.checked.levels[0]
    rows, cols = size_of(level.windows[0])
    cube = opened(path, 0, found.checked)
    storage = storage_at(path, cube)
    raster = to_dask(recorded_spec(cube, found.model, max(rows, cols)))
    values = as_4d(raster.cube).chunk({"beta": -1, "band": -1, "y": rows, "x": cols})
    shutil.rmtree(folder, ignore_errors=True)  # of a repair that was killed
    folder.mkdir()
    try:
        stored = draft_array(values, Draft(folder=folder, bench=folder, continued=False, overwrite=True), storage)
        copy_blocks(found.checked, stored, set(range(len(level.windows))) - blocks)
        wanted = {_at(level, block): block for block in blocks}
        every = [_at(level, block) for block in range(len(level.windows))]
        done = {at: Entry() for at in every if at not in wanted}
        again = Written(cube=values, write=_writer(stored, storage, level, wanted, {}), done=done)
        write_blocks(again, progress=progress, scheduler=HERE)
        finish_again(path, values, stored, storage, folder, beside=found.report.sound and not blocks)
    finally:
        shutil.rmtree(folder)


def _writer(
    array: zarr.Array,
    storage: Storage,
    level: Level,
    wanted: Mapping[tuple[int, int], int],
    entries: dict[tuple[int, int], Entry],
) -> BlockWriter:
    """A function that writes blocks with the pixels that had data, and notes their new entries among `entries`."""
    write = block_writer(array, storage)
    store = array.store_path.store

    def write_again(block: np.ndarray, top: int, left: int) -> Entry:
        has_data = level.has_data(wanted[top, left])
        if has_data is not None:
            block = np.where(has_data, block, np.float32(np.nan))
        entry = write(block, top, left)
        for key in block_keys(array, top, left):
            if key not in entry.checksums:  # of a block without data
                delete_object(store, key)
        before = entries.get((top, left), Entry())
        entries[top, left] = replace(entry, measured=before.measured)
        return entry

    return write_again


def _in_blocks_of(array: zarr.Array, values: xr.DataArray) -> xr.DataArray:
    """A lazy cube in the blocks of a stored array."""
    rows, cols = block_sides(array)
    return values.chunk({"beta": -1, "band": -1, "y": rows, "x": cols})


def _at(level: Level, block: int) -> tuple[int, int]:
    """The first row and column of a block."""
    rows, cols = level.windows[block]
    return rows.start, cols.start
