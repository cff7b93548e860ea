"""GeoPackages that GDAL and SQLite read: points, columns, limits and names."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
from shapely.geometry import Point
from test_embed import CSV, EXPECTED, TWO, fake, made

from rangegeo.errors import OutputError, RangegeoError, TableError, UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.tables import embed as module
from rangegeo.tables.embed import plan_table
from rangegeo.tables.formats import FORMATS
from rangegeo.tables.geopackage import GpkgSink
from rangegeo.tables.opening import open_table
from rangegeo.tables.places import find_places


@pytest.fixture
def places(tmp_path) -> Path:
    (tmp_path / "places.csv").write_text(CSV)
    return tmp_path / "places.csv"


def parquet(folder: Path, **columns: pa.Array) -> Path:
    rows = len(next(iter(columns.values())))
    table = pa.table({"lon": np.arange(5.0, 5 + rows), "lat": np.full(rows, 45.0), **columns})
    pq.write_table(table, folder / "t.parquet")
    return folder / "t.parquet"


@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_points_and_a_column_a_band(places, tmp_path, monkeypatch, rows):
    monkeypatch.setattr(module, "FEWEST_ROWS", rows)
    monkeypatch.setattr(module, "MOST_ROWS", rows)
    made(places, tmp_path / "o.gpkg")
    frame = gpd.read_file(tmp_path / "o.gpkg")
    assert frame.columns.tolist() == ["id", "lon", "lat", "code", "note", "b0001", "b0002", "b0003", "geometry"]
    assert frame.geometry.tolist() == [Point(5.5, 45), None, Point(-170, 10)]
    assert frame.crs.to_epsg() == 4326
    assert frame["lon"].tolist() == ["5.5", "north", "-170"]
    np.testing.assert_array_equal(frame[["b0001", "b0002", "b0003"]].astype(np.float32), EXPECTED)
    info = pyogrio.read_info(tmp_path / "o.gpkg", layer="o")
    assert (info["geometry_type"], json.loads(info["layer_metadata"]["rangegeo"])) == ("Point", {"model": "fake"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.gpkg", "places.csv"]


def test_geometries_of_the_table_become_points_in_degrees(tmp_path):
    frame = gpd.GeoDataFrame({"id": [1]}, geometry=[Point(5.5, 45)], crs=4326).to_crs(2154)
    frame.to_file(tmp_path / "t.gpkg")
    made(tmp_path / "t.gpkg", tmp_path / "o.gpkg", TWO)
    found = gpd.read_file(tmp_path / "o.gpkg")
    assert found.columns[:2].tolist() == ["id", "beta0_b0001"]
    assert found.geometry[0].distance(Point(5.5, 45)) < 1e-9
    made(tmp_path / "t.gpkg", tmp_path / "d.gpkg", drop=True)
    assert gpd.read_file(tmp_path / "d.gpkg").columns.tolist() == ["b0001", "b0002", "b0003", "geometry"]


def test_a_table_without_rows(tmp_path):
    (tmp_path / "t.csv").write_text("lon,lat\n")
    made(tmp_path / "t.csv", tmp_path / "o.gpkg")
    assert len(gpd.read_file(tmp_path / "o.gpkg")) == 0


@pytest.mark.parametrize("name", ["geom", "GEOM"])
def test_a_column_called_as_gdal_calls_geometries_is_a_column(tmp_path, name):
    made(parquet(tmp_path, **{name: pa.array(["a", "b"])}), tmp_path / "o.gpkg")
    found = gpd.read_file(tmp_path / "o.gpkg")
    assert found[name].tolist() == ["a", "b"]
    assert found.geometry.tolist() == [Point(5, 45), Point(6, 45)]


def test_a_column_called_fid_is_a_column(tmp_path):
    made(parquet(tmp_path, fid=pa.array([7, 7]), FID_2=pa.array(["a", "b"])), tmp_path / "o.gpkg")
    found = pyogrio.read_dataframe(tmp_path / "o.gpkg")
    assert (found["fid"].tolist(), found["FID_2"].tolist()) == ([7, 7], ["a", "b"])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"id": ["a"], "ID": ["b"]},
            "a GeoPackage cannot hold the column 'ID' beside 'id'; write .parquet, or leave the col",
        ),
        ({"Geometry": ["a"]}, "a GeoPackage cannot hold the column 'geometry' beside 'Geometry'"),
        ({"geometry": ["a"]}, "the table already has a column 'geometry'"),
        ({"b0002": ["a"]}, "the table already has a column 'b0002'"),
    ],
)
def test_names_that_sqlite_takes_for_one(tmp_path, columns, said):
    with pytest.raises(UsageError) as caught:
        made(parquet(tmp_path, **{name: pa.array(values) for name, values in columns.items()}), tmp_path / "o.gpkg")
    assert said in str(caught.value)


@pytest.mark.parametrize("more", [0, 1])
def test_as_many_columns_as_sqlite_has(places, tmp_path, more):
    recipe = Recipe(betas=(0.5,), visual=1, location=1992 + more)  # and five of the table, the geometry and the number
    table = open_table(str(places), tmp_path)
    if more:
        with pytest.raises(UsageError) as caught:
            plan_table(table, find_places(table), FORMATS["gpkg"], recipe)
        assert caught.value.for_shell() == (
            "a GeoPackage holds at most 2,000 columns, and this one would have 2,001; take fewer --bands or --beta, or "
            "write .parquet"
        )
        return
    plan = plan_table(table, find_places(table), FORMATS["gpkg"], recipe)
    with GpkgSink(tmp_path / "o.gpkg", plan.output, {}) as sink:
        for block in table.read(None, 10):
            values = np.zeros((1, len(block), 1993), np.float32)
            sink.write(block.columns, plan.place_columns.locate(block), values)
        sink.finish({})
    with sqlite3.connect(tmp_path / "o.gpkg") as database:
        assert len(database.execute("pragma table_info(o)").fetchall()) == 2000


@pytest.mark.parametrize(
    "column",
    [
        pa.array([True, None]),
        pa.array([2**63 - 1, None]),
        pa.array([2**32 - 1, None], pa.uint32()),
        pa.array([1.5, None], pa.float32()),
        pa.array(["ä", None], pa.string_view()),
        pa.array(["a", None]).dictionary_encode(),
        pa.array([b"a", None], pa.binary_view()),
        pa.array([20_000, None], pa.date32()),
        pa.array([86_400_000, None], pa.date64()),
        pa.array([1_500, None], pa.timestamp("ms", "UTC")),
        pa.array([1_500_000_000, None], pa.timestamp("ns", "UTC")),
        pa.nulls(2),
    ],
    ids=lambda column: str(column.type),
)
def test_columns_of_many_types_come_back(tmp_path, column):
    made(parquet(tmp_path, c=column), tmp_path / "o.gpkg")
    _, found = pyogrio.read_arrow(tmp_path / "o.gpkg")
    assert found["c"].to_pylist() == column.to_pylist()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([1], pa.uint64()),
        pa.array([1], pa.decimal128(5, 2)),
        pa.array([1], pa.time32("ms")),
        pa.array([1], pa.duration("s")),
    ],
    ids=lambda column: str(column.type),
)
def test_what_it_would_lose_is_refused(tmp_path, column):
    source = parquet(tmp_path, c=column)
    kind = pq.read_schema(source).field("c").type
    with pytest.raises(RangegeoError) as caught:
        made(source, tmp_path / "o.gpkg")
    assert str(caught.value) == (
        f"a GeoPackage cannot hold the column 'c' ({kind}); write .parquet, or leave the columns out with "
        "drop_columns=True"
    )


def test_parts_of_a_millisecond_are_not_cut_off(tmp_path):
    with pytest.raises(TableError, match=r"a GeoPackage cannot hold the column 'c': .* would lose data: 1500; write"):
        made(parquet(tmp_path, c=pa.array([1500], pa.timestamp("us"))), tmp_path / "o.gpkg")


def test_a_disk_that_fails_is_one_line(places, tmp_path):
    table = open_table(str(places), tmp_path)
    plan = plan_table(table, find_places(table), FORMATS["gpkg"], TWO)
    with pytest.raises(OutputError, match="the GeoPackage cannot be written: "):
        module.write_table(plan, tmp_path / "missing" / "o.gpkg", fake(TWO), dict, print)


def test_it_is_read_as_a_table_again(places, tmp_path):
    made(places, tmp_path / "o.gpkg")
    made(tmp_path / "o.gpkg", tmp_path / "p.parquet")
    assert pd.read_parquet(tmp_path / "p.parquet")["id"].tolist() == [1, 2, 3]
