"""Maps of predictions: each pixel gets what the estimator says of it, on the very grid of the cube."""

from __future__ import annotations

import dask
import numpy as np
import pandas as pd
import pytest
import rasterio
import rioxarray  # noqa: F401
import xarray as xr
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression, Ridge

from rangegeo.analysis.predict import _words
from rangegeo.errors import UsageError
from rangegeo.schema.cube import geobox_of


@pytest.fixture(scope="module")
def pixels(values) -> np.ndarray:
    """(n, bands) of the second beta."""
    return values[1].reshape(40, -1).T


@pytest.fixture
def holed(cube) -> xr.DataArray:
    """The second beta, without data in the first row, the last column and one pixel, as outside of an area."""
    one = cube.isel(beta=1)
    return one.where((one.y < one.y[0]) & (one.x < one.x[-1])).where(~((one.y == one.y[7]) & (one.x == one.x[3])))


def expected(found: np.ndarray, nodata: float) -> np.ndarray:
    """The map (20, 20) of predictions for all pixels, without data where `holed` has none."""
    out = found.reshape(20, 20).copy()
    out[0] = out[:, -1] = out[7, 3] = nodata
    return out


@pytest.mark.parametrize("chunks", [None, {"band": 7, "y": 5}])
def test_numbers_are_those_of_scikit_learn_and_nan_without_data(holed, pixels, chunks):
    estimator = Ridge().fit(pixels, np.arange(400.0))
    found = (holed if chunks is None else holed.chunk(chunks)).rangegeo.predict(estimator)
    assert found.dims == ("y", "x")
    assert dask.is_dask_collection(found)
    assert found.attrs["long_name"] == "computed from RANGE+ embedding"
    np.testing.assert_allclose(found, expected(estimator.predict(pixels), np.nan), rtol=1e-5)
    for axis in ("y", "x"):
        np.testing.assert_array_equal(found[axis], holed[axis])
    assert geobox_of(found) == geobox_of(holed)


def test_a_cube_in_memory_gives_a_map_in_memory(holed, pixels):
    found = holed.compute().rangegeo.predict(Ridge().fit(pixels, np.arange(400.0)))
    assert isinstance(found.data, np.ndarray)


def test_a_map_goes_to_a_geotiff_on_the_grid_of_the_cube(holed, pixels, tmp_path):
    estimator = Ridge().fit(pixels, np.arange(400.0))
    holed.rangegeo.predict(estimator).rio.to_raster(tmp_path / "t.tif")
    with rasterio.open(tmp_path / "t.tif") as file:
        assert file.shape == (20, 20)
        assert np.isnan(file.nodata)
        assert file.crs == rasterio.CRS.from_epsg(4326)
        np.testing.assert_allclose(file.transform, geobox_of(holed).affine, atol=1e-9)
        np.testing.assert_allclose(file.read(1), expected(estimator.predict(pixels), np.nan), rtol=1e-5)


@pytest.mark.parametrize(("classes", "nodata"), [([0, 1], -1), ([3, 200], -1), ([-1, 1], -2), ([5, 2**40], -1)])
def test_integer_classes_keep_their_values(holed, pixels, tmp_path, classes, nodata):
    estimator = LogisticRegression().fit(pixels, np.array(classes)[np.arange(400) % 2])
    found = holed.rangegeo.predict(estimator)
    assert found.dtype == (np.int64 if max(classes) > 2**31 else np.int32)
    assert found.attrs["_FillValue"] == nodata
    np.testing.assert_array_equal(found, expected(estimator.predict(pixels), nodata))
    found.rio.to_raster(tmp_path / "t.tif")
    with rasterio.open(tmp_path / "t.tif") as file:
        assert file.nodata == nodata


def test_classes_with_names_become_their_positions(holed, pixels):
    names = np.array(["bare rock", "forest"])
    estimator = LogisticRegression().fit(pixels, names[np.arange(400) % 2])
    found = holed.rangegeo.predict(estimator)
    assert found.dtype == np.int16
    assert found.attrs["flag_values"].tolist() == [0, 1]
    assert found.attrs["flag_meanings"] == "bare_rock forest"
    truth = (estimator.predict(pixels) == "forest").astype(int)
    np.testing.assert_array_equal(found, expected(truth, -1))


