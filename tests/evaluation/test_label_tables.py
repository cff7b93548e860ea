"""Labels: every fault is one line that says what to do."""

from __future__ import annotations

import warnings

import geopandas
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import shapely

import rangegeo as rg
from rangegeo.errors import PlaceWarning, TableError, UsageError
from rangegeo.evaluation.polygons import places_in_polygons
from rangegeo.evaluation.reading import Reading, read_labels, rows_of


def remark(frame, target="a", **options) -> str:
    """What is said of labels that are used."""
    return "\n".join(read_labels(frame, target, **options).remarks)


@pytest.fixture
def table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    lon, lat = random.uniform(0, 20, 40), random.uniform(40, 50, 40)
    return pd.DataFrame({"lon": lon, "lat": lat, "a": random.normal(size=40), "c": ["x", "y"] * 20})


FAULTS = {
    "one class": (
        lambda t: t.assign(c="x"),
        "c",
        "all labels have one class, 'x', in 'c'; give places of other classes",
    ),
    "constants": (lambda t: t.assign(a=3.5), "a", "all labels have one value, 3.5, in 'a'; a map needs different ones"),
    "only NaN": (lambda t: t.assign(a=np.nan), "a", "the column 'a' of the labels has no value beside a place"),
    "text in numbers": (
        lambda t: t.assign(a=["tall" if i == 6 else str(i) for i in range(40)]),
        "a",
        r"the column 'a' holds numbers, and 'tall' in row 7; correct it in a copy, or add classes=True",
    ),
    "few": (lambda t: t[:19], "a", "a map needs 20 labels with a place and a value, and the labels has 19"),
    "few that differ": (lambda t: pd.concat([t[:10]] * 4), "a", "has 10 without repetitions"),
    "no such column": (lambda t: t, "b", "target must name a column, got 'b'; there are lon, lat, a, c"),
    "no column": (lambda t: t, [], "target must name the column to be mapped"),
    "a column twice": (lambda t: t, ["a", "a"], "several different ones"),
    "too many classes": (
        lambda t: pd.concat([t] * 8, ignore_index=True).assign(c=[f"k{i}" for i in range(320)]),
        "c",
        "holds 320 classes, and a map has at most 255",
    ),
    "no table": (lambda t: t.to_numpy(), "a", "labels must be a table with columns that have names"),
}


@pytest.mark.parametrize(("change", "target", "said"), FAULTS.values(), ids=FAULTS)
def test_labels_that_cannot_be_used_are_refused_in_one_line(table, change, target, said):
    with pytest.raises(UsageError, match=said) as refused:
        read_labels(change(table), target)
    assert "\n" not in str(refused.value)


def test_all_in_one_block(mini, table):
    near = table.assign(lon=5 + table.lon / 100, lat=45 + table.lat / 1000)
    with pytest.raises(UsageError, match=r"all labels lie in one block of 500 km.*type smaller ones"):
        rg.fit_map(near, "a", model=mini, block="500km")


def test_missing_values_are_left_out_and_told(table):
    table.loc[:4, "a"] = np.nan
    assert "5 rows have no 'a', and are left out" in remark(table)
    table["c"] = table["c"].where(table.index > 2, "")
    assert "3 rows have no 'c'" in remark(table, "c")


def test_repetitions_count_once(table):
    twice = pd.concat([table, table[:7]])
    assert "7 labels repeat another one, with the same place and value, and count once" in remark(twice)
    assert len(read_labels(twice, "a")) == 40


def test_labels_of_one_place_stay_together(table):
    twice = pd.concat([table, table[:7].assign(a=9.0)])
    labels = read_labels(twice, "a")
    assert len(labels) == 47
    assert len(np.unique(labels.together)) == 40


def test_whole_numbers_may_be_codes(table):
    codes = table.assign(a=np.arange(40) % 3 + 1)
    assert "holds 3 different whole numbers, which are taken for amounts" in remark(codes)
    assert "add classes=True" in rg_python(remark(codes))
    labels = read_labels(codes, "a", classes=True)
    assert labels.targets[0].classes == ("1", "2", "3")
    assert remark(codes, classes=True) == ""


def rg_python(text: str) -> str:
    from rangegeo.errors import for_python

    return for_python(text)


def test_codes_are_in_the_order_of_numbers(table):
    labels = read_labels(table.assign(a=np.arange(40) % 12), "a", classes=True)
    assert labels.targets[0].classes == tuple(str(code) for code in range(12))


def test_true_and_false_are_classes(table):
    assert read_labels(table.assign(a=np.arange(40) % 2 == 0), "a").targets[0].classes == ("False", "True")


