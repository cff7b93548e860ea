"""One thread for each product of matrices in NumPy, where threads of our own already use all cores.

OpenBLAS shares one team of threads among all callers. Calls from several threads wait for one another, and on a busy
machine they wait much longer than the products take.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

_changing = threading.Lock()
_inside = 0  # threads that are within `one_thread`
_limit: AbstractContextManager[Any] | None = None


@lru_cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@lru_cache
def _keeper() -> ThreadPoolExecutor:
    """A thread that sets and restores the number, for only the thread that has set it can restore it."""
    return ThreadPoolExecutor(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """A context in which every product uses one thread. The last thread that leaves it restores the number."""
    global _inside, _limit
    with _changing:
        _inside += 1
        if _inside == 1:
            _limit = _keeper().submit(_controller().limit, limits=1, user_api="blas").result()
    try:
        yield
    finally:
        with _changing:
            _inside -= 1
            if not _inside and _limit is not None:
                _keeper().submit(_limit.__exit__, None, None, None).result()
                _limit = None


def _after_fork() -> None:
    """Let a forked child begin anew: threads of its parent do not leave the context in it."""
    global _changing, _inside, _limit
    _changing, _inside, _limit = threading.Lock(), 0, None
    _keeper.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
