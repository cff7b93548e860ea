"""The folded geographic average against the sum over every database row."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import field as reference

from rangegeo.field import geographic
from rangegeo.field.geographic import FoldedAverage, fold, kernel_coefficients
from rangegeo.field.places import Places
from rangegeo.field.range import GEOGRAPHIC_TEMPERATURE, RangeField

ALPS = (5.0, 44.0, 10.0, 48.0)


def places_in(bbox: tuple[float, float, float, float], n: int, seed: int = 0) -> torch.Tensor:
    west, south, east, north = bbox
    share = torch.rand(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.tensor([west, south]) + share * torch.tensor([east - west, north - south])


def over_the_globe(n: int, seed: int = 0) -> torch.Tensor:
    share = torch.rand(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.stack([360 * share[:, 0] - 180, torch.rad2deg(torch.asin(2 * share[:, 1] - 1))], dim=1)


def values_of(rows: int, width: int = 4) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(7))


def relative_deviation(found: torch.Tensor, lonlat: torch.Tensor, rows: torch.Tensor, values: torch.Tensor) -> float:
    """Largest deviation from the sum over all rows in float64, relative to the largest value."""
    expected = reference.geographic_average(lonlat.numpy(), rows.numpy(), values.numpy(), GEOGRAPHIC_TEMPERATURE)
    return float(np.abs(found.numpy() - expected).max() / values.abs().max())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 12.0, 40.0, 100.0])
def test_kernel_coefficients_are_the_kernel(temperature):
    """sum_l c_l (2l + 1) / (4 pi) P_l(cos d) = exp(k (cos d - 1))."""
    coefficients = kernel_coefficients(temperature).numpy()
    cos = np.linspace(-1, 1, 2001)
    degrees = np.arange(len(coefficients))
    series = np.polynomial.legendre.legval(cos, coefficients * (2 * degrees + 1) / (4 * math.pi))
    np.testing.assert_allclose(series, np.exp(temperature * (cos - 1)), rtol=0, atol=1e-13)


def test_kernel_coefficients_stop_where_the_tail_is_small():
    assert len(kernel_coefficients(40.0)) == 54
    assert len(kernel_coefficients(40.0, tail=1e-6)) < 54


def test_fold_is_the_sum_over_the_database():
    rows, values, lonlat = over_the_globe(700), values_of(700), over_the_globe(300, seed=1)
    average, accurate = FoldedAverage(fold(rows, values, GEOGRAPHIC_TEMPERATURE), 700)(Places.scattered(lonlat))
    assert accurate.all()
    assert average.dtype == torch.float32
    assert relative_deviation(average, lonlat, rows, values) < 3e-7


def test_fold_is_the_sum_at_the_poles_and_the_antimeridian():
    rows, values = over_the_globe(700), values_of(700)
    lonlat = torch.tensor([[lon, lat] for lon in (-180.0, 0.0, 180.0) for lat in (-90.0, 0.0, 90.0)]).double()
    average, accurate = FoldedAverage(fold(rows, values, GEOGRAPHIC_TEMPERATURE), 700)(Places.scattered(lonlat))
    assert accurate.all()
    assert relative_deviation(average, lonlat, rows, values) < 3e-7
    np.testing.assert_allclose(average[:3], average[6:], rtol=0, atol=1e-6)


def test_fold_in_blocks_is_fold_at_once(monkeypatch):
    rows, values = over_the_globe(50), values_of(50)
    at_once = fold(rows, values, GEOGRAPHIC_TEMPERATURE)
    monkeypatch.setattr(geographic, "FOLD_ROWS", 7)
    np.testing.assert_allclose(fold(rows, values, GEOGRAPHIC_TEMPERATURE), at_once, rtol=0, atol=1e-12)


def test_doubling_the_database_changes_nothing():
    rows, values, lonlat = over_the_globe(300), values_of(300), Places.scattered(over_the_globe(100, seed=1))
    once, _ = FoldedAverage(fold(rows, values, GEOGRAPHIC_TEMPERATURE), 300)(lonlat)
    twice, _ = FoldedAverage(fold(rows.repeat(2, 1), values.repeat(2, 1), GEOGRAPHIC_TEMPERATURE), 600)(lonlat)
    np.testing.assert_allclose(twice, once, rtol=0, atol=1e-6)


def test_a_grid_is_its_places():
    rows, values = over_the_globe(300), values_of(300)
    folded = FoldedAverage(fold(rows, values, GEOGRAPHIC_TEMPERATURE), 300)
    grid = Places.grid(torch.linspace(-180, 180, 9), torch.linspace(-90, 90, 7))
    on_the_grid, _ = folded(grid)
    scattered, _ = folded(Places.scattered(grid.lonlat_deg))
    np.testing.assert_allclose(on_the_grid, scattered, rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(
    centre=st.tuples(st.floats(-180, 180), st.floats(-85, 85)),
    extent_deg=st.floats(0.01, 60),
    rows=st.integers(1, 400),
    seed=st.integers(0, 2**31),
)
def test_an_average_reported_accurate_is_accurate(centre, extent_deg, rows, seed):
    """Wherever the database lies: places where the coefficients are too inaccurate must be reported."""
    lon, lat = centre
    half = extent_deg / 2
    database = places_in((lon - half, max(-90, lat - half), lon + half, min(90, lat + half)), rows, seed)
    values, lonlat = values_of(rows), over_the_globe(200, seed=1)
    average, accurate = FoldedAverage(fold(database, values, GEOGRAPHIC_TEMPERATURE), rows)(Places.scattered(lonlat))
    if accurate.any():
        assert relative_deviation(average[accurate], lonlat[accurate], database, values) < 3e-7


def test_a_regional_database_is_inaccurate_far_away_and_the_field_sums_there():
    rows, values = places_in(ALPS, 400), values_of(400)
    near, far = places_in(ALPS, 20, seed=1), torch.tensor([[-170.0, -46.0], [150.0, -30.0], [-70.0, 20.0]]).double()
    lonlat = torch.cat([near, far])
    coefficients = fold(rows, values, GEOGRAPHIC_TEMPERATURE)
    _, accurate = FoldedAverage(coefficients, 400)(Places.scattered(lonlat))
    assert accurate.tolist() == [True] * 20 + [False] * 3

    found = field_over(rows, values, coefficients).geographic_average(Places.scattered(lonlat))
    assert relative_deviation(found, lonlat, rows, values) < 2e-5
    direct = field_over(rows, values, None).geographic_average(Places.scattered(lonlat))
    assert torch.equal(found[~accurate], direct[~accurate])


def test_a_field_with_a_regional_database_is_right_on_a_whole_grid():
    rows, values = places_in(ALPS, 400), values_of(400)
    grid = Places.grid(torch.linspace(-180, 180, 13), torch.linspace(-90, 90, 7))
    found = field_over(rows, values, fold(rows, values, GEOGRAPHIC_TEMPERATURE)).geographic_average(grid)
    assert relative_deviation(found, grid.lonlat_deg, rows, values) < 2e-5


class NoEncoder(torch.nn.Module):
    dim = 2


def field_over(rows: torch.Tensor, values: torch.Tensor, coefficients: torch.Tensor | None) -> RangeField:
    keys = torch.nn.functional.normalize(torch.ones(len(rows), 2), dim=1)
    return RangeField(NoEncoder(), keys, values, rows, temperature=12.0, folded=coefficients)
