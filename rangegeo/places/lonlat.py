"""Longitudes and latitudes as users give them: arrays, lists or tensors in degrees."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rangegeo.errors import ShapeError, UsageError


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


def check_lonlat(lonlat: LonLat) -> np.ndarray:
    """Copy places into an array and check that they are in range.

    Args:
        lonlat: (n, 2) longitude and latitude in degrees, or one place (2,): a list, a tuple, an array or a tensor on
            any device. Masked values count as missing.
    Returns:
        (n, 2) float64; one place becomes (1, 2).
    Raises:
        ShapeError: the array has another shape, or it does not hold real numbers.
        UsageError: a longitude is not in [-360, 360], a latitude is not in [-90, 90], or a value is missing.
    """
    values: Any = lonlat
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu().numpy()
        if np.iscomplexobj(values):
            raise TypeError("they are complex")
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.asarray(values, np.float64).filled(np.nan)
        places = np.array(values, dtype=np.float64, order="C")  # torch refuses reversed and read-only arrays, so copy
    except (TypeError, ValueError, OverflowError) as error:
        raise ShapeError(f"places must be numbers of shape (n, 2), longitude and latitude; {error}") from None
    if places.shape == (2,):
        places = places[None]
    if places.ndim != 2 or places.shape[1] != 2:
        raise ShapeError(f"places must have shape (n, 2), longitude and latitude, got {places.shape}")
    bad = ~((np.abs(places[:, 0]) <= 360) & (np.abs(places[:, 1]) <= 90))  # NaN is bad too
    if bad.any():
        row = int(bad.argmax())
        lon, lat = places[row]
        raise UsageError(
            f"longitude must be in [-360, 360] and latitude in [-90, 90], got {lon:g}, {lat:g} in row {row}; "
            "the order is longitude, latitude"
        )
    return places
