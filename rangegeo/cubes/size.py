"""How large a raster may be, asked before its coordinates and its graph take memory."""

from __future__ import annotations

import math

from odc.geo.geobox import GeoBox

from rangegeo.errors import UsageError, argument

MOST_PIXELS = 20_000 * 1024**2  # 320,000 chunks of 256 x 256 pixels, whose graph takes 1 GB


def check_pixels(geobox: GeoBox) -> None:
    """Refuse a grid whose graph would be too large for the memory.

    Raises:
        UsageError: it has too many pixels; the message says which pixel size would do.
    """
    height, width = geobox.shape
    if height * width <= MOST_PIXELS:
        return
    coarser = _rounded_up(max(map(abs, geobox.resolution.xy)) * math.sqrt(height * width / MOST_PIXELS))
    raise UsageError(
        f"{width:,} x {height:,} pixels are more than one raster can have ({MOST_PIXELS:,}); give "
        f"{argument('res', coarser)}, or several smaller boxes"
    )


def _rounded_up(size: float) -> float:
    """A size with two digits, at least as large."""
    digit = 10.0 ** (math.floor(math.log10(size)) - 1)
    return float(f"{math.ceil(size / digit) * digit:.2g}")
