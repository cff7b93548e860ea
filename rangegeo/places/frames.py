"""Places from tables in memory, which are read by the names of their columns, and embeddings back into DataFrames.

pandas and geopandas keep their index. Tables of other libraries (polars, pyarrow, dask, duckdb and others) are known by
the protocols that they share, so that none of these packages is imported here.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from pyproj import Transformer

from rangegeo.errors import PlaceWarning, UsageError, argument, first_line
from rangegeo.field.recipe import Recipe
from rangegeo.grid import WGS84, parse_crs
from rangegeo.grid.crs import CrsLike
from rangegeo.places.columns import NAME_BOTH, coordinate_columns
from rangegeo.schema.columns import band_names
from rangegeo.support.text import counted

# How two columns of a table become an array, for messages, by the package of the table.
AS_ARRAY = {
    "dask": 'table[["LON", "LAT"]].compute().to_numpy()',
    "numpy": 'np.stack([table["LON"], table["LAT"]], axis=1)',
    "pyarrow": 'table.select(["LON", "LAT"]).to_pandas().to_numpy()',
}
INVALID = ("null", "refuse")
GEOARROW = ("geoarrow.", "ogc.")  # how the names of Arrow's extension types of geometries begin
ORDER = "the order is longitude, latitude"
# Kinds of values, as numpy has them, that could be read as numbers but are no coordinates.
NO_COORDINATES = {"b": "true or false", "c": "complex numbers", "m": "durations", "M": "dates"}


def is_frame(places: object) -> TypeGuard[pd.DataFrame]:
    """Whether this is a DataFrame of pandas, a GeoDataFrame or a GeoSeries. Neither package is imported for it."""
    kind = type(places)
    is_like = hasattr(kind, "iloc") and (hasattr(kind, "to_crs") or hasattr(places, "columns"))
    return is_like and not hasattr(kind, "__dask_graph__")


def is_table(places: object) -> bool:
    """Whether this is a table in memory, of any library, with columns that have names."""
    kind = type(places)
    if is_frame(places) or _is_lazy(places):
        return True
    if isinstance(places, np.ndarray):
        return places.dtype.names is not None
    exports = any(hasattr(kind, name) for name in ("__arrow_c_stream__", "__arrow_c_array__", "__dataframe__"))
    return exports and not hasattr(places, "dtype") and not hasattr(places, "type")  # a single column has a type


def _is_lazy(places: object) -> bool:
    """Whether this is a table that must be computed first, of dask or of polars."""
    kind = type(places)
    of_dask = hasattr(kind, "__dask_graph__") and (hasattr(places, "columns") or hasattr(kind, "to_crs"))
    return of_dask or (hasattr(kind, "collect") and hasattr(kind, "collect_schema"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns of a table hold its places, as a user says it who may say it.

    Attributes:
        lon, lat: names of the columns; None for the points of a GeoDataFrame, or else the ones with usual names.
        crs: of these columns; None for WGS 84.
        crs_argument: the name of the argument that gives it, for messages.
    """

    lon: str | None = None
    lat: str | None = None
    crs: CrsLike | None = None
    crs_argument: str = "crs"


def table_places(table: Any, invalid: str = "null", told: Columns | None = None) -> tuple[np.ndarray, pd.Index]:
    """The places of a table, and what its rows are called.

    They come from the points of a GeoDataFrame or GeoSeries, in any CRS, or from the columns with the usual names,
    wherever these columns are.

    Args:
        table: for which `is_table` is true.
        invalid: "null" to warn of rows whose coordinates are no place and to keep them, "refuse" to refuse them. Either
            way a warning tells of places at exactly 0, 0.
        told: for callers whose users may name columns, and who leave out rows without a place and tell of those at
            exactly 0, 0 themselves; None for all others.
    Returns:
        (n, 2) float64 longitude and latitude in degrees on WGS 84, both NaN in a row without a place; and the index of
        pandas, which is 0 to n - 1 for tables of other libraries.
    Raises:
        UsageError: it is not clear which columns hold the coordinates, a column holds no numbers, or a geometry has no
            CRS or is not a point; or some rows have no place and are refused, or none has.
    """
    named = told or Columns()
    remedy = _as_array(table) if told is None else NAME_BOTH
    frame = _as_frame(table, named, remedy)
    if hasattr(type(frame), "to_crs") and named.lon is None and named.lat is None:
        if named.crs is not None:
            raise UsageError(f"the GeoDataFrame says its CRS; leave out {argument(named.crs_argument)}")
        lonlat, missing = _points(frame)
    else:
        remedy = _as_geometries(frame) or remedy
        names = coordinate_columns(list(frame.columns), named.lon, named.lat, remedy=remedy)
        columns, absent = zip(*(_numbers(frame[name], name) for name in names), strict=True)
        lonlat, missing = _in_degrees(np.stack(columns, axis=1), named), np.any(absent, axis=0)
    places = checked_places(lonlat, missing, invalid, left_out=told is not None)
    zero = (places == 0).all(axis=1)
    if told is None and zero.any():
        said = "1 place is" if zero.sum() == 1 else f"{zero.sum():,} places are"
        first = "row" if zero.sum() == 1 else "the first in row"
        _warn(f"{said} exactly 0, 0, which often stands for a missing place; {first} {int(zero.argmax())}")
    return places, frame.index


