"""Coarser grids over the same ground: how many, and which."""

from __future__ import annotations

from odc.geo.geobox import GeoBox

COARSEST = 256  # pixels of the longer side of the smallest overview, at most


def overview_factors(shape: tuple[int, int]) -> list[int]:
    """2, 4, 8 … until a raster (h, w) is small enough to be looked at whole; none if it is."""
    longest, factors = max(shape), []
    while longest / (factors[-1] if factors else 1) > COARSEST:
        factors.append(factors[-1] * 2 if factors else 2)
    return factors


def coarser(geobox: GeoBox, factor: int) -> GeoBox:
    """The grid with the same north-west corner and pixels `factor` times as wide and as high.

    Its last row and column may reach beyond the finer grid.
    """
    return geobox.zoom_out(factor)
