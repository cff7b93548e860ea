"""Places: grids and scattered places are cut into parts, and the parts put together are the places again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import field as reference

from rangegeo.field.places import Places, unit_vectors


def grid(width: int = 5, height: int = 7) -> Places:
    return Places.grid(torch.linspace(-180, 170, width), torch.linspace(80, -80, height))


def test_a_grid_is_row_major_and_float64():
    places = Places.grid(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([50.0, 40.0]))
    assert places.lonlat_deg.tolist() == [[1, 50], [2, 50], [3, 50], [1, 40], [2, 40], [3, 40]]
    assert {places.lonlat_deg.dtype, *(axis.dtype for axis in places.axes_deg)} == {torch.float64}
    assert len(places) == 6


def test_scattered_places_are_float64_and_have_no_axes():
    places = Places.scattered(torch.tensor([[5.7, 45.2]]))
    assert places.lonlat_deg.dtype == torch.float64
    assert places.axes_deg is None


@pytest.mark.parametrize("size", [1, 4, 5, 12, 34, 35, 1000])
@pytest.mark.parametrize("separable", [True, False])
def test_parts_are_the_whole(size, separable):
    whole = grid() if separable else Places.scattered(grid().lonlat_deg)
    parts = whole.split(size)
    assert [place for rows, _ in parts for place in range(len(whole))[rows]] == list(range(len(whole)))
    for rows, part in parts:
        assert torch.equal(part.lonlat_deg, whole.lonlat_deg[rows])
        assert (part.axes_deg is None) is not separable
        if separable:
            assert torch.equal(Places.grid(*part.axes_deg).lonlat_deg, part.lonlat_deg)
        assert len(part) <= max(size, 5 if separable else size)


def test_moving_keeps_the_kind():
    assert grid().to("cpu").axes_deg is not None
    assert Places.scattered(grid().lonlat_deg).to("cpu").axes_deg is None


def test_unit_vectors_keep_the_dtype():
    lonlat = grid().lonlat_deg
    np.testing.assert_allclose(unit_vectors(lonlat), reference.unit_vectors(lonlat), rtol=0, atol=1e-15)
    assert unit_vectors(lonlat.float()).dtype == torch.float32
