"""Full float32 in matrix products, whatever the rest of the program asked torch for.

`torch.set_float32_matmul_precision("medium")`, usual in training, lets torch multiply float32 matrices in bfloat16 (on
processors with AMX) or TF32 (on GPUs). Embeddings would then be off in their third digit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch

_changing = threading.Lock()
_inside = 0
_restore: list[Callable[[], None]] = []


@contextmanager
def full_precision() -> Iterator[None]:
    """Multiply float32 as float32, in every thread, until the last one has left; then as was set before."""
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
    """Raise what is set to less, and give what sets it back."""
    if not hasattr(torch.backends.mkldnn, "matmul"):  # before torch 2.9 one switch stands for all
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
