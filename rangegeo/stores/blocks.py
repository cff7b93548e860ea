"""What every writer needs: a destination that is checked before work starts, and blocks to write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import dask
import numpy as np
import xarray as xr
from dask.delayed import Delayed

from rangegeo.schema.cube import REACH

WRITE_TASK = "rangegeo-write"  # prefix of the keys of writing tasks; a progress bar counts them
ALSO_TASK = "rangegeo-also"  # of those of other cubes that are written along with one

# Told of the facts that were measured while a cube was written.
Report = Callable[[dict[str, object]], None]
# A block (beta, band, y, x) and the first row and column of it, to what the writer has to tell of it.
BlockWriter = Callable[[np.ndarray, int, int], object]


def stored_bytes(cube: xr.DataArray, dtype: str) -> int:
    """Of a cube's values as they are stored, uncompressed, without the blocks that its area leaves out."""
    return int(cube.size * np.dtype(dtype).itemsize * cube.attrs.get(REACH, 1.0))


def is_empty(block: np.ndarray) -> bool:
    """Whether a block is NaN throughout; quick if it is not, or if it is one NaN that is repeated."""
    own = block[tuple(slice(1 if stride == 0 else None) for stride in block.strides)]
    return bool(np.isnan(own[:1, :1]).all() and np.isnan(own).all())


def write_blocks(
    cube: xr.DataArray,
    write: BlockWriter,
    measured: Delayed | None = None,
    also: Sequence[tuple[xr.DataArray, BlockWriter]] = (),
    **compute: object,
) -> tuple[dict[str, object], list[list]]:
    """Compute the blocks of a 4-D cube and hand each to `write`, holding only what is in flight.

    Args:
        measured: dict of facts that are known once the cube is computed, computed along with it.
        also: other 4-D cubes and what to do with their blocks, computed along with it.
    Returns:
        These facts, none if `measured` is None; and of each cube what its `write` returned of each block.
    """
    gate = _Gate()
    tasks = [_tasks(cube, write, gate, WRITE_TASK)]
    for number, (other, write_other) in enumerate(also):
        tasks.append(_tasks(other, write_other, gate, f"{ALSO_TASK}-{number}"))
    try:
        facts, *told = dask.compute(dask.delayed({}) if measured is None else measured, *tasks, **compute)
    except BaseException:
        gate.close()  # other threads still run: nothing may be written once the caller cleans up
        raise
    return facts, told


def _tasks(cube: xr.DataArray, write: BlockWriter, gate: _Gate, name: str) -> list[Delayed]:
    """One for each block of a cube, its bands and betas together."""
    data = cube.chunk().data if cube.chunks is None else cube.data
    if data.numblocks[:2] != (1, 1):
        data = data.rechunk({0: -1, 1: -1})
    row_starts, col_starts = (np.cumsum((0, *sizes[:-1])) for sizes in data.chunks[2:])
    # left as it is, so that what `measured` shares with the blocks keeps its name and is computed once
    blocks = data.to_delayed(optimize_graph=False)[0, 0]

    def write_if_open(block: np.ndarray, top: int, left: int) -> object:
        with gate as is_open:
            return write(block, top, left) if is_open else None

    task = dask.delayed(write_if_open, pure=False, traverse=False)
    return [
        task(blocks[i, j], int(top), int(left), dask_key_name=f"{name}-{i}-{j}")
        for i, top in enumerate(row_starts)
        for j, left in enumerate(col_starts)
    ]


class _Gate:
    """Lets threads in until it is closed, and is closed when the last one has left. Each process has its own."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside, self._open = 0, True

    def __reduce__(self) -> tuple[type[_Gate], tuple[()]]:
        return _Gate, ()

    def __enter__(self) -> bool:
        with self._changed:
            self._inside += 1
            return self._open

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: self._inside == 0)
