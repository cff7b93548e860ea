"""Cubes: lazy, the same whatever the chunks and the scheduler, and equal to the model at every pixel centre."""

from __future__ import annotations

import pickle

import dask
import numpy as np
import pytest
import rasterio.transform
import xarray as xr
from helpers.evaluators import refuse_to_evaluate
from helpers.rasters import lazy_cube, raster_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import golden
from pyproj import Transformer

import rangegeo as rg
from rangegeo.cubes import graph as module
from rangegeo.cubes.cost import ALWAYS, plan
from rangegeo.cubes.outline import outline
from rangegeo.errors import GridError, UsageError
from rangegeo.grid import make_geobox
from rangegeo.models.model import Model

ALPS = (5, 44, 6, 45)
ROUND_OFF = 4e-6  # of the largest value: what float32 retrieval in another order of sums may change
GRIDS = {  # bbox, resolution, CRS
    "degrees": (ALPS, 0.04, "EPSG:4326"),
    "other pixels in x and y": (ALPS, (0.05, 0.03), "EPSG:4326"),
    "web mercator": (ALPS, 4000, "EPSG:3857"),
    "a UTM zone": (ALPS, 4000, "EPSG:32632"),
    "the north pole": ((-180, 89, 180, 90), 10_000, "EPSG:3995"),
    "the south pole": ((-180, -90, 180, -89), 10_000, "EPSG:3031"),
    "the antimeridian": ((179.5, -17.5, -179.6, -16.5), 0.04, "EPSG:4326"),
    "the antimeridian in mercator": ((179.5, -17.5, -179.6, -16.5), 4000, "EPSG:3857"),
    "the antimeridian in mercator around 150° east": ((179.5, -17.5, -179.6, -16.5), 4000, "EPSG:3832"),
    "another datum": ((-4, 54, -3, 55), 0.04, "EPSG:4277"),
}


@pytest.fixture(scope="module")
def satclip() -> Model:
    return rg.load_model("SatCLIP", weights=str(golden.GOLDEN / "satclip-mini.ckpt"), device="cpu")


@pytest.fixture
def nothing_computes(monkeypatch):
    """Any evaluation is an error."""

    refuse_to_evaluate(monkeypatch)


@pytest.fixture
def counted(monkeypatch) -> list[tuple[int, int]]:
    """First row and column of every chunk that is computed."""
    seen: list[tuple[int, int]] = []
    for name in ("exact_block", "interpolated_block"):
        compute = getattr(module, name)

        def count(spec, geobox, window, *rest, compute=compute) -> np.ndarray:
            seen.append((window[0].start, window[1].start))
            return compute(spec, geobox, window, *rest)

        monkeypatch.setattr(module, name, count)
    return seen


def expected_values(cube: xr.DataArray, model: Model, betas: tuple[float, ...]) -> np.ndarray:
    """model.encode at the pixel centres, which rasterio and pyproj give: (betas, band, y, x)."""
    step_x, step_y = (float(cube[axis].attrs["resolution"]) for axis in ("x", "y"))
    west, north = float(cube["x"][0]) - step_x / 2, float(cube["y"][0]) - step_y / 2
    transform = rasterio.transform.Affine(step_x, 0, west, 0, step_y, north)
    rows, cols = np.mgrid[: cube.sizes["y"], : cube.sizes["x"]]
    x, y = rasterio.transform.xy(transform, rows.ravel(), cols.ravel())
    to_lonlat = Transformer.from_crs(cube["spatial_ref"].attrs["crs_wkt"], "OGC:CRS84", always_xy=True)
    lon, lat = to_lonlat.transform(x, y)
    values = model.encode(
        np.stack([(np.asarray(lon) + 180) % 360 - 180, lat], axis=1), betas if model.has_beta else None
    )
    values = values.reshape(-1, cube.sizes["y"], cube.sizes["x"], cube.sizes["band"])
    return values.transpose(0, 3, 1, 2)


