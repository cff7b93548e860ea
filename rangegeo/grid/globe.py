"""A fixed partition of the globe into tiles of about 2.25 degrees a side, so that scattered places can share patches.

The globe is cut into bands of equal latitude. Each band is cut into as many tiles as keep their width about equal to
their height. Tiles begin at the antimeridian, and the outermost bands end at the poles, so no tile has the antimeridian
or a pole in its interior.
"""

from __future__ import annotations

import numpy as np

BANDS = 80  # of latitude; on 2.25 degrees, 21 x 21 nodes reproduce a field of degree 40 (measured at seven places)
HEIGHT = 180.0 / BANDS
_EDGES = -90.0 + HEIGHT * np.arange(BANDS + 1)
_WIDEST = np.cos(np.radians(np.where(_EDGES[:-1] < 0, _EDGES[1:], _EDGES[:-1])))  # cosine of the edge near the equator
_TILES = np.maximum(1, np.ceil(360.0 * _WIDEST / HEIGHT - 1e-9)).astype(np.int64)
_FIRST = np.concatenate([[0], np.cumsum(_TILES)])
COUNT = int(_FIRST[-1])


def tile_numbers(lonlat_deg: np.ndarray) -> np.ndarray:
    """The number of the tile that holds each place.

    Args:
        lonlat_deg: (n, 2) places, longitudes in [-180, 180].
    Returns:
        (n,) int64 in [0, COUNT).
    """
    lon, lat = lonlat_deg.T
    band = np.clip(((lat + 90.0) / HEIGHT).astype(np.int64), 0, BANDS - 1)
    column = np.clip(((lon + 180.0) / 360.0 * _TILES[band]).astype(np.int64), 0, _TILES[band] - 1)
    return _FIRST[band] + column


def tile_counts(lonlat_deg: np.ndarray) -> np.ndarray:
    """How many of the places (n, 2), longitudes in [-180, 180], lie in each tile; (COUNT,) integers."""
    return np.bincount(tile_numbers(lonlat_deg), minlength=COUNT)


def tile_sides(tile: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """South and north, then west and east of a tile, in degrees."""
    band = int(np.searchsorted(_FIRST, tile, side="right")) - 1
    width = 360.0 / int(_TILES[band])
    west = -180.0 + width * (tile - int(_FIRST[band]))
    return (float(_EDGES[band]), float(_EDGES[band + 1])), (west, west + width)
