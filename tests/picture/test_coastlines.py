"""Coastlines: the right ones, in the right place, none where polygons were cut; and nothing without the package."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer
from shapely import LineString, MultiLineString, Point, box, polygonize

from rangegeo.grid import make_geobox
from rangegeo.picture import coastlines as module
from rangegeo.picture.coastlines import borders, coastlines, lake_shores
from rangegeo.picture.ground import Frame

# a box around an island, and what lies on it and off it
ISLANDS = {
    "Iceland": ((-26, 62.5, -12, 67.5), (-19, 65), (-25, 63)),
    "Viti Levu across the antimeridian": ((176, -19.5, -178, -15), (178, -17.8), (-178.5, -15.5)),
    "Tasmania": ((143, -45, 150, -39.5), (146.5, -42), (143.5, -44.5)),
}
CRSS = ("EPSG:4326", "EPSG:3857", "utm", "laea", "EPSG:3995 or 3031")


def crs_of(name: str, lon: float, lat: float) -> str:
    if name == "utm":
        return f"EPSG:{32600 + (lat < 0) * 100 + int((lon + 180) // 6) + 1}"
    if name == "laea":
        return f"+proj=laea +lon_0={lon} +lat_0={lat}"
    return f"EPSG:{3995 if lat > 0 else 3031}" if name.startswith("EPSG:3995") else name


@pytest.mark.parametrize("island", ISLANDS)
@pytest.mark.parametrize("crs", CRSS)
def test_an_island_is_a_closed_line_around_its_inland(island, crs):
    bbox, inland, offshore = ISLANDS[island]
    name = crs_of(crs, *inland)
    frame = Frame(make_geobox(bbox, 0.01 if name == "EPSG:4326" else 1000, name))
    lines = coastlines(frame, 700)
    areas = list(polygonize([LineString(line) for line in lines]).geoms)
    on, off = frame.project(np.array([inland, offshore], dtype=float))
    largest = max(areas, key=lambda area: area.area)
    assert largest.contains(Point(on))
    assert not any(area.contains(Point(off)) for area in areas)


@pytest.mark.parametrize(
    ("bbox", "res", "crs", "bbox_crs"),
    [
        ((170, 60, -170, 72), 0.05, "EPSG:4326", "EPSG:4326"),  # Chukotka, cut at the antimeridian
        ((170, 60, -170, 72), 1e4, "EPSG:3995", "EPSG:4326"),
        ((-3e6, -3e6, 3e6, 3e6), 2e4, "EPSG:3031", "EPSG:3031"),  # Antarctica, cut at Greenwich too
        ((-180, -90, 180, 90), 1, "EPSG:4326", "EPSG:4326"),
        ((0, -90, 360, 90), 1, "EPSG:4326", "EPSG:4326"),
        ((-1.804e7, -9.02e6, 1.804e7, 9.02e6), 1e5, "ESRI:54009", "ESRI:54009"),
    ],
)
def test_cuts_of_polygons_are_no_coast(bbox, res, crs, bbox_crs):
    frame = Frame(make_geobox(bbox, res, crs, bbox_crs))
    lines = coastlines(frame, 700)
    assert lines
    to_degrees = Transformer.from_crs(frame.crs, "EPSG:4326", always_xy=True)
    left, right, bottom, top = frame.edges
    for line in lines:
        steps = np.abs(np.diff(line, axis=0))
        assert (steps <= 0.2 * np.array([right - left, top - bottom]) * (1 + 1e-9)).all()
        lon, lat = to_degrees.transform(*line.T)
        with np.errstate(invalid="ignore"):  # a point on the rim of the Mollweide projection may lie beyond it
            for meridian in (-180.0, 0.0):
                cut = np.abs((lon - meridian + 180) % 360 - 180) < 1e-4
                along = (cut[1:] & cut[:-1]) & (np.abs(np.diff(lat)) > 0.2)
                assert not along.any()


def test_lines_stay_near_the_picture(geobox_of):
    """Far coasts are not folded into it: UTM and polar projections would."""
    for ground in ("zone of UTM", "Svalbard", "Lambert"):
        frame = Frame(geobox_of(ground))
        to_degrees = Transformer.from_crs(frame.crs, "EPSG:4326", always_xy=True)
        lon, lat = to_degrees.transform(*np.concatenate(coastlines(frame, 700)).T)
        mesh_lon, mesh_lat = frame.mesh
        assert np.nanmin(mesh_lon) - 5 < min(lon) < max(lon) < np.nanmax(mesh_lon) + 5
        assert np.nanmin(mesh_lat) - 5 < min(lat) < max(lat) < np.nanmax(mesh_lat) + 5


def test_detail_follows_the_size_of_the_picture(geobox_of):
    points = [sum(map(len, coastlines(Frame(geobox_of(ground)), 700))) for ground in ("globe", "Mollweide")]
    assert all(1000 < count < 20_000 for count in points)
    frame = Frame(geobox_of("Lambert"))
    few, many = (MultiLineString(coastlines(frame, pixels)).length for pixels in (50, 2000))
    assert few < many


def test_no_coast_far_from_any(geobox_of):
    assert coastlines(Frame(make_geobox((-130, -30, -125, -27), 0.1)), 700) == []
    assert coastlines(Frame(geobox_of("some metres")), 700) == []


def test_without_the_package_there_are_none(geobox_of, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert coastlines(Frame(geobox_of("Lambert")), 700) == []


def test_a_package_without_its_files_is_none(geobox_of, monkeypatch, tmp_path):
    class Spec:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(module, "find_spec", lambda name: Spec)
    assert coastlines(Frame(geobox_of("Lambert")), 700) == []


# ------------------------------------------------------------------------------------------------ lakes and borders

# a box around a lake, and what lies in it and beside it
LAKES = {
    "the Caspian Sea": ((44, 34, 58, 50), 0.05, (51, 41.5), (55, 45)),
    "Lake Michigan": ((-93, 41, -75, 49.5), 0.05, (-87, 43.5), (-89, 44)),
    "Lake Victoria": ((29, -5, 38, 2), 0.05, (33, -1), (36, -1)),
    "Lake Constance": ((8, 47, 10, 48), 0.01, (9.4, 47.6), (9, 47.3)),
}


@pytest.mark.parametrize("lake", LAKES)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "laea"])
def test_the_shore_of_a_lake_is_no_coast(lake, crs):
    bbox, res, within, beside = LAKES[lake]
    name = crs_of(crs, *within)
    frame = Frame(make_geobox(bbox, res if crs == "EPSG:4326" else res * 1e5, name, "EPSG:4326"))
    on, off = frame.project(np.array([within, beside], dtype=float))
    water = list(polygonize([LineString(line) for line in lake_shores(frame, 700)]).geoms)
    assert any(area.contains(Point(on)) for area in water)
    assert not any(area.contains(Point(off)) for area in water)
    sea = list(polygonize([LineString(line) for line in coastlines(frame, 700)]).geoms)
    assert not any(area.contains(Point(on)) for area in sea)


def test_islands_in_lakes_have_lake_shores():
    """Manitoulin, the largest of all."""
    frame = Frame(make_geobox((-84, 45, -81, 46.5), 0.01))
    areas = list(polygonize([LineString(line) for line in lake_shores(frame, 700)]).geoms)
    assert any(area.contains(Point(-82.2, 45.75)) for area in areas)
    assert coastlines(frame, 700) == []


@pytest.mark.parametrize(
    ("bbox", "crs", "one", "other"),
    [
        ((5, 44, 10, 48), "EPSG:4326", (8.95, 46.0), (9.19, 45.46)),  # Lugano and Milan
        ((5, 44, 10, 48), "EPSG:3035", (8.95, 46.0), (9.19, 45.46)),
        ((-110, 48, -100, 50), "EPSG:4326", (-105, 48.5), (-105, 49.5)),  # along the 49th parallel
        ((-105.2, 48.9, -105, 49.1), "EPSG:4326", (-105.1, 48.95), (-105.1, 49.05)),  # and a small piece of it
        ((-87.7, 47.85, -87.2, 48.15), "EPSG:4326", (-87.6, 47.87), (-87.3, 48.13)),  # within Lake Superior
        ((24, 4, 36, 14), "EPSG:4326", (31.6, 4.85), (32.5, 13)),  # Juba and Sudan
    ],
)
def test_a_border_parts_two_countries(bbox, crs, one, other):
    frame = Frame(make_geobox(bbox, 0.01 if crs == "EPSG:4326" else 1000, crs, "EPSG:4326"))
    lines = borders(frame, 700)
    way = LineString(frame.project(np.array([one, other], dtype=float)))
    assert MultiLineString(lines).intersects(way)
    left, right, bottom, top = frame.edges
    for line in lines:
        steps = np.abs(np.diff(line, axis=0))
        assert np.isfinite(steps).all()
        if bbox[2] - bbox[0] > 1:
            assert (steps <= 0.21 * np.array([right - left, top - bottom])).all()


def test_no_border_within_a_country():
    frame = Frame(make_geobox((0, 45.5, 4, 48), 0.01))
    assert borders(frame, 700) == []


def test_a_small_picture_has_all_of_a_shore():
    """Steps of the finest lines are longer than a fifth of it, and some begin and end outside."""
    whole = MultiLineString(lake_shores(Frame(make_geobox((8, 47, 9.2, 47.7), 0.01)), 700))
    for bbox in ((8.5, 47.3, 8.7, 47.4), (8.6, 47.28, 8.68, 47.36), (8.65, 47.31, 8.69, 47.35)):
        part = box(*bbox)
        shown = MultiLineString(lake_shores(Frame(make_geobox(bbox, 0.0005)), 700)).intersection(part)
        expected = whole.intersection(part)
        assert expected.length > 0
        assert shown.length == pytest.approx(expected.length, rel=1e-4)


def test_no_line_without_the_package(geobox_of, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    for lines in (coastlines, lake_shores, borders):
        assert lines(Frame(geobox_of("Lambert")), 700) == []
