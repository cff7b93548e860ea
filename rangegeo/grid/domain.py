"""What a projection's domain is like: where it ends, and whether it starts over."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from pyproj import CRS, Transformer

from rangegeo.grid.crs import WGS84


class Domain:
    """Transformations between one CRS and WGS 84, and what they say of its shape."""

    def __init__(self, wkt: str) -> None:
        source, wgs84 = CRS.from_wkt(wkt), CRS.from_epsg(4326)
        self.inverse = Transformer.from_crs(source, WGS84, always_xy=True)
        self.forward = Transformer.from_crs(WGS84, source, always_xy=True)
        self.is_wgs84 = source.equals(wgs84, ignore_axis_order=True)
        # the projection alone: a shift of datum need not lead back, for its way there and its way back may differ
        datum = source.geodetic_crs.to_2d()
        self.on_wgs84 = datum.equals(wgs84, ignore_axis_order=True)
        self.unproject = self.inverse if self.on_wgs84 else Transformer.from_crs(source, datum, always_xy=True)
        self.project = self.forward if self.on_wgs84 else Transformer.from_crs(datum, source, always_xy=True)
        lon, lat = np.meshgrid(np.arange(-150.0, 180.0, 60.0), [0.0, 45.0])
        x, y = self.forward.transform(lon, lat)
        straight = (x[0] == x[1]).all() and (y == y[:, :1]).all() and np.isfinite(x).all() and np.isfinite(y).all()
        step = float(np.median(np.diff(x[0])))  # of 60 degrees; across the projection's seam it is another one
        self.straight = self.is_wgs84 or bool(straight and step)
        # another datum is shifted from place to place, and then straight meridians become crooked ones
        self.cylindrical = self.straight and self.on_wgs84
        # a turn around the world, where x is proportional to longitude: beyond one, x starts over
        if source.is_geographic:
            self.period = 2 * math.pi / source.axis_info[0].unit_conversion_factor
        else:
            self.period = 6 * step if self.straight else math.inf

    def axes(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Longitudes, latitudes and their validity where one depends on x and the other on y alone."""
        if self.is_wgs84:
            lon, lat = x, y
        else:
            x_zero, y_zero = self.forward.transform(0.0, 0.0)
            lon, _ = self.inverse.transform(x, np.full_like(x, y_zero))
            _, lat = self.inverse.transform(np.full_like(y, x_zero), y)
        valid_x, valid_y = np.isfinite(lon), np.isfinite(lat) & (np.abs(lat) <= 90)
        return wrapped(np.where(valid_x, lon, 0.0)), np.where(valid_y, lat, 0.0), valid_x, valid_y

    def places(self, x: np.ndarray, y: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Longitudes, latitudes and validity; a pixel is valid if its place leads back to it."""
        own_lon, own_lat = self.unproject.transform(x, y)
        lon, lat = (own_lon, own_lat) if self.on_wgs84 else self.inverse.transform(x, y)
        found = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90)
        lon, lat = np.where(found, lon, 0.0), np.where(found, lat, 0.0)
        x_back, y_back = self.project.transform(own_lon, own_lat)
        with np.errstate(invalid="ignore"):
            off_x, off_y = np.abs(x_back - x), np.abs(y_back - y)
            if math.isfinite(self.period):
                off_x = np.abs(off_x - np.round(off_x / self.period) * self.period)
            valid = found & (off_x <= tolerance) & (off_y <= tolerance)
        return wrapped(lon), lat, valid


@lru_cache(maxsize=32)
def domain_of(wkt: str) -> Domain:
    return Domain(wkt)


def wrapped(lon: np.ndarray) -> np.ndarray:
    """Longitudes beyond ±180 brought back by whole turns; the others are left as they are, to the last bit."""
    turns = np.where(np.abs(lon) > 180.0, np.floor((lon + 180.0) / 360.0), 0.0)
    return lon - 360.0 * turns


def whole_turns(lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, 2) places with longitudes brought into [-180, 180] by whole turns."""
    return np.stack([wrapped(lonlat_deg[:, 0]), lonlat_deg[:, 1]], axis=1)