def test_a_class_with_one_label_is_told(table):
    table.loc[0, "c"] = "z"
    assert "the class 'z' of 'c' has one label and is never tested; give more labels" in remark(table, "c")


def test_numbers_as_text_are_numbers(table):
    labels = read_labels(table.assign(a=table.a.astype(str)), "a")
    assert labels.targets[0].kind == "numbers"
    assert labels.targets[0].values == pytest.approx(table.a.to_numpy())


def test_weights(table):
    weighted = table.assign(w=np.r_[0.0, np.full(39, 2.0)])
    labels = read_labels(weighted, "a", weight="w")
    assert len(labels) == 39
    assert labels.weights == pytest.approx(np.ones(39))
    with pytest.raises(UsageError, match="weights in 'w' must be numbers from 0 on"):
        read_labels(table.assign(w=-1.0), "a", weight="w")
    with pytest.raises(UsageError, match="weight must name a column, got 'v'"):
        read_labels(table, "a", weight="v")


def test_places_at_sea_are_told(mini, table):
    """The database of the miniature has rows all over the globe; one without the Pacific has not."""
    from rangegeo.evaluation.fitting import _far_from_rows

    class Field:
        xyz = mini.field.xyz[:1].repeat(2, 1) + 1e-3 * mini.field.xyz[:2]

    class Model:
        field = Field()

    (said,) = _far_from_rows(read_labels(table, "a"), Model())
    assert "40 labels of 40 lie more than" in said
    assert "probably at sea" in said


def test_remarks_become_warnings(mini, table):
    table.loc[:4, "a"] = np.nan
    with pytest.warns(PlaceWarning, match="5 rows have no 'a'"):
        rg.fit_map(table, "a", model=mini, block="300km", folds=2, seeds=1, baselines=False)


@pytest.mark.parametrize("make", [pl.DataFrame, pa.Table.from_pandas], ids=["polars", "pyarrow"])
def test_tables_of_other_libraries(table, make):
    labels = read_labels(make(table), "c")
    assert labels.targets[0].classes == ("x", "y")
    assert labels.lonlat_deg == pytest.approx(table[["lon", "lat"]].to_numpy())


