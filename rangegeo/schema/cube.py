"""What a cube is: its name, dims, coordinates, grid, and where its values are."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from xarray.core import indexing

from rangegeo.errors import UsageError

SHARE = "aoi_share"  # attribute of a cube: the share of the raster that its area reaches, in blocks, at most
NAME = "embedding"
BETA_ATTRS = {"long_name": "0 geographic to 1 semantic average"}

IRREGULARITY = 1e-3  # of a pixel; coordinates are rounded


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


def as_4d(cube: xr.DataArray) -> xr.DataArray:
    """(beta, band, y, x), with one unnamed beta where the model has none.

    Raises:
        UsageError: the array is no embedding cube.
    """
    expected = [("beta", "band", "y", "x"), ("band", "y", "x")]
    if cube.dims not in expected:
        raise UsageError(f"a cube must have dims (beta, band, y, x) or (band, y, x), got {cube.dims}")
    return cube if "beta" in cube.dims else cube.expand_dims("beta")


def is_in_memory(cube: xr.DataArray) -> bool:
    """Whether its values are there."""
    return isinstance(data_of(cube), np.ndarray | indexing.NumpyIndexingAdapter)


def data_of(cube: xr.DataArray) -> object:
    """What holds the values, without being made to show them."""
    data = cube.variable._data
    while isinstance(data, indexing.MemoryCachedArray | indexing.CopyOnWriteArray):
        data = data.array
    return data
