"""The layout of planets: tiles cover the globe once, places find their tiles, coefficients keep their degrees."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rangegeo.field.chebyshev import STRETCH as STRETCH_OF_ENGINE
from rangegeo.field.chebyshev import interpolation_matrix, nodes, to_coefficients
from rangegeo.spectral.layout import (
    NONE,
    STRETCH,
    chebyshev_matrix,
    domain_of,
    find_tiles,
    positions_in,
    quarters,
    root_bounds,
    root_columns,
    shells,
    to_shells,
    to_square,
)

COLUMNS = root_columns()
ROOTS = root_bounds(COLUMNS)


def test_root_tiles_cover_the_globe_once():
    west, south, east, north = ROOTS.T
    areas = np.radians(east - west) * (np.sin(np.radians(north)) - np.sin(np.radians(south)))
    assert areas.sum() == pytest.approx(4 * math.pi)
    assert (west.min(), south.min(), east.max(), north.max()) == (-180, -90, 180, 90)


def test_root_tiles_are_five_degrees_high_and_at_most_as_wide():
    west, south, east, north = ROOTS.T
    np.testing.assert_allclose(north - south, 5)
    assert (np.cos(np.radians(np.minimum(np.abs(south), np.abs(north)))) * (east - west)).max() <= 5 + 1e-9
    assert tuple(reversed(COLUMNS)) == COLUMNS
    assert (COLUMNS[0], COLUMNS[18], len(ROOTS)) == (7, 72, 1736)


def cut_tree() -> tuple[np.ndarray, np.ndarray, dict[int, tuple[float, ...]]]:
    """A tree without the last root, whose root 700 is cut, and of this the north-east quarter: its tiles and bounds."""
    child = np.full(len(ROOTS) + 8, NONE)
    tile = np.arange(len(child))
    child[700], child[len(ROOTS) + 3] = len(ROOTS), len(ROOTS) + 4
    tile[len(ROOTS) - 1] = NONE
    bounds = {number: tuple(box) for number, box in enumerate(ROOTS)}
    bounds |= {len(ROOTS) + n: box for n, box in enumerate(quarters(tuple(ROOTS[700])))}
    bounds |= {len(ROOTS) + 4 + n: box for n, box in enumerate(quarters(bounds[len(ROOTS) + 3]))}
    return child, tile, {number: box for number, box in bounds.items() if child[number] == NONE}


def test_every_place_lies_in_the_tile_that_is_found():
    child, tile, bounds = cut_tree()
    west, south, east, north = ROOTS[700]
    random = np.random.default_rng(0)
    places = np.concatenate(
        [random.uniform((-180, -90), (180, 90), (2000, 2)), random.uniform((west, south), (east, north), (200, 2))]
    )
    found = find_tiles(COLUMNS, child, tile, places)
    assert set(range(len(ROOTS), len(ROOTS) + 8)) - {len(ROOTS) + 3} <= set(found.tolist())
    for (lon, lat), number in zip(places[found != NONE], found[found != NONE], strict=True):
        west, south, east, north = bounds[int(number)]
        assert west <= lon <= east
        assert south <= lat <= north
    assert not (found == 700).any()


def test_a_place_without_a_tile_is_told():
    child, tile, _ = cut_tree()
    assert find_tiles(COLUMNS, child, tile, np.array([[179.0, 89.0], [0.0, 0.0]])).tolist()[0] == NONE


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([-180.0, 180.0, 0.0, -5.0, 40.0]), st.sampled_from([-90.0, 90.0, 0.0, 60.0, -5.0]))
def test_corners_of_the_globe_and_of_tiles_have_a_tile(lon, lat):
    number = np.arange(len(ROOTS))
    (found,) = find_tiles(COLUMNS, np.full(len(ROOTS), NONE), number, np.array([[lon, lat]]))
    west, south, east, north = ROOTS[found]
    assert west <= lon <= east
    assert south <= lat <= north


def test_quarters_are_south_west_south_east_north_west_north_east():
    assert quarters((0, 0, 4, 2)) == ((0, 0, 2, 1), (2, 0, 4, 1), (0, 1, 2, 2), (2, 1, 4, 2))


def test_shells_begin_with_the_small_degrees():
    along_lat, along_lon = shells(5)
    assert list(zip(along_lat[:9].tolist(), along_lon[:9].tolist(), strict=True)) == [
        *[(0, 0), (1, 0), (1, 1), (0, 1), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2)]
    ]
    for count in range(1, 6):
        assert set(zip(along_lat[: count**2], along_lon[: count**2], strict=True)) == {
            (i, j) for i in range(count) for j in range(count)
        }


def test_coefficients_come_back_from_their_shells():
    square = np.random.default_rng(0).normal(size=(6, 6, 3))
    stored = to_shells(square)
    np.testing.assert_array_equal(to_square(stored, 6), square)
    np.testing.assert_array_equal(to_square(stored, 4), square[:4, :4])


def test_polynomials_are_those_of_the_engine():
    """Coefficients from values at the engine's nodes, times the matrix, are the engine's interpolation."""
    assert STRETCH == STRETCH_OF_ENGINE
    at = np.linspace(-1, 1, 50)
    values = np.exp(3 * nodes(21).numpy())
    ours = chebyshev_matrix(21, at) @ to_coefficients(21).numpy() @ values
    theirs = interpolation_matrix(21, torch.from_numpy(at)).numpy() @ values
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("bounds", [(0, 0, 10, 5), (-180, -90, -130, -85), (170, 80, 180, 90)])
def test_the_domain_of_a_tile_is_a_little_larger_but_ends_with_the_globe(bounds):
    domain = np.array(domain_of(bounds))
    assert (np.abs(domain) <= [180, 90, 180, 90]).all()
    inside = positions_in(tuple(domain), np.array([bounds[:2], bounds[2:]]))
    assert (np.abs(inside) <= 1).all()
    at_the_edge = np.abs(np.array(bounds)) == [180, 90, 180, 90]
    np.testing.assert_array_equal(np.abs(inside).ravel() == 1, at_the_edge)
