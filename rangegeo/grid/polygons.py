"""The polygons of an area: its geometries taken apart and mended where they are not valid, and their CRS."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import CRS
from shapely import GeometryType

from rangegeo.errors import GridError, GridWarning, UsageError, argument
from rangegeo.grid.crs import WGS84, CrsLike, parse_crs, short_name
from rangegeo.grid.domain import domain_of
from rangegeo.grid.vectors import AOI, AreaLike, Geometries, not_valid, read_geometries
from rangegeo.support.text import counted

WIDEST_EDGE = 240.0  # degrees; a longer edge is meant to cross the antimeridian, as a rule
SLACK = 1e-9  # of a turn; a longitude may exceed the largest one by so much because of rounding


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """Valid polygons.

    Attributes:
        shapes: (n,) shapely Polygons, n > 0.
        crs: the CRS of their coordinates, x before y.
        name: the name of the area in messages and in the attributes of a cube.
    """

    shapes: np.ndarray
    crs: CRS
    name: str


def read_polygons(source: AreaLike, crs: CrsLike | None = None, layer: str | None = None) -> Polygons:
    """The polygons of an area.

    Args:
        source: the path of a vector file that pyogrio opens, "-" for a file on stdin, GeoJSON as a dict, a
            GeoDataFrame, a GeoSeries or a row of one, shapely geometries, or an object with `__geo_interface__`.
        crs: the CRS of a source that does not say its own; geometries without it are in WGS 84.
        layer: the layer of a vector file that has several; None if it has one.
    Raises:
        UsageError: the source cannot be read, there is no such layer, or `crs` is given although the source says its
            own.
        GridError: the source holds anything else than polygons, or polygons that cannot be mended, or does not say its
            CRS.
    Warns:
        GridWarning: a polygon was not valid and was mended, or seems to cross the antimeridian and goes around the
            globe instead.
    """
    read = read_geometries(source, layer)
    polygons = Polygons(_valid_polygons(read.shapes, read.name), _crs_of(read, crs), read.name)
    _check_range(polygons, read.remedy)
    _warn_of_wide_edges(polygons)
    return polygons


def _valid_polygons(shapes: np.ndarray, name: str) -> np.ndarray:
    """The single polygons (n,) that geometries and their collections consist of.

    Raises:
        GridError: there is no polygon, there is another kind of geometry, or a polygon cannot be mended.
    """
    shapes = _parts(shapes)
    if not len(shapes):
        raise GridError(f"{AOI} {name} holds no polygon; give a file that does")
    kinds = Counter(GeometryType(kind).name.lower() for kind in shapely.get_type_id(shapes))
    kinds.pop("polygon", None)
    if kinds:
        told = " and ".join(counted(count, kind) for kind, count in kinds.items())
        raise GridError(f"{AOI} {name} must hold polygons alone, got {told}; give them a width with a buffer in a copy")
    is_valid = shapely.is_valid(shapes)
    return shapes if is_valid.all() else np.concatenate([shapes[is_valid], _mended(shapes[~is_valid], name)])


def _parts(shapes: np.ndarray) -> np.ndarray:
    """The single geometries (n,) that geometries and their collections consist of, without empty and missing ones."""
    shapes = shapes[~shapely.is_missing(shapes)]
    while (shapely.get_type_id(shapes) > GeometryType.POLYGON).any():
        shapes = shapely.get_parts(shapes)
    return shapes[~shapely.is_empty(shapes)]


def _mended(shapes: np.ndarray, name: str) -> np.ndarray:
    """Valid polygons that cover the ground of polygons (n,) that are not valid, such as one whose edges cross.

    Raises:
        GridError: a corner is no number, or a polygon encloses nothing.
    Warns:
        GridWarning: always, with the first fault.
    """
    reasons = shapely.is_valid_reason(shapes)
    found = []
    for shape, reason in zip(shapes, reasons, strict=True):
        if not np.isfinite(shapely.get_coordinates(shape)).all():
            raise GridError(not_valid(name, reason))
        parts = _parts(np.array([shapely.make_valid(shape)]))
        parts = parts[shapely.get_type_id(parts) == GeometryType.POLYGON]
        if not len(parts):
            raise GridError(not_valid(name, reason))
        found.append(parts)
    count = "a polygon that is" if len(shapes) == 1 else f"{len(shapes)} polygons that are"
    first = "" if len(shapes) == 1 else "the first: "
    told = f"{AOI} {name} holds {count} not valid ({first}{reasons[0]}); mended as ogr2ogr -makevalid does"
    warnings.warn(GridWarning(f"{told}, look whether that is what was meant"), stacklevel=4)
    return np.concatenate(found)


def _crs_of(read: Geometries, given: CrsLike | None) -> CRS:
    """The CRS that a source says, or else the one that was given for it.

    Raises:
        UsageError: a CRS cannot be used, or the given one is not that of the source.
        GridError: there is no CRS.
    """
    known, name = read.crs, read.name
    if known is None:
        if given is None and not read.is_bare:
            raise GridError(f"{AOI} {name} says no CRS; say it, for example {argument('bbox_crs', WGS84)}")
        return parse_crs(WGS84 if given is None else given, "bbox_crs")
    crs = parse_crs(known, "aoi", source=name)
    if given is not None and not parse_crs(given, "bbox_crs").equals(crs, ignore_axis_order=True):
        raise UsageError(f"{AOI} {name} is in {short_name(crs)}; leave out {argument('bbox_crs')}")
    return crs


def _check_range(polygons: Polygons, remedy: str) -> None:
    """Refuse coordinates of a geographic CRS that cannot be longitudes and latitudes.

    Raises:
        GridError: the polygons reach beyond a pole or beyond a whole turn.
    """
    if not polygons.crs.is_geographic:
        return
    turn = domain_of(polygons.crs.to_wkt()).period
    west, south, east, north = shapely.total_bounds(polygons.shapes)
    slack = SLACK * turn
    if min(south, -north) < -turn / 4 - slack or min(west, -east) < -turn - slack:
        raise GridError(
            f"{AOI} {polygons.name} reaches from {west:.6g},{south:.6g} to {east:.6g},{north:.6g}, which are no "
            f"longitudes and latitudes of {short_name(polygons.crs)}; {remedy}"
        )


def _warn_of_wide_edges(polygons: Polygons) -> None:
    """Warn of a polygon that was drawn from one side of the antimeridian to the other the long way around the globe.

    An edge of a whole turn is meant: it is a parallel, or the edge of a map.
    """
    if not polygons.crs.is_geographic:
        return
    turn = domain_of(polygons.crs.to_wkt()).period
    lon, ring = shapely.get_coordinates(shapely.get_exterior_ring(polygons.shapes), return_index=True)
    lon = lon[:, 0]
    length = np.where(np.diff(ring) == 0, np.abs(np.diff(lon)), 0.0) / turn * 360
    wide = np.flatnonzero((length >= WIDEST_EDGE) & (length < 360 * (1 - SLACK)))
    if len(wide):
        east, west = sorted(lon[wide[0] : wide[0] + 2].tolist())
        warnings.warn(
            GridWarning(
                f"{AOI} {polygons.name} has an edge from longitude {west:.6g} to {east:.6g}, "
                f"{length[wide[0]]:.6g} degrees long; if the area crosses the antimeridian, write {east + turn:.6g} "
                f"instead of {east:.6g}, or cut it there"
            ),
            stacklevel=4,
        )
