"""The layout of a planet: its names, its tiles and its polynomials. The specification is workflows/guide/planet.md.

The globe is cut into rows of root tiles. A root tile is stored as one tile, or cut in four, and its quarters may be cut
again. In a tile every part (S, G, q and so on) is a polynomial: a sum of products of Chebyshev polynomials of the
latitude and of the longitude, whose coefficients are integers times a step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np

VERSION = 1  # of the layout; a reader refuses any other
MARK = "rangegeo_planet"  # attribute of the root group that holds the version
COMPLETE = "rangegeo_complete"  # attribute of the root group, as cubes have it: 1 if all of it was written, else 0

SEMANTIC, GEOGRAPHIC, LOCATION = "semantic", "geographic", "location"  # S, G and q; roles of a model, and parts
NORM = "norm"  # |f| of a location encoder f, with q = f / |f|
SEMANTIC_RANGE = "semantic_range"  # S at the temperature of RANGE, in a planet of RANGE+
OVERVIEW = "overview"  # principal components of S, or of the location bands where there is no S
ROLES = (SEMANTIC, GEOGRAPHIC, LOCATION, NORM)

PARTS = "parts"  # the group of the coefficients, one array (tile, coefficient, band) a part
COUNT, STEP, SCALE, ERROR = "tiles/count", "tiles/step", "tiles/scale", "tiles/error"  # arrays (part, tile)
BOUNDS = "tiles/bounds"  # array (tile, 4): west, south, east, north of the domain of the polynomials, see `domain_of`
CHILD, TILE = "tree/child", "tree/tile"  # arrays (node,)
MEAN, DIRECTIONS, EXPLAINED = "basis/mean", "basis/directions", "basis/explained"  # of the overview

STRETCH = 0.85  # how strongly the positions in a tile are mapped; see `unmapped`
ROWS = 36  # of root tiles, 5 degrees high each
EQUATOR_COLUMNS = 72  # root tiles in the rows at the equator, 5 degrees wide each
# Polynomials reach beyond their tile by this share of its width and height, on each side. Errors of rounding are
# largest in the very corners, which then lie outside; this saves a tenth of the bytes of the embedded model.
MARGIN = 0.005
NOTHING = 1e-30  # the scale of a part that is 0 in its whole tile
NONE = -1  # in CHILD: the node is not cut; in TILE: the node is not stored

Bounds: TypeAlias = tuple[float, float, float, float]  # west, south, east, north in degrees


def root_columns() -> tuple[int, ...]:
    """How many root tiles each row has, from south to north, so that no tile is wider than high, in kilometres."""
    edges = np.linspace(-90.0, 90.0, ROWS + 1)
    widest = np.cos(np.radians(np.minimum(np.abs(edges[:-1]), np.abs(edges[1:]))))
    return tuple(np.ceil(EQUATOR_COLUMNS * widest - 1e-9).astype(int).tolist())


def root_bounds(columns: tuple[int, ...]) -> np.ndarray:
    """(roots, 4) west, south, east, north of all root tiles, row by row from south to north, each from west to east."""
    edges = np.linspace(-90.0, 90.0, len(columns) + 1)
    bounds = []
    for row, count in enumerate(columns):
        sides = np.linspace(-180.0, 180.0, count + 1)
        bounds += [(west, edges[row], east, edges[row + 1]) for west, east in pairwise(sides)]
    return np.array(bounds)


def quarters(bounds: Bounds) -> tuple[Bounds, Bounds, Bounds, Bounds]:
    """The four parts of a tile: south-west, south-east, north-west, north-east."""
    west, south, east, north = bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    return (west, south, lon, lat), (lon, south, east, lat), (west, lat, lon, north), (lon, lat, east, north)


def domain_of(bounds: Bounds) -> Bounds:
    """The domain of the polynomials of a tile: a little larger than the tile, but never beyond the globe."""
    west, south, east, north = bounds
    wider, higher = MARGIN * (east - west), MARGIN * (north - south)
    return max(-180.0, west - wider), max(-90.0, south - higher), min(180.0, east + wider), min(90.0, north + higher)


def positions_in(domain: Sequence[float] | np.ndarray, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, 2) places, to (n, 2) positions from -1 to 1 in a domain, along longitude and along latitude."""
    low, high = np.array(domain[:2]), np.array(domain[2:])
    return 2 * (lonlat_deg - low) / (high - low) - 1


