"""Memory of blocks that is used again for the next block.

The system hands out new memory page by page when it is first touched. For the large blocks of a raster that takes
longer than to compute them. So while a raster is written, the memory of a block that nobody uses any more is kept for
the next one.
"""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

SMALLEST = 2**22  # bytes of a block that is worth it; the allocator itself keeps smaller ones

_changing = threading.RLock()  # the memory of an array may come back in the middle of any line, also in this module
_inside = 0  # how many callers are within `reusing`
_free: list[np.ndarray] = []


class _Owner:
    """What an array and all its views hold on to; when the last of them is gone, the memory comes back.

    NumPy lets a view of a view hold on to the array that owns the memory, and forgets those in between. So the memory
    is lent by an object that is no array.
    """

    def __init__(self, memory: np.ndarray, shape: Sequence[int]) -> None:
        self.__array_interface__ = memory.__array_interface__ | {
            "shape": tuple(shape),
            "typestr": np.dtype(np.float32).str,
            "descr": [("", np.dtype(np.float32).str)],
        }
        weakref.finalize(self, _give_back, memory).atexit = False


def empty(shape: Sequence[int]) -> np.ndarray:
    """A float32 array that is not set yet, within `reusing` in memory that was used before."""
    nbytes = 4 * math.prod(shape)
    if not _inside or nbytes < SMALLEST:
        return np.empty(tuple(shape), dtype=np.float32)
    with _changing:
        fitting = [number for number, memory in enumerate(_free) if len(memory) >= nbytes]
        if not fitting:
            _free.clear()  # blocks that are all too small would be kept beside the larger ones that come now
        memory = _free.pop(fitting[-1]) if fitting else np.empty(nbytes, dtype=np.uint8)
    return np.asarray(_Owner(memory, shape))


@contextmanager
def reusing() -> Iterator[None]:
    """A context in which memory that `empty` gave is kept for the next caller. The last one to leave it frees all."""
    global _inside
    with _changing:
        _inside += 1
    try:
        yield
    finally:
        with _changing:
            _inside -= 1
            if not _inside:
                _free.clear()


def _give_back(memory: np.ndarray) -> None:
    """Keep memory that nobody uses any more, or free it if no caller is left."""
    with _changing:
        if _inside:
            _free.append(memory)


def _after_fork() -> None:
    """Let a forked child begin anew: threads of its parent do not leave the context in it."""
    global _changing, _inside
    _changing, _inside = threading.RLock(), 0
    _free.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
