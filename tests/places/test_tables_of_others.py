"""Tables of polars, pyarrow, dask and others are read by the names of their columns, never by position."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import dask.dataframe as dd
import geopandas as gpd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import rangegeo as rg
from rangegeo.errors import PlaceWarning, RangegeoError, ShapeError, UsageError
from rangegeo.places.lonlat import check_lonlat, read_places

COLUMNS = {"name": ["a", "b", "c"], "Latitude": [45.19, 48.86, 10.0], "lon": [5.72, 2.35, 190.0]}
PLACES = np.column_stack([COLUMNS["lon"], COLUMNS["Latitude"]])


class Exchanged:
    """A table that only knows the interchange protocol of dataframes."""

    def __init__(self, columns: dict) -> None:
        self._table = pa.table(columns)

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> object:
        return self._table.__dataframe__(nan_as_null, allow_copy)


class Streamed:
    """A table that only knows Arrow's protocol of streams."""

    def __init__(self, columns: dict) -> None:
        self._table = pa.table(columns)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def structured(columns: dict) -> np.ndarray:
    kinds = [(name, np.asarray(values).dtype) for name, values in columns.items()]
    return np.array(list(zip(*columns.values(), strict=True)), dtype=kinds)


KINDS: dict[str, Callable[[dict], object]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "lazy polars": lambda columns: pl.DataFrame(columns).lazy(),
    "pyarrow": pa.table,
    "pyarrow batch": lambda columns: pa.RecordBatch.from_pydict(columns),
    "pyarrow reader": lambda columns: pa.table(columns).to_reader(),
    "dask": lambda columns: dd.from_pandas(pd.DataFrame(columns), npartitions=2),
    "interchange": Exchanged,
    "stream": Streamed,
    "structured array": structured,
}


@pytest.mark.parametrize("kind", KINDS)
def test_places_are_found_by_name(mini, kind):
    found = mini.encode(KINDS[kind](COLUMNS))
    assert type(found) is pd.DataFrame
    assert found.index.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found, mini.encode(PLACES), rtol=0, atol=5e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [("lon", "lat"), ("lat", "lon")])
def test_two_columns_are_never_read_by_position(kind, order):
    table = {name: {"lon": [5.0, 6.0], "lat": [45.0, 46.0]}[name] for name in order}
    np.testing.assert_array_equal(read_places(KINDS[kind](table))[0], [[5, 45], [6, 46]])
    np.testing.assert_array_equal(check_lonlat(KINDS[kind](table)), [[5, 45], [6, 46]])


@pytest.mark.parametrize("kind", KINDS)
def test_columns_without_a_usual_name_are_refused(mini, kind):
    table = {"a": [5.0], "b": [45.0]}
    for refusing in (mini.encode, check_lonlat, mini.neighbors):
        with pytest.raises(UsageError, match="no column of a, b has a usual name of longitude; pass the two columns"):
            refusing(KINDS[kind](table))


@pytest.mark.parametrize("kind", ["pandas", "polars", "lazy polars", "pyarrow", "dask"])
def test_sample_similarity_and_neighbors_too(mini, cube, kind):
    table = {"lat": [44.31, 44.98], "lon": [5.52, 5.02]}
    places = np.column_stack([table["lon"], table["lat"]])
    made = KINDS[kind]
    found = cube.rangegeo.sample(made(table))
    np.testing.assert_array_equal(found, cube.rangegeo.sample(places))
    assert found["place"].values.tolist() == [0, 1]
    np.testing.assert_array_equal(rg.similarity(cube, made(table)), rg.similarity(cube, places))
    xr_equal = mini.neighbors(made(table), 3)["row"] == mini.neighbors(places, 3)["row"]
    assert bool(xr_equal.all())


def test_dask_keeps_its_index(mini):
    frame = pd.DataFrame(COLUMNS, index=[7, 8, 9])
    assert mini.encode(dd.from_pandas(frame, npartitions=2)).index.tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["5.5", None]),
        pa.array(["5.5", None], pa.string_view()),
        pa.array(["5.5", None]).dictionary_encode(),
        pa.array([5.5, None], pa.float32()),
        pa.array([5.5, None]).cast(pa.decimal128(5, 2)),
        pa.chunked_array([[5.5], [None]]),
    ],
)
def test_numbers_of_any_type_and_nulls(column):
    places, _ = read_places(pa.table({"lat": pa.array([45, 46]), "lon": column}))
    np.testing.assert_array_equal(places, [[5.5, 45], [np.nan, np.nan]])


def test_geometries_of_arrow_are_points_in_their_crs(mini):
    frame = gpd.GeoDataFrame({"id": [1]}, geometry=gpd.points_from_xy([5.72], [45.19]), crs=4326).to_crs(2154)
    for encoding in ("WKB", "geoarrow"):
        found = mini.encode(pa.table(frame.to_arrow(geometry_encoding=encoding)))
        np.testing.assert_allclose(found, mini.encode([[5.72, 45.19]]), atol=1e-5)
    np.testing.assert_allclose(mini.encode(frame.to_arrow()), mini.encode([[5.72, 45.19]]), atol=1e-5)


def test_a_row_of_a_frame_is_a_place_by_name(mini):
    frame = pd.DataFrame({"lat": [45.19], "lon": [5.72]})
    np.testing.assert_array_equal(mini.encode(frame.iloc[0]), mini.encode([5.72, 45.19]))
    np.testing.assert_array_equal(check_lonlat(pd.DataFrame(COLUMNS).loc[1]), [[2.35, 48.86]])
    with pytest.raises(UsageError, match="no column of a, b has a usual name"):
        mini.encode(pd.Series([5.0, 45.0], ["a", "b"]))
    np.testing.assert_array_equal(check_lonlat(pd.Series([5.0, 45.0])), [[5, 45]])  # without names, as a list


