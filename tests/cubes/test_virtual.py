"""Virtual cubes: built at once, evaluated slice by slice, each at its own zoom, and equal to the others."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable

import dask
import numpy as np
import pytest
import xarray as xr
from helpers.evaluators import refuse_to_evaluate
from hypothesis import given, settings
from hypothesis import strategies as st

import rangegeo as rg
from rangegeo.cubes import virtual
from rangegeo.cubes.lazy import as_lazy
from rangegeo.engine.evaluator import FieldEvaluator
from rangegeo.errors import UsageError
from rangegeo.models.model import Model
from rangegeo.schema.cube import geobox_of, is_in_memory

EARTH = (-180, -90, 180, 90)
BOX = (5, 44, 6, 45)
ROUND_OFF = 4e-6  # of the largest value: what float32 retrieval in another order of sums may change


@pytest.fixture
def nothing_evaluates(monkeypatch):
    refuse_to_evaluate(monkeypatch)


@pytest.fixture
def evaluated(monkeypatch) -> list[np.ndarray]:
    """(n, 2) places of every evaluation."""
    seen: list[np.ndarray] = []
    components = FieldEvaluator.components

    def counted(self, places, wanted):
        seen.append(places.lonlat_deg.numpy())
        return components(self, places, wanted)

    monkeypatch.setattr(FieldEvaluator, "components", counted)
    return seen


@pytest.fixture(scope="module")
def demo() -> Model:
    return rg.load_model(device="cpu")


@pytest.fixture(scope="module")
def pair(mini) -> Callable[[], tuple[xr.DataArray, xr.DataArray]]:
    """Gives a virtual cube that nothing was taken from, of which every pixel is evaluated, and the same in memory."""
    options = {"model": mini, "betas": (0, 0.5, 1), "exact": True}
    expected = rg.raster(BOX, 0.05, **options).compute()
    return lambda: (rg.raster(BOX, 0.05, chunks=None, **options), expected)


def assert_same(found: xr.DataArray, expected: xr.DataArray) -> None:
    assert found.dims == expected.dims
    assert found.shape == expected.shape
    if expected.size:
        scale = float(abs(expected).max())
        np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=ROUND_OFF * max(scale, 1))
    xr.testing.assert_identical(found.drop_attrs().coords.to_dataset(), expected.drop_attrs().coords.to_dataset())


# ---------------------------------------------------------------------------------------------------- lazy


def test_nothing_is_evaluated_before_values_are_asked_for(mini, nothing_evaluates):
    cube = rg.raster(EARTH, 0.001, model=mini, betas=(0, 1), chunks=None)
    assert cube.sizes == {"beta": 2, "band": 40, "y": 180_000, "x": 360_000}
    part = cube.sel(beta=0.0, x=slice(5, 6), y=slice(45, 44), band=[1, 5]).isel(y=slice(None, None, 7))
    assert part.shape == (2, 143, 1000)
    assert "values with dtype=float32" in repr(part.transpose("y", "x", "band"))
    assert not is_in_memory(part)
    assert not dask.is_dask_collection(part)
    with pytest.raises(AssertionError, match="something was evaluated"):
        part.isel(x=0, y=0).compute()


def test_a_million_by_a_million_pixels_are_there_at_once(mini):
    start = time.perf_counter()
    cube = rg.raster(EARTH, (0.00036, 0.00018), model=mini, chunks=None)
    assert (cube.sizes["y"], cube.sizes["x"]) == (1_000_000, 1_000_000)
    view = cube.sel(x=slice(5, 5.003), y=slice(45, 44.999)).isel(beta=0, band=slice(0, 2))
    values = view.values
    assert time.perf_counter() - start < 5  # 0.2 s; a graph of it has sixty million tasks
    lon, lat = float(view["x"][3]), float(view["y"][2])
    np.testing.assert_allclose(values[:, 2, 3], mini.encode((lon, lat))[0, :2], rtol=1e-5)


def test_it_says_what_it_is_like_the_other(mini):
    options = {"model": mini, "betas": (0, 1)}
    found, expected = rg.raster(BOX, 0.01, chunks=None, **options), rg.raster(BOX, 0.01, **options)
    assert found.attrs == expected.attrs
    assert found.name == expected.name
    xr.testing.assert_identical(found.coords.to_dataset(), expected.coords.to_dataset())
    assert found.odc.geobox == expected.odc.geobox
    assert rg.raster(BOX, 0.01, chunks=None, exact=True, **options).rangegeo.facts["evaluation"] == "exact"


# ----------------------------------------------------------------------------------- only what a slice needs


def test_only_places_of_the_slice_are_evaluated(demo, evaluated):
    world = rg.raster(EARTH, 0.001, model=demo, chunks=None)
    part = world.sel(x=slice(5, 7), y=slice(46, 44)).isel(beta=0, band=0).compute()
    assert part.shape == (2000, 2000)
    places = np.concatenate(evaluated)
    assert len(places) <= 41**2 + 100  # points of one patch, and pixels that prove it
    assert (np.abs(places - [6, 45]) <= 1).all()


def test_a_slice_over_several_patches_evaluates_each_once(demo, evaluated):
    world = rg.raster(EARTH, 0.01, model=demo, chunks=None)
    world.sel(x=slice(0, 8), y=slice(45, 43)).isel(beta=0, band=0).compute()
    places = np.concatenate(evaluated)
    assert len(places) <= 2 * (41**2 + 100)
    assert ((places >= [0, 43]) & (places <= [8, 45])).all()


def test_far_away_it_is_coarse(mini, evaluated):
    """The whole Earth, at a picture's size: a pixel a place, whatever the resolution of the cube."""
    world = rg.raster(EARTH, 0.001, model=mini, chunks=None)
    picture = world.isel(x=slice(None, None, 10_000), y=slice(None, None, 10_000), beta=0)
    assert picture.values.shape == (40, 18, 36)
    assert sum(map(len, evaluated)) == 18 * 36
    row, col = 7, 20
    place = float(picture["x"][col]), float(picture["y"][row])
    np.testing.assert_allclose(picture.values[:, row, col], mini.encode(place)[0], rtol=0, atol=1e-5)


