"""What a table carries along is neither lost nor mislabelled: partitions, geometries, metadata, names and types."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from test_embed import made

from rangegeo.errors import RangegeoError, TableError, UsageError
from rangegeo.tables.opening import open_table

HIVE = pa.table(
    {"lon": [5.0, 6, 7, 8], "lat": [45.0, 46, 47, 48], "year": [2020, 2020, 2021, 2021], "who": list("abab")}
)
HIVE = HIVE.set_column(3, "who", pa.array(["a", "b c", "ä=/", None]))


def hive(folder: Path, table: pa.Table = HIVE, keys: tuple[str, ...] = ("year", "who")) -> Path:
    path = folder / "run=7" / "t.parquet"  # the name of a folder above is no column
    partitioning = ds.partitioning(pa.schema([table.schema.field(key) for key in keys]), flavor="hive")
    ds.write_dataset(table, path, format="parquet", partitioning=partitioning)
    return path


def geo_of(path: Path) -> dict:
    return json.loads(pq.read_schema(path).metadata[b"geo"])


# ----------------------------------------------------------------------------------------- folders of Parquet files


def test_columns_that_folders_name_come_along(tmp_path):
    made(hive(tmp_path), tmp_path / "o.parquet")
    rows = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert [[row[name] for name in HIVE.column_names] for row in sorted(rows, key=lambda row: row["lon"])] == [
        list(row.values()) for row in HIVE.to_pylist()
    ]
    made(tmp_path / "run=7" / "t.parquet", tmp_path / "o.csv", drop=True)
    assert pd.read_csv(tmp_path / "o.csv").columns.tolist() == ["b0001", "b0002", "b0003"]


def test_a_folder_may_name_a_coordinate(tmp_path):
    made(hive(tmp_path, keys=("lon", "lat")), tmp_path / "o.csv")
    frame = pd.read_csv(tmp_path / "o.csv").sort_values("lon")
    assert frame["b0002"].tolist() == frame["lon"].tolist() == [5, 6, 7, 8]


def test_columns_of_later_files_come_along(tmp_path):
    folder = tmp_path / "t.parquet"
    folder.mkdir()
    pq.write_table(pa.table({"lon": [1], "lat": [2], "a": ["x"]}), folder / "1.parquet")
    pq.write_table(pa.table({"lon": [1.5], "lat": [2], "b": [7]}), folder / "2.parquet")
    made(folder, tmp_path / "o.parquet")
    rows = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert [[row[name] for name in ("lon", "lat", "a", "b")] for row in rows] == [[1, 2, "x", None], [1.5, 2, None, 7]]


def test_files_that_do_not_fit_together_are_refused(tmp_path):
    folder = tmp_path / "t.parquet"
    folder.mkdir()
    with pytest.raises(TableError, match="is a folder without Parquet files"):
        open_table(str(folder), tmp_path)
    pq.write_table(pa.table({"lon": [1], "lat": [2], "a": ["x"]}), folder / "1.parquet")
    pq.write_table(pa.table({"lon": [1], "lat": [2], "a": [[5]]}), folder / "2.parquet")
    with pytest.raises(TableError, match="has files whose columns do not fit together: Unable to merge: Field a has"):
        open_table(str(folder), tmp_path)
    for number, crs in ((1, 4326), (2, 2154)):
        gpd.GeoDataFrame(geometry=gpd.points_from_xy([5], [45]), crs=crs).to_parquet(folder / f"{number}.parquet")
    with pytest.raises(TableError, match=r"different geometries: .*1\.parquet and .*2\.parquet differ in their column"):
        open_table(str(folder), tmp_path)


def test_the_extent_of_one_file_is_not_told_of_all(tmp_path):
    folder = tmp_path / "t.parquet"
    folder.mkdir()
    for number, lon in ((1, 5), (2, 50)):
        frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy([lon], [45]), crs=4326)
        frame.to_parquet(folder / f"{number}.parquet")
    made(folder, tmp_path / "o.parquet")
    assert gpd.read_parquet(tmp_path / "o.parquet").total_bounds.tolist() == [5, 45, 50, 45]
    assert "bbox" not in geo_of(tmp_path / "o.parquet")["columns"]["geometry"]


# -------------------------------------------------------------------------------------------- metadata of GeoParquet


@pytest.fixture
def two_geometries(tmp_path) -> Path:
    """Points, their outlines in another CRS, and a column of bounds that covers the points."""
    points = gpd.GeoDataFrame({"id": [1, 2]}, geometry=gpd.points_from_xy([5, 6], [45, 46]), crs=4326)
    points["outline"] = points.geometry.to_crs(3035).buffer(1000)
    points.to_parquet(tmp_path / "two.parquet", write_covering_bbox=True, schema_version="1.1.0")
    return tmp_path / "two.parquet"


def test_other_geometries_keep_their_description(two_geometries, tmp_path):
    made(two_geometries, tmp_path / "o.parquet")
    found, expected = gpd.read_parquet(tmp_path / "o.parquet"), gpd.read_parquet(two_geometries)
    assert geo_of(tmp_path / "o.parquet") == geo_of(two_geometries)
    assert (found["outline"].crs, found.crs) == (expected["outline"].crs, expected.crs)
    assert found["outline"].tolist() == expected["outline"].tolist()


def test_dropped_columns_are_not_spoken_of(two_geometries, tmp_path):
    made(two_geometries, tmp_path / "o.geoparquet", drop=True)
    described = geo_of(tmp_path / "o.geoparquet")
    assert list(described["columns"]) == [described["primary_column"]] == ["geometry"]
    assert "covering" not in described["columns"]["geometry"]
    assert gpd.read_parquet(tmp_path / "o.geoparquet").columns.tolist() == ["geometry", "embedding"]
    made(two_geometries, tmp_path / "o.parquet", drop=True)
    assert not pq.read_schema(tmp_path / "o.parquet").metadata


def test_metadata_without_their_column_are_left_behind(two_geometries, tmp_path):
    table = pq.read_table(two_geometries).drop_columns(["geometry", "bbox"])
    table = table.append_column("lon", pa.array([5.0, 6.0])).append_column("lat", pa.array([45.0, 46.0]))
    pq.write_table(table, tmp_path / "t.parquet")
    made(tmp_path / "t.parquet", tmp_path / "o.geoparquet")
    assert list(geo_of(tmp_path / "o.geoparquet")["columns"]) == ["geometry"]
    assert gpd.read_parquet(tmp_path / "o.geoparquet").geometry.x.tolist() == [5, 6]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"primary_column": "g", "columns": {}}', "not json", "5"])
def test_broken_metadata_are_one_line(tmp_path, text):
    table = pa.table({"g": [b""], "lon": [1.0], "lat": [1.0]}).replace_schema_metadata({"geo": text})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(TableError, match=r"metadata of GeoParquet that are not complete \(.*\); write another file"):
        open_table(str(tmp_path / "t.parquet"), tmp_path)


def test_provenance_of_an_earlier_run_is_kept_apart(tmp_path):
    (tmp_path / "t.csv").write_text("lon,lat\n5,45\n")
    made(tmp_path / "t.csv", tmp_path / "a.parquet")
    made(tmp_path / "a.parquet", tmp_path / "b.parquet", lists=False)
    metadata = pq.read_metadata(tmp_path / "b.parquet").metadata
    assert {key: json.loads(text) for key, text in metadata.items() if key.startswith(b"rangegeo")} == {
        b"rangegeo": {"model": "fake"},
        b"rangegeo_of_input": {"model": "fake"},
    }


# --------------------------------------------------------------------------------------------- names that collide


def geojson(folder: Path, properties: dict, coordinates: tuple = (5, 45)) -> Path:
    geometry = {"type": "Point", "coordinates": coordinates}
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    (folder / "t.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return folder / "t.geojson"


@pytest.mark.parametrize(
    "properties",
    [
        {"geometry": "rough"},
        {"geometry": 1, "geometry_2": 2, "wkb_geometry": 3, "geom": 4},
        {"wkb_geometry": "x"},
        {"OGC_FID": 9, "fid": 8, "id": 7},
    ],
)
@pytest.mark.parametrize("suffix", [".parquet", ".geoparquet", ".csv", ".npz"])
def test_properties_with_the_names_of_others(tmp_path, properties, suffix):
    out = tmp_path / f"o{suffix}"
    made(geojson(tmp_path, properties), out)
    if suffix == ".npz":
        found = {name: value[0] for name, value in np.load(out).items() if name != "rangegeo"}
    else:
        found = (pd.read_csv if suffix == ".csv" else pd.read_parquet)(out).iloc[0].to_dict()
    assert {name: found[name] for name in properties} == properties
    if suffix.endswith("parquet"):
        point = gpd.read_parquet(out)
        assert point.active_geometry_name not in properties
        assert (point.geometry.x[0], point.geometry.y[0]) == (5, 45)


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        (".csv", "longitude"),
        (".csv", "b0003"),
        (".npz", "lonlat"),
        (".npz", "rangegeo"),
        (".npz", "embedding"),
        (".parquet", "embedding"),
    ],
)
def test_a_name_that_the_output_needs_is_refused(tmp_path, suffix, name):
    with pytest.raises(
        UsageError, match=f"the table already has a column '{name}'; rename it in a copy, or leave its columns"
    ):
        made(geojson(tmp_path, {name: 1}), tmp_path / f"o{suffix}")
    made(geojson(tmp_path, {name: 1}), tmp_path / f"o{suffix}", drop=True)


def test_a_name_that_geoparquet_needs_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("lon,lat,geometry\n5,45,x\n")
    with pytest.raises(UsageError, match="the table already has a column 'geometry'"):
        made(tmp_path / "t.csv", tmp_path / "o.geoparquet")


def test_two_columns_of_one_name_are_refused(tmp_path):
    pq.write_table(pa.Table.from_arrays([pa.array([1.0])] * 3, ["lon", "lat", "lon"]), tmp_path / "t.parquet")
    with pytest.raises(TableError, match=r"t\.parquet has several columns named 'lon'; give each a name of its own"):
        open_table(str(tmp_path / "t.parquet"), tmp_path)


# ----------------------------------------------------------------------------------------------- kinds of points


@pytest.mark.parametrize("text", ["POINT Z (5 45 7)", "POINT M (5 45 7)", "POINT ZM (5 45 7 8)", "POINT (5 45)"])
@pytest.mark.parametrize("flavor", ["iso", "extended"])
def test_points_with_heights_and_measures(tmp_path, text, flavor):
    try:
        wkb = shapely.to_wkb(shapely.from_wkt(text), flavor=flavor, output_dimension=4)
    except shapely.errors.UnsupportedGEOSVersionError:
        pytest.skip("GEOS cannot write it")
    geo = {"version": "1.1.0", "primary_column": "g", "columns": {"g": {"encoding": "WKB", "geometry_types": []}}}
    table = pa.table({"g": [wkb]}).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, tmp_path / "t.parquet")
    made(tmp_path / "t.parquet", tmp_path / "o.csv")
    assert pd.read_csv(tmp_path / "o.csv").iloc[0].tolist() == [5, 45, 0.5, 5, 45]


def test_heights_in_geojson_and_geopackage(tmp_path):
    made(geojson(tmp_path, {"id": 1}, (5, 45, 1200.5)), tmp_path / "o.parquet")
    assert shapely.get_z(gpd.read_parquet(tmp_path / "o.parquet").geometry[0]) == 1200.5
    frame = gpd.GeoDataFrame({"id": [1]}, geometry=gpd.points_from_xy([5], [45], [9.5]), crs=4326)
    frame.to_file(tmp_path / "t.gpkg")
    made(tmp_path / "t.gpkg", tmp_path / "o.csv")
    assert pd.read_csv(tmp_path / "o.csv").iloc[0].tolist() == [1, 5, 45, 0.5, 5, 45]


def test_several_geometries_of_a_layer_are_kept(tmp_path):
    table = pd.DataFrame({"id": [1], "a": ["POINT (5 45)"], "b": ["POINT (900000 6500000)"]})
    pyogrio.write_dataframe(table, tmp_path / "t.gpkg", layer="t")
    (tmp_path / "t.vrt").write_text(
        '<OGRVRTDataSource><OGRVRTLayer name="t"><SrcDataSource relativeToVRT="1">t.gpkg</SrcDataSource>'
        '<Field name="id"/><GeometryField name="first" encoding="WKT" field="a"><SRS>EPSG:4326</SRS></GeometryField>'
        '<GeometryField name="second" encoding="WKT" field="b"><SRS>EPSG:2154</SRS></GeometryField>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )
    made(tmp_path / "t.vrt", tmp_path / "o.parquet")
    found = gpd.read_parquet(tmp_path / "o.parquet")
    assert (found.crs.to_epsg(), found["second"].crs.to_epsg()) == (4326, 2154)
    assert found["second"].x.tolist() == [900000]


# ------------------------------------------------------------------------------------------------ types of columns

TYPES = {
    "category": pa.array(["a", None]).dictionary_encode(),
    "decimal": pa.array([1, None], pa.decimal128(5, 2)),
    "time": pa.array([1, None], pa.time64("us")),
    "duration": pa.array([1, None], pa.duration("s")),
    "day": pa.array([1, None], pa.date32()),
    "moment": pa.array([1, None], pa.timestamp("ns", "UTC")),
    "half": pa.array([1, None], pa.float16()),
    "null": pa.nulls(2),
    "view": pa.array(["a", None], pa.string_view()),
    "uint": pa.array([2**64 - 1, None], pa.uint64()),
    "bytes": pa.array([b"a", None]),
    "large bytes": pa.array([b"a", None], pa.large_binary()),
    "four bytes": pa.array([b"abcd", None], pa.binary(4)),
    "bytes view": pa.array([b"a", None], pa.binary_view()),
    "list": pa.array([[1], None]),
    "struct": pa.array([{"a": 1}, None]),
    "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    "uuid": pa.array([b"a" * 16, None], pa.uuid()),
}


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npz"])
@pytest.mark.parametrize("kind", TYPES)
def test_a_column_of_any_type_is_held_or_refused_in_one_line(tmp_path, kind, suffix):
    table = pa.table({"lon": [5.0, 6.0], "lat": [45.0, 46.0], "c": TYPES[kind]})
    pq.write_table(table, tmp_path / "t.parquet")
    try:
        made(tmp_path / "t.parquet", tmp_path / f"o{suffix}")
    except RangegeoError as error:
        said = str(error)
    else:
        said = None
    refused = {
        ".parquet": set(),
        ".csv": {"list", "struct", "map", "uuid"} | {name for name in TYPES if "bytes" in name},
        ".npz": {"list", "struct", "map", "uuid", "time", "uint"} | {name for name in TYPES if "bytes" in name},
    }
    if kind in refused[suffix]:
        assert said.endswith("; write .parquet, or leave the columns out with drop_columns=True"), said
    else:
        assert said is None
    if suffix == ".parquet":
        found = pq.read_table(tmp_path / "o.parquet")["c"]
        assert found.to_pylist() == TYPES[kind].to_pylist()
        assert found.type == TYPES[kind].type
