"""Coarser grids over the same ground: which ones there are, and where their pixels lie."""

from __future__ import annotations

from odc.geo.geobox import GeoBox

COARSEST = 256  # pixels; the longer side of the smallest overview is at most this long


def overview_factors(shape: tuple[int, int]) -> list[int]:
    """The factors 2, 4, 8 and so on until a raster (h, w) is small; none if it is small already."""
    longest = max(shape)
    factors: list[int] = []
    while longest / (factors[-1] if factors else 1) > COARSEST:
        factors.append(factors[-1] * 2 if factors else 2)
    return factors


def coarser(geobox: GeoBox, factor: int) -> GeoBox:
    """The grid with the same north-west corner and pixels `factor` times as wide and as high.

    Its last row and its last column may reach beyond the finer grid.
    """
    return geobox.zoom_out(factor)
