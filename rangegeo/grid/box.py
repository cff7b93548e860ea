"""A bounding box, a resolution and a CRS become a grid of pixels.

Grids are odc-geo GeoBoxes. They are north-up, their pixels are areas, and their origin is the north-west corner of the
bounding box.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from rangegeo.errors import GridWarning, UsageError, argument
from rangegeo.grid.crs import WGS84, CrsLike, crs_name, metres_a_unit, parse_crs, short_name, units
from rangegeo.grid.domain import at_most_polar, domain_of, wrapped
from rangegeo.support.numbers import real

Bounds: TypeAlias = tuple[float, float, float, float]  # west, south, east, north
COLUMN_SLACK = 1e-6  # of a pixel; a box that is wider by less gets no further column
LARGEST_SIDE = 2**31 - 1  # pixels; the limit of GDAL
MOST_PIXELS = 10**12  # a million a side; more comes from a mistaken unit, and a graph of its chunks would fill memory
SMALLEST_RES = 1e-200  # so that a number of pixels is finite
FINEST = 0.1  # metres; the model describes landscapes, so finer pixels come from a mistaken unit too
FINE, FINE_SIDE = 1.0, 10_000  # metres; smaller pixels along so many of a side are meant in degrees, as a rule
FARTHEST = 1e9  # metres or feet; a projected place beyond it is a pole, which lies at infinity
METRIC = "EPSG:3857"  # a CRS in metres for examples, which shows the whole world
MOST_DEGREES = 10.0  # of a pixel; larger pixel sizes are meant in metres
WIDEST_CROSSING = 240.0  # degrees; a box across the antimeridian that is wider has west and east swapped, as a rule
EDGE_POINTS = 719  # on each edge of a box that is reprojected: one every half degree of a whole parallel
NOWHERE: Bounds = (math.inf, math.inf, math.inf, math.inf)  # bounds that no CRS can show
RES, THE_ORDER = argument("res"), "the order is W,S,E,N"


def make_geobox(
    bbox: Sequence[float],
    res: float | Sequence[float],
    crs: CrsLike = WGS84,
    bbox_crs: CrsLike = WGS84,
    *,
    align: bool = False,
) -> GeoBox:
    """The grid that covers a bounding box.

    Args:
        bbox: west, south, east, north in `bbox_crs`; a box with west > east crosses the antimeridian.
        res: the pixel size in units of `crs`: one number, or one for x and one for y.
        crs: the CRS of the grid, anything that pyproj reads.
        bbox_crs: the CRS of the bounding box.
        align: move the corners outwards to multiples of the pixel size, as gdalwarp's -tap does.
    Returns:
        A GeoBox of width ceil((east - west) / res - 1e-6) and of a height found in the same way.
    Raises:
        UsageError: the box, the pixel size or a CRS cannot be used.
    Warns:
        GridWarning: the pixel size looks as if it were meant in other units.
    """
    source = parse_crs(bbox_crs, "bbox_crs", example=example_crs(bbox, 360.0))
    target = parse_crs(crs, "crs", example=example_crs(res, MOST_DEGREES))
    size = parse_res(res, target)
    return cover(_bounds_in(parse_bbox(bbox, source), source, target), size, target, align=align)


def cover(bounds: Bounds, size: tuple[float, float], crs: CRS, *, align: bool = False) -> GeoBox:
    """The grid that covers bounds given in its own CRS.

    Args:
        bounds: west, south, east, north in units of `crs`.
        size: width and height of a pixel in the same units.
        crs: the CRS of the grid.
        align: move the corners outwards to multiples of the pixel size.
    Raises:
        UsageError: the grid would have too many pixels.
    Warns:
        GridWarning: the pixel size looks as if it were meant in other units.
    """
    res_x, res_y = size
    west, south, east, north = bounds
    if res_x > (east - west) * (1 + COLUMN_SLACK) and res_y > (north - south) * (1 + COLUMN_SLACK):
        area = f"the whole area of {east - west:.6g} x {north - south:.6g}"
        _warn_of_units(size, crs, f"more than {area}; take a smaller {RES}")
    if align:
        west, north = math.floor(west / res_x + COLUMN_SLACK) * res_x, math.ceil(north / res_y - COLUMN_SLACK) * res_y
        east, south = math.ceil(east / res_x - COLUMN_SLACK) * res_x, math.floor(south / res_y + COLUMN_SLACK) * res_y
    width = max(1, math.ceil((east - west) / res_x - COLUMN_SLACK))
    height = max(1, math.ceil((north - south) / res_y - COLUMN_SLACK))
    check_size((height, width), f"take a larger {RES}, in units of {short_name(crs)}: {units(crs)}")
    metres = min(size) * metres_a_unit(crs)
    if metres < FINEST:
        _warn_of_units(size, crs, f"less than 10 cm; take a larger {RES}")
    elif metres < FINE and max(width, height) > FINE_SIDE:
        _warn_of_units(size, crs, f"{width:,} x {height:,} pixels of {metres:.2g} m; take a larger {RES}")
    return GeoBox((height, width), Affine(res_x, 0.0, west, 0.0, -res_y, north), crs_name(crs))


def check_size(shape: tuple[int, int], remedy: str) -> None:
    """Refuse a grid that no file could hold.

    Args:
        shape: (h, w) pixels.
        remedy: what to type instead, for the message.
    Raises:
        UsageError: the grid has too many pixels.
    """
    height, width = shape
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise UsageError(f"the raster would have {width} x {height} pixels; {remedy}")


def _warn_of_units(size: tuple[float, float], crs: CRS, why: str) -> None:
    """Warn that a pixel size is unusual, and tell the units that it was read in."""
    given = _joined(size if size[0] != size[1] else size[:1])
    option = argument("crs")
    other = f"a {option} in metres" if crs.is_geographic else f"leave out {option} for degrees"
    message = f"{RES} {given} is in {units(crs)} of {short_name(crs)}, {why}, or {other}"
    warnings.warn(GridWarning(message), stacklevel=4)


def parse_bbox(bbox: Sequence[float], crs: CRS) -> Bounds:
    """Check a bounding box.

    Args:
        bbox: west, south, east, north.
        crs: the CRS of these numbers.
    Returns:
        The four numbers; if the box crosses the antimeridian, east is a turn further, so that west < east.
    Raises:
        UsageError: they are not four finite numbers, the box is empty, or it reaches beyond the globe.
    Warns:
        GridWarning: the box crosses the antimeridian and spans nearly the globe.
    """
    try:
        west, south, east, north = (real(value) for value in bbox)
    except (TypeError, ValueError):
        expected, given = "four numbers W,S,E,N", _joined(bbox)
        if not crs.is_geographic:
            expected = f"{expected} in {units(crs)} of {short_name(crs)}"
            raise UsageError(argument="bbox", expected=expected, got=given) from None
        raise UsageError(argument="bbox", expected=expected, got=given, example=(5, 44, 10, 48)) from None
    given = _joined((west, south, east, north))
    if not all(map(math.isfinite, (west, south, east, north))):
        raise UsageError(argument="bbox", expected="four finite numbers W,S,E,N", got=given)
    if south >= north:
        raise _bad_box("have south < north", given)
    if west == east:
        raise _bad_box("have west different from east", given)
    if not crs.is_geographic:
        if west > east:
            raise _bad_box(f"have west < east in {short_name(crs)}", given)
        return west, south, east, north
    south, north = at_most_polar(np.array([south, north])).tolist()  # 0.1 * 900.0000000000001 is no mistake
    if south < -90 or north > 90:
        raise _bad_box("have latitudes in [-90, 90]", given, f", and metres need {argument('bbox_crs')}")
    if not (-360 <= west <= 360 and -360 <= east <= 360):
        raise _bad_box("have longitudes in [-360, 360]", given)
    if west > east:
        east += 360.0
        if WIDEST_CROSSING <= east - west < 360 * (1 - COLUMN_SLACK):
            _warn_of_swapped((west, south, east - 360.0, north), east - west)
    if east <= west or east - west > 360:
        raise _bad_box("be at most 360 degrees wide", given)
    return west, south, east, north


def _warn_of_swapped(bbox: Bounds, width: float) -> None:
    """Warn that a box spans nearly the globe, and that it would be a small one with west and east swapped."""
    west, south, east, north = bbox
    narrow = argument("bbox", (east, south, west, north))
    told = f"{argument('bbox')} {_joined(bbox)} has west > east, so it crosses the antimeridian and is {width:.6g}"
    message = f"{told} degrees wide; for the {360 - width:.6g} degrees between them give {narrow}"
    warnings.warn(GridWarning(message), stacklevel=4)


def _bad_box(must: str, given: str, more: str = "") -> UsageError:
    return UsageError(f"{argument('bbox')} must {must}, got {given}; {THE_ORDER}{more}")


def example_crs(numbers: object, most_degrees: float) -> str:
    """A CRS in whose units some numbers may be, for messages: one in metres if a number is too large for degrees."""
    try:
        values = [real(value) for value in np.ravel(np.asarray(numbers, dtype=object))]
    except (TypeError, ValueError):
        return WGS84
    return METRIC if any(abs(value) > most_degrees for value in values) else WGS84


def example_res(crs: CRS) -> float:
    """A usual pixel size in units of a CRS, for messages: about a kilometre."""
    return 0.01 if crs.is_geographic else 1000 if metres_a_unit(crs) < 100 else 1


def parse_res(res: float | Sequence[float], crs: CRS) -> tuple[float, float]:
    """The width and the height of a pixel.

    Args:
        res: one number, or one for x and one for y.
        crs: the CRS of the grid, for messages.
    Raises:
        UsageError: they are not one or two positive numbers.
    """
    try:
        values = [real(value) for value in np.atleast_1d(np.asarray(res))]
    except (TypeError, ValueError):
        values = []
    if len(values) not in (1, 2) or not all(math.isfinite(v) and v > SMALLEST_RES for v in values):
        expected = "one or two positive numbers in units of the CRS"
        raise UsageError(argument="res", expected=expected, got=_joined(res), example=example_res(crs))
    return values[0], values[-1]


def _bounds_in(bounds: Bounds, source: CRS, target: CRS) -> Bounds:
    """The bounds of the same area in another CRS; the edges of the box are followed between its corners.

    Raises:
        UsageError: the box reaches beyond the domain of the other CRS.
    """
    if source.equals(target, ignore_axis_order=True):
        return bounds
    west, south, east, north = bounds
    transformer = Transformer.from_crs(source, target, always_xy=True)
    domain = domain_of(target.to_wkt())
    try:
        if source.is_geographic and domain.straight:  # x grows on with longitude beyond the antimeridian
            left, _ = transformer.transform(west, 0.0)
            low, high = (transformer.transform(0.0, latitude)[1] for latitude in (south, north))
            if max(abs(low), abs(high)) > domain.period:  # a pole in the Mercator projection
                low = math.inf
            result = (left, low, left + (east - west) * domain.period / 360.0, high)
        else:
            if source.is_geographic:
                west, east = (-180.0, 180.0) if east - west >= 360 else wrapped(np.array([west, east])).tolist()
            result = transformer.transform_bounds(west, south, east, north, densify_pts=EDGE_POINTS)
            if target.is_projected and not _holds_interior(result, (west, south, east, north), transformer):
                result = NOWHERE
    except ProjError:
        result = NOWHERE
    if result[0] > result[2] and target.is_geographic:
        result = (result[0], result[1], result[2] + 360.0, result[3])
    if not all(map(math.isfinite, result)) or result[0] >= result[2] or result[1] >= result[3]:
        beyond = f"{argument('bbox')} {_joined(bounds)} reaches beyond the domain of {short_name(target)}"
        raise UsageError(f"{beyond}; take a smaller box, or give it in that CRS with {argument('bbox_crs')}")
    return result


def _holds_interior(result: Bounds, bounds: Bounds, transformer: Transformer) -> bool:
    """Whether reprojected bounds hold the interior of a box and not only its edges.

    They do not if the projection folds or tears the box, as UTM does with the whole world and Mercator with a pole.

    Args:
        result: the bounds in the CRS of the grid.
        bounds: the bounds of the box in its own CRS.
        transformer: from the CRS of the box to that of the grid.
    """
    west, south, east, north = bounds
    east += 360.0 if east < west else 0.0
    x, y = transformer.transform(*np.meshgrid(np.linspace(west, east, 33), np.linspace(south, north, 33)))
    left, bottom, right, top = result
    if not all(map(math.isfinite, result)):
        return False
    slack_x, slack_y = 0.01 * (right - left), 0.01 * (top - bottom)
    return bool(
        (x >= left - slack_x).all()
        and (x <= right + slack_x).all()
        and (y >= bottom - slack_y).all()
        and (y <= top + slack_y).all()
        and max(map(abs, result)) < FARTHEST
    )


def _joined(values: object) -> str:
    """Numbers joined by commas, and anything else as it is."""
    if isinstance(values, str) or not np.iterable(values):
        return str(values)
    return ",".join(f"{value:.10g}" if isinstance(value, float) else str(value) for value in values)
