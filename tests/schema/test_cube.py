"""What a cube is: its grid is found or refused, its dims are put in order, and nothing is computed to find out."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.errors import UsageError
from rangegeo.grid.coords import grid_coords
from rangegeo.schema.cube import NAME, as_4d, check_pixels, data_of, geobox_of, is_in_memory, north_up

GRID = GeoBox.from_bbox((5, 44, 10, 48), "EPSG:4326", resolution=1)


@pytest.fixture
def array() -> xr.DataArray:
    """(beta, band, y, x) on a grid of 4 x 5 pixels."""
    values = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)
    return xr.DataArray(xr.Variable(("beta", "band", "y", "x"), values), grid_coords(GRID), name=NAME)


def test_a_grid_is_found_again(array):
    assert geobox_of(array) == GRID
    every_second = geobox_of(array[..., ::2])
    assert (every_second.shape, every_second.affine.a) == ((4, 3), 2)


@pytest.mark.parametrize(
    ("take", "said"),
    [
        (lambda cube: cube.isel(x=slice(0, 0)), "the cube has no pixels; y runs from north to south"),
        (lambda cube: cube.isel(x=[0, 1, 3]), "the cube has no regular grid; take every nth row and column"),
        (lambda cube: cube.drop_vars("spatial_ref"), "the cube has no grid with a CRS; keep its coordinates"),
    ],
)
def test_a_cube_without_a_grid_is_refused(array, take, said):
    with pytest.raises(UsageError) as caught:
        geobox_of(take(array))
    assert str(caught.value).startswith(said)


def test_pixels_are_needed(array):
    check_pixels(array)
    with pytest.raises(UsageError, match="the cube has no pixels"):
        check_pixels(array.isel(y=slice(3, 1)))


def test_the_north_comes_first(array):
    assert north_up(array) is array
    for turned in (array[..., ::-1, :], array[..., ::-1], array[..., ::-1, ::-1]):
        xr.testing.assert_identical(north_up(turned), array)
    row = array.isel(y=[2])
    assert north_up(row) is row


def test_a_cube_has_four_dims_in_order(array):
    assert as_4d(array) is array
    assert as_4d(array[0]).dims == ("beta", "band", "y", "x")
    with pytest.raises(UsageError) as caught:
        as_4d(array.transpose("y", ...))
    assert str(caught.value) == (
        "a cube must have dims (beta, band, y, x) or (band, y, x), got ('y', 'beta', 'band', 'x')"
    )


def test_what_holds_the_values_is_told_without_computing(array, tmp_path):
    assert is_in_memory(array)
    lazy = array.chunk(x=2)
    assert not is_in_memory(lazy)
    assert isinstance(data_of(lazy), da.Array)
    array.to_dataset(promote_attrs=False).to_zarr(tmp_path / "a.zarr", consolidated=False)
    with xr.open_zarr(tmp_path / "a.zarr", chunks=None, consolidated=False) as stored:
        assert not is_in_memory(stored[NAME])
        assert is_in_memory(stored[NAME].load())
