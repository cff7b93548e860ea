"""Polygons taken from one CRS to another. Their edges are followed between the corners, also over the antimeridian."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from rangegeo.errors import GridError, argument
from rangegeo.grid.box import FARTHEST
from rangegeo.grid.crs import short_name
from rangegeo.grid.domain import domain_of
from rangegeo.grid.polygons import Polygons

HALVINGS = 40  # of an edge; an edge that still bends after so many is torn by the projection
SLACK = 1e-9  # of a turn
ROUND_OFF = 1e-12  # of the largest coordinate; further corners do not make an edge more exact than that
QUARTERS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])  # where along an edge it is compared with its chord
Project: TypeAlias = Callable[[np.ndarray], np.ndarray]  # (n, 2) to (n, 2)


def polygons_in(polygons: Polygons, crs: CRS, tolerance: float) -> np.ndarray:
    """The same area in another CRS.

    Edges are straight in the polygons' own CRS. In the other CRS they get as many corners as they need. x repeats at
    the antimeridian or at the edge of a cylindrical projection; there polygons are moved by whole turns so that they
    lie side by side. The largest polygon stays where it is.

    Args:
        polygons: the area.
        crs: the other CRS.
        tolerance: how far an edge may lie off the true one, in units of `crs`.
    Returns:
        (n,) shapely Polygons, x before y.
    Raises:
        GridError: the area reaches beyond the domain of the projection, is torn by its edge, or goes around a pole that
            the projection cannot show.
    """
    shapes = polygons.shapes
    if not polygons.crs.equals(crs, ignore_axis_order=True):
        try:
            shapes = _projected(shapes, polygons.crs, crs, tolerance)
        except _CannotShowError as error:
            fault = f"{argument('aoi')} {polygons.name} {error} {short_name(crs)}"
            raise GridError(f"{fault}; cut it, or take another {argument('crs')}") from None
    return _gathered(shapes, domain_of(crs.to_wkt()).period)


class _CannotShowError(ValueError):
    """A projection cannot show an area; the text is the middle of a sentence from the area to the projection."""


def _projected(shapes: np.ndarray, source: CRS, target: CRS, tolerance: float) -> np.ndarray:
    """Polygons (n,) in another CRS, each in one piece where x repeats.

    Raises:
        _CannotShowError: a polygon reaches beyond the domain, is torn, or goes around a pole.
    """
    rings, shape_of = shapely.get_rings(shapes, return_index=True)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    project, period = _projection(source, target), domain_of(target.to_wkt()).period
    repeats = math.isfinite(period) and not source.is_geographic
    points, ring_of = _followed(points, ring_of, project, tolerance, period if repeats else 0.0)
    if repeats:
        points[:, 0] = _unwrapped(points[:, 0], ring_of, period)
        points[:, 0] += period * _turns_to_shell(points[:, 0], ring_of, shape_of, period)
    found = shapely.polygons(shapely.linearrings(points, indices=ring_of), indices=shape_of)
    inner = project(shapely.get_coordinates(shapely.point_on_surface(shapes)))
    if repeats:
        west, _, east, _ = shapely.bounds(found).T
        inner[:, 0] += period * np.round(((west + east) / 2 - inner[:, 0]) / period)
    if (shapely.distance(found, shapely.points(inner)) > tolerance).any():  # it holds the antipode and is inside out
        raise _CannotShowError("is torn by the edge of")
    return found


def _projection(source: CRS, target: CRS) -> Project:
    """The function that takes points from one CRS to another.

    From longitudes to an x that repeats, x goes on beyond the seam as far as the longitudes do.
    """
    transformer = Transformer.from_crs(source, target, always_xy=True)
    domain = domain_of(target.to_wkt())
    follows = source.is_geographic and math.isfinite(domain.period)
    farthest = min(domain.period, FARTHEST) if target.is_projected else math.inf
    if follows:
        turn = domain_of(source.to_wkt()).period
        origin, _ = transformer.transform(0.0, 0.0)

    def project(points: np.ndarray) -> np.ndarray:
        try:
            x, y = transformer.transform(*points.T)
        except ProjError:
            raise _CannotShowError("reaches beyond the domain of") from None
        if not (np.isfinite(x).all() and (np.abs(y) <= farthest).all()):
            raise _CannotShowError("reaches beyond the domain of")
        if follows:
            x = x + np.round((origin + points[:, 0] / turn * domain.period - x) / domain.period) * domain.period
        return np.stack([x, y], axis=1)

    return project


def _followed(
    points: np.ndarray, ring_of: np.ndarray, project: Project, tolerance: float, period: float
) -> tuple[np.ndarray, np.ndarray]:
    """Project rings, and insert corners until every edge lies within the tolerance of the true one.

    Args:
        points: (n, 2) corners of all rings, in the source CRS.
        ring_of: (n,) the ring of each corner.
        project: from the source CRS to the target CRS.
        tolerance: units of the target CRS.
        period: after which x repeats in the target CRS; 0 if it does not, or if `project` goes on beyond the seam.
    Returns:
        (m, 2) corners in the target CRS, m >= n, and the ring of each.
    Raises:
        _CannotShowError: a point is outside the domain, or an edge is torn.
    """
    projected = project(points)
    tolerance = max(tolerance, ROUND_OFF * np.abs(projected).max())
    unsure = ring_of[1:] == ring_of[:-1]
    for _ in range(HALVINGS):
        edges = np.flatnonzero(unsure)
        first, step = points[edges, None], np.diff(points, axis=0)[edges, None]
        middles = first + QUARTERS[1:-1, None] * step  # (edges, 3, 2)
        found = project(middles.reshape(-1, 2)).reshape(middles.shape)
        path = np.concatenate([projected[edges, None], found, projected[edges + 1, None]], axis=1)
        if period:
            path[..., 0] = np.unwrap(path[..., 0], period=period, axis=1)
        chord = path[:, :1] + QUARTERS[:, None] * (path[:, -1:] - path[:, :1])
        bent = np.hypot(*np.moveaxis(path - chord, -1, 0)).max(axis=1) > tolerance
        if period:  # an edge so long may go either way round the world
            bent |= np.abs(np.diff(path[..., 0], axis=1)).max(axis=1) > period / 16
        if not bent.any():
            return projected, ring_of
        at = edges[bent] + 1
        points = np.insert(points, at, middles[bent, 1], axis=0)
        projected = np.insert(projected, at, path[bent, 2], axis=0)
        ring_of = np.insert(ring_of, at, ring_of[at])
        unsure = np.zeros(len(ring_of) - 1, dtype=bool)
        new = at + np.arange(len(at))
        unsure[new - 1] = unsure[new] = True
    raise _CannotShowError("is torn by the edge of")


def _unwrapped(x: np.ndarray, ring_of: np.ndarray, period: float) -> np.ndarray:
    """x of rings, which goes on where it would repeat.

    Raises:
        _CannotShowError: a ring goes around a pole, so that its ends do not meet.
    """
    same = ring_of[1:] == ring_of[:-1]
    turns = np.concatenate([[0.0], np.cumsum(np.where(same, np.round(np.diff(x) / period), 0.0))])
    firsts = np.flatnonzero(np.concatenate([[True], ~same]))
    lasts = np.concatenate([firsts[1:], [len(x)]]) - 1
    turns -= np.repeat(turns[firsts], lasts - firsts + 1)
    x = x - period * turns
    if (np.abs(x[lasts] - x[firsts]) > period / 2).any():
        raise _CannotShowError("goes around a pole, which is no place in")
    return x


def _turns_to_shell(x: np.ndarray, ring_of: np.ndarray, shape_of: np.ndarray, period: float) -> np.ndarray:
    """The whole turns that bring each ring to the shell of its polygon, for each point of the ring.

    The shell is the first ring of a polygon, and the others are its holes.
    """
    firsts = np.flatnonzero(np.diff(ring_of, prepend=-1))
    middles = (np.minimum.reduceat(x, firsts) + np.maximum.reduceat(x, firsts)) / 2
    shells = np.flatnonzero(np.diff(shape_of, prepend=-1))
    return np.round((middles[shells][shape_of] - middles) / period)[ring_of]


def _gathered(shapes: np.ndarray, period: float) -> np.ndarray:
    """Polygons moved by whole periods along x, so that together they are as narrow as possible; the largest stays."""
    west, _, east, _ = shapely.bounds(shapes).T
    if not math.isfinite(period) or east.max() - west.min() <= period / 2:
        return shapes
    order = np.argsort(west % period)
    starts, ends = (west % period)[order], (west % period + east - west)[order]
    gaps = starts - np.maximum.accumulate(np.concatenate([[ends.max() - period], ends[:-1]]))
    slack = SLACK * period
    if gaps.max() <= slack:
        return shapes
    first = starts[gaps.argmax()] - slack
    turns = np.floor((west - first) / period)  # from the start of all polygons to each of them
    points, shape_of = shapely.get_coordinates(shapes, return_index=True)
    points[:, 0] += period * (turns[shapely.area(shapes).argmax()] - turns)[shape_of]
    return shapely.set_coordinates(shapes.copy(), points)