def test_probabilities_and_several_outputs(holed, pixels):
    classes = np.array(["a", "b", "c"])[np.arange(400) % 3]
    estimator = LogisticRegression().fit(pixels, classes)
    found = holed.rangegeo.predict(estimator, method="predict_proba")
    assert found.dims == ("class", "y", "x")
    np.testing.assert_allclose(
        found.sel({"class": "b"}), expected(estimator.predict_proba(pixels)[:, 1], np.nan), rtol=1e-4
    )
    found = holed.rangegeo.predict(PCA(2).fit(pixels), method="transform")
    assert found.dims == ("output", "y", "x")
    assert found["output"].values.tolist() == [0, 1]


def test_no_label_is_taken_for_missing_data(holed, pixels):
    for estimator in (IsolationForest(n_estimators=5).fit(pixels), KMeans(3, n_init=1).fit(pixels)):
        found = holed.rangegeo.predict(estimator)
        assert found.attrs["_FillValue"] == np.iinfo(np.int32).min
        np.testing.assert_array_equal(found, expected(estimator.predict(pixels), found.attrs["_FillValue"]))


def test_names_of_bands_choose_the_bands(cube, pixels):
    one = cube.isel(beta=1)
    names = [str(name) for name in one["band_name"].values]
    table = pd.DataFrame(pixels, columns=names)[[names[5], names[2]]]
    estimator = Ridge().fit(table, np.arange(400.0))
    truth = estimator.predict(table).reshape(20, 20)
    np.testing.assert_allclose(one.rangegeo.predict(estimator), truth, rtol=1e-4)
    other = Ridge().fit(pd.DataFrame(pixels, columns=[f"b{i}" for i in range(40)]), np.arange(400.0))
    assert one.rangegeo.predict(other).shape == (20, 20)


def test_what_does_not_fit_is_refused(cube, pixels):
    estimator = Ridge().fit(pixels, np.arange(400.0))
    with pytest.raises(UsageError, match=r"predict needs one beta, .* got 0, 1; for example \.sel\(beta=1\)"):
        cube.rangegeo.predict(estimator)
    with pytest.raises(UsageError, match="fitted on 40 features, and the cube has 39 bands"):
        cube.isel(beta=1, band=slice(39)).rangegeo.predict(estimator)
    with pytest.raises(UsageError, match="got Ridge, which has no predict_proba"):
        cube.rangegeo.predict(estimator, method="predict_proba")
    assert cube.isel(beta=[1]).rangegeo.predict(estimator).dims == ("y", "x")


def test_a_map_unstacked_with_missing_columns_is_refused(holed, tmp_path):
    """The usual detour over tables loses rows and columns, and so its grid."""
    part = holed.isel(band=[0]).compute()
    part = part.where((part.x < part.x[4]) | (part.x > part.x[8]))
    lossy = part.stack(pixel=("y", "x")).dropna("pixel").unstack("pixel")
    with pytest.raises(UsageError, match=r"rows or columns at uneven distances|no regular grid"):
        lossy.rangegeo.to_geotiff(tmp_path / "t.tif")


def test_names_of_classes_stay_apart():
    names = ["a b", "a_b", "", "c", "nasse  Wiese"]
    assert _words(names) == ["a_b", "a_b_2", "no_name", "c", "nasse_Wiese"]
    assert _words(["", " "]) == ["no_name", "no_name_2"]


def test_classes_keep_their_names():
    coords = {"band": [1, 2], "y": [45.5, 44.5], "x": [5.5, 6.5, 7.5]}
    values = np.random.default_rng(0).normal(size=(2, 2, 3)).astype(np.float32)
    cube = xr.DataArray(values, coords, ("band", "y", "x")).rio.write_crs(4326)
    features = values.reshape(2, -1).T
    labels = np.array(["ice", "wood land", "meadow", "ice", "wood land", "meadow"])
    estimator = LogisticRegression().fit(features, labels)
    classes = cube.rangegeo.predict(estimator)
    assert classes.attrs["classes"] == ["ice", "meadow", "wood land"]
    assert classes.attrs["flag_meanings"] == "ice meadow wood_land"
