"""What tests of writers share: folders before and after, a failing block, and how much is held at once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import xarray as xr
from dask.delayed import Delayed

CRSS = {  # bbox in the CRS, resolution
    "EPSG:4326": ((176, -19, -178, -15), 0.25),
    "EPSG:3857": ((5e5, 5.5e6, 6e5, 5.6e6), 5000.0),
    "EPSG:32632": ((3e5, 4.9e6, 3.5e5, 4.95e6), (2000.0, 2500.0)),
    "EPSG:3995": ((-1e6, -1e6, 1e6, 1e6), 1e5),
    "ESRI:54009": ((-1e6, -1e6, 1e6, 1e6), 1e5),
    "+proj=lcc +lat_0=46 +lon_0=7 +lat_1=45 +lat_2=47": ((-1e5, -1e5, 1e5, 1e5), 1e4),
}


class BrokenBlock(RuntimeError):
    """What a failing cube fails with."""


def listing(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, and its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def most_alive(cube: xr.DataArray, write: Callable[[xr.DataArray], object]) -> int:
    """Write a cube of 100 blocks with two workers; how many of its blocks were alive at once at most."""
    alive, made, most = 0, 0, 0

    def died() -> None:
        nonlocal alive
        alive -= 1

    def make(block_info: dict) -> np.ndarray:
        nonlocal alive, made, most
        block = np.full(block_info[None]["chunk-shape"], float(made), np.float32)
        weakref.finalize(block, died)
        alive, made = alive + 1, made + 1
        most = max(most, alive)
        return block

    chunks = tuple((size,) if axis < 2 else (size // 10,) * 10 for axis, size in enumerate(cube.shape))
    data = da.map_blocks(make, chunks=chunks, dtype=np.float32, meta=np.empty((0,) * 4, np.float32))
    with dask.config.set(num_workers=2, scheduler="threads"):
        write(cube.copy(data=data))
    assert made == 100
    return most


class ColumnsOf:
    """Measures an error of 1e-6 times the column of a block, see `rangegeo.stores.blocks.Measuring`."""

    def __init__(self, values: da.Array) -> None:
        self.values = values

    def of_block(self, row: int, col: int) -> Delayed:
        return dask.delayed({f"{row}-{col}": {"error": 1e-6 * col}})

    def facts(self, measured: Iterable) -> dict[str, str | int | float]:
        return {"measured_error": max(patch["error"] for part in measured for patch in part.values())}
