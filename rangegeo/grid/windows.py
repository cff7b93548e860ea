"""Windows of pixels: how the axes of a grid are cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise, product
from typing import TypeAlias

import numpy as np

Window: TypeAlias = tuple[slice, slice]  # rows and columns


def cut(length: int, side: int, start: int = 0) -> list[slice]:
    """Slices of `side` pixels that cover `length` pixels from `start` on; the last one may be smaller."""
    stop = start + length
    return [slice(first, min(first + side, stop)) for first in range(start, stop, side)]


def of_sizes(sizes: Iterable[int]) -> list[slice]:
    """Slices of these sizes, one after another from 0 on."""
    edges = np.cumsum((0, *sizes)).tolist()
    return [slice(first, stop) for first, stop in pairwise(edges)]


def tiled(window: Window, side: int) -> Iterator[Window]:
    """The windows of at most `side` x `side` pixels that make up a window, row by row."""
    rows, cols = (cut(axis.stop - axis.start, side, axis.start) for axis in window)
    return product(rows, cols)
