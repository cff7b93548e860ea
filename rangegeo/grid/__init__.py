"""Grids of pixels: a box or an area, a resolution and a CRS in, an odc-geo GeoBox out; and where its pixels lie."""

from rangegeo.grid.box import make_geobox, parse_bbox, parse_res
from rangegeo.grid.crs import WGS84, crs_name, parse_crs
from rangegeo.grid.domain import wrapped
from rangegeo.grid.pixels import PixelPlaces, pixel_arc_deg, pixel_places, places_on, scattered_places

__all__ = [
    "WGS84",
    "PixelPlaces",
    "crs_name",
    "make_geobox",
    "parse_bbox",
    "parse_crs",
    "parse_res",
    "pixel_arc_deg",
    "pixel_places",
    "places_on",
    "scattered_places",
    "wrapped",
]
