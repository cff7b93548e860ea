"""The domain of a projection: where it ends, and whether it repeats."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from pyproj import CRS, Transformer

from rangegeo.grid.crs import WGS84, metres_a_unit

POLE_SLACK_DEG = 1e-9  # a latitude that exceeds a pole by less is the pole, and the rest is round-off
RETURN_M = 0.01  # metres; PROJ computes places of equal-area projections from series, which lead back within 2 mm


class Domain:
    """Transformations between a CRS and WGS 84, and the shape of the CRS that they show.

    Attributes:
        forward, inverse: from WGS 84 to the CRS, and back.
        project, unproject: from the CRS's own datum to the CRS, and back.
        is_geographic: whether the coordinates are angles.
        is_wgs84: whether the CRS is WGS 84 in degrees.
        on_wgs84: whether the datum of the CRS is WGS 84.
        straight: whether x depends on longitude alone and y on latitude alone.
        cylindrical: the same, and the CRS is on WGS 84.
        period: how far x grows in a turn around the world, after which it repeats; infinite if x is not proportional to
            longitude.
        exactness: units of the CRS within which PROJ leads back to every point of the domain.
    """

    def __init__(self, wkt: str) -> None:
        source, wgs84 = CRS.from_wkt(wkt), CRS.from_epsg(4326)
        self.inverse = Transformer.from_crs(source, WGS84, always_xy=True)
        self.forward = Transformer.from_crs(WGS84, source, always_xy=True)
        self.is_geographic = source.is_geographic
        self.exactness = RETURN_M / metres_a_unit(source)
        self.is_wgs84 = source.equals(wgs84, ignore_axis_order=True)
        # A datum shift is not always reversible: its two directions may use different parameters. The projection alone
        # is reversible, so it is what tells whether a pixel is in the domain.
        geodetic = source.geodetic_crs
        assert geodetic is not None  # `parse_crs` takes geographic and projected CRSs only
        datum = geodetic.to_2d()
        self.on_wgs84 = datum.equals(wgs84, ignore_axis_order=True)
        self.unproject = self.inverse if self.on_wgs84 else Transformer.from_crs(source, datum, always_xy=True)
        self.project = self.forward if self.on_wgs84 else Transformer.from_crs(datum, source, always_xy=True)
        lon, lat = np.meshgrid(np.arange(-150.0, 180.0, 60.0), [0.0, 45.0])
        x, y = self.forward.transform(lon, lat)
        straight = (x[0] == x[1]).all() and (y == y[:, :1]).all() and np.isfinite(x).all() and np.isfinite(y).all()
        with np.errstate(invalid="ignore"):  # beyond the domain x is infinite
            step = float(np.median(np.diff(x[0])))  # x over 60 degrees; the median leaves out the step across the seam
        self.straight = self.is_wgs84 or bool(straight and step)
        self.cylindrical = self.straight and self.on_wgs84  # a datum shift varies from place to place: meridians bend
        if source.is_geographic:
            self.period = 2 * math.pi / source.axis_info[0].unit_conversion_factor
        else:
            self.period = 6 * step if self.straight else math.inf

    def axes(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Longitudes and latitudes of a cylindrical CRS.

        Args:
            x, y: (w,) and (h,) coordinates of columns and rows.
        Returns:
            Longitudes (w,) and latitudes (h,) in degrees, and which of them are valid, (w,) and (h,) bool.
        """
        if self.is_wgs84:
            lon, lat = x, at_most_polar(y)
        else:
            x_zero, y_zero = self.forward.transform(0.0, 0.0)
            lon, _ = self.inverse.transform(x, np.full_like(x, y_zero))
            _, lat = self.inverse.transform(np.full_like(y, x_zero), y)
            lat = at_most_polar(lat)
        valid_x, valid_y = np.isfinite(lon), np.isfinite(lat) & (np.abs(lat) <= 90)
        return wrapped(np.where(valid_x, lon, 0.0)), np.where(valid_y, lat, 0.0), valid_x, valid_y

    def places(self, x: np.ndarray, y: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Longitudes and latitudes of points; a point is valid if its place leads back to it.

        Args:
            x, y: (n,) coordinates of the points.
            tolerance: units of the CRS within which a valid point comes back, if that is more than PROJ's exactness.
        Returns:
            Longitudes, latitudes in degrees and validity, (n,) each; a place that is not valid has any finite value.
        """
        if self.is_geographic:
            y = at_most_polar(y, self.period / 4)
        own_lon, own_lat = self.unproject.transform(x, y)
        own_lat = at_most_polar(own_lat)
        lon, lat = (own_lon, own_lat) if self.on_wgs84 else self.inverse.transform(x, y)
        lat = at_most_polar(lat)
        found = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90)
        lon, lat = np.where(found, lon, 0.0), np.where(found, lat, 0.0)
        x_back, y_back = self.project.transform(own_lon, own_lat)
        tolerance = max(tolerance, self.exactness)
        with np.errstate(invalid="ignore"):
            off_x, off_y = np.abs(x_back - x), np.abs(y_back - y)
            if math.isfinite(self.period):
                off_x = np.abs(off_x - np.round(off_x / self.period) * self.period)
            valid = found & (off_x <= tolerance) & (off_y <= tolerance)
        return wrapped(lon), lat, valid


@lru_cache(maxsize=32)
def domain_of(wkt: str) -> Domain:
    """The domain of a CRS."""
    return Domain(wkt)


def wrapped(lon: np.ndarray) -> np.ndarray:
    """Longitudes brought into [-180, 180] by whole turns; those within it are kept to the last bit."""
    turns = np.where(np.abs(lon) > 180.0, np.floor((lon + 180.0) / 360.0), 0.0)
    return lon - 360.0 * turns


def at_most_polar(lat: np.ndarray, pole: float = 90.0) -> np.ndarray:
    """Latitudes of which those that exceed a pole by round-off are the pole; all others are kept to the last bit.

    Args:
        lat: latitudes.
        pole: the latitude of the north pole, in the units of the latitudes.
    """
    return np.where(np.abs(lat) <= pole + POLE_SLACK_DEG / 90 * pole, np.clip(lat, -pole, pole), lat)


def whole_turns(lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, 2) places with longitudes brought into [-180, 180] by whole turns."""
    return np.stack([wrapped(lonlat_deg[:, 0]), lonlat_deg[:, 1]], axis=1)