def find_tiles(columns: tuple[int, ...], child: np.ndarray, tile: np.ndarray, lonlat_deg: np.ndarray) -> np.ndarray:
    """The tile that holds each place.

    Args:
        columns: number of root tiles in each row.
        child, tile: (nodes,) the arrays `CHILD` and `TILE`.
        lonlat_deg: (n, 2) places, longitudes in [-180, 180].
    Returns:
        (n,) int64 numbers of tiles; `NONE` where the planet has no tile.
    """
    lon, lat = lonlat_deg.T
    counts = np.asarray(columns, dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(counts)])
    down = (lat + 90.0) / 180.0 * len(counts)
    row = np.clip(down.astype(np.int64), 0, len(counts) - 1)
    across = (lon + 180.0) / 360.0 * counts[row]
    column = np.clip(across.astype(np.int64), 0, counts[row] - 1)
    node = first[row] + column
    down, across = down - row, across - column  # positions in the node, from 0 to 1
    cut = np.flatnonzero(child[node] >= 0)
    while cut.size:
        north, east = down[cut] >= 0.5, across[cut] >= 0.5
        down[cut], across[cut] = 2 * down[cut] - north, 2 * across[cut] - east
        node[cut] = child[node[cut]] + 2 * north + east
        cut = cut[child[node[cut]] >= 0]
    return tile[node].astype(np.int64)


def unmapped(positions: np.ndarray, stretch: float = STRETCH) -> np.ndarray:
    """Positions from -1 to 1 along the side of a tile, to arguments of Chebyshev polynomials from -1 to 1.

    The map spreads Chebyshev points more evenly, see `rangegeo.field.chebyshev`.
    """
    return np.clip(np.sin(positions * math.asin(stretch)) / stretch, -1.0, 1.0)


def chebyshev_matrix(count: int, positions: np.ndarray, stretch: float = STRETCH) -> np.ndarray:
    """(m, count) float64 values of the Chebyshev polynomials T_0 to T_(count - 1) at (m,) positions from -1 to 1."""
    angle = np.arccos(unmapped(np.asarray(positions, dtype=np.float64), stretch))
    return np.cos(angle[:, None] * np.arange(count))


@lru_cache
def shells(count: int) -> tuple[np.ndarray, np.ndarray]:
    """In which order the coefficients of a tile are stored.

    Shell m holds those whose larger degree is m: first the degrees (m, 0) to (m, m), then (m - 1, m) to (0, m). So the
    first n² coefficients are those of all degrees below n, whatever `count` is.

    Returns:
        (count²,) the degree along latitude and the degree along longitude of each coefficient.
    """
    pairs = [
        pair
        for m in range(count)
        for pair in [*((m, j) for j in range(m + 1)), *((i, m) for i in range(m - 1, -1, -1))]
    ]
    along_lat, along_lon = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return along_lat, along_lon


def to_shells(square: np.ndarray) -> np.ndarray:
    """(n, n, ...) coefficients by their two degrees, to (n², ...) as they are stored."""
    return square[shells(len(square))]


def to_square(stored: np.ndarray, count: int) -> np.ndarray:
    """(count² or more, ...) stored coefficients, to (count, count, ...) by their degrees along latitude, longitude."""
    square = np.empty((count, count, *stored.shape[1:]), dtype=stored.dtype)
    square[shells(count)] = stored[: count**2]
    return square