def test_a_step_has_patches_of_its_own_zoom(demo, evaluated):
    """Every 20th pixel of 4 degrees: interpolated as a raster at 0.02 degrees is."""
    world = rg.raster(EARTH, 0.001, model=demo, chunks=None)
    part = world.sel(x=slice(0, 4), y=slice(40, 36)).isel(x=slice(3, None, 20), y=slice(9, None, 20))
    values = part.isel(beta=0, band=[0, 300]).values
    assert values.shape == (2, 200, 200)
    assert sum(map(len, evaluated)) < 0.1 * 200 * 200
    for row, col in ((0, 0), (117, 3), (199, 199)):
        exact = demo.encode((float(part["x"][col]), float(part["y"][row])))[0, [0, 300]]
        np.testing.assert_allclose(values[:, row, col], exact, rtol=0, atol=2e-5)


def test_one_pixel_is_one_evaluation(mini, evaluated):
    world = rg.raster(EARTH, 0.001, model=mini, chunks=None)
    pixel = world.sel(x=5.7003, y=45.1993, method="nearest").values
    assert sum(map(len, evaluated)) == 1
    np.testing.assert_allclose(pixel[0], mini.encode((5.7005, 45.1995))[0], rtol=0, atol=1e-5)


def test_interpolating_evaluates_what_lies_around(mini, evaluated):
    world = rg.raster(EARTH, 0.001, model=mini, chunks=None).isel(beta=0, band=[0, 30])
    found = world.interp(x=[5.7003, 5.7021], y=[45.2])
    places = np.concatenate(evaluated)
    assert (np.abs(places - [5.701, 45.2]) < 0.006).all()
    np.testing.assert_allclose(found[:, 0, 0], mini.encode((5.7003, 45.2))[0, [0, 30]], rtol=1e-4)