def test_files_give_the_same_labels(table, tmp_path):
    points = geopandas.GeoDataFrame(
        table[["a", "c"]], geometry=geopandas.points_from_xy(table.lon, table.lat), crs=4326
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    points.to_crs(3035).to_file(tmp_path / "t.gpkg")
    expected = read_labels(table, ["a", "c"])
    for source in (tmp_path / "t.csv", str(tmp_path / "t.parquet"), tmp_path / "t.gpkg", points.to_crs(3035)):
        found = read_labels(source, ["a", "c"])
        assert found.lonlat_deg == pytest.approx(expected.lonlat_deg, abs=1e-6)
        assert found.targets[0].values == pytest.approx(expected.targets[0].values)
        assert found.targets[1].classes == ("x", "y")


def test_rows_of_a_file_without_a_place_are_told(table, tmp_path):
    table.loc[3, "lat"] = 95
    table.to_csv(tmp_path / "t.csv", index=False)
    assert "line 5: latitude 95 is beyond 90; it is left out" in remark(tmp_path / "t.csv")


def test_places_at_exactly_0_0_are_left_out_of_tables_and_files(table, tmp_path):
    table.loc[[3, 8], ["lon", "lat"]] = 0
    table.loc[5, "lat"] = 0  # on the equator
    table.to_csv(tmp_path / "t.csv", index=False)
    for labels, counted in ((table, "row"), (tmp_path / "t.csv", "line")):
        found = read_labels(labels, "a")
        assert len(found) == 38
        assert any(f"2 {counted}s at exactly 0, 0 are left out" in said for said in found.remarks)


def test_places_at_exactly_0_0_are_told_once(table, tmp_path):
    table.loc[3, ["lon", "lat"]] = 0
    table.to_csv(tmp_path / "t.csv", index=False)
    for labels in (table, tmp_path / "t.csv"):
        assert remark(labels).count("0, 0") == 1


def test_labels_that_contradict_one_another_are_told(table):
    twice = pd.concat([table, table[:3].assign(a=9.0, c="z"), table[:1].assign(a=10.0)])
    assert "3 places have labels of 'a' that contradict one another, 7 in all, and all are used" in remark(twice)
    assert "3 places have labels of 'c' that contradict one another, 6 in all" in remark(twice, "c")
    assert len(read_labels(twice, "a")) == 44
    one = pd.concat([table, table[:1].assign(a=9.0)])
    assert "1 place has labels of 'a' that contradict one another, 2 in all" in remark(one)
    assert "contradict" not in remark(pd.concat([table, table[:3]]))


def test_a_place_of_the_background_may_be_one_where_it_was_found(table):
    background = table[["lon", "lat"]].to_numpy()[:25]
    assert "contradict" not in "".join(read_labels(table, None, background=background).remarks)


def test_columns_may_be_named_and_may_be_in_metres(table, tmp_path):
    expected = read_labels(table, "a")
    points = geopandas.GeoSeries(geopandas.points_from_xy(table.lon, table.lat), crs=4326).to_crs(3035)
    metres = table[["a"]].assign(r=points.x, h=points.y)
    metres.to_csv(tmp_path / "t.csv", index=False)
    reading = Reading(lon="r", lat="h", labels_crs="EPSG:3035")
    for source in (metres, pl.DataFrame(metres), tmp_path / "t.csv"):
        found = read_labels(rows_of(source, reading), "a")
        assert found.lonlat_deg == pytest.approx(expected.lonlat_deg, abs=1e-6)
        with pytest.raises(UsageError, match=r'has a usual name of longitude; type lon="NAME", lat="NAME"$'):
            rows_of(source)
    with pytest.raises(TableError, match=r"metres need labels_crs$"):
        rows_of(tmp_path / "t.csv", Reading(lon="r", lat="h"))


def test_tables_in_memory_take_no_options_of_files(table):
    with pytest.raises(UsageError, match="decimal is for files, and this is a table in memory; leave it out"):
        rows_of(table, Reading(decimal=","))
    points = geopandas.GeoDataFrame(table, geometry=geopandas.points_from_xy(table.lon, table.lat), crs=4326)
    with pytest.raises(UsageError, match="the GeoDataFrame says its CRS; leave out labels_crs"):
        rows_of(points, Reading(labels_crs="EPSG:3035"))
    assert rows_of(points, Reading(lon="lon", lat="lat")).lonlat_deg == pytest.approx(table[["lon", "lat"]].to_numpy())


def test_rows_of_a_frame_without_a_place_are_left_out(table):
    table.loc[3, "lat"] = 95
    said = remark(table)
    assert "1 of 40 rows has coordinates that are no place, and is left out; the first is row 3" in said
    assert "invalid" not in said


def test_an_argument_that_is_none_is_named(table):
    with pytest.raises(TypeError, match="there is no argument 'blok'"):
        rg.fit_map(table, "a", blok="200km")


def test_decimal_commas(table, tmp_path):
    from rangegeo.evaluation.reading import rows_of_file

    table.to_csv(tmp_path / "t.csv", index=False, sep=";", decimal=",")
    rows = rows_of_file(str(tmp_path / "t.csv"), Reading(decimal=","))
    labels = read_labels(rows, ["a", "c"])
    assert labels.targets[0].values == pytest.approx(table.a.to_numpy())
    assert labels.targets[1].classes == ("x", "y")


# ---------------------------------------------------------------------------------------------------- polygons

SQUARES = [shapely.box(0, 40, 4, 44), shapely.box(10, 40, 12, 42), shapely.box(5, 50, 5.001, 50.001), None]


def test_a_polygon_gives_places_in_it(tmp_path):
    frame = geopandas.GeoDataFrame({"c": ["x", "y", "z", "x"]}, geometry=SQUARES, crs=4326)
    frame.to_file(tmp_path / "t.gpkg")
    for source in (frame, frame.to_crs(3035), tmp_path / "t.gpkg"):
        labels = read_labels(source, "c")
        assert "3 polygons gave" in labels.remarks[0]
        assert 4900 < len(labels) < 5100
        assert len(np.unique(labels.together)) == 3
        names = np.array(labels.targets[0].classes)[labels.targets[0].values.astype(int)]
        for name, square in zip("xyz", SQUARES, strict=False):
            own = labels.lonlat_deg[names == name]
            assert len(own) >= 1
            assert shapely.contains_xy(square.buffer(0.01), *own.T).all()


def test_places_lie_evenly_on_the_ground():
    lonlat, _ = places_in_polygons(np.array([shapely.box(0, 0, 10, 80)]), "t")
    assert (lonlat[:, 1] < 30).mean() == pytest.approx(np.sin(np.radians(30)) / np.sin(np.radians(80)), abs=0.03)


def test_points_beside_polygons_are_refused():
    with pytest.raises(UsageError, match="row 2 of t is a Point beside polygons"):
        places_in_polygons(np.array([shapely.box(0, 0, 1, 1), shapely.Point(0, 0)]), "t")


def test_no_warning_of_sound_labels(mini, frame):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rg.fit_map(frame, "height", model=mini, block="5deg", seeds=1, baselines=False)
