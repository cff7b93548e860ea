"""Areas from files, GeoJSON, GeoDataFrames and geometries: the same polygons whatever they come from, or one line."""

from __future__ import annotations

import io
import json
import re
import sys
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import odc.geo.geom
import pandas as pd
import pyogrio
import pytest
import shapely
from areas import FIJI, FIJI_ON
from pyproj import CRS

from rangegeo.errors import GridError, GridWarning, UsageError
from rangegeo.grid.polygons import read_polygons

TRIANGLE = shapely.Polygon([(5, 44), (9, 44.3), (6, 47.7)])
SQUARE = shapely.box(1, 2, 3, 4)
HOLED = shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 4, 4))


def on_stdin(monkeypatch: pytest.MonkeyPatch, text: str | bytes) -> str:
    """What is typed for a vector file on stdin."""
    content = text.encode() if isinstance(text, str) else text
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    return "-"


def feature(*shapes: shapely.Geometry) -> dict:
    """A GeoJSON feature collection."""
    features = [{"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(shape)} for shape in shapes]
    return {"type": "FeatureCollection", "features": features}


def saved(path: Path, *shapes: shapely.Geometry | None, crs: object = "EPSG:4326", **more: object) -> Path:
    """A vector file."""
    gpd.GeoDataFrame({"name": ["a"] * len(shapes)}, geometry=list(shapes), crs=crs).to_file(path, **more)
    return path


def refused(source: object, error: type[Exception] = GridError, crs: object = None) -> str:
    with pytest.raises(error) as caught:
        read_polygons(source, crs)
    said, typed = str(caught.value), caught.value.for_shell()
    assert "\n" not in said
    shell = re.sub(r'bbox_crs="(EPSG:\d+)"', r"--bbox-crs \1", said.replace("aoi", "--aoi", 1))
    assert typed == shell.replace("leave out bbox_crs", "leave out --bbox-crs") or said.startswith("bbox_crs")
    return said


# --------------------------------------------------------------------------------------------- where from


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".fgb", ".shp.zip", ".kml"])
def test_any_vector_file(tmp_path, suffix):
    found = read_polygons(saved(tmp_path / f"area{suffix}", HOLED, TRIANGLE))
    assert {shape.normalize().wkt for shape in found.shapes} == {shape.normalize().wkt for shape in (HOLED, TRIANGLE)}
    assert found.crs.equals(CRS(4326), ignore_axis_order=True)
    assert found.name == str(tmp_path / f"area{suffix}")


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632", "OGC:CRS84"])
def test_geoparquet(tmp_path, crs):
    path = tmp_path / "a.parquet"
    gpd.GeoDataFrame({"id": [1, 2]}, geometry=[SQUARE, TRIANGLE], crs=crs).to_parquet(path)
    found = read_polygons(str(path))
    assert [shape.wkt for shape in found.shapes] == [SQUARE.wkt, TRIANGLE.wkt]
    assert found.crs.equals(CRS(crs), ignore_axis_order=True)


def test_a_parquet_file_without_geometries(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"lon": [1.0]}).to_parquet(path)
    assert refused(str(path), UsageError) == f"aoi {path} is a Parquet file without geometries; expected GeoParquet"
    assert refused("none.parquet", UsageError) == "aoi must be a vector file, and none.parquet does not exist"
    path.write_text("text")
    assert "which is no GeoParquet (" in refused(str(path), UsageError)


@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:3035", "EPSG:2056"])
def test_a_file_in_its_own_crs(tmp_path, crs):
    found = read_polygons(str(saved(tmp_path / "a.gpkg", SQUARE, crs=crs)))
    assert found.crs == CRS(crs)
    assert found.shapes[0].equals(SQUARE)


@pytest.mark.parametrize("kind", ["geometry", "feature", "collection", "geometry collection"])
@pytest.mark.parametrize("way", ["a dict", "a file", "stdin"])
def test_geojson_of_every_kind(tmp_path, monkeypatch, kind, way):
    both = feature(HOLED, TRIANGLE)
    geojson = {
        "geometry": shapely.geometry.mapping(shapely.MultiPolygon([HOLED, TRIANGLE])),
        "feature": both["features"][0]
        | {"geometry": shapely.geometry.mapping(shapely.MultiPolygon([HOLED, TRIANGLE]))},
        "collection": both,
        "geometry collection": {
            "type": "GeometryCollection",
            "geometries": [shapely.geometry.mapping(shape) for shape in (HOLED, TRIANGLE)],
        },
    }[kind]
    source = geojson
    if way == "a file":
        source = tmp_path / "a.json"
        source.write_text(json.dumps(geojson))
    elif way == "stdin":
        source = on_stdin(monkeypatch, json.dumps(geojson))
    found = read_polygons(source)
    assert shapely.equals(found.shapes, [HOLED, TRIANGLE]).all()
    assert found.crs == CRS(4326)


