"""What a cube is: its name, dimensions, coordinates and grid, and what holds its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from xarray.core import indexing

from rangegeo.errors import UsageError
from rangegeo.grid.georeference import is_regular, read_geobox

if TYPE_CHECKING:
    import dask.array as da

# What may hold the values of a cube: an array in memory, a dask graph, or xarray's own lazy array.
Values: TypeAlias = "np.ndarray | da.Array | indexing.ExplicitlyIndexed"

# Attributes of a clipped cube: the share of its pixels that lie in the area, and that of the blocks with any of them.
SHARE, REACH = "aoi_share", "aoi_reach"
NAME = "embedding"
BETA_ATTRS = {"long_name": "0 geographic to 1 semantic average"}


def check_pixels(cube: xr.DataArray) -> None:
    """Refuse a cube without pixels, which a slice in the wrong order makes.

    Raises:
        UsageError: the cube has no rows or no columns.
    """
    if not cube.sizes["y"] * cube.sizes["x"]:
        raise UsageError("the cube has no pixels; y runs from north to south, so slices do: y=slice(47, 45)")


def geobox_of(cube: xr.DataArray) -> GeoBox:
    """The grid of a cube or of a regular slice of one.

    Raises:
        UsageError: the cube has no pixels, no CRS, or rows or columns at uneven distances.
        GridError: its labels and its transform lie half a pixel apart.
    """
    check_pixels(cube)
    if not all(is_regular(cube[axis].values) for axis in ("y", "x")):
        raise UsageError("the cube has no regular grid; take every nth row and column")
    geobox = read_geobox(cube, "the cube")
    if geobox is None or geobox.crs is None:
        raise UsageError("the cube has no grid with a CRS; keep its coordinates spatial_ref, x and y")
    return geobox


def north_up(cube: xr.DataArray) -> xr.DataArray:
    """The same cube with its northernmost row and its westernmost column first, as in a GeoTIFF and on a map."""
    turned = [
        axis
        for axis, first_is_largest in (("y", True), ("x", False))
        if cube.sizes[axis] > 1 and bool(cube[axis][0] > cube[axis][-1]) != first_is_largest
    ]
    return cube.isel({axis: slice(None, None, -1) for axis in turned}) if turned else cube


def as_4d(cube: xr.DataArray) -> xr.DataArray:
    """The same cube with dimensions (beta, band, y, x); a cube without betas gets a beta axis of length 1.

    Raises:
        UsageError: the array has other dimensions than a cube.
    """
    expected = [("beta", "band", "y", "x"), ("band", "y", "x")]
    if cube.dims not in expected:
        raise UsageError(f"a cube must have dims (beta, band, y, x) or (band, y, x), got {cube.dims}")
    return cube if "beta" in cube.dims else cube.expand_dims("beta")


def is_in_memory(cube: xr.DataArray) -> bool:
    """Whether the values of a cube are in memory, so that reading them computes nothing."""
    return isinstance(data_of(cube), np.ndarray | indexing.NumpyIndexingAdapter)


def data_of(cube: xr.DataArray) -> Values:
    """What holds the values of a cube; nothing is computed or read."""
    data: Any = cube.variable._data
    while isinstance(data, indexing.MemoryCachedArray | indexing.CopyOnWriteArray):
        data = data.array
    return data
