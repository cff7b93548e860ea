"""Grids of pixels and where they lie: odc-geo GeoBoxes made from a box, an area or a raster, and places on the globe.

How a grid is made: `extent` chooses between a bounding box (`box`), an existing raster (`like`, which asks
`georeference` about arrays) and an area; `vectors` reads the geometries of areas, `polygons` makes valid polygons of
them, `reproject` takes them to the CRS of the grid, and `mask` tells which pixels lie in them. Where pixels lie: `crs`
reads coordinate reference systems, `domain` knows where a projection ends or repeats, and `pixels` turns pixels into
longitudes and latitudes and back. `union` joins grids of one lattice. How grids are divided: `windows` cuts axes,
`pyramid` gives coarser grids, `samples` picks pixels that stand for all, and `globe` divides the whole globe for
scattered places. `coords` writes a grid as coordinates of an xarray object, with the labels that `labels` computes.
Models, values and files of cubes are not known here.
"""

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
