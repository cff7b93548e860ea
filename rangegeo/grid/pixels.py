"""Where the pixels of a grid lie on the globe, and which pixels hold given places."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from rangegeo.grid.crs import wkt_of
from rangegeo.grid.domain import Domain, domain_of
from rangegeo.grid.windows import tiled
from rangegeo.support.earth import great_circle_rad

EDGE_SLACK = 1e-6  # of a pixel; a place that lies outside an edge by less lies on the edge
DOMAIN_SLACK = 1e-3  # of a pixel; a pixel inside the domain of a projection comes back from its place as exactly
DOMAIN_SAMPLES = 65  # rows and columns of a grid at which its pixels are sought in the domain of the projection
GLOBE_STEP_DEG = 2.0  # between places of the globe that are sought on a grid
LARGEST_SEARCH = 2**22  # pixels of a grid that are looked at one by one
SEARCH_SIDE = 512  # pixels along each side of the windows in which they are
ARC_SAMPLES = 9  # rows and columns of a grid at which its pixels are measured


@dataclass(frozen=True, slots=True, eq=False)
class PixelPlaces:
    """Where the pixels of a window lie.

    Attributes:
        lonlat_deg: (h * w, 2) float64 on WGS 84, rows from north to south; any finite value where a pixel is not valid.
        valid: (h, w) bool; False for a pixel outside the domain of the projection.
        axes_deg: longitudes (w,) and latitudes (h,) if every place is one of each, else None.
    """

    lonlat_deg: np.ndarray
    valid: np.ndarray
    axes_deg: tuple[np.ndarray, np.ndarray] | None


def pixel_places(geobox: GeoBox, rows: slice, cols: slice) -> PixelPlaces:
    """The places of the pixel centres in a window of a grid.

    A centre is computed from the origin of the whole grid, so it does not depend on the window.
    """
    return places_on(geobox, np.arange(rows.start, rows.stop) + 0.5, np.arange(cols.start, cols.stop) + 0.5)


def places_on(geobox: GeoBox, rows: np.ndarray, cols: np.ndarray) -> PixelPlaces:
    """The places at the crossings of rows and columns.

    Args:
        geobox: the grid.
        rows, cols: (h,) and (w,) counted in pixels from the north-west corner, with fractions.
    """
    x, y = _xy(geobox, rows, cols)
    domain = domain_of(wkt_of(geobox))
    if domain.cylindrical:
        lon, lat, valid_x, valid_y = domain.axes(x, y)
        lat_2d, lon_2d = np.meshgrid(lat, lon, indexing="ij")
        lonlat = np.stack([lon_2d.ravel(), lat_2d.ravel()], axis=1)
        return PixelPlaces(lonlat, valid_y[:, None] & valid_x[None, :], (lon, lat))
    y_2d, x_2d = np.meshgrid(y, x, indexing="ij")
    lon, lat, valid = _lonlat(domain, geobox, x_2d.ravel(), y_2d.ravel())
    axes = _product_axes(lon.reshape(y_2d.shape), lat.reshape(y_2d.shape))
    return PixelPlaces(np.stack([lon, lat], axis=1), valid.reshape(y_2d.shape), axes)


def scattered_places(geobox: GeoBox, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """The places of scattered points of a grid; points outside the domain of the projection are left out.

    Args:
        geobox: the grid.
        rows, cols: (n,) and (n,) counted in pixels from the north-west corner, with fractions.
    Returns:
        (k, 2) longitude and latitude in degrees, k <= n.
    """
    lon, lat, valid = _lonlat(domain_of(wkt_of(geobox)), geobox, *_xy(geobox, rows, cols))
    return np.stack([lon, lat], axis=1)[valid]


def scattered_pixels(geobox: GeoBox, rows: np.ndarray, cols: np.ndarray) -> PixelPlaces:
    """The places of the centres of scattered pixels, as a window of one row.

    Args:
        geobox: the grid.
        rows, cols: (n,) and (n,) indices of pixels.
    """
    lon, lat, valid = _lonlat(domain_of(wkt_of(geobox)), geobox, *_xy(geobox, rows + 0.5, cols + 0.5))
    return PixelPlaces(np.stack([lon, lat], axis=1), valid[None], None)


def _xy(geobox: GeoBox, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x of columns and y of rows, in units of the CRS of a grid."""
    return geobox.affine.c + cols * geobox.affine.a, geobox.affine.f + rows * geobox.affine.e


