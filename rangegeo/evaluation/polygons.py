"""Places in polygons, so that a polygon with a class gives labels."""

from __future__ import annotations

import numpy as np
import shapely

from rangegeo.errors import UsageError

PLACES = 5000  # that are put into all polygons together
TRIES = 20  # rounds in which places are thrown at the box of a polygon
AREAL = (3, 6)  # shapely's numbers for polygons and multipolygons


def are_areal(shapes: np.ndarray) -> bool:
    """Whether some of the geometries are polygons."""
    return bool(np.isin(shapely.get_type_id(shapes), AREAL).any())


def places_in_polygons(shapes: np.ndarray, name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Seeded places in polygons, spread evenly over their area on the ground.

    Args:
        shapes: (n,) polygons in longitude and latitude, in degrees; missing and empty ones get no place.
        name: of the table, for messages.
    Returns:
        (m, 2) longitude and latitude in degrees, and (m,) the positions of their polygons. Every polygon has at least
        one place, and all together about `PLACES`.
    Raises:
        UsageError: a geometry is no polygon.
    """
    shapes = shapes.copy()
    shapes[shapely.is_empty(shapes)] = None
    kinds = shapely.get_type_id(shapes)
    others = np.flatnonzero((kinds >= 0) & ~np.isin(kinds, AREAL))
    if len(others):
        raise UsageError(
            f"row {others[0] + 1} of {name} is a {shapes[others[0]].geom_type} beside polygons; give points alone, or "
            "polygons alone"
        )
    present = np.flatnonzero(kinds >= 0)
    shapes[present] = shapely.make_valid(shapes[present])
    areas = np.array([_area(shapes[row]) for row in present])
    wanted = np.maximum(1, np.rint(PLACES * areas / (areas.sum() or 1))).astype(int)
    random = np.random.default_rng(seed)
    found = [_places_in(shapes[row], int(count), random) for row, count in zip(present, wanted, strict=True)]
    lonlat = np.concatenate([np.empty((0, 2)), *found])
    return lonlat, np.repeat(present, [len(places) for places in found])


def _area(shape: shapely.Geometry) -> float:
    """The area of a polygon on a sphere, up to a factor: in degrees of longitude times the sine of latitude."""

    def equal_area(lonlat: np.ndarray) -> np.ndarray:
        return np.column_stack([lonlat[:, 0], np.degrees(np.sin(np.radians(lonlat[:, 1])))])

    return float(shapely.area(shapely.transform(shape, equal_area)))


def _places_in(shape: shapely.Geometry, count: int, random: np.random.Generator) -> np.ndarray:
    """(n, 2) random places in a polygon, at most `count` and at least one."""
    west, south, east, north = shapely.bounds(shape)
    low, high = np.sin(np.radians([south, north]))
    shapely.prepare(shape)
    found = np.empty((0, 2))
    for _ in range(TRIES):
        lon = random.uniform(west, east, 2 * count)
        lat = np.degrees(np.arcsin(np.clip(random.uniform(low, high, 2 * count), -1, 1)))
        found = np.concatenate([found, np.column_stack([lon, lat])[shapely.contains_xy(shape, lon, lat)]])
        if len(found) >= count:
            return found[:count]
    return found if len(found) else shapely.get_coordinates(shapely.point_on_surface(shape))
