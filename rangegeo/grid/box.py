"""From a bounding box, a resolution and a CRS to a grid of pixels.

Grids are odc-geo GeoBoxes: north-up, pixels are areas, the origin is the north-west corner of the bounding box.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from rangegeo.errors import GridWarning, UsageError
from rangegeo.grid.crs import WGS84, crs_name, metres_a_unit, parse_crs, short_name, units
from rangegeo.grid.domain import domain_of, wrapped

Bounds = tuple[float, float, float, float]  # west, south, east, north
PIXEL_SLACK = 1e-6  # of a pixel: a box this little too wide does not get one more column
LARGEST_SIDE = 2**31 - 1  # pixels; GDAL's limit
MOST_PIXELS = 10**12  # a million a side; more is a slip of units, and a graph of its chunks would not fit in memory
FINEST = 0.1  # metres; the model tells landscapes apart, so smaller pixels are a slip of units as well
FARTHEST = 1e9  # metres or feet; a projected place beyond it is a pole at infinity
EDGE_POINTS = 719  # on each edge of a box that is reprojected: every half degree of a whole parallel


def make_geobox(
    bbox: Sequence[float],
    res: float | Sequence[float],
    crs: object = WGS84,
    bbox_crs: object = WGS84,
    *,
    align: bool = False,
) -> GeoBox:
    """The grid that covers a bounding box.

    Args:
        bbox: west, south, east, north in `bbox_crs`; west > east crosses the antimeridian.
        res: pixel size in units of `crs`, one number or x and y.
        crs: of the grid, anything pyproj reads.
        bbox_crs: of the bounding box.
        align: move the corners outwards to multiples of the pixel size (gdalwarp's -tap).
    Returns:
        A GeoBox; width = ceil((east - west) / res - 1e-6), likewise height.
    Raises:
        UsageError: what is wrong with the box, the pixel size or a CRS.
    Warns:
        GridWarning: the pixel size looks as if it were meant in other units.
    """
    crs, bbox_crs = parse_crs(crs, "--crs"), parse_crs(bbox_crs, "--bbox-crs")
    size = parse_res(res)
    return cover(_bounds_in(parse_bbox(bbox, bbox_crs), bbox_crs, crs), size, crs, align=align)


def cover(bounds: Bounds, size: tuple[float, float], crs: CRS, *, align: bool = False) -> GeoBox:
    """The grid of pixels of a size, (x, y), that covers bounds in its own CRS; raises and warns as `make_geobox`."""
    res_x, res_y = size
    west, south, east, north = bounds
    if res_x > (east - west) * (1 + PIXEL_SLACK) and res_y > (north - south) * (1 + PIXEL_SLACK):
        _doubt(size, crs, f"more than the whole area of {east - west:.6g} x {north - south:.6g}; take a smaller --res")
    if align:
        west, north = math.floor(west / res_x + PIXEL_SLACK) * res_x, math.ceil(north / res_y - PIXEL_SLACK) * res_y
        east, south = math.ceil(east / res_x - PIXEL_SLACK) * res_x, math.floor(south / res_y + PIXEL_SLACK) * res_y
    width = max(1, math.ceil((east - west) / res_x - PIXEL_SLACK))
    height = max(1, math.ceil((north - south) / res_y - PIXEL_SLACK))
    check_size((height, width), f"take a larger --res, in units of {short_name(crs)}: {units(crs)}")
    if min(size) * metres_a_unit(crs) < FINEST:
        _doubt(size, crs, "less than 10 cm; take a larger --res")
    return GeoBox((height, width), Affine(res_x, 0.0, west, 0.0, -res_y, north), crs_name(crs))


def check_size(shape: tuple[int, int], remedy: str) -> None:
    """Refuse a grid that no file could hold."""
    height, width = shape
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise UsageError(f"the raster would have {width} x {height} pixels; {remedy}")


def _doubt(size: tuple[float, float], crs: CRS, why: str) -> None:
    """Say in which units a pixel size was taken."""
    given = _joined(size if size[0] != size[1] else size[:1])
    other = "a --crs in metres" if crs.is_geographic else "leave out --crs for degrees"
    message = f"--res {given} is in {units(crs)} of {short_name(crs)}, {why}, or {other}"
    warnings.warn(message, GridWarning, stacklevel=4)


def parse_bbox(bbox: Sequence[float], crs: CRS) -> Bounds:
    """Four finite numbers, south < north, and in degrees within the globe; east is made greater than west."""
    try:
        west, south, east, north = (float(value) for value in bbox)
    except (TypeError, ValueError):
        raise UsageError(
            f"--bbox must be four numbers W,S,E,N, got {_joined(bbox)}; for example --bbox 5,44,10,48"
        ) from None
    given = f"got {_joined((west, south, east, north))}"
    if not all(map(math.isfinite, (west, south, east, north))):
        raise UsageError(f"--bbox must be four finite numbers W,S,E,N, {given}")
    if south >= north:
        raise UsageError(f"--bbox must have south < north, {given}; the order is W,S,E,N")
    if west == east:
        raise UsageError(f"--bbox must have west different from east, {given}; the order is W,S,E,N")
    if not crs.is_geographic:
        if west > east:
            raise UsageError(f"--bbox must have west < east in {crs_name(crs)}, {given}; the order is W,S,E,N")
        return west, south, east, north
    if south < -90 or north > 90:
        raise UsageError(
            f"--bbox must have latitudes in [-90, 90], {given}; the order is W,S,E,N, and metres need --bbox-crs"
        )
    if not (-360 <= west <= 360 and -360 <= east <= 360):
        raise UsageError(f"--bbox must have longitudes in [-360, 360], {given}; the order is W,S,E,N")
    if west > east:
        east += 360.0
    if east <= west or east - west > 360:
        raise UsageError(f"--bbox must be at most 360 degrees wide, {given}; the order is W,S,E,N")
    return west, south, east, north


def parse_res(res: float | Sequence[float]) -> tuple[float, float]:
    """Pixel width and height, finite and positive."""
    try:
        values = [float(value) for value in np.atleast_1d(np.asarray(res, dtype=np.float64))]
    except (TypeError, ValueError):
        values = []
    if len(values) not in (1, 2) or not all(math.isfinite(v) and v > 0 for v in values):
        raise UsageError(
            f"--res must be one or two positive numbers in units of the CRS, got {_joined(res)}; for example --res 0.01"
        )
    return values[0], values[-1]


def _bounds_in(bounds: Bounds, source: CRS, target: CRS) -> Bounds:
    """Bounds of the same area in another CRS, its edges followed, not only its corners."""
    if source.equals(target, ignore_axis_order=True):
        return bounds
    west, south, east, north = bounds
    transformer = Transformer.from_crs(source, target, always_xy=True)
    domain = domain_of(target.to_wkt())
    try:
        if source.is_geographic and domain.straight:  # x grows with longitude, beyond the antimeridian too
            left, _ = transformer.transform(west, 0.0)
            low, high = (transformer.transform(0.0, latitude)[1] for latitude in (south, north))
            if max(abs(low), abs(high)) > domain.period:  # Mercator's poles
                low = math.inf
            result = (left, low, left + (east - west) * domain.period / 360.0, high)
        else:
            if source.is_geographic:
                west, east = (-180.0, 180.0) if east - west >= 360 else wrapped(np.array([west, east])).tolist()
            result = transformer.transform_bounds(west, south, east, north, densify_pts=EDGE_POINTS)
            if target.is_projected and not _holds_interior(result, (west, south, east, north), transformer):
                result = (math.inf,) * 4
    except ProjError:
        result = (math.inf,) * 4
    if result[0] > result[2] and target.is_geographic:
        result = (result[0], result[1], result[2] + 360.0, result[3])
    if not all(map(math.isfinite, result)) or result[0] >= result[2] or result[1] >= result[3]:
        raise UsageError(
            f"--bbox {_joined(bounds)} reaches beyond the domain of {short_name(target)}; "
            "take a smaller box, or give it in that CRS with --bbox-crs"
        )
    return result


def _holds_interior(result: Bounds, bounds: Bounds, transformer: Transformer) -> bool:
    """Whether reprojected bounds hold what lies inside the box, not only its edges.

    They do not where the projection folds or tears the box: the whole world in UTM, a pole in Mercator.
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
    if isinstance(values, str) or not np.iterable(values):
        return str(values)
    return ",".join(f"{value:.10g}" if isinstance(value, (int, float)) else str(value) for value in values)
