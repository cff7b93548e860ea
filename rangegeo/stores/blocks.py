"""What all writers share: a cube is computed block by block, and each block is handed to a function that writes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

import dask
import numpy as np
import xarray as xr
from dask.delayed import Delayed

from rangegeo.grid.windows import of_sizes
from rangegeo.schema.cube import REACH

WRITE_TASK = "rangegeo-write"  # prefix of the keys of writing tasks; a progress bar counts these tasks
ALSO_TASK = "rangegeo-also"  # the same prefix for cubes that are written together with another one

# What was measured while a cube was computed and written, by the name of the attribute that will hold it.
Facts: TypeAlias = dict[str, str | int | float]
# A function that is called with these facts.
Report: TypeAlias = Callable[[Facts], None]
# A function that writes a block (beta, band, y, x), given the block, its first row and its first column. Whatever it
# returns is handed on to the writer that called `write_blocks`.
BlockWriter: TypeAlias = Callable[[np.ndarray, int, int], object]


def stored_bytes(cube: xr.DataArray, dtype: str) -> int:
    """The size of a cube's values in a dtype, without compression and without the blocks outside its area."""
    return int(cube.size * np.dtype(dtype).itemsize * cube.attrs.get(REACH, 1.0))


def is_empty(block: np.ndarray) -> bool:
    """Whether a block holds nothing but NaN. The answer is quick if its first pixel has data, or if it repeats one."""
    own = block[tuple(slice(1 if stride == 0 else None) for stride in block.strides)]
    return bool(np.isnan(own[:1, :1]).all() and np.isnan(own).all())


def write_blocks(
    cube: xr.DataArray,
    write: BlockWriter,
    measured: Delayed | None = None,
    also: Sequence[tuple[xr.DataArray, BlockWriter]] = (),
    *,
    scheduler: str | None = None,
    num_workers: int | None = None,
) -> tuple[Facts, list[list]]:
    """Compute a cube (beta, band, y, x) and write it; only the blocks that are being worked on are in memory.

    Args:
        cube: the cube.
        write: called with each block.
        measured: facts that are known once the cube is computed, as a task that is computed together with it.
        also: other cubes and the functions that write their blocks; they are computed together with the cube.
        scheduler, num_workers: the scheduler of dask and its workers; by default those that dask is set to.
    Returns:
        The facts, which are empty if `measured` is None; and for each cube what its function returned for each block.
    """
    gate = _Gate()
    tasks = [_tasks(cube, write, gate, WRITE_TASK)]
    for number, (other, write_other) in enumerate(also):
        tasks.append(_tasks(other, write_other, gate, f"{ALSO_TASK}-{number}"))
    chosen = {"scheduler": scheduler, "num_workers": num_workers}
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        facts, *returned = dask.compute(dask.delayed({}) if measured is None else measured, *tasks, **given)
    except BaseException:
        gate.close()  # other threads still run, and must write nothing while the caller cleans up
        raise
    return facts, returned


def _tasks(cube: xr.DataArray, write: BlockWriter, gate: _Gate, name: str) -> list[Delayed]:
    """One task for each block of pixels; a block has all bands and betas."""
    data = cube.chunk().data if cube.chunks is None else cube.data
    if data.numblocks[:2] != (1, 1):
        data = data.rechunk({0: -1, 1: -1})
    rows, cols = (of_sizes(sizes) for sizes in data.chunks[2:])
    # An optimised graph would have other keys, and tasks shared with `measured` would be computed twice.
    blocks = data.to_delayed(optimize_graph=False)[0, 0]

    def write_if_open(block: np.ndarray, top: int, left: int) -> object:
        with gate as is_open:
            return write(block, top, left) if is_open else None

    task = dask.delayed(write_if_open, pure=False, traverse=False)
    return [
        task(blocks[i, j], row.start, col.start, dask_key_name=f"{name}-{i}-{j}")
        for i, row in enumerate(rows)
        for j, col in enumerate(cols)
    ]


class _Gate:
    """Lets threads in until it is closed. `close` waits until all threads inside have left.

    A gate that travels to another process becomes a new one there.
    """

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