def test_points_are_evaluated_one_by_one(mini, evaluated):
    world = rg.raster(EARTH, 0.001, model=mini, betas=(0, 1), chunks=None)
    lon = xr.DataArray([-120.5005, 5.7005, 5.7005, 139.9995], dims="place")
    lat = xr.DataArray([37.2005, 45.2005, 45.2005, -35.0005], dims="place")
    found = world.sel(x=lon, y=lat, method="nearest")
    expected = mini.encode(np.stack([lon, lat], axis=1), (0, 1))
    evaluated.clear()
    np.testing.assert_allclose(found.transpose("beta", "place", "band"), expected, rtol=0, atol=1e-5)
    assert sum(map(len, evaluated)) == 3  # a place given twice is evaluated once
    ordered = np.take(found["x"], [0, 1, 3])
    assert sorted(np.concatenate(evaluated)[:, 0]) == pytest.approx(sorted(ordered.values))


def test_only_the_bands_and_betas_of_the_slice_are_evaluated(mini, monkeypatch):
    cube = rg.raster(BOX, 0.1, model=mini, betas=(0, 1), chunks=None)
    expected = rg.raster(BOX, 0.1, model=mini, betas=(0, 1)).compute()
    monkeypatch.setattr("rangegeo.field.range.softmax_average", None)  # S is needed by none of these
    for part in ({"band": slice(24, None)}, {"beta": 0}, {"beta": [0], "band": [3, 1]}, {"band": 39}):
        assert_same(cube.isel(part), expected.isel(part))
    with pytest.raises(TypeError):
        cube.isel(beta=1, band=0).compute()


def test_what_was_evaluated_is_kept(mini, evaluated):
    part = rg.raster(BOX, 0.1, model=mini, chunks=None).isel(x=slice(3), y=slice(2))
    first = part.values
    once = len(evaluated)
    np.testing.assert_array_equal(part.values, first)
    assert float(part[0, 0, 0, 0]) == first[0, 0, 0, 0]
    assert len(evaluated) == once > 0
    assert is_in_memory(part)


# --------------------------------------------------------------------------------------------- equal values


def indices(length: int) -> st.SearchStrategy:
    """An integer, a slice of any step, or an array in any order, also with repetitions."""
    edge = st.one_of(st.none(), st.integers(-length, length))
    step = st.sampled_from([None, 1, 2, 3, 7, -1, -3])
    return st.one_of(
        st.integers(-length, length - 1),
        st.builds(slice, edge, edge, step),
        st.lists(st.integers(-length, length - 1), max_size=5).map(lambda given: np.array(given, dtype=int)),
    )


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_any_slice_of_a_slice_is_that_of_the_cube(pair, data):
    found, expected = pair()
    for _ in range(2):
        part = {str(dim): data.draw(indices(size)) for dim, size in expected.sizes.items() if size}
        found, expected = found.isel(part), expected.isel(part)
    if data.draw(st.booleans()):
        dims = data.draw(st.permutations(expected.dims))
        found, expected = found.transpose(*dims), expected.transpose(*dims)
    assert not is_in_memory(found)
    assert_same(found, expected)


@settings(deadline=None, max_examples=40)
@given(
    points=st.lists(st.tuples(st.integers(-20, 19), st.integers(-20, 19)), min_size=1, max_size=9),
    first=st.sampled_from([{}, {"y": slice(None, None, -1)}, {"beta": 1, "band": [4, 2]}, {"x": [3, 3, 1] * 10}]),
)
def test_any_points_are_those_of_the_cube(pair, points, first):
    found, expected = (cube.isel(first) for cube in pair())
    rows, cols = (xr.DataArray(list(side), dims="place") for side in zip(*points, strict=True))
    assert_same(found.isel(y=rows, x=cols), expected.isel(y=rows, x=cols))


