"""The basis against 60-digit arithmetic, upstream's own numbers and a plain restatement."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from oracles import field as reference
from oracles import golden

from rangegeo.errors import WeightsError
from rangegeo.field import harmonics as module
from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.places import Places

CALCULATIONS = ("analytic", "closed-form")


@pytest.mark.parametrize("degree", [10, 40])
def test_analytic_is_the_printed_text_in_exact_arithmetic(degree):
    vectors = golden.load(f"satclip_l{degree}")
    features = SphericalHarmonics(degree)(torch.from_numpy(vectors["basis_lonlat"]))
    assert features.dtype == torch.float64
    np.testing.assert_allclose(features, vectors["basis_exact60"], rtol=0, atol=1e-12)


def test_analytic_l40_is_upstream_within_its_round_off():
    vectors = golden.load("satclip_l40")
    features = SphericalHarmonics(40)(torch.from_numpy(vectors["basis_lonlat"]))
    golden.assert_within_bands(features, vectors["basis"], vectors["basis_lonlat"][:, 1], golden.BASIS)


def test_analytic_l40_needs_its_correction():
    """The vectors differ between the printed text and the true functions; else the tests above prove nothing."""
    true = SphericalHarmonics(40, "closed-form")
    vectors = golden.load("satclip_l40")
    orders = np.array([m for l in range(40) for m in range(-l, l + 1)])
    factor = np.where(orders == 0, math.pi, (-1.0) ** orders)
    features = true(torch.from_numpy(vectors["basis_lonlat"])).numpy() * factor
    assert np.abs(features - vectors["basis_exact60"]).max() > 0.1


def test_analytic_l10_is_upstream():
    vectors = golden.load("satclip_l10")
    features = SphericalHarmonics(10)(torch.from_numpy(vectors["basis_lonlat"]))
    np.testing.assert_allclose(features, vectors["basis"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("degree", [10, 40])
def test_closed_form_is_upstream(degree):
    vectors = golden.load(f"satclip_l{degree}_closedform_basis")
    features = SphericalHarmonics(degree, "closed-form")(torch.from_numpy(vectors["lonlat"]))
    np.testing.assert_allclose(features, vectors["output"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("degree", "lonlat"),
    [
        (1, [[3.0, 4.0]]),
        (2, [[-120.0, 38.5], [0.0, 0.0]]),
        (12, [[5.7, 45.2], [-179.9, -66.5], [100.0, 90.0]]),
        (54, [[5.7, 45.2], [-70.3, -89.7]]),  # the degree to which the geographic average is folded
    ],
)
def test_closed_form_is_the_definition(degree, lonlat):
    features = SphericalHarmonics(degree, "closed-form")(torch.tensor(lonlat, dtype=torch.float64))
    np.testing.assert_allclose(features, reference.harmonics(degree, lonlat), rtol=0, atol=1e-12)


def test_analytic_without_printed_digits_is_closed_form_but_for_signs_and_pi():
    """Below degree 10 the printed digits matter less than 1e-12."""
    lonlat = torch.tensor([[5.7, 45.2], [-120.0, -66.5]], dtype=torch.float64)
    analytic, closed = (SphericalHarmonics(10, calculation)(lonlat) for calculation in CALCULATIONS)
    orders = [m for l in range(10) for m in range(-l, l + 1)]
    factor = torch.tensor([math.pi if m == 0 else (-1.0) ** m for m in orders], dtype=torch.float64)
    np.testing.assert_allclose(analytic, closed * factor, rtol=0, atol=1e-12)


@pytest.mark.parametrize("calculation", CALCULATIONS)
@pytest.mark.parametrize("axes", [(7, 5), (1, 9), (9, 1), (1, 1)])
def test_project_on_a_grid_is_project_scattered(calculation, axes):
    harmonics = SphericalHarmonics(40, calculation)
    lon = torch.linspace(-180, 180, axes[0], dtype=torch.float64)
    lat = torch.linspace(-90, 90, axes[1], dtype=torch.float64)
    weight = torch.randn(6, harmonics.features, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    grid = Places.grid(lon, lat)
    product = harmonics(grid.lonlat_deg) @ weight.T
    np.testing.assert_allclose(harmonics.project(grid, weight), product, rtol=0, atol=1e-10)
    scattered = Places.scattered(grid.lonlat_deg)
    np.testing.assert_allclose(harmonics.project(scattered, weight), product, rtol=0, atol=1e-10)


@pytest.mark.parametrize("block", [1, 7, 512])
def test_block_size_changes_nothing(monkeypatch, block):
    lonlat = torch.rand(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 180 - 90
    harmonics = SphericalHarmonics(40)
    weight = torch.ones(2, harmonics.features, dtype=torch.float64)
    features, product = harmonics(lonlat), harmonics.project(Places.scattered(lonlat), weight)
    monkeypatch.setattr(module, "BLOCK_PLACES", block)
    np.testing.assert_allclose(harmonics(lonlat), features, rtol=0, atol=1e-13)
    np.testing.assert_allclose(harmonics.project(Places.scattered(lonlat), weight), product, rtol=0, atol=1e-11)


@pytest.mark.parametrize("calculation", CALCULATIONS)
@pytest.mark.parametrize("pole", [-90.0, 90.0])
def test_a_pole_is_one_place(calculation, pole):
    lonlat = torch.tensor([[lon, pole] for lon in (-180.0, -77.25, 0.0, 123.456, 180.0)], dtype=torch.float64)
    features = SphericalHarmonics(40, calculation)(lonlat)
    assert features.isfinite().all()
    np.testing.assert_allclose(features, features[:1].expand_as(features), rtol=0, atol=1e-12)
    zonal = [l * l + l for l in range(40)]
    others = torch.ones(1600, dtype=torch.bool)
    others[zonal] = False
    np.testing.assert_allclose(features[:, others], 0, rtol=0, atol=1e-12)
    assert (features[:, zonal].abs() > 0.1).all()


@pytest.mark.parametrize("calculation", CALCULATIONS)
def test_the_antimeridian_is_no_seam(calculation):
    lat = torch.linspace(-90, 90, 19, dtype=torch.float64)
    harmonics = SphericalHarmonics(40, calculation)
    west, east = (harmonics(torch.stack([torch.full_like(lat, lon), lat], dim=1)) for lon in (-180.0, 180.0))
    np.testing.assert_allclose(west, east, rtol=0, atol=1e-12)


def test_no_places_give_no_features():
    none = torch.empty(0, 2, dtype=torch.float64)
    harmonics = SphericalHarmonics(10)
    assert harmonics(none).shape == (0, 100)
    weight = torch.ones(3, 100, dtype=torch.float64)
    assert harmonics.project(Places.scattered(none), weight).shape == (0, 3)


def test_analytic_beyond_the_table_is_refused():
    with pytest.raises(WeightsError) as error:
        SphericalHarmonics(41)
    assert str(error.value) == (
        "analytic spherical harmonics are defined here up to legendre_polys=40, got 41; "
        "train with harmonics_calculation='closed-form' for more"
    )


def test_an_unknown_calculation_is_refused():
    with pytest.raises(WeightsError) as error:
        SphericalHarmonics(10, "discretized")
    assert str(error.value) == "harmonics_calculation must be one of analytic, closed-form, got 'discretized'"
