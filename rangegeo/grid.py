"""From a bounding box, a resolution and a CRS to a grid of pixels, and from pixels to places.

Grids are odc-geo GeoBoxes: north-up, pixels are areas, the origin is the north-west corner of the bounding box.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from rangegeo.errors import UsageError

WGS84 = "EPSG:4326"
PIXEL_SLACK = 1e-6  # of a pixel: a box this little too wide does not get one more column
DOMAIN_SLACK = 1e-3  # of a pixel: how exactly a pixel inside a projection's domain comes back from its place
LARGEST_SIDE = 2**31 - 1  # pixels; GDAL's limit
FARTHEST = 1e9  # metres or feet; a projected place beyond it is a pole at infinity
ARC_SAMPLES = 9  # rows and columns of a grid at which the size of its pixels is taken
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
    """
    crs, bbox_crs = parse_crs(crs, "--crs"), parse_crs(bbox_crs, "--bbox-crs")
    res_x, res_y = parse_res(res)
    west, south, east, north = _bounds_in(parse_bbox(bbox, bbox_crs), bbox_crs, crs)
    if align:
        west, north = math.floor(west / res_x + PIXEL_SLACK) * res_x, math.ceil(north / res_y - PIXEL_SLACK) * res_y
        east, south = math.ceil(east / res_x - PIXEL_SLACK) * res_x, math.floor(south / res_y + PIXEL_SLACK) * res_y
    width = max(1, math.ceil((east - west) / res_x - PIXEL_SLACK))
    height = max(1, math.ceil((north - south) / res_y - PIXEL_SLACK))
    if max(width, height) > LARGEST_SIDE:
        raise UsageError(
            f"the raster would have {width} x {height} pixels; take a larger --res, in units of {crs_name(crs)}"
        )
    return GeoBox((height, width), Affine(res_x, 0.0, west, 0.0, -res_y, north), crs_name(crs))


def parse_bbox(bbox: Sequence[float], crs: CRS) -> tuple[float, float, float, float]:
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


def parse_crs(crs: object, flag: str = "--crs") -> CRS:
    """A horizontal CRS from anything pyproj reads."""
    try:
        parsed = CRS.from_user_input(crs)
    except CRSError:
        raise UsageError(
            f"{flag} must be a CRS that pyproj knows, got {str(crs)!r}; for example {flag} EPSG:3857"
        ) from None
    if not (parsed.is_geographic or parsed.is_projected):
        raise UsageError(
            f"{flag} must be a geographic or projected CRS, got {str(crs)!r}; for example {flag} EPSG:3857"
        )
    return parsed


def crs_name(crs: CRS) -> str:
    """AUTHORITY:CODE where there is one, else WKT."""
    authority = crs.to_authority(min_confidence=100)
    return ":".join(authority) if authority else crs.to_wkt()


def _short_name(crs: CRS) -> str:
    """AUTHORITY:CODE where there is one, else what the CRS calls itself; for messages."""
    return crs_name(crs) if crs.to_authority(min_confidence=100) else crs.name


@dataclass(frozen=True, slots=True, eq=False)
class PixelPlaces:
    """Where the pixels of a window lie.

    Attributes:
        lonlat_deg: (h * w, 2) float64, rows from north to south; any finite value where not valid.
        valid: (h, w) bool, False outside the projection's domain.
        axes_deg: longitudes (w,) and latitudes (h,) if the places are their product, else None.
    """

    lonlat_deg: np.ndarray
    valid: np.ndarray
    axes_deg: tuple[np.ndarray, np.ndarray] | None


def pixel_places(geobox: GeoBox, rows: slice, cols: slice) -> PixelPlaces:
    """Longitude and latitude (WGS 84) of the pixel centres in a window of a grid.

    A centre is computed from the whole grid's origin, so it does not depend on the window.
    """
    return places_on(geobox, np.arange(rows.start, rows.stop) + 0.5, np.arange(cols.start, cols.stop) + 0.5)


