"""Values at places: of the pixel, of the four around it, outside, in tables of any CRS."""

from __future__ import annotations

import dask
import geopandas
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import rangegeo as rg
from rangegeo.errors import PlaceWarning, ShapeError, UsageError

PLACES = np.array([[5.02, 44.98], [5.52, 44.31], [5.999, 44.001], [5.51, 44.49]])
PIXELS = [(0, 0), (13, 10), (19, 19), (10, 10)]


def bilinear(values: np.ndarray, lon: float, lat: float) -> np.ndarray:
    """(betas, bands, 20, 20) to (betas, bands), by hand."""
    col, row = (lon - 5) / 0.05 - 0.5, (45 - lat) / 0.05 - 0.5
    col, row = min(max(col, 0), 19), min(max(row, 0), 19)
    left, top = min(int(col), 18), min(int(row), 18)
    x, y = col - left, row - top
    upper = (1 - x) * values[:, :, top, left] + x * values[:, :, top, left + 1]
    lower = (1 - x) * values[:, :, top + 1, left] + x * values[:, :, top + 1, left + 1]
    return (1 - y) * upper + y * lower


def test_nearest_is_the_pixel_that_holds_the_place(cube, values):
    found = cube.rangegeo.sample(PLACES)
    assert found.dims == ("beta", "place", "band")
    assert found.dtype == np.float32
    assert dask.is_dask_collection(found)
    expected = np.stack([values[:, :, row, col] for row, col in PIXELS], axis=1)
    np.testing.assert_array_equal(found, expected)
    assert found["place_lon"].values.tolist() == PLACES[:, 0].tolist()
    assert found["band_name"].values.tolist() == cube["band_name"].values.tolist()
    assert found.attrs["model"] == "RANGE+"
    assert not {"x", "y", "spatial_ref"} & set(found.coords)


def test_it_has_the_shape_of_encode(mini, cube):
    centres = np.array([[5.525, 44.325], [5.025, 44.975]])
    found = cube.isel(beta=1).rangegeo.sample(centres)
    assert found.dims == ("place", "band")
    np.testing.assert_allclose(found, mini.encode(centres, 1), rtol=0, atol=1e-5)
    assert cube.rangegeo.sample(PLACES[0]).shape == (2, 1, 40)
    assert cube.rangegeo.sample(np.empty((0, 2))).shape == (2, 0, 40)


@settings(deadline=None, max_examples=40)
@given(lon=st.floats(5, 6), lat=st.floats(44, 45))
def test_linear_is_bilinear(eager, lon, lat):
    found = eager.rangegeo.sample([lon, lat], method="linear")[:, 0]
    np.testing.assert_allclose(found, bilinear(eager.values.astype(float), lon, lat), rtol=0, atol=2e-6)


@pytest.fixture(scope="module")
def eager(cube) -> xr.DataArray:
    return cube.compute()


def test_linear_is_xarrays_own_between_centres(cube):
    inside = np.random.default_rng(0).uniform((5.03, 44.03), (5.97, 44.97), (50, 2))
    lon, lat = (xr.DataArray(side, dims="place") for side in inside.T)
    expected = cube.interp(x=lon, y=lat).transpose("beta", "place", "band")
    np.testing.assert_allclose(cube.rangegeo.sample(inside, method="linear"), expected, rtol=0, atol=2e-6)


@pytest.mark.filterwarnings("ignore:3 of 4 places lie outside the cube; their values are NaN")
def test_outside_there_is_nothing(cube):
    places = [[4.99, 44.5], [5.5, 44.5], [5.5, 45.01], [-170, 10]]
    for method in ("nearest", "linear"):
        found = cube.rangegeo.sample(places, method=method).values
        assert np.isnan(found[:, [0, 2, 3]]).all()
        assert np.isfinite(found[:, 1]).all()


@pytest.mark.parametrize("method", ["nearest", "linear"])
def test_places_without_values_are_told_once(cube, method):
    places = [[4.99, 44.5], [5.6, 44.5], [5.3, 44.5], [-170, 10]]
    masked = cube.where(cube["x"] > 5.5)
    with pytest.warns(PlaceWarning) as caught:
        masked.compute().rangegeo.sample(places, method=method)
    (told,) = (warning for warning in caught if warning.category is PlaceWarning)
    assert str(told.message) == "3 of 4 places lie outside the cube or have no data there; their values are NaN"
    assert told.filename == __file__
    with pytest.warns(PlaceWarning, match="^2 of 4 places lie outside the cube; their values are NaN"):
        found = masked.rangegeo.sample(places, method=method)
    with pytest.warns(PlaceWarning, match="^some places lie on pixels of the cube that have no data; their values are"):
        found.compute()
    with pytest.warns(PlaceWarning, match="^1 of 1 places"):
        found = cube.rangegeo.sample(pd.DataFrame({"lon": [4.0, np.nan], "lat": [44.5, np.nan]}), method=method)
    assert np.isnan(found.compute()).all()