def relative_difference(found: np.ndarray, expected: np.ndarray, visual: int) -> float:
    """Largest difference in the visual and in the location bands, each relative to its largest value."""
    assert found.shape == expected.shape
    assert (np.isnan(found) == np.isnan(expected)).all()
    parts = [part for part in (slice(0, visual), slice(visual, None)) if expected[:, part].size]
    return max(
        float(np.nanmax(np.abs(found[:, part] - expected[:, part])) / np.nanmax(np.abs(expected[:, part])))
        for part in parts
    )


# ---------------------------------------------------------------------------------------------------- lazy


@pytest.mark.parametrize("exact", [True, False])
def test_nothing_is_computed_before_values_are_asked_for(mini, nothing_computes, exact):
    cube = rg.raster((0, 0, 40, 30), 0.01, model=mini, betas=(0, 1), exact=exact)
    assert cube.sizes == {"beta": 2, "band": 40, "y": 3000, "x": 4000}
    part = cube.sel(beta=0.0, x=slice(3, 9), band=[1, 5]).isel(y=slice(None, None, 7))
    assert part.nbytes < cube.nbytes
    assert "dask.array" in repr(cube)
    (cube - cube.sel(beta=1.0)).mean("band")
    assert dask.is_dask_collection(part)
    with pytest.raises(AssertionError, match="something was evaluated"):
        part.isel(x=slice(2), y=slice(2)).compute()


def test_dims_and_coordinates(mini):
    cube = rg.raster(ALPS, 0.25, model=mini, betas=(0, 0.5, 1))
    assert cube.name == "embedding"
    assert cube.dims == ("beta", "band", "y", "x")
    assert cube.dtype == np.float32
    assert cube["beta"].values.tolist() == [0, 0.5, 1]
    assert cube["band"].values.tolist() == list(range(1, 41))
    assert cube["band_name"].values.tolist() == list(mini.recipe().names)
    assert cube["x"].values.tolist() == [5.125, 5.375, 5.625, 5.875]
    assert cube["y"].values.tolist() == [44.875, 44.625, 44.375, 44.125]
    assert cube["x"].attrs["units"] == "degrees_east"
    assert cube.encoding["grid_mapping"] == "spatial_ref"
    assert cube["spatial_ref"].attrs["GeoTransform"].startswith("5 0.25 0 45 0 -0.25")
    assert cube.odc.geobox == make_geobox(ALPS, 0.25)
    assert cube.shape == cube.values.shape


def test_provenance_says_where_the_values_come_from(mini, satclip):
    attrs = rg.raster(ALPS, 0.25, model=mini).rangegeo.facts
    assert attrs["model"] == "RANGE+"
    assert attrs["encoder_file"] == "satclip-mini.ckpt"
    assert attrs["encoder_sha256"] == mini.spec.weights_sha256
    assert attrs["database_sha256"] == mini.spec.db_sha256
    assert (attrs["semantic_temperature"], attrs["geographic_temperature"]) == (12.0, 40.0)
    assert attrs["rangegeo_version"].startswith("0.")
    assert "database_sha256" not in rg.raster(ALPS, 0.25, model=satclip).rangegeo.facts


def test_models_without_beta_have_no_beta(satclip, mini):
    with pytest.raises(UsageError, match=r"^betas needs a model with betas, and SatCLIP has none; leave it out$"):
        rg.raster(ALPS, 0.25, model=satclip, betas=0.5)
    cube = rg.raster(ALPS, 0.25, model=satclip)
    assert cube.dims == ("band", "y", "x")
    assert "beta" not in cube.coords
    assert cube["band_name"].values[0] == "location_00"
    np.testing.assert_allclose(cube.values[:, 0, 0], satclip.encode([5.125, 44.875])[0], rtol=1e-6)


def test_one_beta_is_still_a_dimension(mini):
    assert rg.raster(ALPS, 0.25, model=mini, betas=0.5).sizes["beta"] == 1