def places_on(geobox: GeoBox, rows: np.ndarray, cols: np.ndarray) -> PixelPlaces:
    """Longitude and latitude of the crossings of rows and columns, counted in pixels from the north-west corner."""
    transform, crs = geobox.affine, geobox.crs.to_wkt()
    x = transform.c + cols * transform.a
    y = transform.f + rows * transform.e
    domain = _domain(crs)
    if domain.cylindrical:
        lon, lat, valid_x, valid_y = domain.axes(x, y)
        lat_2d, lon_2d = np.meshgrid(lat, lon, indexing="ij")
        lonlat = np.stack([lon_2d.ravel(), lat_2d.ravel()], axis=1)
        return PixelPlaces(lonlat, valid_y[:, None] & valid_x[None, :], (lon, lat))
    y_2d, x_2d = np.meshgrid(y, x, indexing="ij")
    tolerance = DOMAIN_SLACK * min(abs(transform.a), abs(transform.e))
    lon, lat, valid = domain.places(x_2d.ravel(), y_2d.ravel(), tolerance)
    axes = _product_axes(lon.reshape(y_2d.shape), lat.reshape(y_2d.shape))
    return PixelPlaces(np.stack([lon, lat], axis=1), valid.reshape(y_2d.shape), axes)


def pixel_arc_deg(geobox: GeoBox) -> float:
    """The largest great-circle distance between neighbouring pixel centres, at some places of a grid, in degrees.

    Infinite if none of these places is in the projection's domain.
    """
    height, width = geobox.shape
    rows, cols = (np.linspace(0.5, length - 0.5, ARC_SAMPLES) for length in (height, width))
    here = places_on(geobox, rows, cols)
    largest = -math.inf
    for moved in (places_on(geobox, rows, cols + 1), places_on(geobox, rows + 1, cols)):
        both = (here.valid & moved.valid).ravel()
        if both.any():
            lon_a, lat_a, lon_b, lat_b = (
                np.radians(part) for pixels in (here, moved) for part in pixels.lonlat_deg[both].T
            )
            half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
            largest = max(largest, float(np.degrees(2 * np.arcsin(np.sqrt(half)).max())))
    return largest if largest > 0 else math.inf


class _Domain:
    """Transformations between one CRS and WGS 84, and what they say of its shape."""

    def __init__(self, wkt: str) -> None:
        source, wgs84 = CRS.from_wkt(wkt), CRS.from_epsg(4326)
        self.inverse = Transformer.from_crs(source, WGS84, always_xy=True)
        self.forward = Transformer.from_crs(WGS84, source, always_xy=True)
        self.is_wgs84 = source.equals(wgs84, ignore_axis_order=True)
        # the projection alone: a shift of datum need not lead back, for its way there and its way back may differ
        datum = source.geodetic_crs.to_2d()
        self.on_wgs84 = datum.equals(wgs84, ignore_axis_order=True)
        self.unproject = self.inverse if self.on_wgs84 else Transformer.from_crs(source, datum, always_xy=True)
        self.project = self.forward if self.on_wgs84 else Transformer.from_crs(datum, source, always_xy=True)
        lon, lat = np.meshgrid(np.arange(-150.0, 180.0, 60.0), [0.0, 45.0])
        x, y = self.forward.transform(lon, lat)
        straight = (x[0] == x[1]).all() and (y == y[:, :1]).all() and np.isfinite(x).all() and np.isfinite(y).all()
        step = float(np.median(np.diff(x[0])))  # of 60 degrees; across the projection's seam it is another one
        self.straight = self.is_wgs84 or bool(straight and step)
        # another datum is shifted from place to place, and then straight meridians become crooked ones
        self.cylindrical = self.straight and self.on_wgs84
        # a turn around the world, where x is proportional to longitude: beyond one, x starts over
        if source.is_geographic:
            self.period = 2 * math.pi / source.axis_info[0].unit_conversion_factor
        else:
            self.period = 6 * step if self.straight else math.inf

    def axes(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Longitudes, latitudes and their validity where one depends on x and the other on y alone."""
        if self.is_wgs84:
            lon, lat = x, y
        else:
            x_zero, y_zero = self.forward.transform(0.0, 0.0)
            lon, _ = self.inverse.transform(x, np.full_like(x, y_zero))
            _, lat = self.inverse.transform(np.full_like(y, x_zero), y)
        valid_x, valid_y = np.isfinite(lon), np.isfinite(lat) & (np.abs(lat) <= 90)
        return _wrapped(np.where(valid_x, lon, 0.0)), np.where(valid_y, lat, 0.0), valid_x, valid_y

    def places(self, x: np.ndarray, y: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Longitudes, latitudes and validity; a pixel is valid if its place leads back to it."""
        own_lon, own_lat = self.unproject.transform(x, y)
        lon, lat = (own_lon, own_lat) if self.on_wgs84 else self.inverse.transform(x, y)
        found = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90)
        lon, lat = np.where(found, lon, 0.0), np.where(found, lat, 0.0)
        x_back, y_back = self.project.transform(own_lon, own_lat)
        with np.errstate(invalid="ignore"):
            off_x, off_y = np.abs(x_back - x), np.abs(y_back - y)
            if math.isfinite(self.period):
                off_x = np.abs(off_x - np.round(off_x / self.period) * self.period)
            valid = found & (off_x <= tolerance) & (off_y <= tolerance)
        return _wrapped(lon), lat, valid


