"""CSV and TSV: lines, quotes, delimiters, encodings and types; messages name the line of a fault."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rangegeo.errors import TableError
from rangegeo.tables.text import TYPES, fitting_types, open_text, with_types


def written(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(path: Path, batch: int = 1000, columns: list[str] | None = None) -> tuple[list[dict], list[int]]:
    blocks = list(open_text(path, path.name).read(columns, batch))
    assert all(len(block) <= batch for block in blocks)
    return [row for block in blocks for row in block.columns.to_pylist()], [
        number for block in blocks for number in block.numbers.tolist()
    ]


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_rows_know_the_line_they_begin_on(tmp_path, batch):
    path = written(tmp_path, 'id,lon,lat\n1,5,45\n\n"a\nb\n\nc",6,46\r\n\r\n3,7,47')
    found, lines = rows(path, batch)
    assert [row["id"] for row in found] == ["1", "a\nb\n\nc", "3"]
    assert lines == [2, 4, 9]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_seen_from_the_first_line(tmp_path, delimiter):
    path = written(tmp_path, f'a{delimiter}lon{delimiter}lat\n"x{delimiter}y"{delimiter}1{delimiter}2\n')
    assert rows(path)[0] == [{"a": f"x{delimiter}y", "lon": "1", "lat": "2"}]


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "\ufeffsep=;\n", "\nsep=;\n"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_the_line_by_which_excel_names_the_delimiter(tmp_path, first, quote):
    text = f"{first}name,a;lon;lat\n{quote}b{quote};5;45\n{quote}c{quote};6;46\n"
    found, lines = rows(written(tmp_path, text))
    assert found == [{"name,a": "b", "lon": "5", "lat": "45"}, {"name,a": "c", "lon": "6", "lat": "46"}]
    assert lines == ([4, 5] if first.startswith("\n") else [3, 4])


def test_a_single_column(tmp_path):
    assert rows(written(tmp_path, "a\n1\n"))[0] == [{"a": "1"}]


def test_byte_order_mark_and_compression(tmp_path):
    text = "\ufefflon,lat,ort\n5,45,Zürich\n"
    assert rows(written(tmp_path, text))[0] == [{"lon": "5", "lat": "45", "ort": "Zürich"}]
    packed = written(tmp_path, gzip.compress(text.encode()), "t.csv.gz")
    assert rows(packed)[0] == rows(tmp_path / "t.csv")[0]


def test_empty_lines_before_and_after_do_not_count(tmp_path):
    found, lines = rows(written(tmp_path, "\n\r\nlon;lat\n5;45\n\n6;46\n\n\r\n\n"))
    assert found == [{"lon": "5", "lat": "45"}, {"lon": "6", "lat": "46"}]
    assert lines == [4, 6]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(tmp_path, end):
    found, lines = rows(written(tmp_path, end.join(["lon,lat", "5,45", "6,46", ""])))
    assert ([row["lat"] for row in found], lines) == (["45", "46"], [2, 3])


def test_short_rows_are_filled_and_empty_surplus_is_dropped(tmp_path):
    found, lines = rows(written(tmp_path, "a,lon,lat\n1,2\n1,2,3,,\n"))
    assert found == [{"a": "1", "lon": "2", "lat": ""}, {"a": "1", "lon": "2", "lat": "3"}]
    assert lines == [2, 3]


def test_columns_can_be_chosen_and_nameless_ones_get_a_name(tmp_path):
    path = written(tmp_path, ",lon,lat\n0,1,2\n")  # pandas writes its index without a name
    assert rows(path, columns=["lat", "unnamed_1"])[0] == [{"lat": "2", "unnamed_1": "0"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\r\n\n", "t.csv is empty; expected a line of column names such as lon,lat"),
        ("", "t.csv is empty; expected a line of column names such as lon,lat"),
        (
            "5.7,45.2\n6,46\n",
            "the first line of t.csv must name the columns, got 5.7,45.2; put a line such as lon,lat before it",
        ),
        ("lon,lat,lon\n", "t.csv has several columns named 'lon'; give each a name of its own"),
        ("lon,lat\n1,2\n1,2,3\n", "t.csv, line 3 has 3 values for 2 columns; quote the values that hold delimiters"),
        ("lon\n1\n1,2\n", "t.csv, line 3 has 2 values for 1 column; quote the values that hold delimiters"),
        ('lon,lat\n1,2\n"1,2\n3,4\n', "t.csv, line 3: unexpected end of data; check the quotation marks"),
        ('lon,lat\n1,"2"3\n', "t.csv, line 2: ',' expected after '\"'; check the quotation marks"),
        (b"lon,lat\n1,2\nZ\xfcrich,3\n", "t.csv is not UTF-8 text (invalid start byte on line 3); type its encoding"),
        (b"\x1f\x8b\x00\x00", "t.csv cannot be read: Compressed file ended"),
        (b"PAR1\x00\xff\x15", "t.csv is no text; expected CSV, or say what it is with input_format"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path, text, said):
    path = written(tmp_path, text)
    with pytest.raises(TableError) as caught:
        rows(path)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("cut", [5, 40])
def test_a_damaged_archive(tmp_path, cut):
    whole = gzip.compress(b"lon,lat\n" + b"1,2\n" * 1000)
    with pytest.raises(TableError, match=r"t\.csv\.gz cannot be read: "):
        rows(written(tmp_path, whole[:cut], "t.csv.gz"))


# ----------------------------------------------------------------------------------------------------- types


def typed(*batches: list[str]) -> pa.ChunkedArray:
    """A column after its type was found from all batches."""
    records = [pa.record_batch([pa.array(values, pa.string())], names=["c"]) for values in batches]
    kinds: dict[str, int] = {}
    for record in records:
        kinds = fitting_types(record, kinds)
    types = {"c": [*(kind for kind, _ in TYPES), pa.string()][kinds["c"]]}
    return pa.chunked_array([with_types(record, types).column(0) for record in records])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20", ""], [1, -20, None]),
        (["1", "2.5", ""], [1.0, 2.5, None]),
        (["1e5", "-0.25", "3E-7"], [1e5, -0.25, 3e-7]),
        (["true", "False", ""], [True, False, None]),
        (["007", "012"], ["007", "012"]),  # codes
        (["12345678901234567890", "1"], ["12345678901234567890", "1"]),  # too long for a number to keep
        (["1", "n/a"], ["1", "n/a"]),
        (["2020-01-01"], ["2020-01-01"]),
        (["1", " 2"], ["1", " 2"]),
        (["5,7"], ["5,7"]),
        (["nan", "1"], ["nan", "1"]),
    ],
)
def test_text_gets_a_type_that_all_of_it_fits(values, expected):
    assert typed(values).to_pylist() == expected
    assert typed(*([value] for value in values)).to_pylist() == expected  # wherever the batches are cut


def test_an_empty_column_and_an_empty_table():
    assert typed(["", ""]).to_pylist() == [None, None]
    assert typed([]).to_pylist() == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_survive(values):
    assert typed([repr(value) for value in values]).to_pylist() == values


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_any_text_that_pandas_writes_is_read_again(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("text")
    frame = pd.DataFrame({"lon": np.arange(len(values)), "note": values})
    frame.to_csv(folder / "t.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)
    found, _ = rows(folder / "t.csv", batch=2)
    assert [row["note"] for row in found] == values
