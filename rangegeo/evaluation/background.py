"""Places that stand for where something was not found."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from rangegeo.errors import UsageError, argument
from rangegeo.evaluation.fitting import near_rows, unit_vectors_of
from rangegeo.evaluation.labels import FEWEST
from rangegeo.evaluation.reading import Rows, rows_of
from rangegeo.grid.domain import wrapped
from rangegeo.models.model import Model
from rangegeo.support.numbers import is_whole

MOST = 100_000  # places
MARGIN = 0.1  # of the sides of the box around the labels, on each side
TRIES = 50  # rounds of random places; those far from every row of the database are thrown away


def background_of(rows: Rows, background: Any, model: Model, seed: int) -> np.ndarray:
    """(n, 2) longitude and latitude of places of the background.

    Args:
        rows: where something was found.
        background: a table of places, the path of one, or how many random places in the box around the rows. Those
            that are far from every row of the model's database, such as those at sea, are not taken.
        seed: of random places.
    Raises:
        UsageError: there are too few places, or their number is out of range.
    """
    if isinstance(background, str) and background.strip().isdigit():
        background = int(background)
    if not is_whole(background):
        lonlat = rows_of(background).lonlat_deg
        lonlat = lonlat[np.isfinite(lonlat).all(axis=1)]
        if len(lonlat) < FEWEST:
            raise UsageError(f"{argument('background')} must hold {FEWEST} places, got {len(lonlat)}; give more")
        return lonlat
    if not FEWEST <= background <= MOST:
        expected = f"a table, or from {FEWEST} to {MOST} places"
        raise UsageError(argument="background", expected=expected, got=background, example=1000)
    return _random_places(rows.lonlat_deg, int(background), model, seed)


def _random_places(lonlat_deg: np.ndarray, count: int, model: Model, seed: int) -> np.ndarray:
    """(count, 2) places, even on the ground, in the box around some places."""
    known = lonlat_deg[np.isfinite(lonlat_deg).all(axis=1)]
    west, east = narrowest(known[:, 0])
    south, north = known[:, 1].min(), known[:, 1].max()
    wider, higher = MARGIN * (east - west), MARGIN * (north - south)
    west, east = (west - wider, east + wider) if east - west + 2 * wider < 360 else (-180.0, 180.0)
    low, high = np.sin(np.radians(np.clip([south - higher, north + higher], -90, 90)))
    random, found = np.random.default_rng(seed), np.empty((0, 2))
    rows, near = near_rows(model)
    tree = None if rows is None else NearestNeighbors(n_neighbors=1).fit(rows)
    for _ in range(TRIES):
        lon, lat = random.uniform(west, east, count), np.degrees(np.arcsin(random.uniform(low, high, count)))
        places = np.column_stack([wrapped(lon), lat])
        if tree is not None:
            places = places[tree.kneighbors(unit_vectors_of(places))[0][:, 0] <= near]
        found = np.concatenate([found, places])
        if len(found) >= count:
            return found[:count]
    raise UsageError(
        "no place near the labels is near a row of the model's database, so none can stand for the background; give "
        f"{argument('background', 'places.csv')}, a table of places"
    )


def narrowest(lon: np.ndarray) -> tuple[float, float]:
    """West and east of the narrowest range of longitudes that holds these; east may be beyond 180."""
    ordered = np.sort(np.unique(lon))
    if len(ordered) == 1:
        return float(ordered[0]), float(ordered[0])
    gaps = np.diff(np.append(ordered, ordered[0] + 360))
    widest = int(gaps.argmax())
    west = float(ordered[(widest + 1) % len(ordered)])
    return west, west + 360 - float(gaps[widest])