def _lonlat(domain: Domain, geobox: GeoBox, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longitudes, latitudes and validity of points, as exactly as the pixels of a grid need."""
    return domain.places(x, y, DOMAIN_SLACK * min(abs(geobox.affine.a), abs(geobox.affine.e)))


def reaches_domain(geobox: GeoBox) -> bool:
    """Whether any pixel of a grid has a place on the globe, decided on some of its pixels and on some places.

    The pixels are those at the crossings of some rows and columns, the first and the last included. If none of them is
    in the domain of the projection, the domain may still lie between them, so places all over the globe are tried too.
    """
    rows, cols = (np.unique(np.linspace(0, length - 1, DOMAIN_SAMPLES).round()) for length in geobox.shape)
    if places_on(geobox, rows + 0.5, cols + 0.5).valid.any():
        return True
    lat, lon = np.meshgrid(np.arange(-90.0, 91.0, GLOBE_STEP_DEG), np.arange(-180.0, 180.0, GLOBE_STEP_DEG))
    places = np.stack([lon.ravel(), lat.ravel()], axis=1)
    rows, cols = (part[np.isfinite(part)] for part in pixel_coordinates(geobox, places))
    if not len(rows):
        return False
    rows, cols = (containing(part, length) for part, length in zip((rows, cols), geobox.shape, strict=True))
    return bool(scattered_pixels(geobox, rows, cols).valid.any())


def lies_nowhere(geobox: GeoBox) -> bool:
    """Whether it is sure that no pixel of a grid has a place on the globe; for a very large grid it never is."""
    height, width = geobox.shape
    if height * width > LARGEST_SEARCH or reaches_domain(geobox):
        return False
    windows = tiled((slice(0, height), slice(0, width)), SEARCH_SIDE)
    return not any(pixel_places(geobox, *window).valid.any() for window in windows)


def pixel_arc_deg(geobox: GeoBox) -> float:
    """The largest great-circle distance between neighbouring pixel centres, in degrees, measured at some places.

    It is infinite if none of these places is in the domain of the projection.
    """
    height, width = geobox.shape
    rows, cols = (np.linspace(0.5, length - 0.5, ARC_SAMPLES) for length in (height, width))
    here = places_on(geobox, rows, cols)
    largest = -math.inf
    for moved in (places_on(geobox, rows, cols + 1), places_on(geobox, rows + 1, cols)):
        both = (here.valid & moved.valid).ravel()
        if both.any():
            ends = (np.radians(part) for pixels in (here, moved) for part in pixels.lonlat_deg[both].T)
            largest = max(largest, float(np.degrees(great_circle_rad(*ends, xp=np).max())))
    return largest if largest > 0 else math.inf


def _product_axes(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Longitudes (w,) and latitudes (h,) if all rows (h, w) share the one and all columns the other, else None."""
    is_product = (lon == lon[:1]).all() and (lat == lat[:, :1]).all()
    return (lon[0].copy(), lat[:, 0].copy()) if is_product else None


def pixel_coordinates(geobox: GeoBox, lonlat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where places lie on a grid.

    A grid that goes on beyond 180 degrees holds a place there under both of its longitudes.

    Args:
        geobox: the grid.
        lonlat_deg: (n, 2) longitude and latitude in degrees.
    Returns:
        Rows (n,) and columns (n,) float64, counted in pixels from the north-west corner, with fractions; NaN where a
        place is outside the grid.
    """
    height, width = geobox.shape
    affine, domain = geobox.affine, domain_of(wkt_of(geobox))
    x, y = domain.forward.transform(*lonlat_deg.T)
    slack = EDGE_SLACK * abs(affine.a)
    west = min(affine.c, affine.c + width * affine.a) - slack
    with np.errstate(invalid="ignore"):
        if np.isfinite(domain.period):
            x = x - np.floor((x - west) / domain.period) * domain.period
        cols, rows = (x - affine.c) / affine.a, (y - affine.f) / affine.e
        inside = (cols >= -EDGE_SLACK) & (cols <= width + EDGE_SLACK)
        inside &= (rows >= -EDGE_SLACK) & (rows <= height + EDGE_SLACK)
    rows, cols = (np.where(inside, np.clip(side, 0, count), np.nan) for side, count in ((rows, height), (cols, width)))
    return rows, cols


def containing(along: np.ndarray, length: int) -> np.ndarray:
    """The indices of the pixels that hold places.

    Args:
        along: rows or columns of places, counted in pixels with fractions.
        length: how many pixels the axis has; a place on its far edge belongs to the last pixel.
    """
    return np.minimum(np.floor(along).astype(np.int64), length - 1)
