"""Similarity against plain float64 loops: lazy and in memory, opened, masked, quantised, across projections."""

from __future__ import annotations

import math

import dask
import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import rioxarray  # noqa: F401, registers .rio
import xarray as xr

import rangegeo as rg
from rangegeo.errors import RangegeoError, ShapeError, UsageError

BOX = ((5, 44, 6, 45), 0.05)
HERE = (5.52, 44.31)  # row 13, column 10
THERE = (5.99, 44.01)
NEAR = {"rtol": 0, "atol": 3e-7}


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Term by term."""
    dot = sum(float(a) * float(b) for a, b in zip(one, other, strict=True))
    lengths = [math.sqrt(sum(float(a) ** 2 for a in vector)) for vector in (one, other)]
    return dot / lengths[0] / lengths[1]


def expected(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(layers, bands, y, x) and (layers, bands) to (layers, y, x)."""
    layers, _, height, width = values.shape
    out = np.empty((layers, height, width))
    for layer, row, col in np.ndindex(*out.shape):
        out[layer, row, col] = cosine(values[layer, :, row, col], reference[layer])
    return out


@pytest.fixture(scope="module")
def to_here(values) -> np.ndarray:
    return expected(values, values[:, :, 13, 10])


@pytest.fixture
def nothing_computes():
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        yield


def test_every_pixel_with_the_pixel_that_holds_the_place(cube, to_here):
    found = rg.similarity(cube, HERE)
    assert dask.is_dask_collection(found)
    assert found.dims == ("beta", "y", "x")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, to_here, **NEAR)
    np.testing.assert_allclose(found[:, 13, 10], 1, **NEAR)
    assert (found.values.reshape(2, -1).min(axis=1) < 0.9999).all()


def test_in_memory_it_is_in_memory(cube, to_here):
    found = rg.similarity(cube.compute(), HERE)
    assert not dask.is_dask_collection(found)
    np.testing.assert_allclose(found, to_here, **NEAR)


def test_tables_of_places(cube, values):
    table = pd.DataFrame({"name": ["a", "b"], "lat": [44.31, 44.01], "lon": [5.52, 5.99]})
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(table.lon, table.lat, crs=4326)).to_crs(3035)
    wanted = rg.similarity(cube, [HERE, THERE])
    for places in (table, points, points.geometry, table[["lon", "lat"]].to_numpy()):
        np.testing.assert_allclose(cube.rangegeo.similarity(places), wanted, **NEAR)
    assert cube.rangegeo.similarity(table).max("place").dims == ("beta", "y", "x")
    assert cube.rangegeo.similarity(table[:1]).sizes["place"] == 1
    assert cube.rangegeo.similarity(HERE).dims == ("beta", "y", "x")


def test_a_map_says_in_a_geotiff_what_stands_for_no_data(cube, tmp_path):
    found = cube.isel(beta=1).rangegeo.similarity(*HERE)
    found.rio.to_raster(tmp_path / "t.tif")
    with rasterio.open(tmp_path / "t.tif") as file:
        assert np.isnan(file.nodata)
    found.to_dataset().to_zarr(tmp_path / "t.zarr", consolidated=False)
    np.testing.assert_array_equal(xr.open_zarr(tmp_path / "t.zarr", consolidated=False)["similarity"], found)


def test_several_places_have_a_dim(cube, values, to_here):
    found = rg.similarity(cube, [HERE, THERE])
    assert found.dims == ("place", "beta", "y", "x")
    np.testing.assert_allclose(found[0], to_here, **NEAR)
    np.testing.assert_allclose(found[1], expected(values, values[:, :, 19, 19]), **NEAR)
    assert found["place_lon"].values.tolist() == [5.52, 5.99]
    assert found["place_lat"].values.tolist() == [44.31, 44.01]
    assert rg.similarity(cube, [HERE]).sizes["place"] == 1


def test_coordinates_and_the_crs_are_kept(cube):
    found = rg.similarity(cube, HERE)
    for name in ("y", "x", "beta", "spatial_ref"):
        xr.testing.assert_identical(found[name].reset_coords(drop=True), cube[name].reset_coords(drop=True))
    assert found.odc.geobox == cube.odc.geobox
    assert found.rio.crs == "EPSG:4326"
    assert found.name == "similarity"
    assert found.attrs["compared_with"] == "pixel at the place"
    assert found.attrs["model"] == "RANGE+"
    assert (float(found["place_lon"]), float(found["place_lat"])) == HERE


