"""Tiles lie where web maps put them."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer

from rangegeo.errors import UsageError
from rangegeo.view.tile import HALF, LAST_LATITUDE, SIDE, Tile, chebyshev_points, to_pixels


def test_tile_zero_is_the_whole_map():
    west, south, east, north = Tile(0, 0, 0).bounds_deg
    assert (west, east) == (-180, 180)
    assert north == pytest.approx(LAST_LATITUDE, abs=1e-9)
    assert south == pytest.approx(-LAST_LATITUDE, abs=1e-9)


def test_pixels_lie_where_proj_puts_them():
    tile = Tile(7, 66, 45)
    lonlat = tile.pixels().lonlat_deg.reshape(SIDE, SIDE, 2)
    size = 2 * HALF / 2**7 / SIDE
    x = -HALF + (66 * SIDE + np.array([0.5, 100.5])) * size
    y = HALF - (45 * SIDE + np.array([0.5, 30.5])) * size
    lon, lat = Transformer.from_crs(3857, 4326, always_xy=True).transform(x, y)
    np.testing.assert_allclose(lonlat[[0, 30], [0, 100]], np.stack([lon, lat], axis=1), atol=1e-9)


def test_rows_and_columns_are_axes_of_longitude_and_latitude():
    assert Tile(3, 2, 2).pixels().axes_deg is not None


@pytest.mark.parametrize(
    ("z", "x", "y"), [(-1, 0, 0), (25, 0, 0), (10**6, 0, 0), (2, 4, 0), (2, 0, -1), (0, 0, 10**30)]
)
def test_tiles_that_do_not_exist_are_refused(z, x, y):
    with pytest.raises(UsageError, match="must be from 0 to"):
        Tile(z, x, y)


def test_values_at_chebyshev_points_become_values_at_pixels():
    values = np.cos(3 * chebyshev_points(33))
    np.testing.assert_allclose(to_pixels(33) @ values, np.cos(3 * (np.arange(SIDE) + 0.5) / SIDE), atol=1e-12)


@pytest.mark.parametrize("tile", [Tile(0, 0, 0), Tile(3, 7, 0), Tile(14, 8521, 5820), Tile(24, 2**24 - 1, 5)], ids=str)
def test_axes_are_those_of_its_pixels(tile):
    for found, expected in zip(tile.axes_deg, tile.pixels().axes_deg, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