@pytest.mark.parametrize(
    "what", [pl.Series([5.0, 45.0, 1.0]), pa.array([5.0, 45.0, 1.0]), pa.chunked_array([[5.0], [45.0, 1]])]
)
def test_a_single_column_is_no_table(mini, what):
    with pytest.raises(ShapeError, match="places must have shape"):
        mini.encode(what)


def test_a_stream_of_something_else_is_one_line(mini):
    class Odd:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pa.chunked_array([[1]]).__arrow_c_stream__()

    with pytest.raises(UsageError, match="places must be a table with named columns, got Odd, which cannot be read: "):
        mini.encode(Odd())


# ------------------------------------------------------------------------------------------- rows without a place

FAULTY = {"lon": ["5.72", "north", "", None, "6"], "lat": [45.19, 46, 47, 48, 95]}


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_rows_of_tables_without_a_place_are_nan_and_told(mini, kind):
    expected = (
        "3 of 5 rows have coordinates that are no place, and become NaN; the first is row 1 with nan, 46; the order is "
        'longitude, latitude, and invalid="refuse" refuses such rows'
    )
    for options in ({}, {"invalid": "null"}):
        with pytest.warns(PlaceWarning) as told:
            found = mini.encode(kind(FAULTY), **options)
        assert [str(warning.message) for warning in told] == [expected]
        assert found.isna().all(axis=1).tolist() == [False, True, True, True, True]
    with pytest.raises(UsageError, match=r"got nan, 46 in row 1; the order is longitude, latitude"):
        mini.encode(kind(FAULTY), invalid="refuse")


def test_missing_coordinates_alone_are_not_worth_a_warning(mini):
    frame = pd.DataFrame({"lon": [5.0, np.nan, None], "lat": [45.0, 46.0, np.nan]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mini.encode(frame).isna().all(axis=1).tolist() == [False, True, True]
    with pytest.raises(UsageError, match="in row 1"):
        mini.encode(frame, invalid="refuse")


def test_a_table_without_any_place_is_refused(mini):
    with pytest.raises(UsageError, match="got 500000, 5e\\+06 in row 0; the order is longitude, latitude"):
        mini.encode(pd.DataFrame({"x": [5e5, 6e5], "y": [5e6, 6e6]}))


def test_rows_of_arrays_are_refused_unless_null_is_asked_for(mini, cube):
    places = np.array([[5.72, 45.19], [np.nan, np.nan], [5, 95]])
    for refusing in (mini.encode, cube.rangegeo.sample):
        with pytest.raises(UsageError, match="got nan, nan in row 1;"):
            refusing(places)
    with pytest.warns(PlaceWarning, match="1 of 3 rows has coordinates that are no place, and becomes NaN"):
        found = mini.encode(places, beta=(0, 1), invalid="null")
    assert found.shape == (2, 3, 40)
    assert np.isnan(found).all(axis=(0, 2)).tolist() == [False, True, True]
    np.testing.assert_allclose(found[:, 0], mini.encode(places[0], beta=(0, 1))[:, 0], atol=5e-6)
    with pytest.warns(PlaceWarning, match="1 of 3 rows"):
        sampled = cube.rangegeo.sample([[5.52, 44.3], [5, 95], [np.nan, 1]], invalid="null")
    assert np.isnan(sampled).all(axis=(0, 2)).values.tolist() == [False, True, True]


def test_sample_of_a_table_keeps_rows_without_a_place(cube):
    table = pd.DataFrame({"lon": [5.52, 5.02], "lat": [44.31, 444.98]}, index=[4, 2])
    with pytest.warns(PlaceWarning, match="the first is row 1 with 5.02, 444.98"):
        found = cube.rangegeo.sample(table)
    assert found["place"].values.tolist() == [4, 2]
    assert np.isnan(found).all(dim=("beta", "band")).values.tolist() == [False, True]
    with pytest.raises(UsageError, match="in row 1"):
        cube.rangegeo.sample(table, invalid="refuse")


def test_invalid_is_null_or_refuse(mini, cube):
    for refusing in (mini.encode, cube.rangegeo.sample):
        for places in ([[5.5, 44.5]], pd.DataFrame({"lon": [5.5], "lat": [44.5]})):
            with pytest.raises(RangegeoError) as caught:
                refusing(places, invalid="drop")
            assert str(caught.value) == "invalid must be null or refuse, got 'drop'"
            assert caught.value.for_shell() == "--invalid must be null or refuse, got 'drop'"


def test_places_at_zero_are_told_for_tables(mini):
    with pytest.warns(PlaceWarning) as told:
        mini.encode(pl.DataFrame({"lon": [5.0, 0.0, -0.0], "lat": [45.0, 0.0, 0.0]}))
    (warning,) = told
    assert str(warning.message) == (
        "2 places are exactly 0, 0, which often stands for a missing place; the first in row 1"
    )
    with pytest.warns(PlaceWarning, match="^1 place is exactly 0, 0, which often stands for a missing place; row 0$"):
        mini.encode(gpd.GeoDataFrame(geometry=gpd.points_from_xy([0], [0]), crs=4326))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mini.encode([[0, 0]])
        mini.encode(pd.DataFrame({"lon": [0.0], "lat": [1.0]}))
