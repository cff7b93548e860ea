"""Blocks on their way to the overviews of a Zarr store.

They come in pieces of a stored chunk, from many threads or processes. They are spooled to plain files, where pieces do
not touch, and copied into whole chunks at the end.
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

import numpy as np
import xarray as xr
import zarr

from rangegeo.stores.quantise import Loss, Storage

ROOM = 0.4  # of a cube: all its overviews, each a quarter of the one before, the last rows and columns rounded up


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """An uncompressed array on disk that pieces are written to in any order; it travels to other processes as its path.

    Attributes:
        path: of the file.
        shape: (beta, band, y, x).
        storage: how its values are stored, as those of the cube.
    """

    path: str
    shape: tuple[int, ...]
    storage: Storage

    def open(self, mode: str) -> np.memmap:
        return np.memmap(self.path, self.storage.dtype, mode, shape=self.shape)

    def write(self, block: np.ndarray, top: int, left: int) -> Loss | None:
        stored, lost = self.storage.encode(block)
        self.open("r+")[:, :, top : top + block.shape[2], left : left + block.shape[3]] = stored
        return lost

    def copy_to(self, array: zarr.Array) -> None:
        """Write all of it to an array, several chunks at a time."""
        values = self.open("r")
        corners = product(
            *(range(0, length, side) for length, side in zip(array.shape[2:], array.chunks[2:], strict=True))
        )

        def copy(corner: tuple[int, int]) -> None:
            window = tuple(slice(start, start + side) for start, side in zip(corner, array.chunks[2:], strict=True))
            array[:, :, *window] = values[:, :, *window]

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(copy, corners))


@contextmanager
def spooled(levels: Sequence[xr.DataArray], folder: Path, storage: Storage) -> Iterator[list[Spool]]:
    """Files for the blocks of 4-D cubes in a folder, removed afterwards."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".rangegeo-overviews-") as name:
        spools = [
            Spool(path=str(Path(name) / str(number)), shape=level.shape, storage=storage)
            for number, level in enumerate(levels)
        ]
        for spool in spools:
            spool.open("w+")
        yield spools