def test_an_outline_is_a_cube_without_values_or_memory(mini):
    geobox, recipe = make_geobox(ALPS, 1e-4), mini.recipe((0, 1))
    empty = outline(raster_spec(geobox, mini, recipe))
    assert empty.nbytes == 2 * 40 * 10_000 * 10_000 * 4
    assert empty.data.strides == (0, 0, 0, 0)
    cube = lazy_cube(geobox, mini, recipe)
    assert (cube.dims, cube.shape, cube.dtype) == (empty.dims, empty.shape, empty.dtype)
    assert cube.attrs == empty.attrs
    xr.testing.assert_identical(cube.coords.to_dataset(), empty.coords.to_dataset())


# -------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("grid", GRIDS)
def test_every_pixel_is_the_model_at_its_centre(mini, grid):
    bbox, res, crs = GRIDS[grid]
    betas = (0.0, 0.3, 1.0)
    cube = rg.raster(bbox, res, model=mini, betas=betas, crs=crs, exact=True, chunks=16)
    assert cube.rangegeo.facts["evaluation"] == "exact"
    expected = expected_values(cube, mini, betas)
    assert relative_difference(cube.values, expected, mini.visual) < ROUND_OFF
    # and not of a place one pixel away
    assert relative_difference(cube.values[..., 1:], expected[..., :-1], mini.visual) > 100 * ROUND_OFF
    assert relative_difference(cube.values[..., 1:, :], expected[..., :-1, :], mini.visual) > 100 * ROUND_OFF


@pytest.mark.parametrize("grid", ["degrees", "a UTM zone", "the north pole", "the antimeridian in mercator"])
def test_interpolated_pixels_are_the_model_at_their_centres_within_the_tolerance(mini, grid):
    bbox, res, crs = GRIDS[grid]
    cube = rg.raster(bbox, np.divide(res, 2), model=mini, betas=(0.0, 1.0), crs=crs, tolerance=1e-5)
    assert relative_difference(cube.values, expected_values(cube, mini, (0.0, 1.0)), mini.visual) < 1e-5 + ROUND_OFF


def test_a_model_without_beta_is_the_model_at_its_centres_too(satclip):
    cube = rg.raster(ALPS, 0.1, model=satclip, exact=True)
    expected = expected_values(cube, satclip, (1.0,))
    assert relative_difference(cube.values[None], expected, 0) < ROUND_OFF


def test_pixels_outside_the_domain_are_nan_in_every_band_and_only_they(satclip):
    cube = rg.raster((-180, -90, 180, 90), 700_000, model=satclip, crs="ESRI:54009", chunks=16)
    values = cube.values
    x, y = np.meshgrid(cube["x"] / 18040095.7, cube["y"] / 9020047.85)
    inside = x**2 + y**2
    assert np.isnan(values[:, inside > 1.01]).all()
    assert np.isfinite(values[:, inside < 0.99]).all()
    assert np.isnan(values[:, 0, 0]).all()


def test_a_raster_wholly_outside_the_domain_is_refused(satclip):
    with pytest.raises(GridError, match="no pixel lies in the domain of ESRI:54009, so every value would be nodata"):
        rg.raster((1.7e7, 8e6, 1.8e7, 9e6), 1e5, model=satclip, crs="ESRI:54009", bbox_crs="ESRI:54009")