def test_a_cube_without_beta(cube, to_here):
    found = rg.similarity(cube.isel(beta=1), HERE)
    assert found.dims == ("y", "x")
    assert float(found["beta"]) == 1
    np.testing.assert_allclose(found, to_here[1], **NEAR)


def test_opened_cubes_of_either_kind(cube, to_here, tmp_path):
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    np.testing.assert_allclose(rg.similarity(rg.open_cube(tmp_path / "a.zarr"), HERE), to_here, **NEAR)
    paths = cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    for path, layer in zip(paths, to_here, strict=True):
        stored = rg.open_cube(path)
        assert len(stored.chunks[0]) > 1  # bands are read some at a time, and summed
        found = rg.similarity(stored, HERE)
        np.testing.assert_allclose(found, layer, **NEAR)
        found.rio.to_raster(tmp_path / "similarity.tif")


@pytest.mark.parametrize("chunks", [{"band": 1}, {"band": 7, "y": 5}, {"beta": 1, "band": 13, "x": 3}, {"band": -1}])
def test_chunks_never_change_it(cube, to_here, chunks):
    found = rg.similarity(cube.compute().chunk(chunks), HERE)
    np.testing.assert_allclose(found, to_here, **NEAR)


@pytest.mark.parametrize("with_model", [False, True])
def test_nothing_is_computed_early(mini, cube, nothing_computes, with_model):
    found = rg.similarity(cube, [HERE, THERE], model=mini if with_model else None)
    found = found.sel(beta=1).mean("x")
    with pytest.raises(AssertionError, match="something was computed"):
        found.compute()


def test_only_chunks_of_the_slice_and_of_the_place_are_computed(mini, evaluated):
    cube = rg.raster((5, 44, 7, 46), 0.05, model=mini, chunks=16, exact=True)
    rg.similarity(cube, (6.95, 44.05))[:, :5, :5].compute()
    assert set(evaluated) == {(0, 0), (32, 32)}


# --------------------------------------------------------------------------------------------------- the model


def test_a_model_is_evaluated_at_the_very_place(mini, cube, values):
    for place in (HERE, (120.0, -33.0)):  # the second is far outside
        found = rg.similarity(cube, place, model=mini)
        reference = mini.encode(place, (0, 1))[:, 0]
        np.testing.assert_allclose(found, expected(values, reference), **NEAR)
        assert found.attrs["compared_with"] == "model at the place"
    assert float(abs(rg.similarity(cube, HERE, model=mini) - rg.similarity(cube, HERE)).max()) > 1e-6


def test_a_model_gives_the_bands_that_the_cube_has(mini, cube, values):
    some = [30, 2, 17]
    found = rg.similarity(cube.isel(band=some, beta=[1]), (0, 10), model=mini)
    reference = mini.encode((0, 10), (1,))[:, 0, some]
    np.testing.assert_allclose(found, expected(values[1:, some], reference), **NEAR)


def test_models_without_beta(golden):
    model = rg.load_model("SatCLIP", weights=str(golden / "satclip-mini.ckpt"), device="cpu")
    cube = rg.raster(*BOX, model=model)
    found = rg.similarity(cube, (100, 10), model=model)
    assert found.dims == ("y", "x")
    np.testing.assert_allclose(found.values[None], expected(cube.values[None], model.encode((100, 10))), **NEAR)


def test_another_model_is_refused(mini, cube, golden):
    demo = rg.load_model(device="cpu")
    with pytest.raises(UsageError, match=r"made with another model: its encoder_sha256 is .*give the one it was made"):
        rg.similarity(cube, HERE, model=demo)
    satclip = rg.load_model("SatCLIP", weights=str(golden / "satclip-mini.ckpt"), device="cpu")
    with pytest.raises(UsageError, match=r"its model is RANGE\+, the model's is SatCLIP"):
        rg.similarity(cube, HERE, model=satclip)
    with pytest.raises(UsageError, match="made with another model: its encoder_sha256 is"):
        rg.similarity(cube, HERE, model="RANGE+")
    with pytest.raises(UsageError, match=r"model must come from rangegeo.load_model, got 3"):
        rg.similarity(cube, HERE, model=3)


def test_a_model_may_be_named():
    cube = rg.raster((5, 44, 6, 45), 0.5, bands=[1, 2, 3])
    found = rg.similarity(cube, (100, 10), model="RANGE+")
    np.testing.assert_array_equal(found, rg.similarity(cube, (100, 10), model=rg.load_model()))


