"""The area that a map is made of, in which random places of the background are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from pyproj import CRS, Proj, Transformer

from rangegeo.grid import WGS84
from rangegeo.grid.crs import CrsLike, crs_of
from rangegeo.grid.domain import domain_of, wrapped
from rangegeo.grid.extent import Area
from rangegeo.grid.polygons import read_polygons
from rangegeo.grid.vectors import AreaLike


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StudyArea:
    """Polygons.

    Attributes:
        name: of the file that they came from.
        shapes: (n,) polygons that do not overlap.
        crs: of their coordinates.
    """

    name: str
    shapes: np.ndarray
    crs: CRS

    @classmethod
    def read(cls, source: AreaLike, crs: CrsLike | None = None, layer: str | None = None) -> StudyArea:
        """The polygons of a source; arguments and errors are those of `read_polygons`."""
        found = read_polygons(source, crs, layer)
        return cls(name=found.name, shapes=_apart(shapely.union_all(found.shapes)), crs=found.crs)

    @classmethod
    def of_grid(cls, area: Area, geobox: GeoBox) -> StudyArea:
        """The area of a map that is asked for on a grid."""
        to_crs = geobox.affine

        def on_ground(points: np.ndarray) -> np.ndarray:
            return points * (to_crs.a, to_crs.e) + (to_crs.c, to_crs.f)

        shapes = shapely.transform(_apart(shapely.from_wkb(area.mask.wkb)), on_ground)
        return cls(name=area.name, shapes=shapes, crs=crs_of(geobox))

    def holds(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n,) bool, whether places (n, 2) lie in the area; False for NaN."""
        period = domain_of(self.crs.to_wkt()).period
        x, y = Transformer.from_crs(WGS84, self.crs, always_xy=True).transform(*lonlat_deg.T)
        turns = (-period, 0.0, period) if np.isfinite(period) else (0.0,)  # polygons may go on beyond 180 degrees
        whole = shapely.union_all(self.shapes)
        shapely.prepare(whole)
        return np.any([shapely.intersects_xy(whole, x + turn, y) for turn in turns], axis=0)

    def random_places(self, count: int, random: np.random.Generator) -> np.ndarray:
        """(m, 2) places in degrees, even on the ground; about as many as fit of `count` that are thrown at the area.

        They are thrown at the box of each polygon, in proportion to its size, and those outside the polygon do not
        count. Where a CRS shows the ground larger than elsewhere, some of the others do not count either.
        """
        bounds = shapely.bounds(self.shapes)
        low, high = bounds[:, :2], bounds[:, 2:]
        sizes = (high - low).prod(axis=1)
        which = random.choice(len(self.shapes), count, p=sizes / sizes.sum())
        points = random.uniform(low[which], high[which])
        shapely.prepare(self.shapes)
        points = points[shapely.intersects_xy(self.shapes[which], *points.T)]
        places = np.column_stack(Transformer.from_crs(self.crs, WGS84, always_xy=True).transform(*points.T))
        places = places[np.isfinite(places).all(axis=1)]
        ground = self._ground(places)
        return _with_wrapped(places[random.uniform(0, ground.max(initial=0.0), len(places)) < ground])

    def _ground(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n,) the area on the ground of a unit of area in the CRS, up to a factor."""
        if self.crs.is_geographic:
            return np.cos(np.radians(lonlat_deg[:, 1]))
        return 1 / np.asarray(Proj(self.crs).get_factors(*lonlat_deg.T).areal_scale)


def _apart(shape: shapely.Geometry) -> np.ndarray:
    """The single polygons of a geometry."""
    parts = shapely.get_parts(shape)
    return parts[shapely.area(parts) > 0]


def _with_wrapped(lonlat_deg: np.ndarray) -> np.ndarray:
    """Places with longitudes from -180 to 180."""
    return np.column_stack([wrapped(lonlat_deg[:, 0]), lonlat_deg[:, 1]])
