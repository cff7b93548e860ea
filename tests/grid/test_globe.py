"""The partition of the globe: no gap, no overlap, no tile over the antimeridian or a pole, all about as large."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rangegeo.grid.globe import COUNT, HEIGHT, tile_counts, tile_numbers, tile_sides

SIDES = np.array([np.ravel(tile_sides(tile)) for tile in range(COUNT)])  # south, north, west, east


def test_tiles_cover_the_globe_once():
    south, north, west, east = SIDES.T
    areas = np.radians(east - west) * (np.sin(np.radians(north)) - np.sin(np.radians(south)))
    assert areas.sum() == pytest.approx(4 * np.pi)
    assert (south.min(), north.max(), west.min(), east.max()) == (-90, 90, -180, pytest.approx(180))


def test_tiles_are_about_as_wide_as_high_at_most():
    south, north, west, east = SIDES.T
    np.testing.assert_allclose(north - south, HEIGHT, rtol=1e-9)
    widest = np.cos(np.radians(np.minimum(np.abs(south), np.abs(north)))) * (east - west)
    assert widest.max() <= HEIGHT * (1 + 1e-9)
    assert np.median(widest) > 0.9 * HEIGHT


def test_the_middle_of_a_tile_lies_in_it():
    middles = np.stack([SIDES[:, 2:].mean(axis=1), SIDES[:, :2].mean(axis=1)], axis=1)
    assert tile_numbers(middles).tolist() == list(range(COUNT))
    np.testing.assert_array_equal(tile_counts(middles), np.ones(COUNT))


@settings(max_examples=200, deadline=None)
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_every_place_lies_in_its_tile(lon, lat):
    (tile,) = tile_numbers(np.array([[lon, lat]]))
    (south, north), (west, east) = tile_sides(int(tile))
    assert south - 1e-9 <= lat <= north + 1e-9
    assert west - 1e-9 <= lon <= east + 1e-9


def test_poles_and_the_antimeridian_have_tiles():
    places = np.array([[0.0, 90], [180, 90], [-180, -90], [180, 0], [-180, 0]])
    tiles = tile_numbers(places)
    assert ((tiles >= 0) & (tiles < COUNT)).all()
    assert tiles[3] != tiles[4]  # a tile begins and one ends there
    assert tile_counts(np.empty((0, 2))).sum() == 0