@settings(max_examples=15, deadline=None)
@given(
    chunks=st.sampled_from([16, 32, 48, 64, 256]),
    height=st.integers(1, 50),
    width=st.integers(1, 50),
    crs=st.sampled_from(["EPSG:4326", "EPSG:32632"]),
)
def test_chunking_never_changes_values(satclip, chunks, height, width, crs):
    res = 0.02 if crs == "EPSG:4326" else 2000.0
    west, north = (5.0, 46.0) if crs == "EPSG:4326" else (300_000.0, 5_100_000.0)
    bbox = (west, north - height * res, west + width * res, north)
    options = {"model": satclip, "crs": crs, "bbox_crs": crs, "exact": True}
    one, many = rg.raster(bbox, res, chunks=512, **options), rg.raster(bbox, res, chunks=chunks, **options)
    assert one.shape == many.shape == (16, height, width)
    assert one.data.numblocks == (1, 1, 1)
    assert many.data.chunksize[1:] == (min(chunks, height), min(chunks, width))
    assert relative_difference(many.values[None], one.values[None], 0) < ROUND_OFF
    xr.testing.assert_equal(one.isel(band=0).drop_vars("band") * 0, many.isel(band=0).drop_vars("band") * 0)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_slicing_then_computing_is_computing_then_slicing(mini_cube, data):
    cube, eager = mini_cube
    rows, cols = (slice(*sorted(data.draw(st.tuples(*[st.integers(0, cube.sizes[axis])] * 2)))) for axis in ("y", "x"))
    bands = data.draw(st.lists(st.integers(0, 39), min_size=1, max_size=4, unique=True))
    picked = {"y": rows, "x": cols, "band": bands, "beta": data.draw(st.sampled_from([0, 1, [1, 0]]))}
    xr.testing.assert_identical(cube.isel(picked).compute(), eager.isel(picked))


@pytest.fixture(scope="module")
def mini_cube(mini) -> tuple[xr.DataArray, xr.DataArray]:
    """A cube of several chunks, and its values."""
    cube = rg.raster(ALPS, 0.025, model=mini, betas=(0, 1), chunks=16)
    return cube, cube.compute()


def test_each_beta_of_a_cube_is_the_cube_of_that_beta(mini):
    cube = rg.raster(ALPS, 0.1, model=mini, betas=(0, 0.3, 1), exact=True)
    for beta in (0, 0.3, 1):
        alone = rg.raster(ALPS, 0.1, model=mini, betas=beta, exact=True).isel(beta=0)
        np.testing.assert_allclose(cube.sel(beta=beta), alone, atol=5e-6)


# --------------------------------------------------------------------------------------------------- graph


@pytest.mark.parametrize("exact", [True, False])
def test_the_graph_carries_no_weights(mini, exact):
    cube = rg.raster((0, 0, 8, 8), 0.02, model=mini, chunks=64, exact=exact)
    assert cube.data.npartitions == 49
    assert len(pickle.dumps(dict(cube.data.dask))) < 100_000
    assert len(pickle.dumps(cube)) < 200_000
    assert (golden.GOLDEN / "satclip-mini.ckpt").stat().st_size > 500_000


def test_names_are_deterministic_and_say_what_differs(mini, satclip):
    def name(**changes: object) -> str:
        return rg.raster(**{"bbox": ALPS, "res": 0.25, "model": mini, "betas": (0, 1)} | changes).data.name

    assert name() == name()
    changes = [
        {"betas": (1, 0)},
        {"res": 0.125},
        {"bbox": (5, 44, 6, 45.25)},
        {"chunks": 16},
        {"model": satclip, "betas": None},
    ]
    changes += [{"crs": "EPSG:4258"}, {"bands": "location"}, {"exact": True, "res": 0.02}, {"res": 0.02}]
    assert len({name(), *(name(**change) for change in changes)}) == len(changes) + 1
    loaded_again = rg.load_model("RANGE+", weights=mini.spec.weights, db=mini.spec.db, device="cpu")
    assert name(model=loaded_again) == name()


@pytest.mark.parametrize("exact", [True, False])
def test_a_label_slice_computes_only_the_chunks_it_touches(mini, counted, exact):
    cube = rg.raster(ALPS, 0.01, model=mini, chunks=32, exact=exact)
    assert cube.data.numblocks == (1, 1, 4, 4)
    cube.sel(x=slice(5.0, 5.3), y=slice(44.99, 44.9)).compute()
    assert counted == [(0, 0)]
    counted.clear()
    cube.sel(x=slice(5.3, 5.4), y=slice(44.7, 44.66)).compute()
    assert sorted(counted) == [(0, 0), (0, 32), (32, 0), (32, 32)]
    counted.clear()
    cube.sel(x=5.505, y=44.505, band=3, method="nearest").compute()
    assert len(counted) == 1


