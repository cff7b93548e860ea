"""Tiles of a web map: squares of 256 x 256 pixels in EPSG:3857, 4 to the power of z of them at zoom z."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from rangegeo.errors import UsageError
from rangegeo.grid import PixelPlaces, pixel_places, places_on

SIDE = 256  # pixels
MOST_ZOOM = 24  # a pixel is 9 mm wide at the equator
RADIUS_M = 6_378_137.0  # of the sphere that EPSG:3857 projects
HALF = math.pi * RADIUS_M  # metres from the middle of the map to its sides
LAST_LATITUDE = 85.0511287798066  # degrees; the map ends there


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile, numbered as XYZ: x from west to east, y from north to south.

    Raises:
        UsageError: there is no such tile.
    """

    z: int
    x: int
    y: int

    def __post_init__(self) -> None:
        if not 0 <= self.z <= MOST_ZOOM:
            raise UsageError(f"the zoom of a tile must be from 0 to {MOST_ZOOM}, got {self.z}")
        if not (0 <= self.x < 2**self.z and 0 <= self.y < 2**self.z):
            raise UsageError(f"at zoom {self.z} x and y must be from 0 to {2**self.z - 1}, got {self.x} and {self.y}")

    @property
    def metres(self) -> float:
        """The width of the tile."""
        return 2 * HALF / 2**self.z

    def geobox(self, side: int = SIDE) -> GeoBox:
        """The grid of its pixels.

        Args:
            side: how many pixels it has along each side.
        """
        west, north = -HALF + self.x * self.metres, HALF - self.y * self.metres
        return GeoBox.from_bbox(
            (west, north - self.metres, west + self.metres, north), "EPSG:3857", shape=(side, side), tight=True
        )

    def pixels(self) -> PixelPlaces:
        """Where its pixels lie."""
        return pixel_places(self.geobox(), slice(0, SIDE), slice(0, SIDE))

    @property
    def axes_deg(self) -> tuple[np.ndarray, np.ndarray]:
        """(SIDE,) longitudes of its columns and latitudes of its rows: what `pixels` has, but ten times as fast."""
        centres = (np.arange(SIDE) + 0.5) / SIDE
        return -180 + (self.x + centres) * (360 / 2**self.z), _latitude(HALF - (self.y + centres) * self.metres)

    def nodes(self, count: int) -> PixelPlaces:
        """Where its Chebyshev points lie, see `chebyshev_points`."""
        at = chebyshev_points(count) * SIDE
        return places_on(self.geobox(), at, at)

    @property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        size = 360 / 2**self.z
        west = -180 + self.x * size
        north, south = (float(_latitude(HALF - row * self.metres)) for row in (self.y, self.y + 1))
        return west, south, west + size, north


def northing(lat: float) -> float:
    """The northing in metres of a latitude in degrees."""
    return RADIUS_M * math.asinh(math.tan(math.radians(max(-LAST_LATITUDE, min(LAST_LATITUDE, lat)))))


def _latitude(y: Any) -> Any:
    """The latitude in degrees of a northing in metres."""
    return np.degrees(np.arctan(np.sinh(y / RADIUS_M)))


def chebyshev_points(count: int) -> np.ndarray:
    """(count,) points from 0 to 1 from which a smooth function is interpolated."""
    return (1 - np.cos(np.pi * (np.arange(count) + 0.5) / count)) / 2


def to_pixels(count: int) -> np.ndarray:
    """(SIDE, count) float64: values at Chebyshev points to values at pixel centres."""
    angles = np.pi * (np.arange(count) + 0.5) / count
    centres = np.arccos(1 - 2 * (np.arange(SIDE) + 0.5) / SIDE)
    orders = np.arange(count)
    weights = np.where(orders == 0, 1, 2) / count
    return (np.cos(centres[:, None] * orders) * weights) @ np.cos(orders[:, None] * angles)
