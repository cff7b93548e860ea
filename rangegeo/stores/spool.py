"""Temporary files for the overviews of a Zarr store.

The blocks of an overview are parts of a stored chunk and come from many threads or processes. They are written to plain
files, where they do not overlap, and copied into whole chunks in the end.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr
import zarr

from rangegeo.grid.windows import Window, cut
from rangegeo.stores.quantise import Loss, Storage

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

    def open(self, mode: Literal["r", "r+", "w+"]) -> np.memmap:
        """The array; "w+" makes it, "r+" changes it and "r" reads it."""
        return np.memmap(self.path, np.dtype(self.storage.dtype), mode, shape=self.shape)

    def write(self, block: np.ndarray, top: int, left: int) -> Loss | None:
        """Write a block whose first row and column are `top` and `left`; returns what storing it costs."""
        stored, lost = self.storage.encode(block)
        self.open("r+")[:, :, top : top + block.shape[2], left : left + block.shape[3]] = stored
        return lost

    def copy_to(self, array: zarr.Array) -> None:
        """Write all blocks to a Zarr array of the same shape, several chunks at a time."""
        values = self.open("r")
        windows = product(*(cut(length, side) for length, side in zip(array.shape[2:], array.chunks[2:], strict=True)))

        def copy(window: Window) -> None:
            array[:, :, *window] = values[:, :, *window]

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(copy, windows))


@contextmanager
def spools_for(overviews: Sequence[xr.DataArray], folder: Path, storage: Storage) -> Iterator[list[Spool]]:
    """An empty spool for each overview (beta, band, y, x), in a hidden folder that is removed in the end."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".rangegeo-overviews-") as name:
        spools = [
            Spool(path=str(Path(name) / str(number)), shape=overview.shape, storage=storage)
            for number, overview in enumerate(overviews)
        ]
        for spool in spools:
            spool.open("w+")
        yield spools