@pytest.mark.parametrize("exact", [True, False])
def test_other_processes_give_the_same_values(satclip, exact):
    cube = rg.raster(ALPS, 0.025, model=satclip, chunks=32, exact=exact)
    here = cube.compute(scheduler="synchronous")
    there = cube.compute(scheduler="processes", num_workers=2)
    assert relative_difference(there.values[None], here.values[None], 0) < ROUND_OFF


def test_a_model_by_name_uses_the_embedded_weights():
    cube = rg.raster(ALPS, 0.25)
    assert cube.attrs["model"] == "RANGE+"
    assert cube.attrs["encoder_file"] == "location_encoder.safetensors"
    expected = rg.load_model("RANGE+").encode([5.125, 44.875])[0]
    np.testing.assert_allclose(cube.values[0, :, 0, 0], expected, atol=1e-5 * np.abs(expected).max())


# ------------------------------------------------------------------------------------------- chunks and plan


def test_default_chunks_bound_the_memory_of_a_block(mini, satclip):
    assert rg.raster((0, 0, 10, 10), 0.01, model=mini).data.chunksize == (1, 40, 256, 256)
    many = rg.raster((0, 0, 10, 10), 0.01, model="RANGE+", betas=(0, 1))
    assert many.data.chunksize == (2, many.sizes["band"], 128, 128)


@pytest.mark.parametrize("chunks", [0, 1, 15, 17, 100, -16])
def test_bad_chunks_are_refused(mini, chunks):
    with pytest.raises(UsageError) as caught:
        rg.raster(ALPS, 0.25, model=mini, chunks=chunks)
    assert str(caught.value) == f"chunks must be a multiple of 16 pixels, got {chunks}; for example chunks=128"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"bbox": (5, 44, 6)}, "bbox must be four numbers"),
        ({"res": -1}, "res must be one or two positive numbers"),
        ({"crs": "EPSG:1"}, "crs must be a CRS that pyproj knows"),
        ({"betas": 2}, "beta must be in"),
        ({"model": "RANGE++"}, "model must be one of"),
    ],
)
def test_bad_arguments_are_refused_at_once(mini, nothing_computes, arguments, said):
    with pytest.raises(UsageError, match=said):
        rg.raster(**{"bbox": ALPS, "res": 0.25, "model": mini} | arguments)


def test_the_plan_says_what_a_cube_costs(mini, satclip):
    recipe = mini.recipe((0, 1))
    expected = plan(raster_spec(make_geobox(ALPS, 0.01), mini, recipe, chunks=32), mini.evaluator)
    assert expected.sizes == {"beta": 2, "band": 40, "y": 100, "x": 100}
    assert expected.nbytes == 2 * 40 * 100 * 100 * 4
    assert expected.blocks == 16
    assert expected.seconds > 0
    assert str(expected).startswith("2 betas, 40 bands, 100 x 100 pixels, 3.2 MB before compression, about ")
    recipe = satclip.recipe()
    spec = raster_spec(make_geobox(ALPS, 0.01), satclip, recipe)
    assert str(plan(spec, satclip.evaluator)).startswith(
        "16 bands, 100 x 100 pixels, 640.0 kB before compression, about "
    )


def test_more_pixels_are_expected_to_take_longer(satclip, monkeypatch):
    monkeypatch.setattr("rangegeo.cubes.cost.seconds_per_place", lambda *_: 1e-4)  # measured, it differs each time
    recipe = satclip.recipe()
    small, large = (
        plan(raster_spec(make_geobox((0, 0, side, side), 0.5), satclip, recipe, tolerance=None), satclip.evaluator)
        for side in (2, 60)
    )
    assert large.seconds - ALWAYS > 10 * (small.seconds - ALWAYS)
