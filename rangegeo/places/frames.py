"""Places from pandas DataFrames and GeoDataFrames, and embeddings back into DataFrames."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
import pandas as pd
import shapely

from rangegeo.errors import UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.grid import WGS84
from rangegeo.places.columns import coordinate_columns
from rangegeo.schema.columns import band_names

AS_ARRAY = "pass the two columns as an array: model.encode(frame[[LON, LAT]].to_numpy())"


def is_frame(places: object) -> TypeGuard[pd.DataFrame]:
    """Whether this is a DataFrame, a GeoDataFrame or a GeoSeries. The check does not import pandas or geopandas."""
    return hasattr(type(places), "iloc") and (hasattr(type(places), "to_crs") or hasattr(places, "columns"))


def frame_places(frame: pd.DataFrame) -> np.ndarray:
    """The places of a frame.

    They come from the points of a GeoDataFrame or GeoSeries, in any CRS, or from the columns with the usual names.

    Returns:
        (n, 2) float64 longitude and latitude in degrees on WGS 84; both are NaN in a row without a place.
    Raises:
        UsageError: it is not clear which columns hold the coordinates, a column holds no numbers, or a geometry has no
            CRS or is not a point.
    """
    if hasattr(type(frame), "to_crs"):
        lonlat = _points(frame)
    else:
        names = coordinate_columns(list(frame.columns), remedy=AS_ARRAY)
        lonlat = np.stack([_numbers(frame[name]) for name in names], axis=1)
    lonlat[np.isnan(lonlat).any(axis=1)] = np.nan
    return lonlat


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


def _points(frame: pd.DataFrame) -> np.ndarray:
    """(n, 2) longitude and latitude of the points of a GeoDataFrame or GeoSeries; NaN where there is no point."""
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
    return np.stack([shapely.get_x(shapes), shapely.get_y(shapes)], axis=1)


def _numbers(column: pd.Series) -> np.ndarray:
    """A column as float64, NaN where a value is missing."""
    try:
        return pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise UsageError(f"the column {column.name!r} must hold numbers; {error}") from error