def test_labels_masks_and_selections(pair):
    found, expected = pair()
    for select in (
        lambda cube: cube.sel(x=slice(5.2, 5.6), y=slice(44.9, 44.1), beta=0.5),
        lambda cube: cube.sel(x=[5.9, 5.1], y=[44.4], method="nearest"),
        lambda cube: cube.isel(x=cube["x"] > 5.7, y=cube["y"].values < 44.3),
        lambda cube: cube.isel(x=np.arange(20) % 3 == 0, y=np.arange(20) % 7 < 3),
        lambda cube: cube.where(cube["x"] > 5.5),
        lambda cube: cube.mean(("y", "x")),
        lambda cube: cube[:, :3, 4, 4] - cube[0, :3, 4, 4],
        lambda cube: cube.sortby("y"),
    ):
        np.testing.assert_allclose(select(found), select(expected), rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("bbox", "res", "crs"),
    [
        ((5, 44, 6, 45), 0.01, "EPSG:4326"),
        ((179.5, -17, -179.5, -16), 0.01, "EPSG:4326"),
        ((5, 44, 6, 45), 1000, "EPSG:32632"),
        ((-180, 89.6, 180, 90), 1000, "EPSG:3995"),
    ],
)
def test_interpolated_slices_are_within_the_tolerance(mini, bbox, res, crs):
    options = {"model": mini, "crs": crs, "betas": (0, 1)}
    found = rg.raster(bbox, res, chunks=None, **options)
    exact = rg.raster(bbox, res, exact=True, **options).compute()
    assert found.rangegeo.facts["evaluation"] == "interpolated"
    for part in (
        {},
        {"y": slice(10, 150), "x": slice(150, 20, -1)},
        {"y": slice(None, None, 2), "x": slice(5, None, 2)},
    ):
        one, other = found.isel(part).values, exact.isel(part).values
        for bands in (slice(mini.visual), slice(mini.visual, None)):
            allowed = 1.3e-5 * np.nanmax(np.abs(other[:, bands]))
            np.testing.assert_allclose(one[:, bands], other[:, bands], rtol=0, atol=allowed)


def test_pixels_outside_a_projection_are_nan(mini):
    options = {"model": mini, "crs": "ESRI:54009"}
    found = rg.raster(EARTH, 500_000, chunks=None, **options)
    expected = rg.raster(EARTH, 500_000, **options).compute()
    assert np.isnan(expected).any()
    assert_same(found.isel(x=slice(None, None, 3)), expected.isel(x=slice(None, None, 3)))
    rows, cols = xr.DataArray([0, 20, 0], dims="place"), xr.DataArray([0, 40, 36], dims="place")
    assert_same(found.isel(y=rows, x=cols), expected.isel(y=rows, x=cols))


def test_layouts_projections_and_models_without_beta(mini, golden):
    satclip = rg.load_model("SatCLIP", weights=str(golden / "satclip-mini.ckpt"), device="cpu")
    for options in (
        {"model": satclip},
        {"model": mini, "layout": "components"},
        {"model": mini, "betas": (0, 1), "pca": 3},
        {"model": mini, "bands": "location,diagnostics"},
        {"model": mini, "bands": (7, 3)},
    ):
        found, expected = rg.raster(BOX, 0.1, chunks=None, **options), rg.raster(BOX, 0.1, **options).compute()
        assert_same(found, expected)
        assert_same(found.isel(band=[1, 0], x=3), expected.isel(band=[1, 0], x=3))
        assert_same(found.rangegeo.to_dask(), expected)


# ------------------------------------------------------------------------------------------------ in company


