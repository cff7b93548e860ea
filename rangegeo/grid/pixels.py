"""From the pixels of a grid to places on the globe."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from rangegeo.grid.domain import domain_of

PIXEL_SLACK = 1e-6  # of a pixel: a place so little outside an edge is on it

DOMAIN_SLACK = 1e-3  # of a pixel: how exactly a pixel inside a projection's domain comes back from its place
ARC_SAMPLES = 9  # rows and columns of a grid at which the size of its pixels is taken


@dataclass(frozen=True, slots=True, eq=False)
class PixelPlaces:
    """Where the pixels of a window lie.

    Attributes:
        lonlat_deg: (h * w, 2) float64, rows from north to south; any finite value where not valid.
        valid: (h, w) bool, False outside the projection's domain.
        axes_deg: longitudes (w,) and latitudes (h,) if the places are their product, else None.
    """

    lonlat_deg: np.ndarray
    valid: np.ndarray
    axes_deg: tuple[np.ndarray, np.ndarray] | None


def pixel_places(geobox: GeoBox, rows: slice, cols: slice) -> PixelPlaces:
    """Longitude and latitude (WGS 84) of the pixel centres in a window of a grid.

    A centre is computed from the whole grid's origin, so it does not depend on the window.
    """
    return places_on(geobox, np.arange(rows.start, rows.stop) + 0.5, np.arange(cols.start, cols.stop) + 0.5)


def places_on(geobox: GeoBox, rows: np.ndarray, cols: np.ndarray) -> PixelPlaces:
    """Longitude and latitude of the crossings of rows and columns, counted in pixels from the north-west corner."""
    transform, crs = geobox.affine, geobox.crs.to_wkt()
    x = transform.c + cols * transform.a
    y = transform.f + rows * transform.e
    domain = domain_of(crs)
    if domain.cylindrical:
        lon, lat, valid_x, valid_y = domain.axes(x, y)
        lat_2d, lon_2d = np.meshgrid(lat, lon, indexing="ij")
        lonlat = np.stack([lon_2d.ravel(), lat_2d.ravel()], axis=1)
        return PixelPlaces(lonlat, valid_y[:, None] & valid_x[None, :], (lon, lat))
    y_2d, x_2d = np.meshgrid(y, x, indexing="ij")
    tolerance = DOMAIN_SLACK * min(abs(transform.a), abs(transform.e))
    lon, lat, valid = domain.places(x_2d.ravel(), y_2d.ravel(), tolerance)
    axes = _product_axes(lon.reshape(y_2d.shape), lat.reshape(y_2d.shape))
    return PixelPlaces(np.stack([lon, lat], axis=1), valid.reshape(y_2d.shape), axes)


def scattered_places(geobox: GeoBox, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Longitude and latitude (n, 2) of points (n,) and (n,) counted in pixels; those outside the domain left out."""
    transform = geobox.affine
    x, y = transform.c + cols * transform.a, transform.f + rows * transform.e
    tolerance = DOMAIN_SLACK * min(abs(transform.a), abs(transform.e))
    lon, lat, valid = domain_of(geobox.crs.to_wkt()).places(x, y, tolerance)
    return np.stack([lon, lat], axis=1)[valid]


def pixel_arc_deg(geobox: GeoBox) -> float:
    """The largest great-circle distance between neighbouring pixel centres, at some places of a grid, in degrees.

    Infinite if none of these places is in the projection's domain.
    """
    height, width = geobox.shape
    rows, cols = (np.linspace(0.5, length - 0.5, ARC_SAMPLES) for length in (height, width))
    here = places_on(geobox, rows, cols)
    largest = -math.inf
    for moved in (places_on(geobox, rows, cols + 1), places_on(geobox, rows + 1, cols)):
        both = (here.valid & moved.valid).ravel()
        if both.any():
            lon_a, lat_a, lon_b, lat_b = (
                np.radians(part) for pixels in (here, moved) for part in pixels.lonlat_deg[both].T
            )
            half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
            largest = max(largest, float(np.degrees(2 * np.arcsin(np.sqrt(half)).max())))
    return largest if largest > 0 else math.inf


def _product_axes(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Longitudes (w,) and latitudes (h,) whose product these (h, w) places are, as on a datum with no shift here."""
    is_product = (lon == lon[:1]).all() and (lat == lat[:, :1]).all()
    return (lon[0].copy(), lat[:, 0].copy()) if is_product else None


def pixel_coordinates(geobox: GeoBox, lonlat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of places (n, 2), counted in pixels from the north-west corner, with fractions.

    A cube that runs on beyond 180° has the places there under either longitude.

    Returns:
        (n,) and (n,) float64; NaN where a place is outside the grid.
    """
    height, width = geobox.shape
    affine, domain = geobox.affine, domain_of(geobox.crs.to_wkt())
    x, y = domain.forward.transform(*lonlat_deg.T)
    slack = PIXEL_SLACK * abs(affine.a)
    west = min(affine.c, affine.c + width * affine.a) - slack
    with np.errstate(invalid="ignore"):
        if np.isfinite(domain.period):
            x = x - np.floor((x - west) / domain.period) * domain.period
        cols, rows = (x - affine.c) / affine.a, (y - affine.f) / affine.e
        inside = (cols >= -PIXEL_SLACK) & (cols <= width + PIXEL_SLACK)
        inside &= (rows >= -PIXEL_SLACK) & (rows <= height + PIXEL_SLACK)
    rows, cols = (np.where(inside, np.clip(side, 0, count), np.nan) for side, count in ((rows, height), (cols, width)))
    return rows, cols


def scattered_pixels(geobox: GeoBox, rows: np.ndarray, cols: np.ndarray) -> PixelPlaces:
    """Longitude and latitude of the centres of pixels (n,), each with a row and a column of its own."""
    affine = geobox.affine
    x, y = affine.c + (cols + 0.5) * affine.a, affine.f + (rows + 0.5) * affine.e
    tolerance = DOMAIN_SLACK * min(abs(affine.a), abs(affine.e))
    lon, lat, valid = domain_of(geobox.crs.to_wkt()).places(x, y, tolerance)
    return PixelPlaces(np.stack([lon, lat], axis=1), valid[None], None)


def containing(along: np.ndarray, length: int) -> np.ndarray:
    """The pixels that hold places; one on the far edge belongs to the last pixel."""
    return np.minimum(np.floor(along).astype(np.int64), length - 1)
