"""How large a stored cube says that it is. A file of a few bytes can claim any number of pixels.

The labels of its axes and the graph of its blocks take memory for what it claims, so that is looked at before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rangegeo.errors import CubeError
from rangegeo.support.text import human_bytes

LONGEST_AXIS = 2**24  # pixels; so many labels take 134 MB
MOST_PIXELS = 10**12
MOST_BANDS = 2**14  # bands times betas; the largest model has 1,280 bands
MOST_BLOCKS = 10**8  # of a file; a graph has a task for each
LARGEST_BLOCK = 2**31  # bytes; a block is read whole


def check_claim(name: str, shape: Sequence[int], block: Sequence[int], itemsize: int) -> None:
    """Refuse a cube that no memory could hold the axes or a block of.

    Args:
        name: what it is called in messages.
        shape: (..., bands, h, w) of the cube.
        block: the lengths of a stored block along the same axes.
        itemsize: bytes of a value.
    Raises:
        CubeError: it claims too many pixels, bands or blocks, or too large ones.
    """
    *layers, height, width = shape
    said = f"{name} claims {width:,} x {height:,} pixels"
    remedy = "check where it comes from, or open a smaller part of it"
    if max(height, width) > LONGEST_AXIS or height * width > MOST_PIXELS:
        most = f"at most {LONGEST_AXIS:,} a side and {MOST_PIXELS:,} in all"
        raise CubeError(f"{said}, and rangegeo opens {most}; {remedy}")
    if math.prod(layers) > MOST_BANDS:
        raise CubeError(
            f"{name} claims {math.prod(layers):,} bands, and rangegeo opens at most {MOST_BANDS:,}; {remedy}"
        )
    blocks = math.prod(math.ceil(length / max(1, side)) for length, side in zip(shape, block, strict=True))
    if blocks > MOST_BLOCKS:
        raise CubeError(f"{said} in {blocks:,} blocks, and rangegeo opens at most {MOST_BLOCKS:,}; {remedy}")
    size = math.prod(block) * itemsize
    if size > LARGEST_BLOCK:
        most = human_bytes(LARGEST_BLOCK)
        raise CubeError(f"{name} has blocks of {human_bytes(size)}, and at most {most} can be read at once; {remedy}")
