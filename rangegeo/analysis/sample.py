"""Values of a cube at places, for tables, training sets and comparisons with measurements."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import xarray as xr

from rangegeo.errors import PlaceWarning, UsageError
from rangegeo.grid.pixels import containing, pixel_coordinates
from rangegeo.places.lonlat import read_places
from rangegeo.schema.cube import geobox_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from pandas import DataFrame

Frame: TypeAlias = "DataFrame | GeoDataFrame | GeoSeries"
# A function of a cube and of rows and columns (n,), counted in pixels with fractions, to its values (..., n).
Picker: TypeAlias = Callable[[xr.DataArray, np.ndarray, np.ndarray], xr.DataArray]

PLACES_A_STEP = 1000  # how many places are read at a time from a cube without chunks, to keep its index small


def sample(cube: xr.DataArray, places: object, *, method: str = "nearest", invalid: str | None = None) -> xr.DataArray:
    """Read the values of a cube at places.

    Args:
        cube: (beta, band, y, x) or (band, y, x).
        places: (n, 2) longitude and latitude in degrees, or one place (2,); a table whose columns have the usual names,
            of pandas, polars, pyarrow, dask or another library; or a GeoDataFrame or GeoSeries of points in any CRS.
        method: "nearest" for the pixel that holds a place, "linear" for the weighted mean of the four pixels around it.
        invalid: what becomes of rows without a possible place: "null" gives them NaN and warns of coordinates that are
            out of range or no numbers, "refuse" raises an error. None is "null" for tables and "refuse" for arrays.
    Returns:
        (place, band) or (beta, place, band), the same axes as `model.encode`. Values are NaN outside the cube and for
        rows of a table without a place. The coordinate `place` is the index of a DataFrame, and 0 to n - 1 for other
        tables. The result is lazy if dask
        holds the cube.
    Raises:
        UsageError: there is no such method, the cube has no grid, or the places are wrong.
        ShapeError: the places have another shape, or they are not numbers.
    Warns:
        PlaceWarning: some places lie outside the cube or on pixels without data. If the cube is lazy, the warning about
            pixels without data comes when the result is computed.
    """
    if method not in PICKERS:
        raise UsageError(argument="method", expected=f"one of {', '.join(PICKERS)}", got=repr(method))
    lonlat, index = _places(places, invalid)
    geobox = geobox_of(cube)
    along = np.full((2, len(lonlat)), np.nan)
    known = ~np.isnan(lonlat).any(axis=1)
    along[:, known] = pixel_coordinates(geobox, lonlat[known])
    inside = ~np.isnan(along[0])
    found = _in_steps(cube, PICKERS[method], np.where(inside, along, 0.0))
    found = _told_of_missing(found.where(xr.DataArray(inside, dims="place")).astype(cube.dtype), known, inside)
    coords = {"place": index, "place_lon": ("place", lonlat[:, 0]), "place_lat": ("place", lonlat[:, 1])}
    described = found.drop_vars(("y", "x"), errors="ignore").assign_coords(coords).assign_attrs(cube.attrs)
    return described.drop_vars("spatial_ref", errors="ignore").transpose(..., "place", "band")


def _places(places: object, invalid: str | None) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) longitude, latitude, NaN where there is none, and (n,) what the places are called."""
    lonlat, index = read_places(places, invalid)
    return lonlat, np.arange(len(lonlat)) if index is None or index.nlevels > 1 else index.to_numpy()


def _told_of_missing(found: xr.DataArray, known: np.ndarray, inside: np.ndarray) -> xr.DataArray:
    """The same values; warns of the places without any.

    Args:
        found: values at n places.
        known: (n,) bool, whether a row has a place.
        inside: (n,) bool, whether it is one in the cube.
    """
    others = [dim for dim in found.dims if dim != "place"]
    if found.chunks is None:
        missing = known & found.isnull().all(others).values if found.sizes["band"] else known & ~inside
        _warn_of(int(missing.sum()), int(known.sum()), "lie outside the cube or have no data there")
        return found
    _warn_of(int((known & ~inside).sum()), int(known.sum()), "lie outside the cube")
    axis = found.dims.index("place")
    data = found.data.map_blocks(_told_of_holes, inside=inside, axis=axis, dtype=found.dtype, meta=found.data._meta)
    return found.copy(data=data)


def _warn_of(missing: int, count: int, what: str) -> None:
    if missing:
        said = f"{missing:,} of {count:,} places {what}; their values are NaN"
        warnings.warn(PlaceWarning(said), stacklevel=5)


def _told_of_holes(block: np.ndarray, inside: np.ndarray, axis: int, block_info: dict | None = None) -> np.ndarray:
    """The same block of values; warns if a place in the cube has none. Python shows the same warning only once."""
    if block_info and block.size:
        first, last = block_info[0]["array-location"][axis]
        missing = np.isnan(block).all(axis=tuple(set(range(block.ndim)) - {axis}))
        if (missing & inside[first:last]).any():
            said = "some places lie on pixels of the cube that have no data; their values are NaN"
            warnings.warn(PlaceWarning(said), stacklevel=2)
    return block


def _in_steps(cube: xr.DataArray, pick: Picker, along: np.ndarray) -> xr.DataArray:
    """The values at rows and columns (2, n): all at once from a dask graph, else some places at a time."""
    count = along.shape[1]
    step = max(1, count if cube.chunks is not None else PLACES_A_STEP)
    parts = [pick(cube, *along[:, first : first + step]) for first in range(0, count, step)] or [pick(cube, *along)]
    return parts[0] if len(parts) == 1 else xr.concat(parts, "place")


def _nearest(cube: xr.DataArray, rows: np.ndarray, cols: np.ndarray) -> xr.DataArray:
    """The pixels that hold the places."""
    return _pixels(cube, containing(rows, cube.sizes["y"]), containing(cols, cube.sizes["x"]))


def _linear(cube: xr.DataArray, rows: np.ndarray, cols: np.ndarray) -> xr.DataArray:
    """The bilinear means between pixel centres. Beyond the outer centres the values stay constant up to the edge."""
    parts = []
    for row, row_weight in _pixels_around(rows, cube.sizes["y"]):
        for col, col_weight in _pixels_around(cols, cube.sizes["x"]):
            weight = xr.DataArray((row_weight * col_weight).astype(np.float32), dims="place")
            # A pixel without weight adds 0, even if it has no data.
            parts.append((_pixels(cube, row, col) * weight).where(weight > 0, 0))
    return parts[0] + parts[1] + parts[2] + parts[3]


PICKERS: dict[str, Picker] = {"nearest": _nearest, "linear": _linear}


def _pixels_around(along: np.ndarray, length: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pixels before and after each place along an axis, and their weights."""
    centres = np.clip(along - 0.5, 0, length - 1)
    before = np.minimum(np.floor(centres).astype(np.int64), max(length - 2, 0))
    weight_after = centres - before
    return [(before, 1 - weight_after), (np.minimum(before + 1, length - 1), weight_after)]


def _pixels(cube: xr.DataArray, rows: np.ndarray, cols: np.ndarray) -> xr.DataArray:
    """The values of the pixels with these rows and columns (n,)."""
    at = {"y": xr.DataArray(rows, dims="place"), "x": xr.DataArray(cols, dims="place")}
    return cube.isel(at).drop_vars(("y", "x"), errors="ignore")
