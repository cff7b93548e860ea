"""GeoJSON, GeoPackage, shapefiles and lines of GeoJSON that geopandas has written are read."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pytest
from shapely.geometry import LineString, Point

from rangegeo.errors import TableError, UsageError
from rangegeo.tables.places import find_places
from rangegeo.tables.vector import open_geojson_lines, open_vector

PLACES = [(5.72, 45.19), (2.35, 48.86), (-68.3, -54.8)]


@pytest.fixture
def frame() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"id": [1, 2, 3], "name": ["a", None, "c"]}, geometry=[Point(place) for place in PLACES], crs=4326
    )


def whole(table, columns=None, batch: int = 1000) -> tuple[pa.Table, list[int], np.ndarray]:
    """The columns, numbers and places of all rows."""
    where = find_places(table)
    blocks = list(table.read(columns, batch))
    assert all(len(block) <= batch for block in blocks)
    numbers = [number for block in blocks for number in block.numbers.tolist()]
    places = np.concatenate([where.locate(block).lonlat_deg for block in blocks])
    return pa.Table.from_batches([block.columns for block in blocks]), numbers, places


@pytest.mark.parametrize(
    ("name", "crs", "options"),
    [
        ("t.geojson", 4326, {}),
        ("t.gpkg", 2154, {}),
        ("t.gpkg", 3857, {}),
        ("t.shp", 32631, {}),
        ("t.fgb", 4326, {"spatial_index": False}),  # an index would sort the features by place
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_features_and_their_places(tmp_path, frame, name, crs, options, batch):
    frame.to_crs(crs).to_file(tmp_path / name, **options)
    table = open_vector(tmp_path / name, name)
    found, numbers, places = whole(table, batch=batch)
    assert found["id"].to_pylist() == [1, 2, 3]
    assert found["name"].to_pylist()[::2] == ["a", "c"]
    assert numbers == [1, 2, 3]
    assert table.schema.names[-1] in ("geometry", "geom")
    np.testing.assert_allclose(places, PLACES, atol=1e-9)


def test_columns_can_be_chosen(tmp_path, frame):
    frame.to_file(tmp_path / "t.gpkg")
    table = open_vector(tmp_path / "t.gpkg", "t.gpkg")
    for columns in (["geom"], ["geom", "id"], ["id", "geom"]):
        assert whole(table, columns)[0].column_names == columns
    assert [block.columns.schema.names for block in table.read(["name"], 10)] == [["name"]]


def test_layers_must_be_named_where_there_are_several(tmp_path, frame):
    path = tmp_path / "t.gpkg"
    frame.iloc[:1].to_file(path, layer="one")
    assert len(whole(open_vector(path, "t.gpkg"))[1]) == 1
    frame.to_file(path, layer="all")
    with pytest.raises(UsageError, match=r"t\.gpkg has the layers one, all; say which, for example layer=\"one\""):
        open_vector(path, "t.gpkg")
    with pytest.raises(UsageError, match=r"^layer must be one of one, all, got 'two'"):
        open_vector(path, "t.gpkg", "two")
    assert len(whole(open_vector(path, "t.gpkg", "all"))[1]) == 3


def test_a_layer_without_geometries_is_a_table(tmp_path):
    import pyogrio

    table = pa.table({"lon": [5.0], "lat": [45.0]})
    pyogrio.raw.write_arrow(table, tmp_path / "t.gpkg", geometry_name=None, layer="t", driver="GPKG")
    opened = open_vector(tmp_path / "t.gpkg", "t.gpkg")
    assert opened.geometry is None
    assert whole(opened)[2].tolist() == [[5, 45]]


@pytest.mark.parametrize("text", ["no json", '{"type": "FeatureCollection", "features": [{"type": "Feat', ""])
def test_what_gdal_cannot_read_is_one_line(tmp_path, text):
    path = tmp_path / "t.geojson"
    path.write_text(text)
    with pytest.raises(TableError, match=r"t\.geojson cannot be read: ") as caught:
        open_vector(path, "t.geojson")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["shp", "gpkg", "geojson", "fgb"])
def test_text_that_is_not_utf_8_is_refused(tmp_path, frame, suffix):
    path = tmp_path / f"t.{suffix}"
    frame = frame.assign(name=["a", None, "Z\u00fcrich"])
    frame.to_file(path, **({"encoding": "UTF-8"} if suffix == "shp" else {}))
    holder = tmp_path / "t.dbf" if suffix == "shp" else path
    content = holder.read_bytes()
    holder.write_bytes(content.replace("Z\u00fcrich".encode(), b"Z\xfcrich "))
    (tmp_path / "t.cpg").unlink(missing_ok=True)
    table = open_vector(path, path.name)
    said = f"the column 'name' of t.{suffix} holds text that is not UTF-8 "
    with pytest.raises(TableError, match=said) as caught:
        list(table.read(None, 10))
    if suffix == "shp":
        assert str(caught.value).endswith("say its encoding in a file t.cpg, for example ISO-8859-1")
        (tmp_path / "t.cpg").write_text("ISO-8859-1")
        (block,) = open_vector(path, path.name).read(["name"], 10)
        assert block.columns["name"].to_pylist()[2].strip() == "Z\u00fcrich"


# ------------------------------------------------------------------------------------------------ lines of GeoJSON


def feature(number: int, geometry: dict | None = None) -> str:
    geometry = geometry or {"type": "Point", "coordinates": PLACES[number - 1]}
    return json.dumps({"type": "Feature", "properties": {"id": number}, "geometry": geometry})


def lines(folder: Path, *texts: str):
    path = folder / "t.geojsonl"
    path.write_text("\n".join(texts))
    return open_geojson_lines(path, "t.geojsonl")


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_features_know_their_lines(tmp_path, batch):
    table = lines(tmp_path, feature(1), "", feature(2), "", "", feature(3), "")
    found, numbers, places = whole(table, batch=batch)
    assert found["id"].to_pylist() == [1, 2, 3]
    assert numbers == [1, 3, 6]
    assert places.tolist() == [list(place) for place in PLACES]
    assert table.counted == "line"


def test_record_separators(tmp_path):
    assert whole(lines(tmp_path, *("\x1e" + feature(i) for i in (1, 2, 3))))[1] == [1, 2, 3]


@pytest.mark.parametrize("bad", ['{"type": "Feat', "[]", '{"type": "Point"}', '{"a": 1}', "5"])
def test_a_line_that_is_no_feature_is_an_error_and_not_skipped_as_gdal_does(tmp_path, bad):
    with pytest.raises(TableError, match=r"t\.geojsonl, line 2 is no GeoJSON feature; expected one feature a line"):
        whole(lines(tmp_path, feature(1), bad, feature(3)))


def test_a_line_is_refused_by_its_number(tmp_path):
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    with pytest.raises(TableError, match="line 3 is a LineString, not a point; representative_point=True takes a"):
        whole(lines(tmp_path, feature(1), "", feature(2, line)))


def test_lines_and_polygons_may_stand_for_a_point_within(tmp_path):
    shapes = [LineString([(0, 0), (2, 0), (2, 2)]), Point(5, 5).buffer(1), Point(7, 7)]
    gpd.GeoDataFrame(geometry=shapes, crs=4326).to_file(tmp_path / "t.gpkg")
    table = open_vector(tmp_path / "t.gpkg", "t.gpkg")
    where = find_places(table, representative=True)
    (block,) = table.read(None, 10)
    points = gpd.points_from_xy(*where.locate(block).lonlat_deg.T)
    assert all(shape.distance(point) < 1e-9 for shape, point in zip(shapes, points, strict=True))
