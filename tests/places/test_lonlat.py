"""Longitudes and latitudes as users give them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rangegeo.errors import ShapeError, UsageError
from rangegeo.places.lonlat import check_lonlat

PLACES = [[5.5, 45.0], [-180.0, -90.0], [360.0, 90.0]]


@pytest.mark.parametrize(
    "lonlat",
    [
        PLACES,
        tuple(map(tuple, PLACES)),
        np.array(PLACES),
        np.array(PLACES, np.float32)[::-1][::-1],
        torch.tensor(PLACES, requires_grad=True),
        np.ma.array(PLACES),
    ],
)
def test_lists_arrays_and_tensors_are_arrays_of_their_own(lonlat):
    places = check_lonlat(lonlat)
    np.testing.assert_array_equal(places, PLACES)
    assert (places.dtype, places.shape) == (np.float64, (3, 2))
    assert places.flags.owndata or places.base is None
    assert places.flags.c_contiguous
    assert places.flags.writeable


def test_integers_and_one_place():
    assert check_lonlat((5, 45)).tolist() == [[5.0, 45.0]]
    assert check_lonlat(np.empty((0, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    ("lonlat", "said"),
    [
        ([5, 45, 6], r"places must have shape \(n, 2\), longitude and latitude, got \(3,\)"),
        (np.zeros((2, 3)), r"places must have shape \(n, 2\), longitude and latitude, got \(2, 3\)"),
        (np.zeros((2, 2), complex), r"places must be numbers of shape \(n, 2\), .*; they are complex"),
        ([[True, False]], r"places must be numbers of shape \(n, 2\), .*; they are true or false"),
        (np.zeros((2, 2), "datetime64[s]"), r"places must be numbers of shape \(n, 2\), .*; they are dates"),
        (np.zeros((2, 2), "timedelta64[s]"), r"places must be numbers of shape \(n, 2\), .*; they are durations"),
        ([["a", "b"]], r"places must be numbers of shape \(n, 2\), longitude and latitude; could not convert"),
        (None, r"places must"),
    ],
)
def test_what_is_no_array_of_places_is_refused(lonlat, said):
    with pytest.raises(ShapeError, match=said):
        check_lonlat(lonlat)


@pytest.mark.parametrize(
    ("lonlat", "said"),
    [
        ([[5, 45], [45, 91]], "got 45, 91 in row 1"),
        ([[361, 0]], "got 361, 0 in row 0"),
        ([[np.nan, 0]], "got nan, 0 in row 0"),
        (np.ma.array([[5, 45]], mask=[[True, False]]), "got nan, 45 in row 0"),
    ],
)
def test_places_out_of_range_are_refused(lonlat, said):
    with pytest.raises(UsageError) as caught:
        check_lonlat(lonlat)
    assert str(caught.value) == (
        f"longitude must be in [-360, 360] and latitude in [-90, 90], {said}; the order is longitude, latitude"
    )