def test_geojson_that_says_another_crs():
    geojson = feature(SQUARE) | {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}}
    assert read_polygons(geojson).crs == CRS(32632)


def test_other_vector_files_on_stdin(tmp_path, monkeypatch):
    content = saved(tmp_path / "a.gpkg", TRIANGLE, crs="EPSG:3035").read_bytes()
    found = read_polygons(on_stdin(monkeypatch, content))
    assert (found.crs, found.name) == (CRS(3035), "stdin")
    assert found.shapes[0].equals(TRIANGLE)


@pytest.mark.parametrize("frame", [gpd.GeoSeries, gpd.GeoDataFrame])
def test_geopandas(frame):
    found = read_polygons(frame(geometry=[TRIANGLE, None, SQUARE], crs=3857) if frame is gpd.GeoDataFrame else frame(
        [TRIANGLE, None, SQUARE], crs=3857
    ))  # fmt: skip
    assert found.crs == CRS(3857)
    assert found.shapes.tolist() == [TRIANGLE, SQUARE]
    assert found.name == frame.__name__


def test_a_shapely_geometry_is_in_degrees_unless_it_is_said_otherwise():
    assert read_polygons(shapely.MultiPolygon([TRIANGLE, SQUARE])).shapes.tolist() == [TRIANGLE, SQUARE]
    assert read_polygons(TRIANGLE).crs == CRS(4326)
    assert read_polygons(TRIANGLE, "EPSG:3035").crs == CRS(3035)


class Told:
    """An object of another package that tells its geometry as GeoJSON."""

    def __init__(self, told: dict, **more: object) -> None:
        self.__geo_interface__ = told
        self.__dict__.update(more)


def test_rows_of_a_frame():
    frame = gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=[SQUARE, TRIANGLE], crs=4326)
    named = frame.rename_geometry("outline")
    rows = frame.iloc[1], named.iloc[1], next(frame.iloc[1:].itertuples()), frame.loc[1]
    for row in rows:
        assert read_polygons(row).shapes.tolist() == [TRIANGLE]
    assert read_polygons(frame.iloc[0], "EPSG:3035").crs == CRS(3035)
    metres = gpd.GeoDataFrame(geometry=[shapely.box(3e5, 5e6, 4e5, 5.1e6)], crs=32632).iloc[0]
    assert 'say the CRS it is in, for example bbox_crs="EPSG:32632"' in refused(metres)
    assert read_polygons(metres, "EPSG:32632").crs == CRS(32632)


def test_several_geometries():
    for several in ([SQUARE, TRIANGLE], (SQUARE, TRIANGLE), np.array([SQUARE, TRIANGLE])):
        assert read_polygons(several).shapes.tolist() == [SQUARE, TRIANGLE]
    array = gpd.GeoSeries([SQUARE, TRIANGLE], crs=3035).values
    assert read_polygons(array).crs == CRS(3035)


@pytest.mark.parametrize("kind", ["geometry", "feature", "collection"])
def test_objects_that_tell_their_geometry(kind):
    told = shapely.geometry.mapping(SQUARE)
    told = {"geometry": told, "feature": {"type": "Feature", "properties": {}, "geometry": told}}.get(
        kind, feature(SQUARE)
    )
    found = read_polygons(Told(told))
    assert (found.shapes.tolist(), found.crs, found.name) == ([SQUARE], CRS(4326), "Told")
    assert read_polygons(Told(told), "EPSG:3035").crs == CRS(3035)
    assert read_polygons(Told(told, crs="EPSG:3035")).crs == CRS(3035)


def test_the_geometry_of_odc_keeps_its_crs():
    box = odc.geo.geom.box(3e5, 5e6, 4e5, 5.1e6, "EPSG:32632")
    assert read_polygons(box).crs == CRS(32632)
    assert refused(box, UsageError, "EPSG:4326") == "aoi Geometry is in EPSG:32632; leave out bbox_crs"


