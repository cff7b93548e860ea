"""Coefficients as integers: the error stays within what is allowed, and the step is hardly finer than needed."""

from __future__ import annotations

import numpy as np
import pytest

from rangegeo.spectral.layout import chebyshev_matrix, to_shells
from rangegeo.spectral.rounding import BORDER, rounded, trimmed_count


def smooth(count: int = 14, bands: int = 5) -> np.ndarray:
    """(n, n, bands) coefficients that shrink geometrically."""
    size = 0.6 ** np.add.outer(np.arange(count), np.arange(count))
    return np.random.default_rng(0).normal(size=(count, count, bands)) * size[:, :, None]


def values(square: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    down, across = (chebyshev_matrix(len(square), at) for at in (lat, lon))
    return np.einsum("pi,qj,ijb->pqb", down, across, square)


@pytest.mark.parametrize("within", [1e-2, 1e-4])
def test_the_error_stays_within_what_is_allowed_and_uses_most_of_it(within):
    square = smooth()
    whole, step = rounded(square, within, 2**31 - 1)
    assert whole.dtype == np.int32
    at = np.linspace(-1, 1, 101)
    error = np.abs(values(whole * step - square, at, at)).max()
    assert 0.6 * within <= error <= within * 1.02


def test_a_tile_inside_its_domain_needs_a_coarser_step():
    square, inside = smooth(30), np.array([(-0.99, 0.99), (-0.99, 0.99)])
    _, step = rounded(square, 1e-3, 32767)
    whole, coarser = rounded(square, 1e-3, 32767, inside)
    assert coarser > 1.2 * step
    at = np.linspace(-0.99, 0.99, 101)
    assert np.abs(values(whole * coarser - square, at, at)).max() <= 1.02e-3


def test_borders_are_off_by_less_than_the_rest():
    square = smooth(16, 20)
    whole, step = rounded(square, 1e-3, 32767)
    at = np.linspace(-1, 1, 101)
    off = np.abs(values(whole * step - square, at, at))
    borders = max(off[[0, -1]].max(), off[:, [0, -1]].max())
    assert borders <= 1.03 * BORDER * 1e-3 < off.max()


def test_the_step_is_coarser_than_with_plain_rounding(monkeypatch):
    monkeypatch.setattr("rangegeo.spectral.rounding.BORDER", 1.0)
    square = smooth(16, 20)
    whole, step = rounded(square, 1e-3, 32767)
    at = np.linspace(-1, 1, 101)
    plain = np.abs(values(np.rint(square / step) * step - square, at, at)).max()
    assert plain > 1.1e-3 > np.abs(values(whole * step - square, at, at)).max()


def test_integers_that_do_not_fit_are_told():
    square = smooth()
    square[0, 0] = 10
    assert rounded(square, 1e-4, 32767) is None
    assert rounded(square, 1e-4, 2**31 - 1) is not None


def test_nothing_but_zeros_can_be_rounded():
    whole, step = rounded(np.zeros((3, 3, 2)), 1e-33, 32767)
    assert not whole.any()
    assert step > 0


def test_coefficients_that_are_left_out_add_up_to_little():
    square = smooth()
    for within in (1e-1, 1e-3, 1e-6):
        count = trimmed_count(square, within)
        left_out = np.abs(to_shells(square)[count**2 :]).sum(axis=0).max()
        assert left_out <= within
        assert np.abs(to_shells(square)[(count - 1) ** 2 :]).sum(axis=0).max() > within
    assert trimmed_count(np.zeros((4, 4, 1)), 1e-3) == 1