@pytest.mark.filterwarnings("ignore:some places lie on pixels")
def test_pixels_without_data_count_only_where_they_weigh(cube, values):
    masked = cube.where(cube["x"] > 5.5)
    at = [[5.525, 44.525], [5.5, 44.525], [5.3, 44.5]]  # a centre beside the hole, its edge, within
    found = masked.rangegeo.sample(at, method="linear")
    np.testing.assert_allclose(found[:, 0], values[:, :, 9, 10], rtol=1e-6)
    assert np.isnan(found[:, 1:]).all()


def test_tables_keep_their_index(cube):
    table = pd.DataFrame({"species": list("abcd"), "decimalLatitude": PLACES[:, 1], "decimalLongitude": PLACES[:, 0]})
    table.index = [7, 3, 9, 1]
    table.loc[3, "decimalLatitude"] = np.nan
    found = cube.rangegeo.sample(table)
    assert found["place"].values.tolist() == [7, 3, 9, 1]
    expected = cube.rangegeo.sample(PLACES).values
    np.testing.assert_array_equal(found[:, [0, 2, 3]], expected[:, [0, 2, 3]])
    assert np.isnan(found.sel(place=3)).all()
    several = table.set_index(["species", "decimalLatitude"], append=True).assign(lat=44.5)
    assert cube.rangegeo.sample(several)["place"].values.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("crs", [4326, 32632, 3857])
def test_geodataframes_of_any_crs(cube, crs):
    frame = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(*PLACES.T, crs=4326)).to_crs(crs)
    for points in (frame, frame.geometry):
        np.testing.assert_array_equal(cube.rangegeo.sample(points), cube.rangegeo.sample(PLACES))


def test_projected_and_virtual_cubes(mini):
    options = {"model": mini, "crs": "EPSG:3035"}
    cube = rg.raster((5, 44, 6, 45), 5000, exact=True, **options).compute()
    virtual = rg.raster((5, 44, 6, 45), 5000, chunks=None, exact=True, **options)
    places = np.random.default_rng(0).uniform((5.1, 44.1), (5.9, 44.9), (2500, 2))
    near = cube.rangegeo.sample(places)
    assert np.isfinite(near).all()
    exact = mini.encode(places)
    for found in (near, cube.rangegeo.sample(places, method="linear")):
        assert float(abs(found[0] - exact).max()) < 0.2  # some km away
    np.testing.assert_allclose(virtual.rangegeo.sample(places), near, rtol=0, atol=1e-5)


def test_opened_cubes(cube, tmp_path):
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    paths = cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    expected = cube.rangegeo.sample(PLACES)
    np.testing.assert_array_equal(rg.open_cube(tmp_path / "a.zarr").rangegeo.sample(PLACES), expected)
    np.testing.assert_array_equal(rg.open_cube(paths[1]).rangegeo.sample(PLACES), expected[1])


def test_nothing_is_computed_early(cube):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        for method in ("nearest", "linear"):
            cube.rangegeo.sample(PLACES, method=method)


def test_what_cannot_be_sampled_is_refused(cube):
    with pytest.raises(UsageError, match="method must be one of nearest, linear, got 'cubic'"):
        cube.rangegeo.sample(PLACES, method="cubic")
    with pytest.raises(ShapeError, match="places must have shape"):
        cube.rangegeo.sample([1, 2, 3])
    with pytest.raises(UsageError, match="no column of species has a usual name of longitude"):
        cube.rangegeo.sample(pd.DataFrame({"species": ["a"]}))
    with pytest.raises(UsageError, match="the order is longitude, latitude"):
        cube.rangegeo.sample(pd.DataFrame({"lon": [45.0], "lat": [95.0]}))
    with pytest.raises(UsageError, match="does not say its CRS"):
        cube.rangegeo.sample(geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(*PLACES.T)))
    with pytest.raises(UsageError, match="no regular grid"):
        cube.isel(x=[1, 2, 9]).rangegeo.sample(PLACES)
