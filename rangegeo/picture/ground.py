"""The ground of a picture: the edges of its grid, and the places on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from odc.geo.geobox import GeoBox
from pyproj import CRS, Geod, Transformer

from rangegeo.grid.crs import WGS84, crs_of
from rangegeo.grid.pixels import pixel_arc_deg, places_on
from rangegeo.support.earth import METRES_A_DEGREE

MESH = 161  # rows and columns of the mesh that the graticule is traced on; odd, so that one of them is in the middle
WGS84_SPHEROID = Geod(ellps="WGS84")


@dataclass(frozen=True)
class Frame:
    """The ground of one picture.

    Attributes:
        geobox: the grid of the raster, of which only the edges matter.
    """

    geobox: GeoBox

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top in the raster's CRS."""
        box = self.geobox.boundingbox
        return box.left, box.right, box.bottom, box.top

    @cached_property
    def crs(self) -> CRS:
        """The CRS of the raster, as pyproj has it."""
        return crs_of(self.geobox)

    @cached_property
    def mesh_xy(self) -> tuple[np.ndarray, np.ndarray]:
        """x (MESH,) from the west to the east edge, and y (MESH,) from the north to the south edge."""
        left, right, bottom, top = self.edges
        return np.linspace(left, right, MESH), np.linspace(top, bottom, MESH)

    @cached_property
    def mesh(self) -> tuple[np.ndarray, np.ndarray]:
        """Longitudes and latitudes (MESH, MESH) of the mesh in degrees; NaN outside the domain of the projection."""
        height, width = self.geobox.shape
        rows, cols = np.linspace(0, height, MESH), np.linspace(0, width, MESH)
        places = places_on(self.geobox, rows, cols)
        lon, lat = np.where(places.valid.ravel(), places.lonlat_deg.T, np.nan).reshape(2, MESH, MESH)
        return lon, lat

    @cached_property
    def axes_deg(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Longitudes (MESH,), without a jump, and latitudes (MESH,) if both run straight, else None."""
        lon, lat = self.mesh
        if not (np.isfinite(lon).all() and np.ptp(lon, axis=0).max() < 1e-9 and np.ptp(lat, axis=1).max() < 1e-9):
            return None
        return np.unwrap(lon[0], period=360), lat[:, 0]

    @cached_property
    def centre_deg(self) -> tuple[float, float]:
        """Longitude and latitude of the place of the mesh that is nearest to the middle."""
        lon, lat = self.mesh
        rows, cols = np.nonzero(np.isfinite(lon))
        if len(rows) == 0:
            return 0.0, 0.0
        nearest = np.argmin((rows - MESH // 2) ** 2 + (cols - MESH // 2) ** 2)
        return float(lon[rows[nearest], cols[nearest]]), float(lat[rows[nearest], cols[nearest]])

    @cached_property
    def span_deg(self) -> tuple[float, float]:
        """Degrees of longitude and of latitude that the picture spans."""
        lon, lat = self.mesh
        if not np.isfinite(lon).any():
            return 0.0, 0.0
        if self.axes_deg is not None:
            return float(np.ptp(self.axes_deg[0])), float(np.ptp(self.axes_deg[1]))
        east = within_half_turn(lon - self.centre_deg[0])
        return float(np.nanmax(east) - np.nanmin(east)), float(np.nanmax(lat) - np.nanmin(lat))

    @cached_property
    def turn(self) -> float:
        """How far x goes until the world repeats; infinite if it does not repeat."""
        if self.crs.is_geographic:
            return 2 * math.pi / self.crs.axis_info[0].unit_conversion_factor
        if self.axes_deg is None:
            return math.inf
        return 360 * (self.edges[1] - self.edges[0]) / self.span_deg[0]

    @property
    def aspect(self) -> float:
        """How much longer a unit of y is drawn than a unit of x, so that the ground in the middle keeps its shape."""
        if not self.crs.is_geographic:
            return 1.0
        middle = math.radians((self.edges[2] + self.edges[3]) / 2 * 360 / self.turn)
        return 1 / max(math.cos(middle), 0.05)

    @property
    def shape(self) -> float:
        """Height over width, as drawn."""
        left, right, bottom, top = self.edges
        return (top - bottom) / (right - left) * self.aspect

    def km_per_unit(self, row: float) -> float:
        """The length of a unit of x in kilometres, in the middle of a row.

        Args:
            row: where the row lies, from 0 at the top to 1 at the bottom.
        Returns:
            Kilometres; NaN if the row lies outside the domain of the projection.
        """
        lon, lat = (part[round(row * (MESH - 1))] for part in self.mesh)
        found = np.flatnonzero(np.isfinite(lon[1:]) & np.isfinite(lon[:-1]))
        if len(found) == 0:
            return math.nan
        cell = found[np.argmin(np.abs(found - (MESH - 2) / 2))]
        _, _, metres = WGS84_SPHEROID.inv(lon[cell], lat[cell], lon[cell + 1], lat[cell + 1])
        return metres / 1000 * (MESH - 1) / (self.edges[1] - self.edges[0])

    @property
    def pixel_km(self) -> float:
        """About how large a pixel of the grid is, in kilometres."""
        return pixel_arc_deg(self.geobox) * METRES_A_DEGREE / 1000

    def near(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """Which places (n, 2) may lie in the picture or near it, (n,) bool; projections can fold far ones into it."""
        _, lat_deg = self.mesh
        if not np.isfinite(lat_deg).any():
            return np.zeros(len(lonlat_deg), bool)
        lon, lat = lonlat_deg.T
        lon_span, lat_span = self.span_deg
        margin = 1 + 0.2 * lat_span
        east = np.abs(within_half_turn(lon - self.centre_deg[0]))
        south, north = np.nanmin(lat_deg) - margin, np.nanmax(lat_deg) + margin
        return (east <= 0.6 * lon_span + margin) & (lat >= south) & (lat <= north)

    def project(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """Places (n, 2) in degrees to x and y (n, 2) in the CRS of the raster.

        Where the world repeats, x is that of the repetition which the picture shows. A place that the projection cannot
        show is NaN.
        """
        x, y = Transformer.from_crs(WGS84, self.crs, always_xy=True).transform(*lonlat_deg.T)
        xy = np.stack([x, y], axis=1)
        xy[~np.isfinite(xy).all(axis=1)] = np.nan
        if math.isfinite(self.turn):
            middle = (self.edges[0] + self.edges[1]) / 2
            xy[:, 0] -= np.round((xy[:, 0] - middle) / self.turn) * self.turn
        return xy


Degrees = TypeVar("Degrees", float, np.ndarray)


def within_half_turn(degrees: Degrees) -> Degrees:
    """Differences of longitude brought into [-180, 180) by whole turns."""
    return (degrees + 180) % 360 - 180
