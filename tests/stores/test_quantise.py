"""Fewer bits a value: no value is off by more than half a step, no-data stays no-data, and what is lost is counted."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from helpers.rasters import raster_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import rangegeo as rg
from rangegeo.cubes.samples import sample_values
from rangegeo.engine.evaluator import FieldEvaluator
from rangegeo.errors import UsageError
from rangegeo.grid import make_geobox
from rangegeo.grid.extent import choose_extent
from rangegeo.grid.samples import FEWEST_LINES, sample_lines
from rangegeo.stores.quantise import (
    HALF_ROUNDING,
    LARGEST_HALF,
    NODATA,
    SMALLEST_MARGIN,
    Storage,
    fit_storage,
    storage_within,
)

INTEGERS = ("int16", "int8")
NAMES = ("visual_0", "visual_1", "location_0")
FLOAT32 = float(np.finfo(np.float32).eps)

blocks = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 2), st.just(3), st.integers(1, 9), st.integers(1, 9)),
    elements=st.one_of(
        st.floats(-1e4, 1e4, width=32), st.just(np.nan), st.sampled_from([0.0, -0.0, 1.0, 1e-30, -1e-6, 12.5])
    ),
)


def fitted(values: np.ndarray, dtype: str, *, one_scale: bool = False, names: tuple[str, ...] = NAMES) -> Storage:
    """A storage whose sample is every value."""
    return fit_storage(dtype, names, lambda: da.asarray(values), one_scale=one_scale)


def decoded(storage: Storage, stored: np.ndarray) -> np.ndarray:
    return np.stack([storage.decode(layer, index) for index, layer in enumerate(stored)])


def half_steps(storage: Storage, values: np.ndarray) -> np.ndarray:
    """What each value may be off by: half a step, and what float32 itself rounds."""
    return storage.scale[:, :, None, None] / 2 * (1 + 1e-9) + FLOAT32 * np.abs(values)


# ------------------------------------------------------------------------------------------------ integers


@settings(max_examples=100, deadline=None)
@given(values=blocks, dtype=st.sampled_from(INTEGERS), one_scale=st.booleans())
def test_no_value_is_off_by_more_than_half_a_step_and_no_data_stays(values, dtype, one_scale):
    """Of constant bands, of one pixel, of bands with no data at all."""
    storage = fitted(values, dtype, one_scale=one_scale)
    stored, loss = storage.encode(values)
    assert stored.dtype == dtype
    np.testing.assert_array_equal(stored == storage.nodata, np.isnan(values))
    read = decoded(storage, stored)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(read), np.isnan(values))
    assert (np.nan_to_num(np.abs(read - values.astype(float))) <= half_steps(storage, np.nan_to_num(values))).all()
    assert (storage.scale > 0).all()  # readers take 0 for none
    assert loss.clipped == 0
    facts = storage.facts([loss], {})
    assert all(np.isfinite(value) for value in facts.values() if not isinstance(value, str))
    for name in ("visual", "location"):
        assert facts[f"quantisation_error_{name}"] <= facts[f"quantisation_bound_{name}"] * (1 + 1e-5)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_a_constant_band_is_exact(dtype):
    values = np.full((1, 3, 4, 4), 3.25, np.float32)
    values[:, 1] = 0
    storage = fitted(values, dtype)
    np.testing.assert_array_equal(decoded(storage, storage.encode(values)[0]), values)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_a_cube_without_any_data(dtype):
    values = np.full((1, 3, 4, 4), np.nan, np.float32)
    storage = fitted(values, dtype)
    stored, loss = storage.encode(values)
    assert (stored == NODATA[dtype]).all()
    assert np.isnan(decoded(storage, stored)).all()
    assert storage.facts([loss], {})["quantisation_error_visual"] == 0


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("one_scale", [True, False])
def test_all_values_of_the_range_are_used(dtype, one_scale):
    """A step is as small as the margin allows."""
    values = np.random.default_rng(0).normal(size=(2, 3, 30, 30)).astype(np.float32)
    storage = fitted(values, dtype, one_scale=one_scale)
    stored, _ = storage.encode(values)
    used = np.ptp(stored.astype(int), axis=None if one_scale else (0, 2, 3))
    assert (used >= (2 * np.iinfo(dtype).max) / (1 + 2 * storage.margin + 1e-3) - 2).all()
    assert abs(stored.astype(int)).max() <= np.iinfo(dtype).max


@pytest.mark.parametrize("dtype", INTEGERS)
def test_what_lies_outside_the_ranges_is_clipped_counted_and_measured(dtype):
    inside = np.random.default_rng(0).uniform(-1, 1, (1, 3, 8, 8)).astype(np.float32)
    storage = fitted(inside, dtype)
    values = inside.copy()
    values[0, 0, 0, :3] = 1e3, -1e3, np.nan
    values[0, 2, 1, 1] = 7
    stored, loss = storage.encode(values)
    largest = np.iinfo(dtype).max
    assert stored[0, 0, 0, :3].tolist() == [largest, -largest, NODATA[dtype]]
    assert loss.clipped == 3
    off = np.abs(decoded(storage, stored) - values)
    facts = storage.facts([loss], {})
    assert facts["quantisation_clipped"] == 3
    assert facts["quantisation_error_visual"] == pytest.approx(np.nanmax(off[:, :2]) / 1e3, rel=1e-6)
    assert facts["quantisation_error_location"] == pytest.approx(off[:, 2].max() / 7, rel=1e-6)
    assert facts["quantisation_error_visual"] > 100 * facts["quantisation_bound_visual"]


def test_a_band_has_a_scale_of_its_own_but_where_it_cannot():
    values = np.random.default_rng(0).normal(size=(2, 3, 20, 20)).astype(np.float32)
    values *= np.array([[1, 100, 0.01], [2, 200, 0.02]], np.float32)[:, :, None, None]
    each, shared = (fitted(values, "int8", one_scale=one) for one in (False, True))
    np.testing.assert_array_equal(each.scale[1], each.scale[0])  # of the layer that varies most
    assert each.scale[0, 0] * 254 >= np.ptp(values[:, 0])
    assert each.scale[0, 1] > 50 * each.scale[0, 0] > 2500 * each.scale[0, 2]
    assert np.ptp(shared.scale) == np.ptp(shared.offset) == 0
    assert shared.scale[0, 0] == pytest.approx(each.scale.max(), rel=0.3)
    assert each.bounds["location"] < 0.01 < 1 < shared.bounds["location"]  # of its largest value: nothing is left


def test_ranges_are_as_much_wider_as_the_sample_was_surprised():
    """A smooth field needs the least; one with a peak between every other line of the sample needs what that adds."""
    down, across = np.meshgrid(np.linspace(0, 1, 17), np.linspace(0, 1, 17), indexing="ij")
    smooth = np.stack([down, across, down + across])[None].astype(np.float32)
    assert fitted(smooth, "int16").margin == SMALLEST_MARGIN
    peaked = smooth.copy()
    peaked[0, 0, 7, 7] = 1.25
    storage = fitted(peaked, "int16")
    assert storage.margin == pytest.approx(0.25 / 1.25)
    reach = storage.scale * np.iinfo("int16").max
    assert storage.offset[0, 0] + reach[0, 0] == pytest.approx(1.25 + 0.25, rel=1e-4)
    assert storage.offset[0, 1] - reach[0, 1] == pytest.approx(-0.2, rel=1e-3)  # all bands alike
    assert storage.sampled == 17 * 17


def test_a_band_that_hardly_varies_leaves_room_for_round_off():
    values = np.zeros((1, 3, 17, 17), np.float32)
    values[0, 0] = 30 + 1e-6 * np.random.default_rng(0).normal(size=(17, 17))
    values[0, 1] = 0.5
    storage = fitted(values, "int8")
    assert storage.margin == SMALLEST_MARGIN  # noise is no growth
    assert storage.scale[0, 1] * 127 == pytest.approx(30 * 1e-5, rel=0.01)
    assert fit_storage("int8", NAMES, lambda: da.asarray(values), one_scale=False, round_off=1e-3).scale[
        0, 1
    ] * 127 == pytest.approx(30 * 1e-3, rel=0.01)


@settings(max_examples=50, deadline=None)
@given(values=blocks, dtype=st.sampled_from([*INTEGERS, "float16"]), cut=st.integers(1, 8))
def test_blocks_do_not_change_what_is_stored_and_what_is_said_of_it(values, dtype, cut):
    storage = fitted(values, dtype)
    whole, loss = storage.encode(values)
    parts = [part for part in (values[..., :cut], values[..., cut:]) if part.size]
    encoded = [storage.encode(part) for part in parts]
    np.testing.assert_array_equal(np.concatenate([stored for stored, _ in encoded], axis=3), whole)
    assert storage.facts([lost for _, lost in encoded], {}) == storage.facts([loss], {})
    again = fit_storage(dtype, NAMES, lambda: da.from_array(values, chunks=(1, 2, 3, 4)), one_scale=False)
    if storage.scale is not None:
        np.testing.assert_array_equal(again.scale, storage.scale)
        np.testing.assert_array_equal(again.offset, storage.offset)


def test_what_values_had_lost_before_is_added():
    values = np.random.default_rng(0).normal(size=(1, 3, 9, 9)).astype(np.float32)
    storage = fitted(values, "int8")
    _, loss = storage.encode(values)
    once = storage.facts([loss], {"model": "RANGE+"})
    twice = storage.facts([loss], once | {"quantisation_clipped": 7})
    assert twice["quantisation_error_visual"] == 2 * once["quantisation_error_visual"] > 0
    assert twice["quantisation_clipped"] == 7
    assert twice["quantisation_sample"] == once["quantisation_sample"] == 81


# -------------------------------------------------------------------------------------------------- floats


def test_float32_stays_as_it_is():
    values = np.random.default_rng(0).normal(size=(1, 3, 4, 4)).astype(np.float32)
    storage = fitted(values, "float32")
    stored, loss = storage.encode(values)
    assert stored is values
    assert storage.facts([loss], {}) == {}


def test_floats_need_no_sample():
    def sample():
        raise AssertionError("sampled")

    for dtype in ("float32", "float16"):
        assert fit_storage(dtype, NAMES, sample, one_scale=True).dtype == dtype


@settings(max_examples=100, deadline=None)
@given(values=blocks)
def test_float16_is_the_nearest(values):
    storage = fitted(values, "float16")
    stored, loss = storage.encode(values)
    np.testing.assert_array_equal(stored, values.astype(np.float16))
    np.testing.assert_array_equal(decoded(storage, stored), values.astype(np.float16).astype(np.float32))
    assert loss.clipped == 0
    for name, largest in loss.largest.items():
        assert largest < 2.0**-14 or storage.facts([loss], {})[f"quantisation_error_{name}"] <= HALF_ROUNDING


def test_float16_has_a_largest_number():
    values = np.zeros((1, 3, 2, 2), np.float32)
    values[0, 0] = [[65504, 65519], [65521, -1e6]]
    stored, loss = fitted(values, "float16").encode(values)
    assert np.abs(stored).max() == LARGEST_HALF
    assert np.isfinite(stored).all()
    assert loss.clipped == 2


def test_other_dtypes_are_refused():
    with pytest.raises(UsageError) as caught:
        fit_storage("uint8", NAMES, lambda: None, one_scale=False)
    assert str(caught.value) == "dtype must be one of float32, float16, int16, int8, got 'uint8'"
    assert caught.value.for_shell() == "--dtype must be one of float32, float16, int16, int8, got 'uint8'"


# -------------------------------------------------------------------------------------------------- sample


@settings(max_examples=100, deadline=None)
@given(
    height=st.integers(1, 3000),
    width=st.integers(1, 3000),
    res=st.sampled_from([0.001, 0.01, 0.05]),
    arc=st.sampled_from([0.0, 0.01, 0.64]),
)
def test_the_sample_covers_the_raster(height, width, res, arc):
    geobox = make_geobox((-60, -70, -60 + width * res, -70 + height * res), res)
    lines = sample_lines(geobox, arc)
    for axis, length in zip(lines, geobox.shape, strict=True):
        assert (axis[0], axis[-1]) == (0, length - 1)
        assert (np.diff(axis) > 0).all()
        assert len(axis) >= min(length, FEWEST_LINES) - 1
        assert len(axis) <= max(FEWEST_LINES, length // 2 + 1)
        assert np.diff(axis).max(initial=0) * res <= max(2 * arc, 4 * res) + res
    for axis, again in zip(lines, sample_lines(geobox, arc), strict=True):
        np.testing.assert_array_equal(axis, again)  # seeded


def test_the_sample_holds_pixels_of_the_raster(mini):
    geobox = make_geobox((5, 44, 19, 54), 0.05)
    recipe = mini.recipe((0, 1))
    rows, cols = sample_lines(geobox, 0.64)
    assert (len(rows), len(cols)) == (16, 22)
    values = sample_values(raster_spec(geobox, mini, recipe))
    assert values.shape == (2, 40, len(rows), len(cols))
    window = rg.raster((5, 44, 19, 54), 0.05, model=mini, betas=(0, 1), exact=True).isel(y=rows[:3], x=cols[-3:])
    np.testing.assert_allclose(values[:, :, :3, -3:].compute(), window.values, rtol=0, atol=1e-5)


def test_of_an_area_only_its_own_pixels_are_sampled(mini):
    """A narrow strip that the lines of the whole raster hardly meet."""
    strip = {"type": "Polygon", "coordinates": [[[5, 44], [9, 46.97], [9, 47], [5, 44.03], [5, 44]]]}
    geobox, area = choose_extent(res=0.02, aoi=strip)
    values = sample_values(raster_spec(geobox, mini, mini.recipe(0.5), area=area)).compute()
    assert values.shape[:3] == (1, 40, 1)
    assert 200 < values.shape[3] <= 256
    cube = rg.raster(res=0.02, aoi=strip, model=mini, betas=0.5, exact=True)
    low, high = (getattr(cube, extreme)(("y", "x")).values[..., None, None] for extreme in ("min", "max"))
    assert ((low - 1e-5 <= values) & (values <= high + 1e-5)).all()
    storage = fit_storage("int8", cube["band_name"].values, lambda: da.asarray(values), one_scale=False)
    stored, loss = storage.encode(cube.values)
    assert loss.clipped == 0
    np.testing.assert_array_equal(stored == -128, np.isnan(cube.values))


def test_rougher_models_are_sampled_more_densely(mini, monkeypatch):
    geobox = make_geobox((5, 44, 9, 47), 0.02)
    smooth = sample_values(raster_spec(geobox, mini, mini.recipe(0.5))).shape
    monkeypatch.setattr(FieldEvaluator, "smooth_deg", 0.0)
    assert sample_values(raster_spec(geobox, mini, mini.recipe(0.5))).shape[2:] == (75, 100)  # every other pixel
    assert smooth[2:] == (16, 16)


# --------------------------------------------------------------------------------------------- real cubes

PLACES = {
    "alps": ((5, 44, 10, 48), 0.05, "EPSG:4326"),
    "fiji, across the antimeridian": ((176, -19, -178, -15), 0.06, "EPSG:4326"),
    "sahara in mercator": ((0, 20, 6, 25), 8000, "EPSG:3857"),
    "a valley": ((7, 45, 7.3, 45.3), 0.01, "EPSG:4326"),
}


@pytest.fixture(scope="module")
def demo():
    return rg.load_model("RANGE+")


@pytest.mark.parametrize("place", PLACES)
def test_every_pixel_of_a_real_cube_keeps_its_value_to_half_a_step(demo, place):
    bbox, res, crs = PLACES[place]
    recipe = demo.recipe((0, 1))
    cube = rg.raster(bbox, res, crs=crs, model=demo, betas=(0, 1))
    values = cube.values
    for dtype in INTEGERS:
        sample = sample_values(raster_spec(cube.odc.geobox, demo, recipe))
        storage = fit_storage(dtype, cube["band_name"].values, lambda sample=sample: sample, one_scale=False)
        stored, loss = storage.encode(values)
        assert loss.clipped == 0
        assert (np.abs(decoded(storage, stored) - values) <= half_steps(storage, values)).all()
        assert storage.margin < 0.3
        assert max(storage.bounds.values()) < {"int8": 0.006, "int16": 2.5e-5}[dtype]


def test_of_the_whole_earth_hardly_a_value_is_clipped_and_all_that_are_are_counted(demo):
    """At 3° a pixel the field is no longer smooth from pixel to pixel."""
    cube = rg.raster((-180, -90, 180, 90), 3, model=demo, betas=(0, 1))
    values = cube.values
    sample = sample_values(raster_spec(cube.odc.geobox, demo, demo.recipe((0, 1))))
    storage = fit_storage("int8", cube["band_name"].values, lambda: sample, one_scale=False)
    stored, loss = storage.encode(values)
    off = np.abs(decoded(storage, stored) - values) > half_steps(storage, values)
    assert 0 < np.count_nonzero(off) == loss.clipped < 1e-4 * values.size


def test_a_shared_scale_is_measured_against_the_largest_value_of_each_component():
    low, high = np.array([[-1.0, 0.0]]), np.array([[1.0, 1000.0]])
    storage = storage_within("int16", ["visual_1", "semantic_neighbours"], low, high, one_scale=True, origin="model")
    half = 1001 / (2 * 32767) / 2
    assert storage.bounds == pytest.approx({"visual": half, "semantic": half / 1000})
