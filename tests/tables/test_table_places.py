"""From rows to places: CRS, wrapping, every reason why a row has no place, and the first reading of a table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from rangegeo.errors import TableError, UsageError, for_python
from rangegeo.tables import survey as module
from rangegeo.tables.places import find_places
from rangegeo.tables.survey import survey
from rangegeo.tables.table import Block, Table, in_rows


def table(lon: list, lat: list, kind: pa.DataType | None = None, name: str = "t", **more: list) -> Table:
    """A table in memory, its columns called lon and lat."""
    held = pa.table({"lon": pa.array(lon, kind), "lat": pa.array(lat, kind)} | more)

    def read(columns: list[str] | None, rows: int) -> Iterator[Block]:
        return in_rows(iter(held.select(columns or held.column_names).to_batches(max_chunksize=rows)))

    return Table(name=name, schema=held.schema, read=read, untyped=kind == pa.string())


def located(lon: list, lat: list, kind: pa.DataType | None = None, **options) -> tuple[list, list[str]]:
    """The places, and the reasons of the rows without a place."""
    made = table(lon, lat, kind)
    where = find_places(made, **options)
    (block,) = made.read(None, 1000)
    found = where.locate(block)
    assert np.isnan(found.lonlat_deg[~found.usable]).all()
    assert np.isfinite(found.lonlat_deg[found.usable]).all()
    reasons = [for_python(where.explain(block, row)) for row in np.flatnonzero(~found.usable)]
    return found.lonlat_deg[found.usable].tolist(), reasons


@pytest.mark.parametrize(
    ("lon", "lat", "reason"),
    [
        ("", "45", "lon is empty"),
        ("5", "  ", "lat is empty"),
        (None, "45", "lon is empty"),
        ("NaN", "45", "lon is empty"),
        ("null", "45", "lon is empty"),
        (r"\N", "45", "lon is empty"),
        ("N/A", "45", "lon is empty"),
        ("45°30'00\"", "45", "lon is '45°30\\'00\"', no number; write decimal degrees, such as 45.5 for 45°30'"),
        ("6 30 12 E", "45", "lon is '6 30 12 E', no number; write decimal degrees, such as 45.5 for 45°30'"),
        ("east", "45", "lon is 'east', no number"),
        ("5,7", "45", "lon is '5,7', no number; decimals need a point, or type decimal=\",\""),
        ("5.7°", "45", "lon is '5.7°', no number"),
        ("5", "inf", "lat is 'inf', no number"),
        ("5", "1e999", "lat is '1e999', no number"),
        ("5", "95.7", "latitude 95.7 is beyond 90"),
        ("5", "-90.0001", "latitude -90.0001 is beyond 90"),
        ("361", "0", "longitude 361 is beyond 360"),
        ("-1000", "91", "longitude -1000 is beyond 360"),
    ],
)
def test_every_reason_why_a_row_has_no_place(lon, lat, reason):
    assert located([lon, "1"], [lat, "2"], pa.string()) == ([[1, 2]], [reason])


@pytest.mark.parametrize(
    ("lon", "lat", "reason"),
    [
        (np.nan, 1.0, "lon is empty"),
        (None, 1.0, "lon is empty"),
        (np.inf, 1.0, "lon is inf, no number"),
        (1.0, 90.5, "latitude 90.5 is beyond 90"),
    ],
)
def test_reasons_of_numbers(lon, lat, reason):
    assert located([lon], [lat], pa.float64()) == ([], [reason])


def test_whole_numbers_that_no_float_holds_are_beyond_all_the_same():
    assert located([2**62 + 1], [1], pa.int64()) == ([], ["longitude 4.61169e+18 is beyond 360"])


def test_numbers_as_people_write_them():
    texts = ["5", " 5 ", "+5", "5.", "5.0", ".5e1", "50E-1", "005"]
    assert located(texts, ["-.5"] * len(texts), pa.string()) == ([[5, -0.5]] * len(texts), [])


def test_longitudes_wrap_and_the_others_stay_as_they_are_to_the_last_bit():
    given = [180.0, -180.0, 190.0, -190.0, 360.0, -360.0, 0.1 + 0.2]
    wrapped = [180.0, -180.0, -170.0, 170.0, 0.0, 0.0, 0.1 + 0.2]
    assert located(given, [0.0] * len(given)) == ([[lon, 0] for lon in wrapped], [])


@pytest.mark.parametrize("crs", ["EPSG:2154", "EPSG:3857", "EPSG:4267", "EPSG:32719"])
def test_columns_in_another_crs(crs):
    lonlat = np.array([[2.35, 48.86], [-68.3, -54.8]]) if crs != "EPSG:2154" else np.array([[2.35, 48.86]])
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*lonlat.T)
    places, reasons = located(x.tolist(), y.tolist(), crs=crs)
    np.testing.assert_allclose(places, lonlat, atol=1e-7)
    assert reasons == []


def test_places_outside_a_projection_have_none():
    _, reasons = located([1e9, 5e5], [1e9, 5e6], crs="EPSG:32631")
    assert reasons == ["1e+09, 1e+09 is outside WGS 84 / UTM zone 31N"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=1))
def test_whatever_the_numbers_places_are_places_and_all_else_has_a_reason(pairs):
    lon, lat = map(list, zip(*pairs, strict=True))
    places, reasons = located(lon, lat, pa.float64())
    assert len(places) + len(reasons) == len(pairs)
    assert all(abs(x) <= 180 and abs(y) <= 90 for x, y in places)
    assert len(reasons) == sum(not (abs(x) <= 360 and abs(y) <= 90) for x, y in pairs)


def test_a_crs_of_nonsense_is_refused():
    with pytest.raises(UsageError, match="crs must be a CRS that pyproj knows, got 'utm'"):
        find_places(table([0.0], [0.0]), crs="utm")


# ---------------------------------------------------------------------------------------------- the first reading


def test_a_survey_counts_tells_the_first_few_and_keeps_a_sample(monkeypatch):
    monkeypatch.setattr(module, "ROWS", 3)
    made = table([0.0] * 20, [95.0 if row % 2 else 1.0 for row in range(20)], name="t.csv")
    known = survey(made, find_places(made), [])
    assert (known.rows, known.unusable, len(known.sample_deg)) == (20, 10, 10)
    assert str(known) == (
        "t.csv: 10 of 20 rows have no place: row 2: latitude 95 is beyond 90; row 4: latitude 95 is beyond 90; "
        "row 6: latitude 95 is beyond 90; row 8: latitude 95 is beyond 90; row 10: latitude 95 is beyond 90; "
        "and 5 more"
    )


def test_a_survey_finds_types_over_all_batches(monkeypatch):
    monkeypatch.setattr(module, "ROWS", 2)
    made = table(["1", "2", "3.5"], ["0"] * 3, pa.string(), code=["01", "2", "3"])
    known = survey(made, find_places(made), ["code", "lon", "lat"])
    assert known.types == {"code": pa.string(), "lon": pa.float64(), "lat": pa.int64()}
    assert survey(made, find_places(made), ["lon"]).types == {"lon": pa.float64()}


def test_a_table_without_any_place_is_refused():
    made = table([500_000.0, 510_000.0], [5e6, 5e6])
    with pytest.raises(TableError) as caught:
        survey(made, find_places(made), [])
    said = (
        "none of the 2 rows of t has a place: row 1: longitude 500000 is beyond 360; the order is longitude, latitude "
        "in degrees, and metres need "
    )
    assert str(caught.value) == f"{said}crs"
    assert caught.value.for_shell() == f"{said}--crs"


def test_an_empty_table_is_a_table():
    made = table([], [], pa.float64())
    assert survey(made, find_places(made), ["lon"]).rows == 0


def test_names_that_contradict_the_options_are_told():
    made = table([45.0, 46.0], [5.0, 6.0])
    where = find_places(made, lon="lat", lat="lon")
    (told,) = survey(made, where, []).remarks
    assert for_python(told) == (
        't: lat is taken for longitude and lon for latitude; their names say lon="lon" lat="lat"'
    )
    assert survey(made, find_places(made, lon="lon", lat="lat"), []).remarks == ()


def test_degrees_in_a_projected_crs_are_told():
    made = table([5.0, 6.0, np.nan], [45.0, 46.0, 44.0])
    (told,) = survey(made, find_places(made, crs="EPSG:3857"), []).remarks
    assert for_python(told) == "t: all coordinates are small enough to be degrees; if they are, leave out crs"
    made = table([5.0, 6000.0], [45.0, 46.0])
    assert survey(made, find_places(made, crs="EPSG:3857"), []).remarks == ()
