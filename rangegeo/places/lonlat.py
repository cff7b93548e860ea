"""Longitude and latitude as users give them: arrays, lists or tensors in degrees."""

from __future__ import annotations

import numpy as np

from rangegeo.errors import ShapeError, UsageError


def check_lonlat(lonlat: object) -> np.ndarray:
    """Places as an array of their own, in range.

    Args:
        lonlat: (n, 2) longitude, latitude in degrees, or one place (2,): a list, an array or a tensor on any device.
    Returns:
        (n, 2) float64; one place becomes (1, 2). Masked values are missing, so they are refused.
    Raises:
        ShapeError: the numbers have another shape, or are no real numbers.
        UsageError: a longitude is not in [-360, 360], a latitude not in [-90, 90], or either is NaN.
    """
    try:
        if hasattr(lonlat, "detach"):  # a torch tensor, told apart without importing torch
            lonlat = lonlat.detach().cpu().numpy()
        if np.iscomplexobj(lonlat):
            raise TypeError("they are complex")
        if isinstance(lonlat, np.ma.MaskedArray):
            lonlat = lonlat.astype(np.float64).filled(np.nan)
        places = np.array(lonlat, dtype=np.float64, order="C")  # a copy: torch takes no reversed or read-only arrays
    except (TypeError, ValueError) as error:
        raise ShapeError(f"places must be numbers of shape (n, 2), longitude and latitude; {error}") from None
    if places.shape == (2,):
        places = places[None]
    if places.ndim != 2 or places.shape[1] != 2:
        raise ShapeError(f"places must have shape (n, 2), longitude and latitude, got {places.shape}")
    bad = ~((np.abs(places[:, 0]) <= 360) & (np.abs(places[:, 1]) <= 90))  # true for NaN too
    if bad.any():
        row = int(bad.argmax())
        lon, lat = places[row]
        raise UsageError(
            f"longitude must be in [-360, 360] and latitude in [-90, 90], got {lon:g}, {lat:g} in row {row}; "
            "the order is longitude, latitude"
        )
    return places
