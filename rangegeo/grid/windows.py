"""Windows of pixels: how an axis is cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise, product

import numpy as np

Window = tuple[slice, slice]  # rows and columns


def cut(length: int, side: int, start: int = 0) -> list[slice]:
    """`length` pixels from `start` on in windows of `side`, the last one smaller."""
    stop = start + length
    return [slice(first, min(first + side, stop)) for first in range(start, stop, side)]


def of_sizes(sizes: Iterable[int]) -> list[slice]:
    """The windows of chunks of these sizes."""
    edges = np.cumsum((0, *sizes)).tolist()
    return [slice(first, stop) for first, stop in pairwise(edges)]


def tiled(window: Window, side: int) -> Iterator[Window]:
    """A window in windows of at most `side` pixels a side."""
    return product(*(cut(axis.stop - axis.start, side, axis.start) for axis in window))
