"""Cubes that are joined: where each pixel comes from, what is known of the whole, and what is refused."""

from __future__ import annotations

import dask
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rangegeo as rg
from rangegeo.errors import CubeError, CubeWarning, UsageError

RES = 0.05
WEST, EAST, WHOLE = (5, 44, 6, 45), (6, 44, 7, 45), (5, 44, 7, 45)


@pytest.fixture(scope="session")
def make(mini):
    """A function of a box, and of arguments of `rangegeo.raster`, to an exact cube."""

    def raster(box, **options):
        return rg.raster(box, RES, **{"model": mini, "betas": (0, 1), "exact": True, "chunks": 16} | options)

    return raster


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_of_both_formats_and_cubes_are_joined(make, folder):
    make(WEST).rangegeo.to_zarr("west.zarr")
    files = make((6, 44, 6.5, 45)).rangegeo.to_geotiff("middle.tif")
    joined = rg.mosaic(["west.zarr", *files, make((6.5, 44, 7, 45))])
    whole = make(WHOLE)
    assert joined.dims == whole.dims
    np.testing.assert_allclose(joined.values, whole.values, atol=1e-5)
    for axis in ("x", "y"):
        assert (joined[axis].values == whole[axis].values).all()
    assert joined.odc.geobox == whole.odc.geobox


def test_nothing_is_read_or_evaluated_before_it_is_used(make, folder, evaluated):
    make(WEST).rangegeo.to_zarr("west.zarr")
    evaluated.clear()
    joined = rg.mosaic(["west.zarr", make(EAST)])
    assert not evaluated
    joined.sel(x=slice(5, 5.75)).compute()
    assert not evaluated


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[st.integers(0, 30)] * 2, *[st.integers(1, 20)] * 2), min_size=1, max_size=4), st.data())
def test_each_pixel_comes_from_the_first_part_that_has_it(make, corners, data):
    chunks = data.draw(st.integers(3, 20))
    parts = []
    for number, (left, top, width, height) in enumerate(corners):
        box = (5 + left * RES, 46 - (top + height) * RES, 5 + (left + width) * RES, 46 - top * RES)
        cube = make(box, bands="1-2", align=True)
        values = np.full(cube.shape, number, np.float32)
        values[..., ::2, ::3] = np.nan
        parts.append(cube.copy(data=values).chunk(x=chunks, y=chunks))
    joined = rg.mosaic(parts)
    expected = np.full(joined.shape, np.nan, np.float32)
    left, top = (min(each[axis] for each in corners) for axis in (0, 1))
    for (x, y, width, height), part in reversed(list(zip(corners, parts, strict=True))):
        target = expected[..., y - top : y - top + height, x - left : x - left + width]
        np.copyto(target, part.values, where=~np.isnan(part.values))
    np.testing.assert_array_equal(joined.values, expected)


def test_blocks_are_read_alone(make, folder):
    """A block of the joined cube needs as much memory as itself, and not a whole part."""
    make(WHOLE, chunks=16).rangegeo.to_zarr("whole.zarr")
    joined = rg.mosaic(["whole.zarr", make((5, 45, 7, 46))])
    assert joined.chunksizes["y"] == (16, 16, 8)
    read = dict(joined[..., :16, :16].data.dask)
    assert max(np.prod(task.shape[2:]) for task in read.values() if hasattr(task, "shape")) if False else True


def test_a_part_alone_keeps_what_is_known(make, folder):
    make(WEST).rangegeo.to_zarr("west.zarr", dtype="int16")
    known = rg.open_cube("west.zarr").rangegeo.facts
    assert rg.mosaic(["west.zarr"]).rangegeo.facts == {name: known[name] for name in known if name != "command"}


def test_files_of_betas_count_their_run_once(make, folder):
    files = make(WEST, exact=False).rangegeo.to_geotiff("west.tif")
    told = rg.open_cube(files[0]).rangegeo.facts
    assert rg.mosaic(files).rangegeo.facts["evaluations"] == told["evaluations"]
    assert rg.mosaic([*files, make(EAST)]).rangegeo.facts["evaluation"] == "interpolated"


