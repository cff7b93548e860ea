"""What a patch is, and how large it is. This module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from odc.geo.geobox import GeoBox

from rangegeo.grid import pixel_arc_deg

if TYPE_CHECKING:
    from torch import Tensor

PATCH_ARC_DEG = 5.12  # side over which 41 x 41 points reproduce a field of degree 40; see workflows/benchmark
NODES_A_PATCH = 1681  # evaluations that a patch usually takes: 41 x 41 points
SMALLEST_PATCH = 58  # pixels a side; a smaller patch has fewer than two pixels for each of 41 x 41 points


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A rectangle that is interpolated as a whole, or evaluated pixel by pixel.

    Attributes:
        rows, cols: its pixels.
        values: (layers, bands, n, n) float32 at its Chebyshev points; None where every pixel is evaluated.
    """

    rows: slice
    cols: slice
    values: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """An evaluated patch.

    Attributes:
        leaves: rectangles that cover it without overlap.
        error, proved, evaluations, missed_tolerance: what was measured, see `rangegeo.engine.fit.Fit`.
    """

    leaves: tuple[Leaf, ...]
    error: float
    proved: int
    evaluations: int
    missed_tolerance: int


def patch_side(geobox: GeoBox, smooth_deg: float) -> int | None:
    """Side of the first rectangles, in pixels; None where pixels are so large that every one is evaluated."""
    arc_deg = min(PATCH_ARC_DEG, smooth_deg)
    pixels = arc_deg / pixel_arc_deg(geobox) * (1 + 1e-6)  # so that 2.56 / 0.01 = 255.99… counts as 256
    return None if pixels < SMALLEST_PATCH else min(int(pixels), max(geobox.shape))
