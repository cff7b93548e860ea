"""What was evaluated already, kept in this process so that the next use of the same cube need not evaluate it again.

In a notebook `plot`, `rgb`, `similarity` and `cluster` each compute the same lazy cube. Its patches are small, so they
are kept, the last used ones first, up to `MOST_BYTES`; the second use interpolates only. Blocks whose pixels are all
evaluated are kept too. Keys are hashes of the model, the grid, the window and the recipe, so cubes that are made twice
share what is kept. Workers of dask.distributed keep nothing, because dask counts their memory.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

from rangegeo.engine.patch import Patch

MOST_BYTES = 256_000_000
LARGEST_SHARE = 1 / 4  # of MOST_BYTES that one value may take
Value = TypeVar("Value", Patch, np.ndarray)


class Kept:
    """Values by their keys, the last used ones, up to a number of bytes. Threads may share it.

    Attributes:
        most_bytes: the largest number of bytes that are kept; 0 to keep nothing.
        nbytes: the bytes that are kept now.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes, self.nbytes = most_bytes, 0
        self._values: OrderedDict[str, Patch | np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str, evaluate: Callable[[], Value]) -> Value:
        """The value of a key, evaluated if it is not kept. Arrays are copied, because their users may change them."""
        if not self.most_bytes or _in_worker():
            return evaluate()
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
        if found is None:
            found = evaluate()
            self._keep(key, found)
        return found.copy() if isinstance(found, np.ndarray) else found  # type: ignore[return-value]

    def clear(self) -> None:
        """Forget everything and give its memory back."""
        with self._lock:
            self._values.clear()
            self.nbytes = 0

    def _keep(self, key: str, value: Patch | np.ndarray) -> None:
        if size_of(value) > LARGEST_SHARE * self.most_bytes:
            return
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self.nbytes += size_of(value)
            while self.nbytes > self.most_bytes:
                _, oldest = self._values.popitem(last=False)
                self.nbytes -= size_of(oldest)


def size_of(value: Patch | np.ndarray) -> int:
    """The bytes that a value holds."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(leaf.values.nbytes for leaf in value.leaves if leaf.values is not None)


def _in_worker() -> bool:
    """Whether this is a task of dask.distributed."""
    module = sys.modules.get("distributed.worker")
    if module is None:
        return False
    try:
        module.get_worker()
    except ValueError:
        return False
    return True


KEPT = Kept()


def clear() -> None:
    """Forget what was evaluated, and give its memory back."""
    KEPT.clear()


@contextmanager
def nothing_kept() -> Iterator[None]:
    """A block in which nothing is kept, for work that uses every patch once."""
    before, KEPT.most_bytes = KEPT.most_bytes, 0
    try:
        yield
    finally:
        KEPT.most_bytes = before


def _after_fork() -> None:
    """Give a forked child a store of its own: another thread of its parent may have held the lock."""
    KEPT.__init__(KEPT.most_bytes)  # type: ignore[misc]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