def test_what_no_memory_holds_is_refused(mini):
    world = rg.raster(EARTH, 0.001, model=mini, chunks=None)
    with pytest.raises(UsageError, match=r"takes 10\.4 TB of memory and the machine has .*; take a smaller one"):
        _ = world - 1
    x = xr.DataArray(np.arange(3000), dims="place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(virtual.os, "sysconf", lambda name: 4096 if name == "SC_PAGE_SIZE" else 10)
        with pytest.raises(UsageError, match="of memory and the machine has"):
            world.isel(x=x, y=x % 1000).compute()


def test_dask_takes_over_with_patches_of_many_chunks(demo, evaluated, tmp_path):
    world = rg.raster(EARTH, 0.01, model=demo, betas=(0, 1), bands=(1, 300), chunks=None)
    part = world.sel(x=slice(5, 7), y=slice(46, 44))
    lazy = part.rangegeo.to_dask()
    assert dask.is_dask_collection(lazy)
    assert lazy.data.npartitions == 1 or max(lazy.chunksizes["x"]) <= 256
    assert evaluated == []
    part.rangegeo.to_zarr(tmp_path / "a.zarr")
    assert sum(map(len, evaluated)) < 0.1 * 200 * 200
    stored = rg.open_cube(tmp_path / "a.zarr")
    assert 0 < stored.rangegeo.facts["measured_error"] <= 1e-5
    assert geobox_of(stored) == geobox_of(part)
    expected = rg.raster((5, 44, 7, 46), 0.01, model=demo, betas=(0, 1), bands=(1, 300)).compute()
    np.testing.assert_allclose(stored, expected, rtol=0, atol=2e-5 * float(abs(expected).max()))


def test_dask_has_the_order_that_was_asked_for(pair):
    found, expected = pair()
    for part in (
        {"y": slice(None, None, -2), "x": slice(3, 15, 4), "band": [5, 1], "beta": [2, 0]},
        {"y": 3, "x": slice(4, 9)},
        {"y": [4, 3, 3], "beta": 1},
        {"y": [0, 1, 5]},
    ):
        lazy = found.isel(part).rangegeo.to_dask() if {"y", "x"} <= set(found.isel(part).dims) else None
        lazy = as_lazy(found.isel(part)) if lazy is None else lazy
        assert dask.is_dask_collection(lazy)
        assert_same(lazy.compute(), expected.isel(part))
    reordered = as_lazy(found.transpose("x", "y", "band", "beta"))
    assert dask.is_dask_collection(reordered)
    assert_same(reordered.compute(), expected.transpose("x", "y", "band", "beta"))


@pytest.mark.parametrize(("bands", "chunks"), [([1], "247,808"), ("all", "3,957,891")])
def test_a_graph_that_is_too_large_is_refused_with_the_number_of_its_chunks(demo, bands, chunks):
    cube = rg.raster((-180, -90, 180, 90), 0.001, model=demo, bands=bands, chunks=None)
    with pytest.raises(UsageError, match=f"a graph of this cube would have {chunks} chunks; take a slice"):
        as_lazy(cube)
    assert dask.is_dask_collection(as_lazy(cube[..., :2000, :2000]))


def test_similarity_and_colours_of_slices(pair):
    found, expected = pair()
    part = {"x": slice(2, 12), "y": slice(1, 9)}
    likeness = rg.similarity(found.isel(part), (5.3, 44.8))
    assert dask.is_dask_collection(likeness)
    np.testing.assert_allclose(likeness, rg.similarity(expected.isel(part), (5.3, 44.8)), rtol=0, atol=1e-6)
    painted = found.isel(part).rangegeo.rgb().values.astype(int)
    assert np.abs(painted - expected.isel(part).rangegeo.rgb().values).max() <= 1


def test_it_travels(mini):
    cube = rg.raster(BOX, 0.1, model=mini, chunks=None).isel(x=slice(2, 5))
    sent = pickle.dumps(cube)
    assert len(sent) < 50_000
    assert_same(pickle.loads(sent), cube.compute())
    chunked = cube.chunk({"y": 4})
    with dask.config.set(scheduler="threads"):
        assert_same(chunked.compute(), cube.compute())


@pytest.mark.parametrize("chunks", ["many", 17, 0, 2.5])
def test_impossible_chunks(mini, chunks):
    with pytest.raises(UsageError, match="chunks must be a multiple of 16"):
        rg.raster(BOX, 0.1, model=mini, chunks=chunks)


def test_an_impossible_tolerance_is_refused_now(mini):
    with pytest.raises(UsageError, match="tolerance must be in"):
        rg.raster(BOX, 0.1, model=mini, chunks=None, tolerance=1)


def test_an_area_is_refused(mini):
    area = {"type": "Polygon", "coordinates": [[[5, 44], [6, 44], [6, 45], [5, 44]]]}
    with pytest.raises(UsageError, match=r"a virtual cube \(chunks=None\) has no area; leave out aoi, or chunks"):
        rg.raster(res=0.1, aoi=area, model=mini, chunks=None)
