"""Whatever text a parser gets, it gives a value or an error of ours in one line."""

from __future__ import annotations

import warnings

import click
from hypothesis import given, settings
from hypothesis import strategies as st

from rangegeo.cli.arguments import BandList, NameValue, NumberList, join_numbers
from rangegeo.errors import RangegeoError
from rangegeo.grid import parse_crs
from rangegeo.grid.extent import choose_extent
from rangegeo.schema.bands import parse_bands
from rangegeo.schema.betas import check_betas
from rangegeo.tables.dialect import TextOptions, find_dialect

NUMBERS = st.one_of(st.floats(), st.integers(-(10**30), 10**30).map(float))
TEXT = st.one_of(st.text(max_size=30), st.text("0123456789-,.e+ ", max_size=20))
CRSS = st.sampled_from(
    ["EPSG:4326", "EPSG:3035", "EPSG:3857", "+proj=ortho +lat_0=45", "+proj=geos +h=35785831", "+proj=laea +lat_0=90"]
)
PLENTY = settings(max_examples=150, deadline=None)
FEW = settings(max_examples=25, deadline=None)  # PROJ looks for each text in its tables


def one_line(call, *arguments: object, **named: object) -> None:
    """Call something: it ends well, or with one of our errors, or click's, and warns of nothing but what is ours."""
    said = "nothing"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            call(*arguments, **named)
    except RangegeoError as error:
        said = str(error)
    except click.UsageError as error:
        said = error.format_message()
    assert said
    assert len(said.splitlines()) == 1


@PLENTY
@given(TEXT)
def test_numbers_bands_and_options(text):
    for kind in (NumberList((4,), "1,2,3,4"), NumberList((), "1"), BandList(), NameValue()):
        one_line(kind.convert, text, None, None)
    one_line(parse_bands, text)
    join_numbers(["--bbox", text, text, "--res", text])


@PLENTY
@given(st.lists(NUMBERS, max_size=4))
def test_betas(values):
    one_line(check_betas, values)


@FEW
@given(TEXT)
def test_crs(text):
    one_line(parse_crs, text)


@FEW
@given(st.lists(NUMBERS, min_size=4, max_size=4), st.lists(NUMBERS, min_size=1, max_size=2), CRSS, CRSS)
def test_boxes(bbox, res, crs, bbox_crs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        one_line(choose_extent, bbox=tuple(bbox), res=tuple(res), crs=crs, bbox_crs=bbox_crs)


@PLENTY
@given(st.lists(st.text(max_size=30).map(lambda line: line + "\n"), max_size=6), TEXT)
def test_dialects(lines, delimiter):
    one_line(find_dialect, lines, lines[:2], TextOptions(), "t.csv")
    one_line(TextOptions, delimiter=delimiter, encoding=delimiter)
