"""Values of a cube at places: for tables, training sets and comparisons with what was measured there."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rangegeo.errors import UsageError
from rangegeo.grid.pixels import containing, pixel_coordinates
from rangegeo.places.lonlat import read_places
from rangegeo.schema.cube import geobox_of

METHODS = ("nearest", "linear")
PLACES_A_STEP = 1000  # taken from a cube that has no chunks, so that an index of it stays small


def sample(cube: xr.DataArray, places: object, *, method: str = "nearest", invalid: str | None = None) -> xr.DataArray:
    """Values of a cube at places.

    Args:
        cube: (beta, band, y, x) or (band, y, x).
        places: (n, 2) longitude, latitude in degrees, or (2,); a table with columns of the usual names, of pandas,
            polars, pyarrow, dask or another library; or a GeoDataFrame or GeoSeries of points in any CRS.
        method: "nearest" takes the pixel that holds a place, "linear" weighs the four whose centres are around it.
        invalid: what becomes of rows without a possible place: "null" gives them NaN and warns of coordinates that are
            out of range or no numbers, "refuse" raises an error. None is "null" for tables and "refuse" for arrays.
    Returns:
        (place, band) or (beta, place, band), as `model.encode` gives them; NaN outside the cube and where a row of a
        table has no place. `place` is the index of a DataFrame, and 0 to n - 1 for other tables. As lazy as the cube is
        if dask backs it.
    Raises:
        UsageError, ShapeError: what is wrong with the places, or the cube has no grid.
    """
    if method not in METHODS:
        raise UsageError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    lonlat, index = _places(places, invalid)
    geobox = geobox_of(cube)
    along = np.full((2, len(lonlat)), np.nan)
    known = ~np.isnan(lonlat).any(axis=1)
    along[:, known] = pixel_coordinates(geobox, lonlat[known])
    inside = ~np.isnan(along[0])
    pick = _nearest if method == "nearest" else _linear
    found = _in_steps(cube, pick, np.where(inside, along, 0.0))
    found = found.where(xr.DataArray(inside, dims="place")).astype(cube.dtype)
    coords = {"place": index, "place_lon": ("place", lonlat[:, 0]), "place_lat": ("place", lonlat[:, 1])}
    described = found.drop_vars(("y", "x"), errors="ignore").assign_coords(coords).assign_attrs(cube.attrs)
    return described.drop_vars("spatial_ref", errors="ignore").transpose(..., "place", "band")


def _places(places: object, invalid: str | None) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) longitude, latitude, NaN where there is none, and (n,) what the places are called."""
    lonlat, index = read_places(places, invalid)
    return lonlat, np.arange(len(lonlat)) if index is None or index.nlevels > 1 else index.to_numpy()


def _in_steps(cube: xr.DataArray, pick, along: np.ndarray) -> xr.DataArray:
    """All at once from a graph, else some places at a time."""
    count = along.shape[1]
    step = max(1, count if cube.chunks is not None else PLACES_A_STEP)
    parts = [pick(cube, *along[:, first : first + step]) for first in range(0, count, step)] or [pick(cube, *along)]
    return parts[0] if len(parts) == 1 else xr.concat(parts, "place")


def _nearest(cube: xr.DataArray, rows: np.ndarray, cols: np.ndarray) -> xr.DataArray:
    return _pixels(cube, containing(rows, cube.sizes["y"]), containing(cols, cube.sizes["x"]))


def _linear(cube: xr.DataArray, rows: np.ndarray, cols: np.ndarray) -> xr.DataArray:
    """Bilinear between pixel centres; constant from the outer centres to the edge."""
    total = None
    for row, row_weight in _neighbours(rows, cube.sizes["y"]):
        for col, col_weight in _neighbours(cols, cube.sizes["x"]):
            weight = xr.DataArray((row_weight * col_weight).astype(np.float32), dims="place")
            part = (_pixels(cube, row, col) * weight).where(weight > 0, 0)  # what has no weight may have no data
            total = part if total is None else total + part
    return total


def _neighbours(along: np.ndarray, length: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pixel before and the one after each place, and their weights."""
    centres = np.clip(along - 0.5, 0, length - 1)
    before = np.minimum(np.floor(centres).astype(np.int64), max(length - 2, 0))
    share = centres - before
    return [(before, 1 - share), (np.minimum(before + 1, length - 1), share)]


def _pixels(cube: xr.DataArray, rows: np.ndarray, cols: np.ndarray) -> xr.DataArray:
    at = {"y": xr.DataArray(rows, dims="place"), "x": xr.DataArray(cols, dims="place")}
    return cube.isel(at).drop_vars(("y", "x"), errors="ignore")
