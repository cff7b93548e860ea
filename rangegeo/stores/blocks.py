"""What all writers share: a cube is computed block by block, and each block is handed to a function that writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol, TypeAlias

import dask
import dask.array as da
import numpy as np
import xarray as xr
from dask.delayed import Delayed

from rangegeo.grid.windows import of_sizes
from rangegeo.schema.cube import REACH
from rangegeo.schema.facts import Facts
from rangegeo.stores.computing import Gate, compute_tasks
from rangegeo.stores.journal import Entry, Journal, Measured
from rangegeo.support.progress import SILENT, Progress

WRITE_TASK = "rangegeo-write"  # prefix of the keys of writing tasks
ALSO_TASK = "rangegeo-also"  # the same prefix for cubes that are written together with another one

# A function that is called with what was measured.
Report: TypeAlias = Callable[[Facts], None]
# A function that writes a block (beta, band, y, x), given the block, its first row and its first column. It returns
# what is to be known of the block.
BlockWriter: TypeAlias = Callable[[np.ndarray, int, int], Entry]


class Measuring(Protocol):
    """Finds out what is measured while the blocks of an array are computed, see `rangegeo.cubes.proof.Measuring`."""

    def of_block(self, row: int, col: int) -> Delayed:
        """What was measured for a block of pixels, as a task that is computed together with the block."""

    def facts(self, measured: Iterable[Measured]) -> Facts:
        """The attributes that say what was measured in all blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A cube that is written block by block.

    Attributes:
        cube: (beta, band, y, x).
        write: called with each block.
        journal: where the entries of its blocks are kept; None to keep none.
        done: the entries of blocks that need not be written again, by their first row and column.
        itemsize: bytes of a value as it is stored.
    """

    cube: xr.DataArray
    write: BlockWriter
    journal: Journal | None = None
    done: Mapping[tuple[int, int], Entry] = field(default_factory=dict)
    itemsize: int = 4


def stored_bytes(cube: xr.DataArray, dtype: str) -> int:
    """The size of a cube's values in a dtype, without compression and without the blocks outside its area."""
    return int(cube.size * np.dtype(dtype).itemsize * cube.attrs.get(REACH, 1.0))


def is_empty(block: np.ndarray) -> bool:
    """Whether a block holds nothing but NaN. The answer is quick if its first pixel has data, or if it repeats one."""
    own = block[tuple(slice(1 if stride == 0 else None) for stride in block.strides)]
    return bool(np.isnan(own[:1, :1]).all() and np.isnan(own).all())


def write_blocks(
    cube: Written,
    measuring: Callable[[da.Array], Measuring | None] | None = None,
    also: Sequence[Written] = (),
    *,
    progress: Progress = SILENT,
    scheduler: str | None = None,
    num_workers: int | None = None,
) -> tuple[Facts, list[list[Entry]]]:
    """Compute a cube and write it; only the blocks that are being worked on are in memory.

    Args:
        cube: what is written.
        measuring: finds what is measured in the blocks of the cube's array.
        also: other cubes that are computed together with it.
        progress: is told of each block of the cube that is written.
        scheduler, num_workers: the scheduler of dask and its workers; by default those that dask is set to.
    Returns:
        The facts, which are empty if nothing is measured; and for each cube the entries of its blocks, those that were
        done already first.
    """
    gate = Gate()
    data = _blocks_of(cube.cube)
    found = None if measuring is None else measuring(data)
    tasks = [_tasks(cube, data, gate, WRITE_TASK, found)]
    for number, other in enumerate(also):
        tasks.append(_tasks(other, _blocks_of(other.cube), gate, f"{ALSO_TASK}-{number}"))
    chosen = {"scheduler": scheduler, "num_workers": num_workers}
    given = {name: value for name, value in chosen.items() if value is not None}
    sizes = {task.key: nbytes for task, nbytes in tasks[0]}

    def done(key: str) -> None:
        if key in sizes:
            progress.advance(1, sizes[key])

    doing = "mapping" if "target" in cube.cube.attrs else "embedding"
    progress.stage(doing, len(sizes), "block", before=len(cube.done))
    computed = iter(compute_tasks([task for part in tasks for task, _ in part], gate, done, **given))
    entries = [
        [*one.done.values(), *islice(computed, len(part))] for one, part in zip((cube, *also), tasks, strict=True)
    ]
    facts = {} if found is None else found.facts(entry.measured for entry in entries[0])
    return facts, entries


def _blocks_of(cube: xr.DataArray) -> da.Array:
    """The values of a cube in blocks of pixels; a block has all bands and betas."""
    data = cube.chunk().data if cube.chunks is None else cube.data
    return data if data.numblocks[:2] == (1, 1) else data.rechunk({0: -1, 1: -1})


def _tasks(
    written: Written, data: da.Array, gate: Gate, name: str, measuring: Measuring | None = None
) -> list[tuple[Delayed, int]]:
    """One task for each block that is not done, and the bytes that it writes, before compression.

    Their keys are those of this run alone, because a cluster computes a key once for all programs.
    """
    rows, cols = (of_sizes(sizes) for sizes in data.chunks[2:])
    # An optimised graph would have other keys, and tasks shared by what is measured would be computed twice.
    blocks = data.to_delayed(optimize_graph=False)[0, 0]
    write, journal = written.write, written.journal

    def write_if_open(block: np.ndarray, measured: Measured, top: int, left: int) -> Entry:
        with gate as is_open:
            if not is_open:
                return Entry()
            entry = replace(write(block, top, left), measured=measured)
            if journal is not None:
                journal.write(top, left, entry)
            return entry

    task = dask.delayed(write_if_open, pure=False, traverse=False)
    pixel = data.shape[0] * data.shape[1] * written.itemsize
    return [
        (
            task(
                blocks[i, j],
                {} if measuring is None else measuring.of_block(i, j),
                row.start,
                col.start,
                dask_key_name=f"{name}-{gate.name}-{i}-{j}",
            ),
            pixel * (row.stop - row.start) * (col.stop - col.start),
        )
        for i, row in enumerate(rows)
        for j, col in enumerate(cols)
        if (row.start, col.start) not in written.done
    ]
