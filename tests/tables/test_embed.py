"""From a table to a file with a fake model: what each format holds, bounded memory, and no unfinished files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely.geometry import Point

from rangegeo.errors import OutputError, UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.support.unfinished import unfinished
from rangegeo.tables import embed as module
from rangegeo.tables.embed import Plan, check_output, plan_table, write_table
from rangegeo.tables.formats import FORMATS, choose_format
from rangegeo.tables.opening import open_table
from rangegeo.tables.places import find_places
from rangegeo.tables.table import Block, Table

ONE = Recipe(betas=(0.5,), visual=2, location=1)
TWO = Recipe(betas=(0.0, 0.5), visual=2, location=1, keep=(0, 2))
CSV = "id,lon,lat,code,note\n1,5.5,45,007,a\n2,north,46,008,\n3,-170,10,,\"b, c\"\n"  # fmt: skip


def fake(recipe: Recipe):
    """A function in place of a model; its bands are beta, longitude and latitude."""

    def evaluate(lonlat_deg: np.ndarray) -> np.ndarray:
        assert np.isfinite(lonlat_deg).all()
        bands = np.empty((recipe.layers, len(lonlat_deg), 3), dtype=np.float32)
        bands[:, :, 0] = np.array(recipe.betas)[:, None]
        bands[:, :, 1:] = lonlat_deg
        return bands[:, :, list(recipe.keep or range(3))]

    return evaluate


def made(source: Path, out: Path, recipe: Recipe = ONE, **options) -> Plan:
    """Embed a file with the fake model."""
    table = open_table(str(source), source.parent)
    plan = plan_table(table, find_places(table), choose_format(out, None), recipe, **options)
    told: list[int] = []
    with unfinished(out) as draft:
        write_table(plan, draft, fake(recipe), lambda: {"model": "fake"}, told.append)
    assert sum(told) == plan.survey.rows
    return plan


@pytest.fixture
def places(tmp_path) -> Path:
    path = tmp_path / "places.csv"
    path.write_text(CSV)
    return path


EXPECTED = np.array([[0.5, 5.5, 45], [np.nan] * 3, [0.5, -170, 10]], np.float32)


def check_columns(frame: pd.DataFrame) -> None:
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["lon"].tolist() == ["5.5", "north", "-170"]  # unchanged, with the faulty value
    assert frame["lat"].tolist() == [45, 46, 10]
    assert frame["note"].fillna("").tolist() == ["a", "", "b, c"]


def test_parquet_holds_lists(places, tmp_path):
    made(places, tmp_path / "o.parquet")
    frame = pd.read_parquet(tmp_path / "o.parquet")
    check_columns(frame)
    assert frame["code"].tolist() == ["007", "008", ""]
    assert frame.columns[-1] == "embedding"
    assert frame["embedding"].isna().tolist() == [False, True, False]
    np.testing.assert_array_equal(np.stack(frame["embedding"].dropna()), EXPECTED[[0, 2]])
    assert pq.read_schema(tmp_path / "o.parquet").field("embedding").type == pa.list_(pa.float32(), 3)
    assert json.loads(pq.read_metadata(tmp_path / "o.parquet").metadata[b"rangegeo"]) == {"model": "fake"}


def test_parquet_may_have_a_column_a_band(places, tmp_path):
    made(places, tmp_path / "o.parquet", TWO, lists=False, drop=True)
    frame = pd.read_parquet(tmp_path / "o.parquet")
    assert frame.columns.tolist() == ["beta0_b0001", "beta0_b0003", "beta0.5_b0001", "beta0.5_b0003"]
    np.testing.assert_array_equal(frame, [[0, 45, 0.5, 45], [np.nan] * 4, [0, 10, 0.5, 10]])


def test_several_betas_have_long_names(places, tmp_path):
    made(places, tmp_path / "o.parquet", TWO)
    frame = pd.read_parquet(tmp_path / "o.parquet")
    assert frame.columns[-2:].tolist() == ["embedding_beta0", "embedding_beta0.5"]
    np.testing.assert_array_equal(frame["embedding_beta0.5"][2], [0.5, 10])


@pytest.mark.parametrize(("name", "separator"), [("o.csv", ","), ("o.tsv", "\t")])
def test_csv_has_a_column_a_band(places, tmp_path, name, separator):
    made(places, tmp_path / name)
    frame = pd.read_csv(tmp_path / name, sep=separator, dtype={"code": str, "lon": str})
    check_columns(frame)
    assert frame["code"].fillna("").tolist() == ["007", "008", ""]
    np.testing.assert_array_equal(frame[["b0001", "b0002", "b0003"]].astype(np.float32), EXPECTED)


def test_npz_holds_plain_arrays(places, tmp_path):
    made(places, tmp_path / "o.npz")
    with np.load(tmp_path / "o.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["embedding"], EXPECTED)
        np.testing.assert_array_equal(file["lonlat"], [[5.5, 45], [np.nan, np.nan], [-170, 10]])
        check_columns(pd.DataFrame({name: file[name] for name in ("id", "lon", "lat", "note")}))


def test_geoparquet_has_points(places, tmp_path):
    made(places, tmp_path / "o.geoparquet")
    frame = gpd.read_parquet(tmp_path / "o.geoparquet")
    check_columns(frame)
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry.tolist() == [Point(5.5, 45), None, Point(-170, 10)]
    made(places, tmp_path / "p.geoparquet", drop=True)
    assert gpd.read_parquet(tmp_path / "p.geoparquet").columns.tolist() == ["geometry", "embedding"]


@pytest.fixture(params=["v.gpkg", "v.geojson", "v.parquet", "v.fgb"])
def vector(request, tmp_path) -> Path:
    """Points in a CRS of their own, with a date and a text."""
    frame = gpd.GeoDataFrame(
        {"id": [1, 2], "note": ["a", None], "when": pd.to_datetime(["2020-01-01", "2021-05-06"])},
        geometry=[Point(5.5, 45), Point(6.5, 46)],
        crs=4326,
    )
    path = tmp_path / request.param
    if path.suffix == ".parquet":
        frame.to_crs(2154).to_parquet(path)
    else:
        options = {"spatial_index": False} if path.suffix == ".fgb" else {}
        (frame if path.suffix == ".geojson" else frame.to_crs(2154)).to_file(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".geoparquet"])
def test_geometries_are_kept_as_they_are(vector, tmp_path, suffix):
    made(vector, tmp_path / f"o{suffix}")
    frame = gpd.read_parquet(tmp_path / f"o{suffix}")
    expected = gpd.read_parquet(vector) if vector.suffix == ".parquet" else gpd.read_file(vector)
    assert frame.crs == expected.crs
    assert frame.geometry.to_list() == expected.geometry.to_list()
    for name in ("id", "note"):
        assert frame[name].astype(str).tolist() == expected[name].astype(str).tolist()
    assert [str(when.date()) for when in frame["when"]] == ["2020-01-01", "2021-05-06"]
    np.testing.assert_allclose(np.stack(frame["embedding"]), [[0.5, 5.5, 45], [0.5, 6.5, 46]], rtol=1e-6)


def test_geometries_become_degrees_where_there_is_no_room_for_them(vector, tmp_path):
    made(vector, tmp_path / "o.csv")
    frame = pd.read_csv(tmp_path / "o.csv")
    assert frame.columns.tolist() == ["id", "note", "when", "longitude", "latitude", "b0001", "b0002", "b0003"]
    np.testing.assert_allclose(frame[["longitude", "latitude"]], [[5.5, 45], [6.5, 46]], atol=1e-9)
    made(vector, tmp_path / "o.npz")
    with np.load(tmp_path / "o.npz") as file:
        np.testing.assert_allclose(file["lonlat"], [[5.5, 45], [6.5, 46]], atol=1e-9)
        assert file["note"].tolist() == ["a", ""]
        assert file["when"].dtype.kind == "M"


def test_columns_can_be_dropped(vector, tmp_path):
    made(vector, tmp_path / "o.parquet", drop=True)
    assert pd.read_parquet(tmp_path / "o.parquet").columns.tolist() == ["embedding"]
    assert b"geo" not in (pq.read_schema(tmp_path / "o.parquet").metadata or {})
    made(vector, tmp_path / "o.geoparquet", drop=True)
    assert gpd.read_parquet(tmp_path / "o.geoparquet").columns.tolist()[1:] == ["embedding"]
    made(vector, tmp_path / "o.npz", drop=True)
    assert list(np.load(tmp_path / "o.npz")) == ["embedding", "lonlat", "rangegeo"]


def test_an_index_of_pandas_comes_back(tmp_path):
    frame = pd.DataFrame({"lon": [5.0, 6.0], "lat": [45.0, 46.0]}, index=pd.Index(["a", "b"], name="station"))
    frame.to_parquet(tmp_path / "i.parquet")
    made(tmp_path / "i.parquet", tmp_path / "o.parquet")
    found = pd.read_parquet(tmp_path / "o.parquet")
    assert found.index.tolist() == ["a", "b"]
    assert found.columns.tolist() == ["lon", "lat", "embedding"]


@pytest.mark.parametrize("name", ["o.parquet", "o.csv", "o.npz", "o.geoparquet"])
def test_a_table_without_rows(tmp_path, name):
    (tmp_path / "t.csv").write_text("lon,lat\n")
    made(tmp_path / "t.csv", tmp_path / name)
    assert (tmp_path / name).stat().st_size > 0
    if name.endswith("parquet"):
        assert len(pd.read_parquet(tmp_path / name)) == 0


# ------------------------------------------------------------------------------------------------- bounded memory


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npz"])
@pytest.mark.parametrize("kind", [".csv", ".parquet", ".gpkg", ".geojsonl"])
def test_memory_is_a_batch_whatever_the_rows(tmp_path, monkeypatch, suffix, kind):
    """No batch is larger than planned, and each batch is embedded before the next is read."""
    rows = 500
    monkeypatch.setattr(module, "FEWEST_ROWS", 16)
    monkeypatch.setattr(module, "BATCH_BYTES", 16 * 12)
    frame = pd.DataFrame({"lon": np.linspace(-180, 180, rows), "lat": np.linspace(-90, 90, rows)})
    source = tmp_path / f"t{kind}"
    if kind == ".csv":
        frame.to_csv(source, index=False)
    elif kind == ".parquet":
        frame.to_parquet(source)
    else:
        driver = "GPKG" if kind == ".gpkg" else "GeoJSONSeq"
        gpd.GeoDataFrame(geometry=gpd.points_from_xy(frame["lon"], frame["lat"]), crs=4326).to_file(
            source, driver=driver
        )
    table = open_table(str(source), tmp_path)
    given: list[int] = []

    def read(columns: list[str] | None, most: int) -> Iterator[Block]:
        for block in table.read(columns, most):
            given.append(len(block))
            yield block

    watched = Table(name="t", schema=table.schema, read=read, untyped=table.untyped, geometry=table.geometry)
    plan = plan_table(watched, find_places(watched), choose_format(Path(f"o{suffix}"), None), ONE)
    assert plan.batch_rows == 16
    given.clear()
    sizes: list[int] = []

    def counting(lonlat_deg: np.ndarray) -> np.ndarray:
        sizes.append(len(lonlat_deg))
        assert len(given) == len(sizes)
        return fake(ONE)(lonlat_deg)

    with unfinished(tmp_path / f"o{suffix}") as draft:
        write_table(plan, draft, counting, dict, lambda count: None)
    assert sum(sizes) == rows
    assert sizes == given
    assert max(sizes) <= 16
    if suffix == ".parquet":
        assert pq.read_metadata(tmp_path / "o.parquet").num_row_groups == len(sizes)


def test_batches_follow_the_width_of_the_embeddings(places):
    table = open_table(str(places), places.parent)
    for recipe, expected in (
        (ONE, 65_536),
        (Recipe(betas=(0.5,), visual=1024, location=256), 12_500),
        (Recipe(betas=tuple(np.linspace(0, 1, 30)), visual=1024, location=256), 1024),
    ):
        assert plan_table(table, find_places(table), FORMATS["parquet"], recipe).batch_rows == expected


# ---------------------------------------------------------------------------------------------- nothing half-done


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npz"])
def test_what_fails_leaves_nothing_and_what_was_there(places, tmp_path, error, suffix):
    out = tmp_path / f"o{suffix}"
    out.write_text("precious")
    table = open_table(str(places), tmp_path)
    plan = plan_table(table, find_places(table), choose_format(out, None), ONE)

    def failing(lonlat_deg: np.ndarray) -> np.ndarray:
        raise error

    with pytest.raises(error), unfinished(out) as draft:
        write_table(plan, draft, failing, dict, print)
    assert out.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([out.name, "places.csv"])


def test_a_name_that_is_needed_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("lon,lat,embedding,b0002\n1,2,3,4\n")
    with pytest.raises(
        UsageError, match="the table already has a column 'embedding'; rename it in a copy, or leave its columns"
    ):
        made(tmp_path / "t.csv", tmp_path / "o.parquet")
    with pytest.raises(UsageError, match="the table already has a column 'b0002'"):
        made(tmp_path / "t.csv", tmp_path / "o.csv")
    made(tmp_path / "t.csv", tmp_path / "o.parquet", drop=True)


def test_csv_refuses_what_it_cannot_hold(tmp_path):
    pq.write_table(pa.table({"lon": [1.0], "lat": [2.0], "tags": [["a"]]}), tmp_path / "t.parquet")
    with pytest.raises(UsageError, match=r"CSV cannot hold the column 'tags' \(list<.*>\); write \.parquet, or leave"):
        made(tmp_path / "t.parquet", tmp_path / "o.csv")


def test_a_folder_is_no_output(tmp_path):
    with pytest.raises(OutputError) as caught:
        check_output(tmp_path, overwrite=True)
    assert str(caught.value) == f"{tmp_path} is a folder and was left as it is; give another path"
    assert caught.value.for_shell() == f"{tmp_path} is a folder and was left as it is; give another -o"


def test_a_full_disk_is_said_in_the_words_of_the_command(tmp_path):
    with pytest.raises(OutputError) as caught:
        check_output(tmp_path / "o.npz", 1e18, overwrite=False)
    assert "take fewer --bands or --beta, or write to another disk with -o" in caught.value.for_shell()
    assert "take fewer bands or betas, or write to another disk with " in str(caught.value)


def test_a_plan_says_what_comes(places):
    table = open_table(str(places), places.parent)
    plan = plan_table(table, find_places(table), FORMATS["parquet"], TWO)
    said = plan.describe(fake(TWO), 3)
    assert said == "3 places, 2 betas, 2 bands, 140 bytes before compression, about 1 s"


def test_writing_counts_in_an_estimate_of_time(places):
    """140 bytes at 2 and at 1 byte a second."""
    table = open_table(str(places), places.parent)
    slow = {}
    for name in ("parquet", "csv"):
        form = replace(FORMATS[name], bytes_a_second=2.0 if name == "parquet" else 1.0)
        slow[name] = plan_table(table, find_places(table), form, TWO).describe(fake(TWO), 3)
    assert slow["parquet"].endswith("about 1 min 10 s")
    assert "about 2 min" in slow["csv"]