@pytest.mark.parametrize("change", [lambda cube: cube - 1, lambda cube: -cube, lambda cube: cube.fillna(0) * 0 + 1])
def test_values_that_are_no_longer_the_models_are_refused(mini, cube, change):
    changed = change(cube)
    with pytest.raises(UsageError, match=r"was computed from RANGE\+ embedding and no longer has the model's values"):
        rg.similarity(changed, HERE, model=mini)
    assert rg.similarity(changed, HERE).sizes["x"] == 20


def test_values_that_are_still_the_models_are_compared(mini, cube):
    """A country is cut out with `where`, and every such cube counts as computed from the other."""
    wanted = rg.similarity(cube, HERE, model=mini)
    corner = (cube["x"] > 5.85) & (cube["y"] > 44.85)
    for change in (lambda cube: cube.where(corner), lambda cube: cube.where(corner).compute(), lambda cube: cube * 2):
        found = rg.similarity(change(cube), HERE, model=mini)
        assert np.isfinite(found).any()
        np.testing.assert_allclose(found, wanted.where(np.isfinite(found)), **NEAR)
    with pytest.raises(UsageError, match="no pixel tells whether it still has the model's values"):
        rg.similarity(cube.where(False), HERE, model=mini)


def test_a_cube_that_does_not_say_what_it_holds_has_no_model(mini, cube):
    for other in (
        rg.raster(*BOX, model=mini, pca=3),
        cube.drop_vars("beta"),
        cube.drop_vars("band_name"),
    ):
        with pytest.raises(UsageError, match="give a place inside the cube and no model"):
            rg.similarity(other, HERE, model=mini)
        assert rg.similarity(other, HERE).sizes["x"] == 20


# ------------------------------------------------------------------------------------------------ what is stored


def test_pixels_without_data_stay_so(cube, to_here):
    masked = cube.where(cube["x"] > 5.3)
    found = rg.similarity(masked, HERE).values
    assert np.isnan(found[..., :6]).all()
    np.testing.assert_allclose(found[..., 6:], to_here[..., 6:], **NEAR)
    with pytest.raises(UsageError, match="a place lies on a pixel without data"):
        rg.similarity(masked, (5.1, 44.5)).compute()


def test_one_missing_band_makes_a_pixel_missing(cube):
    found = rg.similarity(cube.where((cube["band"] != 7) | (cube["x"] > 5.3)), HERE)
    assert np.isnan(found[..., :6]).all()


def test_a_quantised_cube(cube, tmp_path):
    scale = float(abs(cube).max()) / 127
    stored = (cube / scale).round().clip(-127, 127).where(cube["y"] < 44.8)
    encoding = {"dtype": "int8", "scale_factor": np.float32(scale), "_FillValue": -128}
    (stored * scale).rename("embedding").to_dataset(promote_attrs=False).to_netcdf(
        tmp_path / "a.nc", engine="scipy", encoding={"embedding": encoding}
    )
    with xr.open_dataset(tmp_path / "a.nc", engine="scipy", decode_coords="all") as dataset:
        opened = dataset["embedding"].load()
    found = rg.similarity(opened, HERE)
    assert np.isnan(found[:, 0]).all()
    values = opened.values
    np.testing.assert_allclose(found[:, 4:], expected(values, values[:, :, 13, 10])[:, 4:], **NEAR)


def test_integers_as_they_are_stored_are_refused(cube):
    with pytest.raises(UsageError, match=r"the cube holds stored int8; open it with rangegeo\.open_cube"):
        rg.similarity((cube * 100).astype(np.int8), HERE)


@pytest.mark.parametrize("factor", [1e22, 1e-24])
def test_sums_neither_overflow_nor_vanish(cube, to_here, factor):
    """The square of such numbers is none of float32."""
    np.testing.assert_allclose(rg.similarity(cube * np.float32(factor), HERE), to_here, **NEAR)


def test_half_precision_has_its_values_and_no_more(cube):
    half = (cube / abs(cube).max() * 6e4).astype(np.float16)
    values = half.values
    np.testing.assert_allclose(rg.similarity(half, HERE), expected(values, values[:, :, 13, 10]), **NEAR)


def test_sums_over_many_bands_are_accurate():
    """1280 bands around a large mean: sums in float32 would be off by more."""
    random = np.random.default_rng(0)
    many = xr.DataArray(random.normal(1000, 1, (1280, 3, 2)).astype(np.float32), dims=("band", "y", "x"))
    many = many.assign_coords(y=[2.5, 1.5, 0.5], x=[0.5, 1.5]).odc.assign_crs("EPSG:4326")
    found = rg.similarity(many, (0.5, 0.5)).values.astype(float)
    np.testing.assert_allclose(found, expected(many.values[None], many.values[None, :, 2, 0])[0], rtol=0, atol=6e-8)