@lru_cache(maxsize=32)
def _domain(wkt: str) -> _Domain:
    return _Domain(wkt)


def _wrapped(lon: np.ndarray) -> np.ndarray:
    """Longitudes beyond ±180 brought back by whole turns; the others are left as they are, to the last bit."""
    turns = np.where(np.abs(lon) > 180.0, np.floor((lon + 180.0) / 360.0), 0.0)
    return lon - 360.0 * turns


def _product_axes(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Longitudes (w,) and latitudes (h,) whose product these (h, w) places are, as on a datum with no shift here."""
    is_product = (lon == lon[:1]).all() and (lat == lat[:, :1]).all()
    return (lon[0].copy(), lat[:, 0].copy()) if is_product else None


def _bounds_in(
    bounds: tuple[float, float, float, float], source: CRS, target: CRS
) -> tuple[float, float, float, float]:
    """Bounds of the same area in another CRS, its edges followed, not only its corners."""
    if source.equals(target, ignore_axis_order=True):
        return bounds
    west, south, east, north = bounds
    transformer = Transformer.from_crs(source, target, always_xy=True)
    domain = _domain(target.to_wkt())
    try:
        if source.is_geographic and domain.straight:  # x grows with longitude, beyond the antimeridian too
            left, _ = transformer.transform(west, 0.0)
            low, high = (transformer.transform(0.0, latitude)[1] for latitude in (south, north))
            if max(abs(low), abs(high)) > domain.period:  # Mercator's poles
                low = math.inf
            result = (left, low, left + (east - west) * domain.period / 360.0, high)
        else:
            if source.is_geographic:
                west, east = (-180.0, 180.0) if east - west >= 360 else _wrapped(np.array([west, east])).tolist()
            result = transformer.transform_bounds(west, south, east, north, densify_pts=EDGE_POINTS)
            if target.is_projected and not _holds_interior(result, (west, south, east, north), transformer):
                result = (math.inf,) * 4
    except ProjError:
        result = (math.inf,) * 4
    if result[0] > result[2] and target.is_geographic:
        result = (result[0], result[1], result[2] + 360.0, result[3])
    if not all(map(math.isfinite, result)) or result[0] >= result[2] or result[1] >= result[3]:
        raise UsageError(
            f"--bbox {_joined(bounds)} reaches beyond the domain of {_short_name(target)}; "
            "take a smaller box, or give it in that CRS with --bbox-crs"
        )
    return result


def _holds_interior(
    result: tuple[float, float, float, float], bounds: tuple[float, float, float, float], transformer: Transformer
) -> bool:
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
