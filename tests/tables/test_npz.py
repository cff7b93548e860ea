"""npz: numpy reads what was written, for columns of every type."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rangegeo.errors import TableError, UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.tables import npz as module
from rangegeo.tables.columns import OutputColumns
from rangegeo.tables.npz import NpzSink
from rangegeo.tables.places import TablePlaces

RECIPE = Recipe(betas=(0.0, 0.5), visual=2, location=1)


def layout(columns: pa.RecordBatch, recipe: Recipe = RECIPE) -> OutputColumns:
    carried = dict(zip(columns.schema.names, columns.schema.types, strict=True))
    return OutputColumns(carried=carried, untyped=False, places="none", recipe=recipe, lists=True)


def written(path: Path, *batches: pa.RecordBatch) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Write batches, and return what numpy reads and the (layers, n, bands) embeddings that were written."""
    random = np.random.default_rng(0)
    given = []
    with NpzSink(path, layout(batches[0]), {}) as sink:
        for batch in batches:
            values = random.normal(size=(2, batch.num_rows, 3)).astype(np.float32)
            given.append(values)
            lonlat = random.uniform(-90, 90, (batch.num_rows, 2))
            usable = np.ones(batch.num_rows, dtype=bool)
            sink.write(batch, TablePlaces(lonlat, usable, ~usable), values.copy())
        sink.finish({"model": "RANGE+"})
    with np.load(path, allow_pickle=False) as file:
        return dict(file), np.concatenate(given, axis=1)


DAY = datetime.date(2020, 2, 1)
NOON = datetime.datetime(2020, 2, 1, 12)
COLUMNS = {
    "whole": (pa.array([1, 2, 3], pa.int16()), np.array([1, 2, 3], np.int16)),
    "some missing": (pa.array([1, None, 3]), np.array([1, np.nan, 3])),
    "single": (pa.array([0.1, None, 3], pa.float32()), np.array([0.1, np.nan, 3], np.float32)),
    "truth": (pa.array([True, False, True]), np.array([True, False, True])),
    "some truth": (pa.array([True, None, False]), np.array([1, np.nan, 0])),
    "text": (pa.array(["a", None, "Zürich 🏔"]), np.array(["a", "", "Zürich 🏔"])),
    "large text": (pa.array(["a", "b", "cc"], pa.large_string()), np.array(["a", "b", "cc"])),
    "codes": (pa.array(["x", None, "yy"]).dictionary_encode(), np.array(["x", "", "yy"])),
    "days": (pa.array([DAY, None, DAY]), np.array([DAY, "NaT", DAY], "datetime64[ms]")),
    "times": (pa.array([NOON, None, NOON], pa.timestamp("us")), np.array([NOON, "NaT", NOON], "datetime64[us]")),
    "zoned": (pa.array([NOON, None, NOON], pa.timestamp("s", "UTC")), np.array([NOON, "NaT", NOON], "datetime64[s]")),
    "exact": (pa.array([Decimal("1.5"), None, Decimal("2.25")]), np.array([1.5, np.nan, 2.25])),
    "nothing": (pa.nulls(3), np.array([np.nan] * 3)),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("cut", [3, 1])
def test_columns_of_every_type(tmp_path, name, cut):
    column, expected = COLUMNS[name]
    batch = pa.record_batch([column], names=["c"])
    found, _ = written(tmp_path / "t.npz", *(batch.slice(start, cut) for start in range(0, 3, cut)))
    assert found["c"].dtype == expected.dtype
    np.testing.assert_array_equal(found["c"], expected)


def test_embeddings_places_and_provenance(tmp_path):
    batch = pa.record_batch([pa.array(range(5))], names=["id"])
    found, given = written(tmp_path / "t.npz", batch, batch.slice(1))
    assert list(found) == ["embedding_beta0", "embedding_beta0.5", "lonlat", "id", "rangegeo"]
    np.testing.assert_array_equal(found["embedding_beta0"], given[0])
    np.testing.assert_array_equal(found["embedding_beta0.5"], given[1])
    assert (found["lonlat"].shape, found["lonlat"].dtype) == ((9, 2), np.float64)
    assert json.loads(str(found["rangegeo"])) == {"model": "RANGE+"}
    # each file of raw rows is removed when it has been copied
    assert sorted(path.name for path in tmp_path.iterdir()) == ["carried.arrow", "t.npz"]


@pytest.mark.parametrize("column", [pa.array([[1]]), pa.array([b"1"]), pa.array([datetime.time(1)])])
def test_columns_that_numpy_cannot_hold_are_refused(column):
    batch = pa.record_batch([column], names=["c"])
    with pytest.raises(UsageError, match=r"npz cannot hold the column 'c' \(.*\); write \.parquet, or leave the"):
        NpzSink.check(layout(batch))


def test_long_text_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_TEXT", 10)
    written(tmp_path / "t.npz", pa.record_batch([pa.array(["ä" * 10])], names=["c"]))
    with pytest.raises(TableError, match="npz holds text of up to 10 characters, and the column 'c' has longer; write"):
        written(tmp_path / "t.npz", pa.record_batch([pa.array(["ä" * 11])], names=["c"]))


@pytest.mark.parametrize("name", ["lonlat", "embedding_beta0", "rangegeo"])
def test_a_name_that_is_needed_is_refused(name):
    batch = pa.record_batch([pa.array([1])], names=[name])
    with pytest.raises(
        UsageError, match=f"the table already has a column '{name}'; rename it in a copy, or leave its columns"
    ):
        NpzSink.check(layout(batch))


def test_numbers_that_would_change_are_refused(tmp_path):
    ids = pa.array([2**60 + 1, None])
    with pytest.raises(TableError, match="npz cannot hold the column 'c': some of it is missing, and the rest is too"):
        written(tmp_path / "t.npz", pa.record_batch([ids], names=["c"]))
    assert written(tmp_path / "t.npz", pa.record_batch([ids.drop_null()], names=["c"]))[0]["c"].tolist() == [2**60 + 1]