def _in_degrees(xy: np.ndarray, named: Columns) -> np.ndarray:
    """(n, 2) coordinates as longitude and latitude."""
    if named.crs is None:
        return xy
    to_degrees = Transformer.from_crs(parse_crs(named.crs, named.crs_argument), WGS84, always_xy=True)
    return np.stack(to_degrees.transform(*xy.T), axis=1)


def checked_places(lonlat: np.ndarray, missing: np.ndarray, invalid: str, *, left_out: bool = False) -> np.ndarray:
    """Places with NaN in both coordinates where a row has no place.

    Args:
        lonlat: (n, 2) as the user gives them.
        missing: (n,) whether a row has no coordinates.
        invalid: "null" to warn of coordinates that are no place, "refuse" to refuse them and rows without any.
        left_out: whether the caller leaves out rows without a place, for the warning.
    Raises:
        UsageError: rows are refused, or no row has a place while some have coordinates.
    """
    if invalid not in INVALID:
        raise UsageError(argument="invalid", expected="null or refuse", got=repr(invalid))
    usable = (np.abs(lonlat[:, 0]) <= 360) & (np.abs(lonlat[:, 1]) <= 90)  # False for NaN
    wrong = ~usable & ~missing
    if (invalid == "refuse" and not usable.all()) or (wrong.any() and not usable.any()):
        row = int((~usable if invalid == "refuse" else wrong).argmax())
        lon, lat = lonlat[row]
        raise UsageError(
            f"longitude must be in [-360, 360] and latitude in [-90, 90], got {lon:g}, {lat:g} in row {row}; {ORDER}"
        )
    if wrong.any():
        row = int(wrong.argmax())
        lon, lat = lonlat[row]
        have, become, are = ("has", "becomes", "is") if wrong.sum() == 1 else ("have", "become", "are")
        outcome = f"{are} left out" if left_out else f"{become} NaN"
        advice = "" if left_out else f", and {argument('invalid', 'refuse')} refuses such rows"
        _warn(
            f"{int(wrong.sum()):,} of {counted(len(lonlat), 'row')} {have} coordinates that are no place, and "
            f"{outcome}; the first is row {row} with {lon:g}, {lat:g}; {ORDER}{advice}"
        )
    lonlat[~usable] = np.nan
    return lonlat


def _as_array(table: object) -> str:
    """What to type if it is not clear which columns of a table hold the coordinates."""
    package = str(getattr(type(table), "__module__", "")).split(".")[0]
    package = "dask" if hasattr(type(table), "__dask_graph__") else package
    usual = 'table[["LON", "LAT"]].to_numpy()'
    if hasattr(type(table), "collect"):  # a lazy table of polars
        usual = 'table.select("LON", "LAT").collect().to_numpy()'
    return f"pass the two columns as an array: {AS_ARRAY.get(package, usual)}"


def _warn(message: str) -> None:
    """Warn the caller of rangegeo."""
    warnings.warn(PlaceWarning(message), stacklevel=6)


def embedded_frame(values: np.ndarray, usable: np.ndarray, index: pd.Index, recipe: Recipe) -> pd.DataFrame:
    """Embeddings as a DataFrame with one float32 column a band.

    The columns are named "b0001" and so on, or "beta0.5_b0001" and so on if there are several betas.

    Args:
        values: (layers, k, bands) embeddings of the k rows that have a place.
        usable: (n,) bool, True for the rows that have a place; the other rows get NaN.
        index: the index of the n rows.
        recipe: which layers and bands there are.
    """
    names = [name for layer in band_names(recipe) for name in layer]
    table = np.full((len(usable), len(names)), np.nan, dtype=np.float32)
    table[usable] = values.transpose(1, 0, 2).reshape(-1, len(names))
    return pd.DataFrame(table, index=index, columns=names)