def test_diagnostics_are_no_part_of_it(mini, cube, to_here):
    told = rg.raster(*BOX, model=mini, betas=(0, 1), bands="all,diagnostics", chunks=16)
    np.testing.assert_allclose(rg.similarity(told, HERE), to_here, rtol=0, atol=2e-5)


def test_other_orders_of_dims(cube, to_here):
    found = rg.similarity(cube.transpose("y", "band", "x", "beta"), HERE)
    assert found.dims == ("beta", "y", "x")
    np.testing.assert_allclose(found, to_here, **NEAR)


# --------------------------------------------------------------------------------------------------- where it is


@pytest.mark.parametrize(
    ("bbox", "res", "crs", "place"),
    [
        ((179, -17, -179, -16), 0.1, "EPSG:4326", (-179.95, -16.55)),
        ((179, -17, -179, -16), 0.1, "EPSG:4326", (180.05, -16.55)),
        ((-180, -1, 180, 1), 1, "EPSG:4326", (190.5, 0.5)),
        ((179, -17, -179, -16), 20_000, "EPSG:3857", (-179.5, -16.5)),
        ((5, 44, 6, 45), 5000, "EPSG:32632", (5.5, 44.5)),
        ((-180, 85, 180, 90), 100_000, "EPSG:3995", (-120, 88)),
    ],
)
def test_the_place_is_found_in_any_crs(mini, bbox, res, crs, place):
    cube = rg.raster(bbox, res, model=mini, crs=crs, betas=1).compute()
    found = rg.similarity(cube, place).isel(beta=0)
    row, col = np.unravel_index(np.nanargmax(found.values), found.shape)
    exact = rg.similarity(cube, place, model=mini).isel(beta=0)
    assert float(found[row, col]) == pytest.approx(1, abs=1e-6)
    nearest = np.unravel_index(np.nanargmax(exact.values), exact.shape)
    assert max(abs(row - nearest[0]), abs(col - nearest[1])) <= 1


@pytest.mark.parametrize("corner", [(5, 45), (6, 44), (5, 44), (6, 45)])
def test_edges_belong_to_the_cube(cube, corner):
    found = rg.similarity(cube, corner)
    row, col = 0 if corner[1] == 45 else 19, 0 if corner[0] == 5 else 19
    np.testing.assert_allclose(found[:, row, col], 1, **NEAR)


@pytest.mark.parametrize("place", [(4.99, 44.5), (6.01, 44.5), (5.5, 43.99), (5.5, 45.01), (-175, -44.5)])
def test_outside_is_refused_at_once(cube, nothing_computes, place):
    with pytest.raises(UsageError, match=r"is outside the cube, whose bounds are 5, 44, 6, 45; .* model="):
        rg.similarity(cube, [HERE, place])


def test_slices_know_where_they_are(cube, values):
    part = cube.isel(y=slice(4, 18, 2), x=slice(None, None, -1))
    found = rg.similarity(part, (5.52, 44.29))  # the centre of row 14, column 10
    np.testing.assert_allclose(found[:, 5, 9], 1, **NEAR)


def test_what_is_no_place_or_no_cube_is_refused(cube):
    for place, message in (
        ((5, 95), "the order is longitude, latitude"),
        ((np.nan, 45), "longitude must be in"),
    ):
        with pytest.raises(UsageError, match=message):
            rg.similarity(cube, place)
    for place in ((5, 45, 3), [[[5, 45]]], "Bern", None):
        with pytest.raises(ShapeError, match="places must"):
            rg.similarity(cube, place)
    with pytest.raises(UsageError, match=r"comparing pixels needs a cube with dims \(beta,\) band, y and x, got \("):
        rg.similarity(cube.isel(band=0), HERE)
    with pytest.raises(UsageError, match="no regular grid"):
        rg.similarity(cube.isel(x=[1, 2, 9]), HERE)
    with pytest.raises(UsageError, match="no grid with a CRS"):
        rg.similarity(cube.drop_vars("spatial_ref"), HERE)


def test_components_have_no_one_embedding(mini):
    components = rg.raster(*BOX, model=mini, layout="components")
    with pytest.raises(RangegeoError, match=r"choose a beta first: cube\.rangegeo\.at\(0\.5\)"):
        rg.similarity(components, HERE)
    assert rg.similarity(components.rangegeo.at(0.5), HERE).dims == ("y", "x")
