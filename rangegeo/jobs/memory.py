"""How many blocks may be in memory at once, from the memory that a user gives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dask.system import CPU_COUNT

from rangegeo.errors import UsageError, argument
from rangegeo.support.text import human_bytes

if TYPE_CHECKING:
    from rangegeo.cubes.spec import RasterSpec
    from rangegeo.jobs.options import Engine
    from rangegeo.models.model import Model

# Bytes of a process without blocks: Python, its packages and what torch needs for one evaluation, measured with the
# embedded model, 512 bands and 41 x 41 points.
OF_PROCESS = 0.6e9
COPIES = 3  # of a block while it is written: its values, those that are stored, and their compressed form
OF_WORKER = 0.8  # of the limit of a worker, above which dask lets it start no more tasks
STEP = 1e8  # bytes to which advice is rounded


def blocks_at_once(engine: Engine, spec: RasterSpec, model: Model) -> int | None:
    """How many blocks each process may compute at once; None if no memory is given. Raises as `threads_within`."""
    if engine.bytes is None:
        return None
    return threads_within(engine.bytes, spec, model, engine.workers, engine.threads)


def threads_within(memory: int, spec: RasterSpec, model: Model, workers: int | None, threads: int | None) -> int:
    """How many threads of a process may compute blocks at once.

    Args:
        memory: bytes that all processes together may take.
        workers: how many processes compute; None if this one alone does.
        threads: how many may compute in any case; None for its share of the cores.
    Raises:
        UsageError: not one block fits.
    """
    processes, share = (workers + 1, OF_WORKER) if workers else (1, 1.0)  # this one too
    needed, block = process_bytes(model), block_bytes(spec)
    room = memory / processes * share - needed
    fitting = int(room // block)
    if fitting < 1:
        least = f"{math.ceil(processes * (needed + block) / share / STEP) * STEP / 1e6:.0f}MB"
        smaller = f", fewer {argument('bands')} or smaller {argument('chunks')}" if room > 0 else ""
        raise UsageError(
            f"{argument('memory')} must be at least {least}, for {processes} process{'' if processes == 1 else 'es'} "
            f"and a block of {human_bytes(block)}, got {human_bytes(memory)}; give {argument('memory', least)}{smaller}"
        )
    return min(fitting, threads or max(1, CPU_COUNT // (workers or 1)))


def process_bytes(model: Model) -> int:
    """The memory of a process that evaluates a model, without blocks; files that are mapped count whole."""
    return int(OF_PROCESS + model.nbytes)


def block_bytes(spec: RasterSpec) -> int:
    """The memory that a block takes while it is computed and written."""
    return COPIES * 4 * spec.recipe.layers * spec.recipe.bands * spec.side**2