@pytest.mark.parametrize(
    "shapes",
    [
        [SQUARE, TRIANGLE],
        [HOLED],
        [shapely.MultiPolygon([SQUARE, shapely.box(12, 3, 15, 6)]), HOLED],
        [SQUARE, None, TRIANGLE],
    ],
)
@pytest.mark.parametrize("sliced", [False, True])
def test_geoparquet_with_native_encoding(tmp_path, shapes, sliced):
    """As GeoParquet 1.1 has it; a file of several row groups too."""
    frame = gpd.GeoDataFrame(geometry=shapes, crs=3035)
    frame.to_parquet(tmp_path / "a.parquet", geometry_encoding="geoarrow", **({"row_group_size": 1} if sliced else {}))
    found = read_polygons(tmp_path / "a.parquet")
    assert found.crs == CRS(3035)
    parts = shapely.get_parts([shape for shape in shapes if shape is not None])
    assert shapely.equals(found.shapes, parts).all()


def test_native_points_and_heights(tmp_path):
    tall = shapely.force_3d(SQUARE, 7.0)
    gpd.GeoSeries([tall], crs=4326).to_frame("geometry").to_parquet(
        tmp_path / "a.parquet", geometry_encoding="geoarrow"
    )
    (found,) = read_polygons(tmp_path / "a.parquet").shapes
    assert found.equals(SQUARE)
    assert not found.has_z
    points = gpd.GeoSeries(shapely.points([(5, 44), (6, 45)]), crs=4326).to_frame("geometry")
    points.to_parquet(tmp_path / "b.parquet", geometry_encoding="geoarrow")
    assert "must hold polygons alone, got 2 points" in refused(tmp_path / "b.parquet")


def test_heights_are_left_out(tmp_path):
    assert not read_polygons(saved(tmp_path / "a.gpkg", shapely.force_3d(SQUARE, 7))).shapes[0].has_z


def test_curves_get_corners(tmp_path):
    def part(kind: str, places: str) -> str:
        return f"<gml:{kind}><gml:posList>{places}</gml:posList></gml:{kind}>"

    segments = part("Arc", "0 0 1 1 2 0") + part("LineStringSegment", "2 0 0 0")
    text = (
        '<a:C xmlns:a="a" xmlns:gml="http://www.opengis.net/gml/3.2"><gml:featureMember><a:F><a:g><gml:Polygon>'
        f"<gml:exterior><gml:Ring><gml:curveMember><gml:Curve><gml:segments>{segments}</gml:segments></gml:Curve>"
        "</gml:curveMember></gml:Ring></gml:exterior></gml:Polygon></a:g></a:F></gml:featureMember></a:C>"
    )
    path = tmp_path / "a.gml"
    path.write_text(text)
    (found,) = read_polygons(path, "EPSG:4326").shapes
    assert found.area == pytest.approx(np.pi / 2, rel=1e-3)


def test_collections_in_collections_are_taken_apart():
    inner = shapely.GeometryCollection([shapely.MultiPolygon([TRIANGLE, SQUARE]), shapely.Polygon()])
    assert read_polygons(shapely.GeometryCollection([inner, HOLED])).shapes.tolist() == [TRIANGLE, SQUARE, HOLED]


def test_tables_without_geometry_are_no_layers(tmp_path):
    """QGIS keeps its styles in one."""
    path = saved(tmp_path / "a.gpkg", SQUARE)
    pyogrio.write_dataframe(gpd.pd.DataFrame({"style": ["x"]}), path, layer="layer_styles")
    assert len(pyogrio.list_layers(path)) == 2
    assert read_polygons(path).shapes.tolist() == [SQUARE]


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ([shapely.Point(1, 2)], "1 point"),
        ([shapely.MultiPoint([(1, 2), (3, 4)]), SQUARE], "2 points"),
        ([shapely.LineString([(1, 2), (3, 4)])] * 3, "3 linestrings"),
        ([SQUARE, shapely.LineString([(1, 2), (3, 4)]), shapely.Point(1, 2)], "1 linestring and 1 point"),
    ],
)
def test_lines_and_points_have_no_inside(shapes, told):
    assert refused(feature(*shapes)) == (
        f"aoi GeoJSON must hold polygons alone, got {told}; give them a width with a buffer in a copy"
    )


