"""Longitudes and latitudes as users give them: arrays, lists or tensors in degrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike

from rangegeo.errors import ShapeError, first_line
from rangegeo.places.frames import NO_COORDINATES, checked_places, is_table, table_places


class TensorLike(Protocol):
    """The part of a torch tensor that is used here, so that torch need not be imported."""

    def detach(self) -> TensorLike: ...
    def cpu(self) -> TensorLike: ...
    def numpy(self) -> np.ndarray: ...


LonLat: TypeAlias = ArrayLike | TensorLike


def joined(lon: ArrayLike, lat: ArrayLike) -> np.ndarray:
    """Longitudes and latitudes that are given apart, as places.

    Args:
        lon, lat: one number each, or arrays of shapes that broadcast.
    Returns:
        (2,) for one place, else (..., 2).
    Raises:
        ShapeError: the shapes do not fit together.
    """
    try:
        return np.stack(np.broadcast_arrays(lon, lat), axis=-1)
    except (ValueError, TypeError):
        shapes = " and ".join(str(np.shape(part)) for part in (lon, lat))
        raise ShapeError(f"lon and lat must be one number each or arrays of the same length, got {shapes}") from None


def read_places(places: Any, invalid: str | None = None) -> tuple[np.ndarray, pd.Index | None]:
    """Places of any kind that users hand over, and the index of a table.

    Args:
        places: as of `check_lonlat`.
        invalid: what becomes of rows without a place: "null" keeps them as NaN, "refuse" refuses them. None stands for
            "null" if the places are a table, and for "refuse" if they are an array.
    Returns:
        (n, 2) float64 longitude and latitude in degrees, both NaN in a row without a place; and the index of a table,
        None for everything else.
    Raises:
        ShapeError, UsageError: as of `check_lonlat`, or `invalid` is neither.
    """
    places = _plainer(places)
    if is_table(places):
        return table_places(places, "null" if invalid is None else invalid)
    if _is_named_row(places):
        return table_places(places.to_frame().T, "refuse" if invalid is None else invalid)[0], None
    values = _as_array(places)
    return checked_places(values, np.isnan(values).any(axis=1), "refuse" if invalid is None else invalid), None


def check_lonlat(lonlat: LonLat) -> np.ndarray:
    """Copy places into an array and check that they are in range.

    Args:
        lonlat: (n, 2) longitude and latitude in degrees, or one place (2,): a list, a tuple, an array or a tensor on
            any device. Masked values count as missing. Tables are read by the names of their columns, see
            `rangegeo.places.frames.table_places`, and so is a row of a DataFrame.
    Returns:
        (n, 2) float64; one place becomes (1, 2).
    Raises:
        ShapeError: the array has another shape, or it does not hold real numbers.
        UsageError: a longitude is not in [-360, 360], a latitude is not in [-90, 90], or a value is missing.
    """
    return read_places(lonlat, "refuse")[0]


def _plainer(places: Any) -> Any:
    """Points of shapely as an array, and dictionaries, datasets and arrays of geometries as tables; the rest as it is.

    Points that do not say their CRS are longitudes and latitudes, as those of arrays are.
    """
    kind = type(places)
    if isinstance(places, Mapping) and not hasattr(kind, "data_vars"):
        try:
            return pd.DataFrame(places if all(np.ndim(value) for value in places.values()) else [dict(places)])
        except (ValueError, TypeError) as error:
            raise ShapeError(f"places must be columns of the same length; {first_line(error)}") from None
    if hasattr(kind, "data_vars") and len(places.sizes) <= 1:  # of xarray; a grid would be the product of its axes
        return (
            places.to_dataframe().reset_index()
            if places.sizes
            else _plainer({name: value.values[()] for name, value in places.variables.items()})
        )
    if kind.__name__ == "GeometryArray":  # the values of a GeoSeries
        from geopandas import GeoSeries

        return GeoSeries(places)
    if _is_named_row(places):
        places = places.get("geometry", places)
    held = [places] if isinstance(places, shapely.Geometry) else places
    if not isinstance(held, list | tuple | np.ndarray) or not len(held):
        return places
    if not all(isinstance(part, shapely.Point) and not part.is_empty for part in held):
        return places
    found = shapely.get_coordinates(np.asarray(held, dtype=object))
    return found[0] if held is not places else found


def _is_named_row(places: Any) -> bool:
    """Whether this is a Series of pandas whose values have names, such as a row of a DataFrame."""
    is_series = hasattr(type(places), "iloc") and hasattr(type(places), "to_frame")
    return is_series and len(places) > 0 and all(isinstance(name, str) for name in places.index)


def _as_array(places: Any) -> np.ndarray:
    """(n, 2) float64 copy of an array, a list or a tensor; raises ShapeError as `check_lonlat`."""
    values = places
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu().numpy()
        kind = getattr(values.dtype if hasattr(values, "dtype") else np.asarray(values).dtype, "kind", "")
        if kind in NO_COORDINATES:
            raise TypeError(f"they are {NO_COORDINATES[kind]}")
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.asarray(values, np.float64).filled(np.nan)
        array = np.array(values, dtype=np.float64, order="C")  # torch refuses reversed and read-only arrays, so copy
    except (TypeError, ValueError, OverflowError) as error:
        raise ShapeError(f"places must be numbers of shape (n, 2), longitude and latitude; {error}") from None
    if array.shape == (2,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 2:
        raise ShapeError(f"places must have shape (n, 2), longitude and latitude, got {array.shape}")
    return array
