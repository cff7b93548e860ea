"""A fixed partition of the globe into tiles of about 2.25 degrees a side, so that scattered places can share patches.

Bands of equal latitude, each cut into as many tiles as keep their width about their height. Longitudes begin at the
antimeridian, and the tiles of the outermost bands end at the poles: no tile holds either.
"""

from __future__ import annotations

import numpy as np

BANDS = 80  # of latitude: over 2.25 degrees 21 x 21 points reproduce a field of degree 40, measured at seven places
HEIGHT = 180.0 / BANDS
_EDGES = -90.0 + HEIGHT * np.arange(BANDS + 1)
_WIDEST = np.cos(np.radians(np.where(_EDGES[:-1] < 0, _EDGES[1:], _EDGES[:-1])))  # cosine at the edge that is longer
_TILES = np.maximum(1, np.ceil(360.0 * _WIDEST / HEIGHT - 1e-9)).astype(np.int64)
_FIRST = np.concatenate([[0], np.cumsum(_TILES)])
COUNT = int(_FIRST[-1])


def tile_numbers(lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, 2) places, longitudes in [-180, 180], to the (n,) numbers of their tiles."""
    lon, lat = lonlat_deg.T
    band = np.clip(((lat + 90.0) / HEIGHT).astype(np.int64), 0, BANDS - 1)
    column = np.clip(((lon + 180.0) / 360.0 * _TILES[band]).astype(np.int64), 0, _TILES[band] - 1)
    return _FIRST[band] + column


def tile_counts(lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, 2) places, longitudes in [-180, 180], to how many lie in each tile: (COUNT,)."""
    return np.bincount(tile_numbers(lonlat_deg), minlength=COUNT)


def tile_sides(tile: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """South and north, west and east of a tile, in degrees."""
    band = int(np.searchsorted(_FIRST, tile, side="right")) - 1
    width = 360.0 / int(_TILES[band])
    west = -180.0 + width * (tile - int(_FIRST[band]))
    return (float(_EDGES[band]), float(_EDGES[band + 1])), (west, west + width)
