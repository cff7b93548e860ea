"""Parquet and GeoParquet files that pandas and geopandas have written are read."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely.geometry import Point

from rangegeo.errors import TableError, UsageError
from rangegeo.tables.parquet import open_parquet
from rangegeo.tables.places import find_places

PLACES = np.array([(5.72, 45.19), (2.35, 48.86), (-68.3, -54.8)])


def places(table, **options) -> np.ndarray:
    where = find_places(table, **options)
    return np.concatenate([where.locate(block).lonlat_deg for block in table.read(where.columns, 2)])


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
@pytest.mark.parametrize("crs", [4326, 2154])
def test_geoparquet_in_any_crs_and_encoding(tmp_path, encoding, crs):
    frame = gpd.GeoDataFrame({"id": [1, 2, 3]}, geometry=gpd.points_from_xy(*PLACES.T), crs=4326).to_crs(crs)
    frame.to_parquet(tmp_path / "t.parquet", geometry_encoding=encoding)
    table = open_parquet(tmp_path / "t.parquet", "t.parquet")
    assert table.schema.names == ["id", "geometry"]
    np.testing.assert_allclose(places(table), PLACES, atol=1e-9)


def test_geoparquet_that_does_not_say_its_crs_must_be_told(tmp_path):
    gpd.GeoDataFrame(geometry=[Point(0, 0)]).to_parquet(tmp_path / "t.parquet")
    table = open_parquet(tmp_path / "t.parquet", "t.parquet")
    with pytest.raises(UsageError, match=r't\.parquet does not say its CRS; type it, for example crs="EPSG:4326"'):
        find_places(table)
    assert places(table, crs="EPSG:4326").tolist() == [[0, 0]]


def test_geoparquet_without_the_key_is_in_degrees(tmp_path):
    frame = gpd.GeoDataFrame(geometry=[Point(5, 45)], crs="OGC:CRS84")
    frame.to_parquet(tmp_path / "t.parquet")
    stored = pq.read_table(tmp_path / "t.parquet")
    geo = json.loads(stored.schema.metadata[b"geo"])
    del geo["columns"]["geometry"]["crs"]
    pq.write_table(stored.replace_schema_metadata({b"geo": json.dumps(geo)}), tmp_path / "u.parquet")
    assert places(open_parquet(tmp_path / "u.parquet", "u.parquet")).tolist() == [[5, 45]]


def test_polygons_stored_as_lists_are_refused(tmp_path):
    frame = gpd.GeoDataFrame(geometry=[Point(0, 0).buffer(1)], crs=4326)
    frame.to_parquet(tmp_path / "t.parquet", geometry_encoding="geoarrow")
    with pytest.raises(TableError, match=r"t\.parquet stores geometries as polygon; expected WKB or point, or name"):
        find_places(open_parquet(tmp_path / "t.parquet", "t.parquet"))


def test_two_columns_are_taken_beside_geometries_that_cannot_be_read(tmp_path):
    frame = gpd.GeoDataFrame({"x": [5.0], "y": [45.0]}, geometry=[Point(0, 0).buffer(1)], crs=4326)
    frame.to_parquet(tmp_path / "t.parquet", geometry_encoding="geoarrow")
    table = open_parquet(tmp_path / "t.parquet", "t.parquet")
    assert find_places(table, lon="x", lat="y").columns == ("x", "y")


@pytest.mark.parametrize(
    "kind", [pa.float64(), pa.float32(), pa.int16(), pa.decimal128(8, 3), pa.string(), pa.large_string(), "dictionary"]
)
def test_plain_columns_of_any_numeric_type(tmp_path, kind):
    numbers = pa.array([5.0, 2.0, -68.0, None])
    column = numbers.cast(pa.string()).dictionary_encode() if kind == "dictionary" else numbers.cast(kind)
    pq.write_table(pa.table({"x": column, "y": column}), tmp_path / "t.parquet", row_group_size=3)
    np.testing.assert_array_equal(
        places(open_parquet(tmp_path / "t.parquet", "t")), [[5, 5], [2, 2], [-68, -68], [np.nan, np.nan]]
    )


@pytest.mark.parametrize(
    "column", [pa.array([[1.0]]), pa.array([True]), pa.array([b"1"]), pa.array([0], pa.timestamp("s"))]
)
def test_columns_that_hold_no_numbers_are_refused(tmp_path, column):
    pq.write_table(pa.table({"x": column, "y": pa.array([1.0])}), tmp_path / "t.parquet")
    with pytest.raises(
        UsageError, match=r"the column 'x' holds .*, no numbers; name two others: lon=\"NAME\", lat=\"NAME\""
    ):
        find_places(open_parquet(tmp_path / "t.parquet", "t"))


def test_a_folder_of_files_is_one_table(tmp_path):
    for part in (0, 1):
        frame = pd.DataFrame({"lon": [part, part], "lat": [0, 1]})
        frame.to_parquet(tmp_path / f"part-{part}.parquet")
    table = open_parquet(tmp_path, "folder")
    blocks = list(table.read(["lon"], 100))
    assert [number for block in blocks for number in block.numbers] == [1, 2, 3, 4]
    assert [value for block in blocks for value in block.columns["lon"].to_pylist()] == [0, 0, 1, 1]


@pytest.mark.parametrize("content", [b"", b"no parquet", b"PAR1"])
def test_what_is_no_parquet_is_one_line(tmp_path, content):
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(TableError, match=r"^t\.parquet is not a Parquet file: "):
        open_parquet(tmp_path / "t.parquet", "t.parquet")


def test_a_damaged_file_is_one_line(tmp_path):
    frame = pd.DataFrame({"lon": np.random.default_rng(0).normal(size=5000), "lat": 0.0})
    frame.to_parquet(tmp_path / "t.parquet", compression="zstd")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[100:20_000] = bytes(19_900)
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(TableError, match=r"^t\.parquet is damaged: "):
        places(open_parquet(tmp_path / "t.parquet", "t.parquet"))


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    bad = pa.array([b"Z\xfcrich"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"lon": [8.5], "lat": [47.4], "ort": bad}), tmp_path / "t.parquet")
    table = open_parquet(tmp_path / "t.parquet", "t.parquet")
    with pytest.raises(TableError, match=r"holds text that is not UTF-8 .*; convert it to UTF-8"):
        list(table.read(None, 9))
