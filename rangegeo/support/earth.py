"""The size of the Earth, and distances on it."""

from __future__ import annotations

import math
from typing import Any

EARTH_RADIUS_KM = 6371.0088  # the mean radius that the IUGG recommends
EARTH_RADIUS_M = 1000 * EARTH_RADIUS_KM
METRES_A_DEGREE = EARTH_RADIUS_M * math.pi / 180  # along a great circle


def great_circle_rad(lon: Any, lat: Any, other_lon: Any, other_lat: Any, *, xp: Any) -> Any:
    """The angle between places on a sphere, by the haversine formula, which is also exact for places close together.

    Args:
        lon, lat, other_lon, other_lat: float64 arrays or tensors in radians, of shapes that broadcast.
        xp: numpy for arrays, torch for tensors.
    Returns:
        Angles in radians.
    """
    across = xp.cos(lat) * xp.cos(other_lat) * xp.sin((other_lon - lon) / 2) ** 2
    half = xp.sin((other_lat - lat) / 2) ** 2 + across
    return 2 * xp.arcsin(xp.sqrt(xp.clip(half, None, 1.0)))  # at antipodes rounding can give more than 1
