"""Places that stand for where something was not found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from rangegeo.errors import UsageError, argument
from rangegeo.evaluation.fitting import near_rows, unit_vectors_of
from rangegeo.evaluation.labels import FEWEST, Labels
from rangegeo.evaluation.reading import PLAIN, Reading, Rows, read_labels, rows_of
from rangegeo.evaluation.study_area import StudyArea
from rangegeo.grid.crs import CrsLike
from rangegeo.grid.domain import wrapped
from rangegeo.grid.vectors import AreaLike
from rangegeo.models.model import Model
from rangegeo.support.numbers import is_whole
from rangegeo.support.text import counted

MOST = 100_000  # places
MARGIN = 0.1  # of the sides of the box around the labels, on each side
THROWN = 4  # places that are thrown at an area for each that is wanted; a country fills some half of its box
TRIES = 50  # rounds of random places; those far from every row of the database are thrown away


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Background:
    """Places that stand for where something was not found.

    Attributes:
        given: a table of places, the path of one, or how many random places.
        area: in which random places are drawn; None for the box around the labels.
        reading: how the table is read.
    """

    given: Any
    area: StudyArea | None = None
    reading: Reading = PLAIN

    def beside(self, rows: Rows, model: Model, seed: int) -> tuple[Rows, np.ndarray, str]:
        """What stands for where it was not found, beside where it was.

        Args:
            rows: where something was found.
            model: random places far from every row of its database, such as those at sea, are not taken.
            seed: of random places.
        Returns:
            The rows, where those outside the area have no place; (n, 2) longitude and latitude of the background; and
            where these come from, in words.
        Raises:
            UsageError: there are too few places, or their number is out of range.
        """
        count = self.count
        if count is None:
            lonlat = rows_of(self.given, replace(self.reading, layer=None, input_format=None)).lonlat_deg
            lonlat = lonlat[np.isfinite(lonlat).all(axis=1)]
            if len(lonlat) < FEWEST:
                raise UsageError(f"{argument('background')} must hold {FEWEST} places, got {len(lonlat)}; give more")
            return rows, lonlat, f"{len(lonlat):,} places of a table"
        if not FEWEST <= count <= MOST:
            expected = f"a table, or from {FEWEST} to {MOST} places"
            raise UsageError(argument="background", expected=expected, got=count, example=1000)
        if self.area is not None:
            return _in_area(rows, self.area, count, model, seed)
        return _in_box(rows, count, model, seed)

    @property
    def count(self) -> int | None:
        """How many random places are wanted; None for a table."""
        given = self.given
        if isinstance(given, str) and given.strip().isdigit():
            return int(given)
        return int(given) if is_whole(given) else None


def background_of(
    given: Any,
    reading: Reading,
    aoi: AreaLike | None = None,
    aoi_layer: str | None = None,
    bbox_crs: CrsLike | None = None,
) -> Background | None:
    """What a user asks for; None for no background.

    Args:
        given: as in `Background`.
        reading: how the table of it is read.
        aoi, aoi_layer, bbox_crs: the area in which random places are drawn, as of `rangegeo.raster`.
    Raises:
        UsageError, GridError: the area is given without random places, or cannot be read.
    """
    found = None if given is None else Background(given=given, reading=reading)
    if aoi is None:
        return found
    if found is None or found.count is None:
        raise UsageError(
            f"{argument('aoi')} is where random places of the background are drawn; leave it out, or type how many, "
            f"for example {argument('background', 1000)}"
        )
    return replace(found, area=StudyArea.read(aoi, bbox_crs, aoi_layer))


def labels_of(
    rows: Rows,
    targets: str | Sequence[str] | None,
    model: Model,
    *,
    classes: bool = False,
    weight: str | None = None,
    background: Background | None = None,
    seed: int = 0,
) -> Labels:
    """The labels in some rows, beside their background if there is one.

    Args:
        targets, classes, weight: as of `read_labels`.
        model: whose database says where random places may lie.
        seed: of random places.
    Raises:
        UsageError: as of `read_labels` and `Background.beside`.
    """
    if background is None:
        return read_labels(rows, targets, classes=classes, weight=weight)
    rows, places, source = background.beside(rows, model, seed)
    found = read_labels(rows, targets, classes=classes, weight=weight, background=places)
    return replace(found, background=source)


def _in_area(rows: Rows, area: StudyArea, count: int, model: Model, seed: int) -> tuple[Rows, np.ndarray, str]:
    """Random places in an area, and the rows that lie in it, as `Background.beside`."""
    placed = np.isfinite(rows.lonlat_deg).all(axis=1)
    inside = np.zeros(len(placed), dtype=bool)
    inside[placed] = area.holds(rows.lonlat_deg[placed])
    if inside.sum() < FEWEST:
        raise UsageError(
            f"{inside.sum()} of {counted(int(placed.sum()), 'place')} of {rows.name} lie in {area.name}, in which the "
            f"background is drawn, and a map needs {FEWEST}; take a larger {argument('aoi')}, or "
            f"{argument('background', 'places.csv')}, a table of your own, which leaves none out"
        )
    found = _kept(lambda random: area.random_places(THROWN * count, random), count, model, seed)
    outside = int((placed & ~inside).sum())
    if outside:
        lie, are = ("lies", "is") if outside == 1 else ("lie", "are")
        said = (
            f"{rows.name}: {outside:,} of {counted(int(placed.sum()), 'place')} {lie} outside {area.name}, in which "
            f"the background is drawn, and {are} left out; {argument('background', 'places.csv')}, a table of your "
            "own, leaves none out"
        )
        lonlat = np.where(inside[:, None], rows.lonlat_deg, np.nan)
        rows = replace(rows, lonlat_deg=lonlat, remarks=(*rows.remarks, said))
    return rows, found, f"{count:,} random places in {area.name}"


def _in_box(rows: Rows, count: int, model: Model, seed: int) -> tuple[Rows, np.ndarray, str]:
    """Random places in the box around the rows, as `Background.beside`."""
    known = rows.lonlat_deg[np.isfinite(rows.lonlat_deg).all(axis=1)]
    west, east = narrowest(known[:, 0])
    south, north = known[:, 1].min(), known[:, 1].max()
    wider, higher = MARGIN * (east - west), MARGIN * (north - south)
    west, east = (west - wider, east + wider) if east - west + 2 * wider < 360 else (-180.0, 180.0)
    south, north = np.clip([south - higher, north + higher], -90, 90)
    low, high = np.sin(np.radians([south, north]))

    def thrown(random: np.random.Generator) -> np.ndarray:
        lon, lat = random.uniform(west, east, count), np.degrees(np.arcsin(random.uniform(low, high, count)))
        return np.column_stack([wrapped(lon), lat])

    found = _kept(thrown, count, model, seed)
    box = f"{west:.4g},{south:.4g},{east:.4g},{north:.4g}"
    sea = "" if near_rows(model)[0] is not None else ", on land and at sea"
    said = (
        f"{rows.name}: the background is {count:,} random places in the box around the labels, {box}{sea}; "
        f"{argument('aoi', 'area.gpkg')} draws them in the area that you study"
    )
    return replace(rows, remarks=(*rows.remarks, said)), found, f"{count:,} random places in the box {box}"


def _kept(thrown: Callable[[np.random.Generator], np.ndarray], count: int, model: Model, seed: int) -> np.ndarray:
    """(count, 2) random places near rows of the model's database, of those that are thrown again and again."""
    random, found = np.random.default_rng(seed), np.empty((0, 2))
    rows, near = near_rows(model)
    tree = None if rows is None else NearestNeighbors(n_neighbors=1).fit(rows)
    for _ in range(TRIES):
        places = thrown(random)
        if tree is not None and len(places):
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
