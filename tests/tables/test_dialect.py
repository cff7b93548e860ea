"""Text tables as their makers write them: what quotation marks mean, delimiters, encodings and decimals."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rangegeo.errors import RangegeoError, TableError, UsageError, for_shell
from rangegeo.tables.dialect import TextOptions
from rangegeo.tables.opening import open_table
from rangegeo.tables.places import find_places
from rangegeo.tables.survey import survey
from rangegeo.tables.table import Table
from rangegeo.tables.text import open_text

GBIF = "gbifID\tspecies\tdecimalLatitude\tdecimalLongitude\n"


def opened(folder: Path, text: str | bytes, name: str = "t.csv", **options) -> Table:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_text(path, name, TextOptions(**options))


def rows(table: Table) -> list[list[str]]:
    return [list(row.values()) for block in table.read(None, 2) for row in block.columns.to_pylist()]


def said(table: Table) -> list[str]:
    return [for_shell(remark) for remark in survey(table, find_places(table), table.schema.names).remarks]


# ------------------------------------------------------------------------------------- quotation marks that are text


@pytest.mark.parametrize(
    "species",
    [
        ['"Salix', "Alnus", 'Betula"', "Pinus"],  # would join three rows into one with four values
        ['Salix "alba', 'Alnus"', "Betula", '"'],  # never closed
        ['"Salix" alba', "Alnus", "Betula", "Pinus"],  # closed within a value
        ['"Salix', '"', '"', 'Pinus"'],
        ['Salix 5"', 'Alnus 6"', '""', '"Pinus"'],
    ],
)
def test_a_table_with_tabs_that_encloses_nothing_keeps_all_rows(tmp_path, species):
    lines = [f"{index}\t{name}\t{45 + index}\t{5 + index}" for index, name in enumerate(species)]
    table = opened(tmp_path, GBIF + "\n".join(lines) + "\n\n\n", "t.tsv")
    assert rows(table) == [line.split("\t") for line in lines]
    (line,) = said(table)
    assert line.startswith(
        "t.tsv: quotation marks are read as text, as in downloads of GBIF; type --quoting minimal if"
    )


def test_other_tables_with_tabs_are_read_alike_where_only_one_way_keeps_the_rows(tmp_path):
    text = 'note\tlon\tlat\nplain\t1\t1\n"from here\t5\t45\nto there"\t6\t46\n'
    table = opened(tmp_path, text)
    assert rows(table) == [["plain", "1", "1"], ['"from here', "5", "45"], ['to there"', "6", "46"]]
    (line,) = said(table)
    assert "because every line has its own values (see line 3); type --quoting minimal" in line
    assert len(rows(opened(tmp_path, text, quoting="minimal"))) == 2


def test_a_table_with_tabs_that_encloses_values_is_read_so(tmp_path):
    text = 'note\tlon\tlat\n"a\tb"\t5\t45\n"c\nd"\t6\t46\n"e"\t7\t47\n'
    table = opened(tmp_path, text)
    assert rows(table) == [["a\tb", "5", "45"], ["c\nd", "6", "46"], ["e", "7", "47"]]
    assert said(table) == ["t.csv: 1 value holds line breaks, on line 3"]


def test_enclosed_names_tell_that_values_are_enclosed(tmp_path):
    text = '"note"\t"lon"\t"lat"\n"a\t5\t45\nb"\t6\t46\n'
    assert rows(opened(tmp_path, text)) == [["a\t5\t45\nb", "6", "46"]]


@pytest.mark.parametrize("sign", [",", ";", "|"])
def test_with_other_delimiters_a_choice_that_may_lose_rows_is_left_to_the_user(tmp_path, sign):
    text = 'note,lon,lat\n"mill,5,45\nwood,6,46\nmill",7,47\n'.replace(",", sign)
    with pytest.raises(TableError) as caught:
        opened(tmp_path, text)
    assert str(caught.value) == (
        "t.csv, line 2: a quotation mark may be text, or it may join what follows into one value; type "
        'quoting="none" for text, or quoting="minimal" for values that are enclosed'
    )
    assert "type --quoting none for text, or --quoting minimal for" in caught.value.for_shell()
    assert [row[1] for row in rows(opened(tmp_path, text, quoting="none"))] == ["5", "6", "7"]
    assert [row[1] for row in rows(opened(tmp_path, text, quoting="all"))] == ["7"]


def test_a_quotation_mark_that_never_closes_says_what_to_type(tmp_path):
    with pytest.raises(TableError) as caught:
        opened(tmp_path, 'note,lon,lat\n"mill,5,45\nwood,6,46\n')
    assert caught.value.for_shell() == (
        "t.csv, line 2: unexpected end of data; check the quotation marks, or type --quoting none if they are text"
    )


def test_a_message_says_tab_and_not_a_blank(tmp_path):
    text = 'note\tlon\tlat\n"a"b\t5\t45\nshort\n'
    with pytest.raises(TableError, match="line 2: tab expected after"):
        opened(tmp_path, text)
    with pytest.raises(TableError, match="has 4 values for 3 columns; quote the values that hold delimiters in a copy; "
                                         "the delimiter is a tab"):  # fmt: skip
        rows(opened(tmp_path, "note\tlon\tlat\na\t5\t45\t6\n"))


def found_out(folder: Path, text: str, delimiter: str) -> list[list[str]] | str:
    """The rows if nobody says what quotation marks mean, or the message of a refusal."""
    try:
        return rows(opened(folder, text, delimiter=delimiter))
    except TableError as error:
        return str(error)


VALUES = st.text(st.sampled_from('ab",\t;\n\r 1'), max_size=5)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=6)
)


@settings(max_examples=300, deadline=None)
@given(TABLES, st.sampled_from(",\t;"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_rows_in_are_rows_out_as_pythons_own_reader_has_them(tmp_path_factory, values, delimiter, quoting):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting)
    writer.writerow([f"c{index}" for index in range(len(values[0]))])
    writer.writerows(values)
    written = buffer.getvalue()
    folder = tmp_path_factory.mktemp("text")
    assert rows(opened(folder, written, quoting="minimal", delimiter=delimiter)) == values
    found = found_out(folder, written, delimiter)
    if isinstance(found, str):
        assert "a quotation mark may be text" in found
    else:
        lines = [line for line in io.StringIO(written, newline="") if line.strip("\r\n")][1:]
        assert len(found) == len(values) or (delimiter == "\t" and len(found) == len(lines))


@settings(max_examples=300, deadline=None)
@given(TABLES, st.sampled_from(",\t;"))
def test_rows_of_tables_that_enclose_nothing_are_their_lines(tmp_path_factory, values, delimiter):
    cleaned = [[value.translate(dict.fromkeys(map(ord, "\r\n\t,;"), "_")) for value in row] for row in values]
    text = "\n".join(delimiter.join(row) for row in [[f"c{index}" for index in range(len(values[0]))], *cleaned])
    folder = tmp_path_factory.mktemp("text")
    assert rows(opened(folder, text, quoting="none", delimiter=delimiter)) == cleaned
    found = found_out(folder, text, delimiter)
    if isinstance(found, str):
        assert delimiter != "\t"
        assert "quotation mark" in found
    else:
        assert len(found) == len(cleaned)


# ------------------------------------------------------------------------------------------------------- delimiters


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"name, first";lon;lat\n"a,b";5;45\n', ["name, first", "lon", "lat"]),
        ('lon;lat;"a,b,c,d,e"\n5;45;x\n', ["lon", "lat", "a,b,c,d,e"]),
        ('"say ""a,b,c"", please"\tlon\tlat\nx\t5\t45\n', ['say "a,b,c", please', "lon", "lat"]),
        ('lon;lat;"of, the,\nsecond, line"\n5;45;x\n', ["lon", "lat", "of, the,\nsecond, line"]),
        ("name, common, german;lon;lat\na, b;5;45\n", ["name, common, german", "lon", "lat"]),
        ('size (")\tlon\tlat\n5\t5\t45\n', ['size (")', "lon", "lat"]),
    ],
)
def test_delimiters_within_names_do_not_count(tmp_path, text, names):
    assert opened(tmp_path, text).schema.names == names


@pytest.mark.parametrize("typed", ["~", "pipe", "tab", "\\t", "\t", "space", "semicolon"])
def test_a_delimiter_may_be_typed(tmp_path, typed):
    sign = {"pipe": "|", "tab": "\t", "\\t": "\t", "space": " ", "semicolon": ";"}.get(typed, typed)
    table = opened(tmp_path, f"lon{sign}lat{sign}a,b,c,d\n5{sign}45{sign}x\n", delimiter=typed)
    assert rows(table) == [["5", "45", "x"]]


@pytest.mark.parametrize("typed", ["", ",,", '"', "\n", "comma space"])
def test_what_is_no_delimiter_is_refused(typed):
    with pytest.raises(UsageError) as caught:
        TextOptions(delimiter=typed)
    assert "delimiter must be one character, or tab, comma, semicolon, pipe or space, got " in str(caught.value)
    assert caught.value.for_shell().endswith("for example --delimiter tab")


def test_a_single_column_asks_for_the_delimiter(tmp_path):
    with pytest.raises(UsageError) as caught:
        find_places(opened(tmp_path, "lon~lat\n5~45\n"))
    assert "or type the --delimiter if there are other columns" in caught.value.for_shell()


def test_nameless_columns_get_a_name_that_is_free(tmp_path):
    table = opened(tmp_path, ",unnamed_1,lon,lat,\n1,2,3,4,5\n")
    assert table.schema.names == ["unnamed_1_2", "unnamed_1", "lon", "lat", "unnamed_5"]


# -------------------------------------------------------------------------------------------------------- encodings

PLACE = "ort,lon,lat\nZürich,8.5,47.4\n"


@pytest.mark.parametrize(
    ("content", "typed"),
    [
        (PLACE.encode("latin-1"), "latin-1"),
        (PLACE.replace("ü", "–").encode("cp1252"), "cp1252"),
        (PLACE.encode("utf-16"), "utf-16"),
        (PLACE.encode("utf-16-le"), "utf-16-le"),
        (PLACE.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_a_message_names_the_encoding_that_then_works(tmp_path, content, typed):
    with pytest.raises(TableError) as caught:
        opened(tmp_path, content)
    assert caught.value.for_shell().endswith(f"--encoding {typed}")
    assert rows(opened(tmp_path, content, encoding=typed))[0][1:] == ["8.5", "47.4"]


def test_utf8_is_read_with_and_without_its_mark(tmp_path):
    for mark, encoding in itertools.product(("", "\ufeff"), (None, "utf8", "UTF-8", "utf-8-sig")):
        table = opened(tmp_path, mark + PLACE.replace("\n", "\r\n"), encoding=encoding)
        assert (table.schema.names, rows(table)) == (["ort", "lon", "lat"], [["Zürich", "8.5", "47.4"]])


@pytest.mark.parametrize("encoding", ["latin-0", "base64", "rot13", "undefined", "", "a\0b", "idna"])
def test_an_unknown_encoding_is_refused(encoding):
    with pytest.raises(UsageError, match=r"encoding must be an encoding that Python knows, got .*; for example"):
        TextOptions(encoding=encoding)


@pytest.mark.parametrize("encoding", ["ascii", "utf-16", "utf-32", "utf-7"])
def test_a_wrong_encoding_is_one_line(tmp_path, encoding):
    with pytest.raises(RangegeoError) as caught:
        rows(opened(tmp_path, "ort,lon,lat\nZ\u00fc\u20acrich+\u00e9,8.5,47.4\n", encoding=encoding))
    assert "\n" not in str(caught.value)


def test_compressed_text_is_told_by_its_first_bytes(tmp_path):
    assert len(rows(opened(tmp_path, gzip.compress(PLACE.encode())))) == 1
    assert len(rows(opened(tmp_path, gzip.compress(PLACE.encode("latin-1")), "t.csv.gz", encoding="latin-1"))) == 1
    with pytest.raises(TableError, match='type its encoding, for example encoding="latin-1"'):
        opened(tmp_path, gzip.compress(PLACE.encode("latin-1")), "t.csv.gz")


# ----------------------------------------------------------------------------------------------------- decimals


def test_decimal_commas(tmp_path):
    text = "id;lon;lat;alt\n1;5,72;45,19;1,5e3\n2;-68,3;-54;,5\n3;4.5;45;2\n"
    table = opened(tmp_path, text)
    where = find_places(table)
    with pytest.raises(TableError) as caught:
        survey(opened(tmp_path, text[: text.index("\n2;")]), where, [])
    hint = "line 2: lon is '5,72', no number; decimals need a point, or type --decimal ,; the order is"
    assert hint in caught.value.for_shell()
    table = open_table(str(tmp_path / "t.csv"), tmp_path, text=TextOptions(decimal=","))
    (tmp_path / "t.csv").write_text(text)
    where = find_places(table)
    (block,) = table.read(None, 10)
    found = where.locate(block)
    assert found.lonlat_deg[:2].tolist() == [[5.72, 45.19], [-68.3, -54]]
    assert found.usable.tolist() == [True, True, False]
    reason = "lon is '4.5', no number; decimals need a comma, or type --decimal ."
    assert for_shell(where.explain(block, 2)) == reason
    types = survey(table, where, ["id", "lat", "alt"]).types
    assert {name: str(kind) for name, kind in types.items()} == {"id": "int64", "lat": "double", "alt": "string"}


def test_a_decimal_sign_is_a_point_or_a_comma():
    with pytest.raises(UsageError, match="decimal must be a point or a comma, got ';'; for example decimal=\",\""):
        TextOptions(decimal=";")


# ------------------------------------------------------------------------------------------------ other remarks


def test_short_rows_and_places_at_zero_are_told(tmp_path):
    table = opened(tmp_path, "id,lon,lat,note\n1,0,0\n2,0.0,-0.0,x\n3,0,1,\n\n4,5,45\n")
    assert said(table) == [
        "t.csv: 2 rows have fewer values than columns, the first on line 2; what is missing is left empty",
        "t.csv: 2 places are exactly 0, 0, which often stands for a missing place, the first on line 2",
    ]


def test_a_table_of_no_rows_is_told(tmp_path):
    assert said(opened(tmp_path, "id,lon,lat\n")) == ["t.csv has no rows, so the output has none either"]


def test_long_values_are_read(tmp_path):
    outline = "POLYGON ((" + ", ".join(["1.5 2.5"] * 30_000) + "))"
    for text in (f'wkt,lon,lat\n"{outline}",5,45\n', f"wkt\tlon\tlat\n{outline}\t5\t45\n"):
        assert rows(opened(tmp_path, text))[0][0] == outline
    assert csv.field_size_limit() == 131_072