def _as_frame(table: Any, named: Columns, remedy: str) -> Any:
    """A table as a DataFrame of pandas, a GeoDataFrame or a GeoSeries.

    Args:
        named: the columns with its places.
        remedy: what to type if these are not clear.
    Raises:
        UsageError: the table cannot be read, or it is not clear which columns hold the coordinates.
    """
    if _is_lazy(table):
        table = table.compute() if hasattr(type(table), "__dask_graph__") else table.collect()
    if is_frame(table):
        return table
    if isinstance(table, np.ndarray):
        return pd.DataFrame({name: table[name] for name in table.dtype.names or ()})
    arrow = _as_arrow(table)
    if any(_is_geometry(field) for field in arrow.schema):
        try:
            from geopandas import GeoDataFrame
        except ImportError:
            pass  # its columns may have usual names
        else:
            return GeoDataFrame.from_arrow(arrow)
    names = coordinate_columns(arrow.column_names, named.lon, named.lat, remedy=remedy)
    return pd.DataFrame({name: _decoded(arrow.column(name)) for name in names})


def _as_arrow(table: Any) -> pa.Table:
    """A table of another library as one of pyarrow."""
    kind = type(table)
    try:
        if hasattr(kind, "__arrow_c_stream__"):
            return pa.RecordBatchReader.from_stream(table).read_all()
        if hasattr(kind, "__arrow_c_array__"):
            return pa.Table.from_batches([pa.record_batch(table)])
        from pyarrow.interchange import from_dataframe

        return from_dataframe(table)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UsageError(
            f"places must be a table with named columns, got {kind.__name__}, which cannot be read: {first_line(error)}"
        ) from error


def _is_geometry(field: pa.Field) -> bool:
    """Whether a column of Arrow holds geometries and says so."""
    registered = getattr(field.type, "extension_name", "")
    return (field.metadata or {}).get(b"ARROW:extension:name", registered.encode()).decode().startswith(GEOARROW)


def _decoded(column: pa.ChunkedArray) -> pd.Series:
    """A column of Arrow as one of pandas: decimals as floats, and values of a dictionary one by one."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return column.to_pandas(integer_object_nulls=False)


def _points(frame: Any) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) longitude and latitude of the points of a GeoDataFrame or GeoSeries; and (n,) where there is none."""
    try:
        geometry = frame.geometry
    except AttributeError as error:
        raise UsageError("the GeoDataFrame has no geometry yet; set it first: frame.set_geometry(NAME)") from error
    if geometry.crs is None:
        raise UsageError("the GeoDataFrame does not say its CRS; set it first: frame.set_crs(4326)")
    shapes = geometry.to_crs(WGS84).to_numpy(copy=True)
    shapes[shapely.is_empty(shapes)] = None
    others = np.flatnonzero(shapely.get_type_id(shapes) > 0)
    if len(others):
        raise UsageError(
            f"row {others[0]} of the GeoDataFrame is a {shapes[others[0]].geom_type}, not a point; take "
            "frame.representative_point() or frame.centroid first"
        )
    lonlat = np.stack([shapely.get_x(shapes), shapely.get_y(shapes)], axis=1)
    return lonlat, shapely.is_missing(shapes)


def _as_geometries(frame: pd.DataFrame) -> str | None:
    """What to type if a table holds geometries as a merge leaves them, which makes a DataFrame of a GeoDataFrame."""
    held = next((name for name, kind in frame.dtypes.items() if str(kind) == "geometry"), None)
    return None if held is None else f"make it a GeoDataFrame: geopandas.GeoDataFrame(frame, geometry={held!r})"


def _numbers(column: pd.Series, name: Hashable) -> tuple[np.ndarray, np.ndarray]:
    """A column as float64, NaN where there is no number; and (n,) where a value is missing.

    Raises:
        UsageError: no value is a number, though some are there.
    """
    missing = column.isna().to_numpy()
    try:
        read = pd.to_numeric(column, errors="coerce")
        for kind in (column.dtype.kind, read.dtype.kind):  # to_numeric makes numbers of dates, and bool of objects
            if kind in NO_COORDINATES:
                raise ValueError(f"its values are {NO_COORDINATES[kind]}")
        numbers = read.to_numpy(dtype=np.float64, na_value=np.nan)
        if len(numbers) and not missing.all() and np.isnan(numbers).all():
            pd.to_numeric(column)  # says what is wrong
            raise ValueError("none of its values is a number")
    except (ValueError, TypeError) as error:
        raise UsageError(f"the column {name!r} must hold numbers; {first_line(error)}") from error
    return numbers, missing
