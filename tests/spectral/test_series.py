"""Polynomials in Chebyshev form: grids, places, quarters and products have the values of the polynomial."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebval2d

from rangegeo.spectral.series import at_places, on_grid, polynomials, product, quarter

RANDOM = np.random.default_rng(0)
CLOSE = 2e-5


def decaying(count: int, bands: int = 70, rate: float = 0.5) -> np.ndarray:
    """(bands, n, n) coefficients as smooth fields have them."""
    down, across = np.indices((count, count))
    return (RANDOM.normal(size=(bands, count, count)) * np.exp(-rate * np.hypot(down, across))).astype(np.float32)


def exact(series: np.ndarray, w: np.ndarray, u: np.ndarray) -> np.ndarray:
    return chebval2d(w, u, np.moveaxis(series, 0, -1).astype(np.float64)).T


def test_a_grid_and_places_have_the_same_values():
    series, w, u = decaying(21), RANDOM.uniform(-1, 1, 30), RANDOM.uniform(-1, 1, 40)
    out = np.empty((70, 30, 40), np.float32)
    on_grid(series, polynomials(25, w), polynomials(21, u), out)
    down, across = (part.ravel() for part in np.meshgrid(w, u, indexing="ij"))
    expected = exact(series, down, across)
    np.testing.assert_allclose(out.reshape(70, -1).T, expected, atol=CLOSE)
    np.testing.assert_allclose(at_places(series, down, across), expected, atol=CLOSE)


@pytest.mark.parametrize("rate", [0.5, 0.0], ids=["smooth", "rough"])
def test_many_places_are_evaluated_from_quarters(rate):
    series, at = decaying(31, 5, rate), RANDOM.uniform(-1, 1, (2, 20_000))
    expected = exact(series, *at)
    np.testing.assert_allclose(at_places(series, *at), expected, atol=CLOSE * np.abs(expected).max())


@pytest.mark.parametrize("south", [True, False])
@pytest.mark.parametrize("west", [True, False])
def test_a_quarter_is_the_same_polynomial_with_fewer_coefficients(south, west):
    series, at = decaying(31, rate=0.8), RANDOM.uniform(-1, 1, (2, 50))
    part = quarter(series, south=south, west=west)
    assert part.shape == (70, 19, 19)
    w, u = ((one + (-1 if low else 1)) / 2 for one, low in zip(at, (south, west), strict=True))
    np.testing.assert_allclose(exact(part, *at), exact(series, w, u), atol=CLOSE)


def test_a_quarter_of_a_rough_one_keeps_them_all():
    assert quarter(decaying(31, rate=0.0), south=True, west=True).shape == (70, 31, 31)


@pytest.mark.parametrize("counts", [(9, 5), (1, 3), (4, 1)])
def test_a_product_has_no_error(counts):
    series, factor = decaying(counts[0], 3), decaying(counts[1], 1)
    at = RANDOM.uniform(-1, 1, (2, 20))
    expected = exact(series, *at) * exact(factor, *at)
    np.testing.assert_allclose(exact(product(series, factor), *at), expected, atol=CLOSE)
