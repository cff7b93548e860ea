"""Square windows of a size on the ground around places."""

from __future__ import annotations

import numpy as np

from rangegeo.support.earth import EARTH_RADIUS_KM


def window_places(lonlat_deg: np.ndarray, size_km: float, pixels: int) -> np.ndarray:
    """Where the centres of the pixels of a window lie.

    The window is a square of the azimuthal equidistant projection around the place, so it has the same size everywhere,
    at the poles and across the antimeridian too. The Earth counts as a sphere, which is exact to 0.5 % of the size.

    Args:
        lonlat_deg: (2,) the place in the middle.
        size_km: the side of the window on the ground.
        pixels: along each side.
    Returns:
        (pixels, pixels, 2) longitude and latitude in degrees; the first row is the northernmost one.
    """
    lon, lat = np.radians(lonlat_deg)
    middle = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    north = np.cross(middle, east)
    steps = ((np.arange(pixels) + 0.5) / pixels - 0.5) * size_km / EARTH_RADIUS_KM
    x, y = np.meshgrid(steps, -steps)
    angle = np.hypot(x, y)[..., None]
    aside = np.sinc(angle / np.pi) * (x[..., None] * east + y[..., None] * north)  # sinc: sin(angle) / angle
    xyz = np.cos(angle) * middle + aside
    lons = np.arctan2(xyz[..., 1], xyz[..., 0])
    lats = np.arcsin(np.clip(xyz[..., 2], -1.0, 1.0))
    return np.degrees(np.stack([lons, lats], axis=-1))
