"""Where places lie in a cube: from what users call places to rows and columns."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.errors import ShapeError, UsageError
from rangegeo.grid import PixelPlaces
from rangegeo.grid.domain import domain_of
from rangegeo.grid.places import DOMAIN_SLACK

IRREGULARITY = 1e-3  # of a pixel; coordinates are rounded
PIXEL_SLACK = 1e-6  # of a pixel: a place so little outside an edge is on it


def check_lonlat(lonlat: object) -> np.ndarray:
    """(n, 2) float64 longitude, latitude in degrees; one place (2,) becomes (1, 2).

    Raises:
        ShapeError: other than that. UsageError: a coordinate is out of range, or not a number.
    """
    try:
        places = np.atleast_2d(np.asarray(lonlat, dtype=np.float64))
    except (TypeError, ValueError):
        raise ShapeError(f"places must be numbers, longitude and latitude, got {lonlat!r}") from None
    if places.ndim != 2 or places.shape[1] != 2:
        raise ShapeError(f"places must have shape (n, 2), longitude and latitude, got {places.shape}")
    bad = ~((np.abs(places[:, 0]) <= 360) & (np.abs(places[:, 1]) <= 90))  # true for NaN too
    if bad.any():
        lon, lat = places[bad][0]
        raise UsageError(
            f"longitude must be in [-360, 360] and latitude in [-90, 90], got {lon:g}, {lat:g}; "
            "the order is longitude, latitude"
        )
    return places


def check_pixels(cube: xr.DataArray) -> None:
    """Raise UsageError for a cube without any, which slices in the wrong order make."""
    if not cube.sizes["y"] * cube.sizes["x"]:
        raise UsageError("the cube has no pixels; y runs from north to south, so slices do: y=slice(47, 45)")


def geobox_of(cube: xr.DataArray) -> GeoBox:
    """The grid of a cube, or of a regular slice of one.

    Raises:
        UsageError: it has none.
    """
    check_pixels(cube)
    with warnings.catch_warnings():  # what odc-geo misses is said below
        warnings.simplefilter("ignore", UserWarning)
        geobox = cube.odc.geobox
    if not (_is_regular(cube["x"]) and _is_regular(cube["y"])):
        raise UsageError("the cube has no regular grid; take every nth row and column")
    if geobox is None or geobox.crs is None:
        raise UsageError("the cube has no grid with a CRS; keep its coordinates spatial_ref, x and y")
    return geobox


def north_up(cube: xr.DataArray) -> xr.DataArray:
    """The cube with its northernmost row first, as GeoTIFFs have it."""
    return cube.isel(y=slice(None, None, -1)) if cube.sizes["y"] > 1 and cube["y"][0] < cube["y"][-1] else cube


def _is_regular(axis: xr.DataArray) -> bool:
    values = axis.values
    even = np.linspace(values[0], values[-1], len(values))
    return bool(len(values) < 3 or np.abs(values - even).max() <= IRREGULARITY * abs(even[1] - even[0]))


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
