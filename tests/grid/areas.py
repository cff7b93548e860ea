"""Areas to clip with, and which pixels of a grid lie in one, told the slow way."""

from __future__ import annotations

import numpy as np
import rasterio.transform
import shapely
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from rangegeo.grid import pixel_places

TRIANGLE = shapely.Polygon([(5, 44), (9, 44.3), (6, 47.7)])
HOLED = shapely.Point(7, 46).buffer(1.5).difference(shapely.box(6.5, 45.5, 7.2, 46.1))
FIJI = shapely.MultiPolygon([shapely.box(177, -19, 180, -16), shapely.box(-180, -18.5, -178, -17)])  # cut, as GeoJSON
FIJI_ON = shapely.union_all([shapely.box(177, -19, 180, -16), shapely.box(180, -18.5, 182, -17)])  # beyond 180° instead
LAPLAND = shapely.Polygon([(20, 66), (30, 66), (28, 71), (18, 70)])
COAST = [(lon, -70 + 4 * np.sin(lon / 20)) for lon in range(-170, 171, 10)]
ANTARCTICA = shapely.Polygon([(-180, -90), (-180, -75), *COAST, (180, -75), (180, -90)])
WORLD = shapely.box(-180, -90, 180, 90)
STATES = shapely.MultiPolygon(
    [shapely.box(-125, 25, -66, 49), shapely.box(-180, 51, -130, 71), shapely.box(172, 51, 180, 54)]
)


def projected(shape: shapely.Geometry, crs: str) -> shapely.Geometry:
    """A lon/lat geometry in another CRS, its edges followed in many small steps."""
    transformer = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return shapely.transform(shape.segmentize(0.01), lambda points: np.stack(transformer.transform(*points.T), axis=1))


def in_area(geobox: GeoBox, shape: shapely.Geometry, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Whether each pixel's centre, taken to the CRS of an area, lies in it, and whether it does so clearly; (h, w).

    Unclear are centres within a hundredth of a pixel of the edge.
    """
    rows, cols = np.mgrid[: geobox.shape[0], : geobox.shape[1]]
    x, y = (np.reshape(part, geobox.shape) for part in rasterio.transform.xy(geobox.affine, rows, cols))
    back = Transformer.from_crs(geobox.crs.to_wkt(), crs, always_xy=True)
    (own_x, own_y), (near_x, _) = (
        [np.nan_to_num(part, posinf=1e30, neginf=1e30) for part in back.transform(x + moved, y)]
        for moved in (0, 0.01 * geobox.affine.a)
    )
    slack = np.abs(near_x - own_x) + 1e-12
    turns = (-360, 0, 360) if CRS(crs).is_geographic else (0,)
    shapely.prepare(shape)
    inside = np.logical_or.reduce([shapely.contains_xy(shape, own_x + turn, own_y) for turn in turns])
    edge = np.min([shapely.distance(shapely.points(own_x + turn, own_y), shape.boundary) for turn in turns], axis=0)
    valid = pixel_places(geobox, *(slice(0, length) for length in geobox.shape)).valid
    return inside, valid & (edge > slack)
