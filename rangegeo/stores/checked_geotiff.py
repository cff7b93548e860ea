"""Checks a GeoTIFF against the journal that it keeps, or, without one, whether it can be read."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioIOError

from rangegeo.errors import CubeError
from rangegeo.grid.windows import Window
from rangegeo.stores.beside import OF_FOLDER, preview_path, style_path
from rangegeo.stores.checked import CORRUPT, MISSING, OF_OTHERS, Checked, Level, size_of
from rangegeo.stores.geotiff_journal import (
    ValueBlock,
    ValueJournal,
    losses,
    opened,
    pixels_with_data,
    read_value_journal,
    read_window,
    value_checksum,
    windows_of,
)
from rangegeo.stores.geotiff_sample import agrees_nowhere
from rangegeo.stores.opening import open_told

SIDE = 256  # rows and columns of a block in a file without a journal
MOST_VALUES = 2**27  # of such a block
NO_JOURNAL = (
    "it has no journal, because an earlier version or another program wrote it: only whether its tiles can be read was "
    "checked, and whether pixels have the values of the model"
)
DAMAGED_JOURNAL = "its journal is damaged, so that nothing can be compared with checksums"
LOSSY = "its compression changes values, so that there are no checksums of them"


def check_geotiff(path: Path) -> Checked:
    """Look at every stored value of a GeoTIFF and of its overviews.

    Raises:
        CubeError: it was not written by rangegeo.
    """
    open_told(path).close()
    changed: list[str] = []
    notes: list[str] = []
    with rasterio.open(path.absolute()) as file:
        count, shape = len(file.overviews(1)), file.shape
        others = agrees_nowhere(file, file.tags())
        loss, is_tile = losses(file), OF_FOLDER in file.tags()
        try:
            journal = read_value_journal(file)
            notes += [NO_JOURNAL] if journal is None else []
        except CubeError:
            journal = None
            changed.append(DAMAGED_JOURNAL)
    if journal is not None and len(journal.levels[0]) != len(windows_of(shape, journal.sides)):
        journal, others = None, True
    if journal is not None and len(journal.levels) != count + 1:
        changed.append(f"it has {count} overviews, and {len(journal.levels) - 1} were written")
    levels = [_level(path, level, journal) for level in range(count + 1)]
    has_checksums = journal is not None and any(block.crc32c is not None for block in journal.levels[0])
    if journal is not None and not has_checksums and levels[0].windows:
        notes.append(LOSSY)
    if others:
        changed.append(OF_OTHERS)
        for level in levels:
            level.faults.clear()
    beside = [made for made in (style_path(path), preview_path(path)) if not (is_tile or made.exists())]
    notes += [f"{made.name} is not there, which was written beside it" for made in beside]
    return Checked(
        levels=levels,
        changed=changed,
        notes=notes,
        has_checksums=journal is not None,
        loss=loss,
        is_own=not others,
        beside=beside,
    )


def _level(path: Path, number: int, journal: ValueJournal | None) -> Level:
    """A level of a file; blocks of an overview that the journal does not know are only read."""
    with opened(path, number) as file:
        side = min(SIDE, math.isqrt(MOST_VALUES // file.count))
        windows = windows_of(file.shape, (side, side) if journal is None else journal.sides)
    known: list[ValueBlock] | None = None
    if journal is not None and number < len(journal.levels) and len(journal.levels[number]) == len(windows):
        known = journal.levels[number]

    def fault(block: int) -> str | None:
        try:
            with opened(path, number) as file:
                values, nodata = read_window(file, windows[block]), file.nodata
        except RasterioIOError:
            return CORRUPT
        return None if known is None else _fault(values, nodata, known[block])

    def has_data(block: int) -> np.ndarray | None:
        return None if known is None else known[block].has_data(size_of(windows[block]))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = {block: found for block, found in enumerate(pool.map(fault, range(len(windows)))) if found}
    return Level(
        number=number,
        windows=windows,
        faults=faults,
        read=partial(_read, path, number),
        has_data=has_data,
        is_evaluated=number == 0,
    )


def _fault(values: np.ndarray, nodata: float | None, known: ValueBlock) -> str | None:
    """What is wrong with the values of a block; None if nothing is."""
    has_data, expected = pixels_with_data(values, nodata), known.has_data(values.shape[1:])
    same = value_checksum(values) == known.crc32c if known.crc32c is not None else np.array_equal(has_data, expected)
    if same:
        return None
    return MISSING if expected.any() and not has_data.any() else CORRUPT


def _read(path: Path, number: int, window: Window) -> np.ndarray:
    """(1, bands, h, w) the stored values of a window."""
    with opened(path, number) as file:
        return read_window(file, window)[None]