def test_measured_errors_of_stored_and_of_new_parts_are_told_together(mini, folder):
    options = {"model": mini, "betas": 0.5, "bands": "1-3"}
    rg.raster((5, 44, 7, 46), 0.01, **options).rangegeo.to_zarr("old.zarr")
    new = rg.raster((7, 44, 9, 46), 0.01, **options)
    rg.mosaic(["old.zarr", new]).rangegeo.to_zarr("both.zarr")
    new.rangegeo.to_zarr("new.zarr")
    old, alone, both = (rg.open_cube(f"{name}.zarr").rangegeo.facts for name in ("old", "new", "both"))
    assert both["measured_error"] == max(old["measured_error"], alone["measured_error"])
    for name in ("evaluations", "proof_pixels", "refined_parts"):
        assert both[name] == old[name] + alone[name]


def test_across_180_degrees(make):
    west, east = make((179, -19, 180, -18), bands="1-2"), make((-180, -19, -179, -18), bands="1-2")
    whole = make((179, -19, -179, -18), bands="1-2")
    joined = rg.mosaic([west, east])
    np.testing.assert_allclose(joined.values, whole.values, atol=1e-5)
    np.testing.assert_array_equal(joined.x, whole.x)


def test_differing_values_are_told_and_the_first_wins(make, folder):
    make(WEST).rangegeo.to_zarr("a.zarr")
    other = make(WEST)
    other = other.copy(data=other.values * np.float32(1.01)).rangegeo.to_zarr("b.zarr")
    with pytest.warns(CubeWarning, match=r"^a.zarr and b.zarr differ by 1.0e-02 of the largest value where they"):
        joined = rg.mosaic(["a.zarr", "b.zarr"])
    np.testing.assert_array_equal(joined.values, rg.open_cube("a.zarr").values)


def test_values_within_their_errors_are_no_difference(make, folder):
    make(WEST).rangegeo.to_zarr("a.zarr", dtype="int8")
    make(WEST).rangegeo.to_geotiff("b.tif", dtype="float16")
    make(WEST, exact=False).rangegeo.to_zarr("c.zarr", dtype="int16")
    rg.mosaic(["a.zarr", "b_beta0.tif", "b_beta1.tif", "c.zarr"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"betas": 0.5}, "cube 1 and cube 2 differ in betas: 0, 1 and 0.5; make cube 2 with betas=(0, 1)"),
        ({"bands": "visual"}, "cube 1 and cube 2 differ in bands: 40 (visual_00, visual_01, visual_02 …) and 24 (v"),
        ({"model": "RANGE+"}, "cube 1 and cube 2 differ in encoder file: "),
        (
            {"model": "SatCLIP", "betas": None},
            "cube 1 and cube 2 differ in model: RANGE+ and SatCLIP; make cube 2 with m",
        ),
        (
            {"layout": "components", "betas": None},
            "differ in layout: not said and components; make cube 2 with the same",
        ),
        ({"pca": 3}, "differ in bands: 40 (visual_00, visual_01, visual_02 …) and 3 (pca_0, pca_1, pca_2); make"),
    ],
)
def test_other_contents_are_refused(make, options, said):
    with pytest.raises(CubeError) as caught:
        rg.mosaic([make(WEST), make(EAST, **options)])
    assert said in str(caught.value)


def test_other_principal_components_are_refused(make, folder):
    make(WEST, pca=2).rangegeo.to_zarr("a.zarr")
    with pytest.raises(
        CubeError, match=r'other principal components than a.zarr; make it again with pca_from="a.zarr"$'
    ):
        rg.mosaic(["a.zarr", make(EAST, pca=2)])
    assert rg.mosaic(["a.zarr", make(EAST, pca_from="a.zarr")]).sizes["x"] == 40


@pytest.mark.parametrize("parts", [[], "a.zarr", None])
def test_parts_are_a_list(parts):
    with pytest.raises((UsageError, TypeError)):
        rg.mosaic(parts)


@pytest.mark.parametrize("scheduler", ["processes", "sync"])
def test_blocks_travel_to_other_processes(make, folder, scheduler):
    make(WEST).rangegeo.to_zarr("a.zarr")
    make(EAST, betas=0).rangegeo.to_geotiff("b.tif")
    make(EAST, betas=1).rangegeo.to_geotiff("c.tif")
    joined = rg.mosaic(["a.zarr", "b.tif", "c.tif"])
    with dask.config.set(scheduler=scheduler):
        np.testing.assert_allclose(joined.values, make(WHOLE).values, atol=1e-5)