@pytest.mark.parametrize("shapes", [[], [shapely.Polygon()], [None]])
def test_an_empty_file(tmp_path, shapes):
    path = saved(tmp_path / "a.geojson", *shapes)
    assert refused(path) == f"aoi {path} holds no polygon; give a file that does"
    assert refused(gpd.GeoSeries(shapes, crs=4326)) == "aoi GeoSeries holds no polygon; give a file that does"


def test_a_table_without_geometry(tmp_path):
    pyogrio.write_dataframe(gpd.pd.DataFrame({"a": [1]}), tmp_path / "a.gpkg", layer="a")
    assert "holds no polygon" in refused(tmp_path / "a.gpkg")


def test_a_text_table_is_refused_even_if_it_holds_polygons(tmp_path):
    """GDAL loses rows of text tables without an error."""
    path = tmp_path / "a.csv"
    path.write_text(f'WKT\n"{SQUARE.wkt}"\n')
    said = "is a text table; save its polygons as .gpkg or .geojson"
    for source in (str(path), f"CSV:{path}"):
        with pytest.raises(UsageError, match=said):
            read_polygons(source)


BOW_TIE = [(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)]
PINCHED = [(0, 0), (4, 0), (4, 3), (2, 0), (1, 3), (0, 3), (0, 0)]  # touches its own edge, as a lagoon on a coast does


@pytest.mark.parametrize(
    ("corners", "reason", "area"),
    [(BOW_TIE, "Self-intersection[0.5 0.5]", 0.5), (PINCHED, "Ring Self-intersection[2 0]", 7.5)],
)
def test_a_polygon_that_is_not_valid_is_mended(corners, reason, area):
    with pytest.warns(GridWarning) as caught:
        found = read_polygons({"type": "Polygon", "coordinates": [corners]})
    assert shapely.is_valid(found.shapes).all()
    assert shapely.area(found.shapes).sum() == area
    said = f"GeoJSON holds a polygon that is not valid ({reason}); mended as ogr2ogr -makevalid does, look whether"
    assert str(caught[0].message).startswith(f"aoi {said}")
    assert caught[0].message.for_shell().startswith(f"--aoi {said}")


def test_only_what_is_not_valid_is_mended(tmp_path):
    path = saved(tmp_path / "a.gpkg", SQUARE, shapely.Polygon(BOW_TIE), TRIANGLE, shapely.Polygon(PINCHED))
    with pytest.warns(GridWarning, match=r"holds 2 polygons that are not valid \(the first: Self-intersection"):
        found = read_polygons(path)
    assert [shape for shape in found.shapes if shape.equals(SQUARE) or shape.equals(TRIANGLE)] == [SQUARE, TRIANGLE]


def test_an_open_ring_is_closed():
    with pytest.warns(GridWarning, match="aoi GeoJSON holds a ring that is not closed; it was closed"):
        found = read_polygons({"type": "Polygon", "coordinates": [[(0, 0), (1, 1), (1, 0)]]})
    assert shapely.area(found.shapes).tolist() == [0.5]


@pytest.mark.parametrize(
    ("corners", "reason"),
    [
        ([(0, 0), (1, float("nan")), (1, 0), (0, 0)], "Invalid Coordinate[1 nan]"),
        ([(0, 0), (1, 1), (1, 1), (0, 0)], "Too few points in geometry component[0 0]"),
    ],
)
def test_a_polygon_that_cannot_be_mended_is_refused(corners, reason):
    assert refused({"type": "Polygon", "coordinates": [corners]}) == (
        f"aoi GeoJSON holds a polygon that is not valid, {reason}, and cannot be mended; take it out of a copy"
    )


@pytest.mark.parametrize("geojson", [{"type": "Polygon"}, {"a": 1}, {}])
def test_a_dict_that_is_no_geojson(geojson):
    said = refused(geojson, UsageError)
    assert said == "aoi GeoJSON: expected GeoJSON or another vector file, and this is none that GDAL reads"


def test_overlapping_parts_are_no_fault():
    assert len(read_polygons(shapely.MultiPolygon([SQUARE, shapely.box(2, 3, 5, 6)])).shapes) == 2


@pytest.mark.parametrize("source", ["none.gpkg", "text.gpkg", "folder"])
def test_what_is_no_vector_file(tmp_path, source):
    (tmp_path / "text.gpkg").write_text("my thesis")
    (tmp_path / "folder").mkdir()
    path = str(tmp_path / source)
    said = refused(path, UsageError)
    assert said.startswith(f"aoi must be a vector file that GDAL opens, got {path!r} (")
    assert said.endswith(
        "); check its name" if source == "none.gpkg" else "); give another file, or get this one again"
    )
    assert said.count(path) == 1


