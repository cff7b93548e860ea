"""Full float32 in matrix products, whatever precision the rest of the program has set for torch.

Training code often calls `torch.set_float32_matmul_precision("medium")`. Torch then multiplies float32 matrices in
bfloat16 (on processors with AMX) or TF32 (on GPUs), and embeddings would be wrong in their third digit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch

_changing = threading.Lock()
_inside = 0  # threads that are within `full_precision`
_restore: list[Callable[[], None]] = []  # calls that undo the changes


@contextmanager
def full_precision() -> Iterator[None]:
    """A context in which all threads multiply float32 as float32. The last thread to leave it restores the settings."""
    global _inside
    with _changing:
        _inside += 1
        if _inside == 1:
            _restore.extend(_raised())
    try:
        yield
    finally:
        with _changing:
            _inside -= 1
            while _restore and not _inside:
                _restore.pop()()


def _raised() -> Iterator[Callable[[], None]]:
    """Raise every setting below full precision, and yield a call that restores it."""
    if not hasattr(torch.backends.mkldnn, "matmul"):  # torch before 2.9 has one setting for all devices
        before = torch.get_float32_matmul_precision()
        if before != "highest":
            torch.set_float32_matmul_precision("highest")
            yield partial(torch.set_float32_matmul_precision, before)
        return
    for backend in (torch.backends.mkldnn.matmul, torch.backends.cuda.matmul):
        before = backend.fp32_precision
        if before not in ("ieee", "none"):
            backend.fp32_precision = "ieee"
            yield partial(setattr, backend, "fp32_precision", before)
