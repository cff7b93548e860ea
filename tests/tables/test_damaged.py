"""Whatever Arrow, GDAL, GEOS, Python or the system say about a table that is wrong becomes one line with its name."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely.errors import GEOSException
from shapely.geometry import Point, Polygon
from test_embed import made

from rangegeo.errors import TableError
from rangegeo.tables import vector
from rangegeo.tables.opening import open_table
from rangegeo.tables.places import find_places
from rangegeo.tables.table import one_line


def geoparquet(path: Path, column: pa.Array, **described: object) -> None:
    geo = {"primary_column": "g", "columns": {"g": {"encoding": "WKB"} | described}}
    pq.write_table(pa.table({"g": column}).replace_schema_metadata({"geo": json.dumps(geo)}), path)


def cut(path: Path, whole: bytes, share: float) -> None:
    path.write_bytes(whole[: int(len(whole) * share)])


def whole_parquet(folder: Path) -> bytes:
    pq.write_table(pa.table({"lon": np.arange(1000.0), "lat": np.arange(1000.0)}), folder / "w")
    return (folder / "w").read_bytes()


def whole_gpkg(folder: Path) -> bytes:
    points = gpd.points_from_xy(np.linspace(0, 9, 3000), np.linspace(0, 9, 3000))
    gpd.GeoDataFrame({"a": range(3000)}, geometry=points, crs=4326).to_file(folder / "w.gpkg")
    return (folder / "w.gpkg").read_bytes()


def shapefile_without(path: Path, suffix: str) -> None:
    gpd.GeoDataFrame({"a": [1]}, geometry=[Point(1, 1)], crs=4326).to_file(path)
    path.with_suffix(suffix).unlink()


def sqlite_file(path: Path) -> None:
    sqlite3.connect(path).execute("create table x (a)").connection.close()


# The name of a file, what makes it, and what is said.
WRONG: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "half a Parquet": ("t.parquet", lambda path: cut(path, whole_parquet(path.parent), 0.5), "is not a Parquet file: "),
    "no Parquet": ("t.parquet", lambda path: path.write_bytes(b""), "is not a Parquet file: "),
    "numbers as WKB": (
        "t.parquet",
        lambda path: geoparquet(path, pa.array([1])),
        "holds WKB geometries, but it holds i",
    ),
    "lists as WKB": (
        "t.parquet",
        lambda path: geoparquet(path, pa.array([[1]])),
        "holds WKB geometries, but it holds l",
    ),
    "numbers as points": (
        "t.parquet",
        lambda path: geoparquet(path, pa.array([1]), encoding="point"),
        "says that its column 'g' holds point geometries, but it holds int64; name two columns: lon=\"NAME\"",
    ),
    "a CRS of nonsense": (
        "t.parquet",
        lambda path: geoparquet(path, pa.array([b""]), crs={"type": "nonsense" * 20}),
        ' …"; convert it first, for example with ogr2ogr -t_srs EPSG:4326',
    ),
    "half a GeoPackage": ("t.gpkg", lambda path: cut(path, whole_gpkg(path.parent), 0.4), "cannot be read: "),
    "another SQLite": ("t.gpkg", sqlite_file, "cannot be read: "),
    "no index of shapes": ("t.shp", lambda path: shapefile_without(path, ".shx"), "cannot be read: "),
    "a spreadsheet": (
        "t.xlsx",
        lambda path: path.write_bytes(b"PK\x03\x04"),
        "not recognized as being in a supported file format; expected a table such as .csv, .geojson, .gpkg or .par",
    ),
    "bytes called GeoJSON": ("t.geojsonl", lambda path: path.write_bytes(b'\xff\xfe{"type"'), "cannot be read: "),
    "half an archive": ("t.csv.gz", lambda path: cut(path, gzip.compress(b"lon,lat\n1,2\n"), 0.8), "cannot be read: "),
    "an archive of noise": (
        "t.csv.gz",
        lambda path: path.write_bytes(gzip.compress(b"lon,lat\n1,2\n" * 99)[:20] + bytes(range(99))),
        "cannot be read: ",
    ),
    "no archive": ("t.csv.gz", lambda path: path.write_text("lon,lat\n1,2\n"), "cannot be read: Not a gzipped file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_is_wrong_is_one_line(tmp_path, case, recwarn):
    name, make, said = WRONG[case]
    make(tmp_path / name)
    recwarn.clear()
    with pytest.raises(TableError) as caught:
        made(tmp_path / name, tmp_path / "o.npz")
    assert str(tmp_path / name) in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "It might help" not in str(caught.value)
    assert not recwarn.list  # GDAL warns too, but one line is enough
    assert not (tmp_path / "o.npz").exists()


def test_what_breaks_while_it_is_read_is_one_line(tmp_path):
    content = bytearray(whole_gpkg(tmp_path))
    content[60_000:90_000] = np.random.default_rng(0).bytes(30_000)
    (tmp_path / "t.gpkg").write_bytes(content)
    with pytest.raises(TableError, match=r"t\.gpkg cannot be read: "):
        made(tmp_path / "t.gpkg", tmp_path / "o.npz")


@pytest.mark.parametrize(
    "error", [pa.ArrowInvalid("a\nb"), OSError("a"), GEOSException("a"), RuntimeError("a"), KeyError("a"), EOFError()]
)
def test_errors_of_libraries_become_one_line(error):
    with pytest.raises(TableError) as caught, one_line("t.x cannot be read"):
        raise error
    assert str(caught.value).startswith("t.x cannot be read: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [MemoryError(), pa.ArrowMemoryError("malloc of size 8 failed")])
def test_too_little_memory_is_told(error):
    with (
        pytest.raises(TableError, match=r"^t\.x cannot be read: there is not enough memory for its rows"),
        one_line("t.x cannot be read"),
    ):
        raise error


def test_what_gdal_warns_of_is_told_in_one_line(tmp_path, monkeypatch):
    gpd.GeoDataFrame({"a": [1]}, geometry=[Point(1, 1)], crs=4326).to_file(tmp_path / "t.gpkg")
    listed = vector.pyogrio.list_layers

    def warning(path: Path) -> np.ndarray:
        import warnings

        warnings.warn("odd\n  thing", RuntimeWarning, stacklevel=1)
        return listed(path)

    monkeypatch.setattr(vector.pyogrio, "list_layers", warning)
    table = open_table(str(tmp_path / "t.gpkg"), tmp_path)
    assert table.remarks == (f"{tmp_path / 't.gpkg'}: odd thing",)


def test_a_polygon_that_crosses_itself_has_a_point_within(tmp_path):
    bow = Polygon([(10, 10), (12, 12), (12, 10), (10, 12)])
    gpd.GeoDataFrame({"a": [1]}, geometry=[bow], crs=4326).to_file(tmp_path / "t.geojson")
    table = open_table(str(tmp_path / "t.geojson"), tmp_path)
    (block,) = table.read(None, 10)
    (lonlat,) = find_places(table, representative=True).locate(block).lonlat_deg
    assert bow.buffer(0).union(bow.convex_hull).contains(Point(lonlat))
    assert pd.notna(lonlat).all()