@pytest.mark.parametrize(
    ("text", "told"), [("", "got nothing"), (" \n", "got nothing"), ("my thesis", "and this is no")]
)
def test_what_is_none_on_stdin(monkeypatch, text, told):
    said = refused(on_stdin(monkeypatch, text), UsageError)
    assert said.startswith(f"aoi stdin: expected GeoJSON or another vector file, {told}")
    assert "vsimem" not in said


@pytest.mark.parametrize("source", [7, [1, 2, 3, 4], np.zeros(3)])
def test_other_objects(source):
    assert refused(source, UsageError).startswith("aoi must be a vector file, GeoJSON, a GeoDataFrame or a shapely")


def test_a_file_of_several_layers_names_one(tmp_path):
    path = saved(tmp_path / "a.gpkg", SQUARE, layer="parks")
    saved(path, TRIANGLE, layer="lakes")
    with pytest.raises(UsageError) as caught:
        read_polygons(path)
    said = f"{path} has the layers parks, lakes; say which, for example "
    assert str(caught.value) == f'aoi {said}aoi_layer="parks"'
    assert caught.value.for_shell() == f"--aoi {said}--aoi-layer parks"
    assert read_polygons(path, layer="lakes").shapes.tolist() == [TRIANGLE]
    with pytest.raises(UsageError, match=r"^aoi_layer must be one of parks, lakes, got 'roads'"):
        read_polygons(path, layer="roads")
    with pytest.raises(UsageError, match=r"^aoi_layer is for files with layers such as \.gpkg; leave it out"):
        read_polygons(SQUARE, layer="parks")


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_source_without_a_crs_needs_one(tmp_path):
    path = saved(tmp_path / "a.shp", SQUARE, crs=None)
    assert refused(path) == f'aoi {path} says no CRS; say it, for example bbox_crs="EPSG:4326"'
    assert read_polygons(path, "EPSG:32632").crs == CRS(32632)
    assert refused(gpd.GeoSeries([SQUARE])).startswith("aoi GeoSeries says no CRS; ")
    assert refused(path, UsageError, "EPSG:1").startswith("bbox_crs must be a CRS that pyproj knows")


def test_a_source_with_a_crs_takes_no_other(tmp_path):
    told = feature(SQUARE) | {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4326"}}}
    assert refused(told, UsageError, "EPSG:32632") == "aoi GeoJSON is in EPSG:4326; leave out bbox_crs"
    assert read_polygons(told, "EPSG:4326").crs == CRS(4326)
    assert read_polygons(feature(SQUARE), "EPSG:32632").crs == CRS(32632)  # which says none of its own


@pytest.mark.parametrize("box", [(3e5, 5e6, 4e5, 5.1e6), (0, 80, 10, 95), (-400, 0, 10, 10), (350, 0, 361, 10)])
def test_metres_called_degrees(box):
    said = refused(feature(shapely.box(*box)))
    assert said.startswith("aoi GeoJSON reaches from ")
    assert "which are no longitudes and latitudes of EPSG:4326; say the CRS it is in, for example bbox_crs=" in said


def test_longitudes_beyond_180_and_a_hair_beyond_the_pole():
    for box in ((170, -20, 190, -10), (-200, 0, -170, 10), (0, 80, 10, 90 + 1e-9)):
        assert len(read_polygons(shapely.box(*box)).shapes) == 1


def test_a_polygon_around_the_globe_instead_of_across_the_antimeridian_is_worth_a_warning():
    with pytest.warns(GridWarning) as caught:
        read_polygons(shapely.box(-178, -19, 176, -16))
    assert str(caught[0].message) == (
        "aoi geometry has an edge from longitude 176 to -178, 354 degrees long; if the area crosses the antimeridian, "
        "write 182 instead of -178, or cut it there"
    )


@pytest.mark.parametrize("shape", [FIJI, FIJI_ON, shapely.box(-180, -90, 180, 90), shapely.box(-100, 0, 100, 10)])
def test_other_wide_polygons_get_no_warning(shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_polygons(shape)


def test_neighbouring_rings_are_no_edge():
    read_polygons([shapely.box(-179, 0, -178, 1), shapely.box(178, 0, 179, 1)])
