"""The smallest grid of several, and where each lies in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rangegeo.errors import GridError
from rangegeo.grid import make_geobox
from rangegeo.grid.union import Place, union

EDGES = st.integers(-20, 20)


def boxes(*bounds, res=0.1, crs="EPSG:4326"):
    return [make_geobox(each, res, crs, crs, align=True) for each in bounds]


@settings(max_examples=50, deadline=None)
@given(corners=st.lists(st.tuples(EDGES, EDGES, st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5))
def test_the_union_is_the_box_of_all_and_each_lies_where_it_was(corners):
    grids = boxes(*((x / 10, y / 10, (x + w) / 10, (y + h) / 10) for x, y, w, h in corners))
    whole, places = union(grids, [f"{n}" for n in range(len(grids))])
    west, south = min(x for x, *_ in corners), min(y for _, y, *_ in corners)
    east, north = max(x + w for x, _, w, _ in corners), max(y + h for _, y, _, h in corners)
    assert whole.boundingbox == pytest.approx((west / 10, south / 10, east / 10, north / 10))
    assert places == [Place(north - y - h, x - west, h, w) for x, y, w, h in corners]


def test_the_corner_is_that_of_the_part_that_has_it():
    grids = boxes((7.3, 44, 8, 45), (5.1, 44.2, 7.3, 46.7))
    whole, _ = union(grids, ["a", "b"])
    assert (whole.affine.c, whole.affine.f) == (grids[1].affine.c, grids[1].affine.f)


@pytest.mark.parametrize("first", ["west", "east"])
def test_parts_that_meet_at_180_degrees_are_put_beside_each_other(first):
    west, east = boxes((176, -19, 180, -15), (-180, -19, -178, -15))
    grids = [west, east] if first == "west" else [east, west]
    whole, places = union(grids, ["a", "b"])
    assert whole.shape == (40, 60)
    expected = (176, 182) if first == "west" else (-184, -178)
    assert (whole.boundingbox.left, whole.boundingbox.right) == pytest.approx(expected)
    assert sorted(place.left for place in places) == [0, 40]


def test_parts_far_from_180_degrees_stay_where_they_are():
    whole, _ = union(boxes((100, 0, 110, 5), (-110, 0, -100, 5), res=1), ["Asia", "America"])
    assert whole.shape == (5, 220)


def test_the_whole_globe_is_not_turned():
    whole, _ = union(boxes((-180, 0, -90, 5), (90, 0, 180, 5), (-90, 0, 90, 5), res=1), ["a", "b", "c"])
    assert (whole.boundingbox.left, whole.boundingbox.right) == (-180, 180)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        (make_geobox((5, 44, 6, 45), 0.2), "b has pixels of 0.2, and a of 0.1; make it with res=0.1"),
        (
            make_geobox((5.05, 44, 6, 45), 0.1),
            "the pixels of b lie between those of a; make both with align=True, which",
        ),
        (
            make_geobox((5, 44, 6, 45), 10_000, "EPSG:3035"),
            "b is in EPSG:3035, and a in EPSG:4326; make it with crs=",
        ),
    ],
)
def test_grids_of_other_lattices_are_refused(grid, said):
    with pytest.raises(GridError) as caught:
        union([*boxes((5, 44, 6, 45)), grid], ["a", "b"])
    assert said in str(caught.value)
