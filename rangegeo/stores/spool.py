"""Plain files for the overviews of a Zarr store.

The blocks of an overview are parts of a stored chunk and come from many threads or processes. They are written to plain
files in the draft, where they do not overlap, and copied into whole chunks in the end.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr
import zarr

from rangegeo.grid.windows import Window, cut
from rangegeo.stores.arrays import block_keys, block_sides
from rangegeo.stores.blocks import Written
from rangegeo.stores.drafts import Draft
from rangegeo.stores.journal import ChecksumStore, Entry, checksum, packed
from rangegeo.stores.quantise import Storage
from rangegeo.support.progress import Progress

ROOM = 0.4  # of a cube: the size of all overviews, each a quarter of the one before, with rounded-up sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """An uncompressed array in a file. Its blocks may be written in any order, also from other processes.

    Attributes:
        path: the path of the file.
        shape: (beta, band, y, x).
        storage: how the values are stored, the same as in the cube.
    """

    path: str
    shape: tuple[int, ...]
    storage: Storage

    @classmethod
    def of(cls, draft: Draft, number: int, overview: xr.DataArray, storage: Storage) -> Spool:
        """The spool of an overview in a draft; an empty file is made if there is none."""
        spool = cls(path=str(draft.bench / f"overview-{number}"), shape=overview.shape, storage=storage)
        if not Path(spool.path).exists():
            spool.open("w+")
        return spool

    def open(self, mode: Literal["r", "r+", "w+"]) -> np.memmap:
        """The array; "w+" makes it, "r+" changes it and "r" reads it."""
        return np.memmap(self.path, np.dtype(self.storage.dtype), mode, shape=self.shape)

    def writing(self, overview: xr.DataArray, draft: Draft) -> Written:
        """How the blocks of an overview (beta, band, y, x) are written, but for those that an earlier run wrote."""
        journal = draft.journal(Path(self.path).name)
        done = journal.done(self.is_sound) if draft.continued else {}
        return Written(cube=overview, write=self.write, journal=journal, done=done)

    def write(self, block: np.ndarray, top: int, left: int) -> Entry:
        """Write a block whose first row and column are `top` and `left`."""
        stored, loss = self.storage.encode(block)
        rows, cols = slice(top, top + block.shape[2]), slice(left, left + block.shape[3])
        self.open("r+")[:, :, rows, cols] = stored
        return Entry(loss=loss, checksums={f"{rows.stop},{cols.stop}": checksum(stored.tobytes())})

    def is_sound(self, top: int, left: int, entry: Entry) -> bool:
        """Whether a block is in the file as it was written."""
        ((ends, known),) = entry.checksums.items()
        bottom, right = map(int, ends.split(","))
        return checksum(self.open("r")[:, :, top:bottom, left:right].tobytes()) == known

    def copy_to(self, array: zarr.Array, progress: Progress) -> dict[tuple[int, int], Entry]:
        """Write all blocks to a Zarr array of the same shape, several chunks at a time.

        Args:
            array: in a `ChecksumStore`.
            progress: is told of a stage of its own.
        Returns:
            The entries of its chunks, by their first row and column. What storing them cost is in those of the blocks.
        """
        progress.stage("copying an overview", math.prod(self.shape) * np.dtype(self.storage.dtype).itemsize, "byte")
        values, store = self.open("r"), array.store_path.store
        assert isinstance(store, ChecksumStore)
        windows = list(
            product(*(cut(size, side) for size, side in zip(array.shape[2:], block_sides(array), strict=True)))
        )

        def copy(window: Window) -> Entry:
            part = values[:, :, *window]
            progress.advance(part.nbytes)
            nodata = self.storage.nodata
            empty = np.isnan(part[0, 0]) if np.isnan(nodata) else part[0, 0] == nodata
            if empty.all():  # chunks that are not stored are read as no data
                return Entry()
            array[:, :, *window] = part
            keys = block_keys(array, window[0].start, window[1].start)
            return Entry(checksums=store.taken(keys), valid=packed(~empty))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            entries = pool.map(copy, windows)
            return {(rows.start, cols.start): entry for (rows, cols), entry in zip(windows, entries, strict=True)}
