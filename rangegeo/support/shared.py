"""Values that threads share: each is made once, by the first thread that needs it, and kept within a bound."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

Value = TypeVar("Value")


class SharedValues:
    """Values by their keys, the last used ones, up to a number of bytes.

    Attributes:
        most_bytes: the largest number of bytes that are kept. One value is always kept.
        nbytes: the bytes that are kept now.
        made: how many values were made.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.clear()
        _ALL.add(self)

    def clear(self) -> None:
        """Forget everything. A forked child does so, because another thread of its parent may have held the lock."""
        self._lock = threading.Lock()
        self._futures: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}
        self.nbytes = self.made = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._sizes

    def get(self, key: Hashable, make: Callable[[], Value], size: Callable[[Value], int]) -> Value:
        """The value of a key, which is made if it is not there; a second thread waits for the first one.

        Args:
            size: the bytes of a value.
        Raises:
            what `make` raises, in every thread that waits; the next call tries again.
        """
        with self._lock:
            future = self._futures.get(key)
            mine = future is None
            if future is None:
                future = self._futures[key] = Future()
            self._futures.move_to_end(key)
        if not mine:
            return future.result()
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                self._futures.pop(key, None)
            future.set_exception(error)
            raise
        future.set_result(value)
        self._count(key, size(value))
        return value

    def _count(self, key: Hashable, nbytes: int) -> None:
        """Add the bytes of a new value, and forget the values that were not used for longest."""
        with self._lock:
            self.made += 1
            self._sizes[key] = nbytes
            self.nbytes += nbytes
            while self.nbytes > self.most_bytes and len(self._sizes) > 1:
                # One that is still made has no size yet. There are few of these, so the first steps find an old value.
                oldest = next(other for other in self._futures if other in self._sizes and other != key)
                del self._futures[oldest]
                self.nbytes -= self._sizes.pop(oldest)


_ALL: weakref.WeakSet[SharedValues] = weakref.WeakSet()


def _after_fork() -> None:
    for values in _ALL:
        values.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
