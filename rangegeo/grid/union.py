"""The smallest grid that holds several grids of one lattice, and where each lies in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from affine import Affine
from odc.geo.geobox import GeoBox

from rangegeo.errors import GridError, argument
from rangegeo.grid.crs import crs_of, short_name

SAME_LATTICE = 1e-3  # of a pixel; corners that were computed in other ways differ by less
SAME_STEP = 1e-6  # of a pixel, over the whole of a grid


@dataclass(frozen=True, slots=True)
class Place:
    """Where a grid lies in another one, in pixels of both.

    Attributes:
        top, left: its first row and its first column.
        height, width: its size.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """Its rows."""
        return slice(self.top, self.top + self.height)

    @property
    def cols(self) -> slice:
        """Its columns."""
        return slice(self.left, self.left + self.width)


def union(grids: Sequence[GeoBox], names: Sequence[str]) -> tuple[GeoBox, list[Place]]:
    """The smallest grid that holds all grids, and the place of each.

    Parts on both sides of 180 degrees are put beside each other if they meet there; the first keeps its longitudes.

    Args:
        grids: north-up.
        names: what they are called in messages.
    Raises:
        GridError: a grid has another CRS, another pixel size or another lattice than the first one.
    """
    first = grids[0]
    for grid, name in zip(grids[1:], names[1:], strict=True):
        _check_lattice(first, grid, names[0], name)
    places = [_place(first, grid) for grid in grids]
    places = _beside_each_other(places, _turn(first))
    top, left = min(place.top for place in places), min(place.left for place in places)
    height = max(place.rows.stop for place in places) - top
    width = max(place.cols.stop for place in places) - left
    step_x, step_y = first.affine.a, first.affine.e
    # The corner of the part that lies there has fewer roundings than one that is counted from elsewhere.
    west, north = (
        next((grid, place) for grid, place in zip(grids, places, strict=True) if at(place) == edge)
        for at, edge in ((lambda place: place.left, left), (lambda place: place.top, top))
    )
    turned = west[1].left - _place(first, west[0]).left
    corner = west[0].affine.c + turned * step_x, north[0].affine.f
    whole = GeoBox((height, width), Affine(step_x, 0.0, corner[0], 0.0, step_y, corner[1]), first.crs)
    return whole, [replace(place, top=place.top - top, left=place.left - left) for place in places]


def _check_lattice(first: GeoBox, grid: GeoBox, first_name: str, name: str) -> None:
    """Refuse a grid that does not lie on the lattice of the first one.

    Raises:
        GridError: what differs, and what to type.
    """
    ours, theirs = crs_of(first), crs_of(grid)
    if not ours.equals(theirs, ignore_axis_order=True):
        crs = short_name(ours)
        raise GridError(
            f"{name} is in {short_name(theirs)}, and {first_name} in {crs}; make it with {argument('crs', crs)}"
        )
    steps, others = ((box.affine.a, -box.affine.e) for box in (first, grid))
    slack = SAME_STEP / max(*first.shape, *grid.shape)
    if any(abs(one - other) > slack * abs(one) for one, other in zip(steps, others, strict=True)):
        size, other = (_sizes(pair) for pair in (steps, others))
        raise GridError(
            f"{name} has pixels of {other}, and {first_name} of {size}; make it with {argument('res', steps[0])}"
        )
    offsets = (grid.affine.c - first.affine.c) / first.affine.a, (grid.affine.f - first.affine.f) / first.affine.e
    if any(abs(offset - round(offset)) > SAME_LATTICE for offset in offsets):
        raise GridError(
            f"the pixels of {name} lie between those of {first_name}; make both with {argument('align', True)}, which "
            "puts them on one lattice"
        )


def _sizes(steps: tuple[float, float]) -> str:
    return f"{steps[0]:.10g}" if steps[0] == steps[1] else f"{steps[0]:.10g} x {steps[1]:.10g}"


def _place(first: GeoBox, grid: GeoBox) -> Place:
    """Where a grid lies relative to the first one."""
    left, top = (grid.affine.c - first.affine.c) / first.affine.a, (grid.affine.f - first.affine.f) / first.affine.e
    return Place(round(top), round(left), *grid.shape)


def _turn(grid: GeoBox) -> int | None:
    """How many columns go around the globe; None if the grid is not in degrees or no whole number does."""
    crs = crs_of(grid)
    if not crs.is_geographic or crs.is_derived or crs.axis_info[0].unit_name != "degree":
        return None
    columns = 360 / grid.affine.a
    return round(columns) if abs(columns - round(columns)) <= SAME_LATTICE else None


def _beside_each_other(places: list[Place], turn: int | None) -> list[Place]:
    """The places with parts moved around the globe, if only this closes the gap between them."""
    if turn is None or _is_gapless(places):
        return places
    first = places[0].left
    for start in dict.fromkeys(place.left for place in places):
        lefts = [(place.left - start) % turn for place in places]
        moved = [replace(place, left=left - lefts[0] + first) for place, left in zip(places, lefts, strict=True)]
        if _is_gapless(moved):
            return moved
    return places


def _is_gapless(places: Sequence[Place]) -> bool:
    """Whether the columns of all places follow each other without a gap."""
    reached: int | None = None
    for place in sorted(places, key=lambda place: place.left):
        if reached is not None and place.left > reached:
            return False
        reached = max(place.cols.stop, place.cols.stop if reached is None else reached)
    return True
