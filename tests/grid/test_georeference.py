"""The grid of an array: its labels and its transform agree, or one line names both."""

from __future__ import annotations

import numpy as np
import pytest
import rioxarray  # noqa: F401  registers .rio
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from rangegeo.errors import GridError
from rangegeo.grid.coords import grid_coords
from rangegeo.grid.georeference import is_regular, is_skewed, labels_in, read_geobox, unskewed

GRID = GeoBox((40, 50), Affine(0.1, 0, 5.03, 0, -0.1, 48.06), "EPSG:4326")


def array_on(geobox: GeoBox = GRID) -> xr.DataArray:
    return xr.DataArray(xr.Variable(("y", "x"), np.zeros(geobox.shape)), grid_coords(geobox))


def read(array: xr.DataArray) -> tuple:
    geobox = read_geobox(array, "the array")
    assert geobox is not None
    return geobox.shape.yx, tuple(geobox.affine)[:6]


@settings(deadline=None, max_examples=60)
@given(
    step=st.sampled_from([0.1, 0.01, 1 / 7, 0.0123]),
    corner=st.floats(-20, 20),
    slices=st.tuples(*[st.tuples(st.integers(0, 20), st.integers(22, 40), st.integers(1, 5))] * 2),
)
def test_a_part_lies_on_the_lattice_of_the_whole(step, corner, slices):
    """The grid of a slice has the labels of the slice, to the last bit, also after it was turned around."""
    whole = array_on(GeoBox((40, 40), Affine(step, 0, corner, 0, -step, corner + 60), "EPSG:4326"))
    rows, cols = (slice(*part) for part in slices)
    part = whole[rows, cols]
    for turned in (part, part[::-1], part[:, ::-1]):
        found = grid_coords(read_geobox(turned, ""))
        for axis in ("y", "x"):
            np.testing.assert_array_equal(found[axis], turned[axis])


def test_steps_are_multiples_of_the_step():
    assert read(array_on()[::3, 1::3]) == ((14, 17), (0.3, 0.0, 5.03, 0.0, -0.3, 48.16))
    assert read(array_on()[::-1, 49:]) == ((40, 1), (0.1, 0.0, 9.93, 0.0, 0.1, 44.06))


def test_a_single_row_or_column_is_north_up():
    assert read(array_on()[::-1][7:8, ::-1][:, 3:4]) == ((1, 1), (0.1, 0.0, 9.63, 0.0, -0.1, 44.86))


def test_blocks_of_pixels_keep_their_edges():
    for count in (2, 3, 4, 5):
        coarse = array_on().coarsen(y=count, x=count, boundary="trim").mean()
        step = count / 10
        assert read(coarse) == ((40 // count, 50 // count), (step, 0.0, 5.03, 0.0, -step, 48.06))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("stated", [True, False])
def test_labels_that_were_rounded_are_read_as_what_they_stand_for(dtype, stated):
    labels = {"y": np.linspace(60, 30, 121), "x": np.linspace(-20, 40, 241)}
    array = xr.DataArray(np.zeros((121, 241)), labels, ("y", "x")).rio.write_crs(4326)
    if stated:
        array = array.rio.write_transform()
    array = array.assign_coords({axis: array[axis].astype(dtype) for axis in ("y", "x")})
    assert read(array[4:, 8:]) == ((117, 233), (0.25, 0.0, -18.125, 0.0, -0.25, 59.125))


def test_fine_float32_labels_are_still_regular():
    """Near 180 degrees neighbours of float32 are 1.5e-5 apart, more than a thousandth of these pixels."""
    labels = (179 + 0.004 * np.arange(200)).astype("float32")
    assert is_regular(labels)
    assert not is_regular(labels.astype("float64"))
    assert not is_regular(np.array([1.0, 2.0, 4.0], dtype="float32"))


@pytest.mark.parametrize(
    ("moved", "told"),
    [
        (
            {"x": -0.05, "y": 0.05},
            ("x of its first pixel is 5.03 by its labels and 5.08", "x=array.x + 0.05, y=array.y - 0.05"),
        ),
        ({"x": 0.05}, ("x of its first pixel is 5.13 by its labels and 5.08", "x=array.x - 0.05)")),
        ({"y": 10.05}, ("y of its first pixel is 58.06 by its labels", "y=array.y")),
        ({"y": -0.046}, ("y of its first pixel is 47.964 by its labels and 48.01", "y=array.y + 0.046)")),
    ],
)
@pytest.mark.parametrize("way", ["spatial_ref", "attribute"])
def test_labels_on_corners_under_a_transform_of_centres_are_refused(moved, told, way):
    array = array_on()
    if way == "attribute":  # as stackstac has it
        array = array.rio.write_crs(4326).assign_attrs(transform=tuple(GRID.affine))
        del array.spatial_ref.attrs["GeoTransform"]
    array = array.assign_coords({axis: array[axis] + by for axis, by in moved.items()})
    with pytest.raises(GridError) as caught:
        read_geobox(array, "the array")
    said = str(caught.value)
    assert said.startswith("the array lies at two places half a pixel apart: ")
    assert "\n" not in said
    assert all(part in said for part in (*told, "GeoTransform of spatial_ref" if way == "spatial_ref" else "attribute"))


def test_what_the_refusal_says_to_type_works():
    corners = array_on().assign_coords(x=array_on().x - 0.05, y=array_on().y + 0.05)
    with pytest.raises(GridError) as caught:
        read_geobox(corners, "the array")
    typed = str(caught.value).split("move them with ")[1].split(", else")[0]
    assert read(eval(typed, {"array": corners})) == (GRID.shape.yx, tuple(GRID.affine)[:6])


@pytest.mark.parametrize("pixels", [1, -3, 200])
def test_labels_moved_by_whole_pixels_are_right(pixels):
    moved = array_on().assign_coords(x=array_on().x + pixels / 10)
    assert read(moved)[1][2] == pytest.approx(5.03 + pixels / 10, abs=1e-12)


def test_labels_of_another_grid_than_the_transform_are_right():
    """An array that was resampled keeps the spatial_ref of its source."""
    other = array_on().interp(x=np.linspace(5.2, 6.97, 60), y=np.linspace(47, 45.02, 67))
    assert read(other)[1] == pytest.approx((0.03, 0.0, 5.185, 0.0, -0.03, 47.015), abs=1e-12)


def test_a_skew_of_round_off_is_none():
    odd = GRID.affine @ Affine(1, 1e-18, 0, -1e-15, 1, 0)
    assert (odd.b, odd.d) != (0, 0)
    assert not is_skewed(odd, GRID.shape.yx)
    assert unskewed(GeoBox(GRID.shape, odd, GRID.crs)) == GeoBox(
        GRID.shape, Affine(odd.a, 0, odd.c, 0, odd.e, odd.f), GRID.crs
    )
    array = array_on().rio.write_transform(odd)
    assert read(array) == (GRID.shape.yx, (odd.a, 0.0, odd.c, 0.0, odd.e, odd.f))
    assert is_skewed(Affine(0.1, 1e-4, 5, 0, -0.1, 48), (40, 50))
    assert is_skewed(Affine(0, 1, 5, 1, 0, 48), (40, 50))


def test_what_is_no_grid():
    assert read_geobox(xr.DataArray(xr.Variable(("y", "x"), np.zeros((2, 3)))), "") is None
    uneven = array_on()[:, [0, 1, 3]]
    assert read_geobox(uneven, "") is None
    assert labels_in(uneven).x.tolist() == array_on().x.values[[0, 1, 3]].tolist()
    assert read_geobox(array_on().drop_vars("spatial_ref"), "").crs is None
