"""Coefficients as integers: the error stays within what is allowed, and the step is hardly finer than needed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rangegeo.engine import rounding
from rangegeo.engine.rounding import BORDER, WHOLE, Unrounded, trimmed_counts
from rangegeo.spectral.layout import chebyshev_matrix, to_shells


def smooth(count: int = 14, bands: int = 5) -> np.ndarray:
    """(bands, n, n) coefficients that shrink geometrically."""
    size = 0.6 ** np.add.outer(np.arange(count), np.arange(count))
    return np.random.default_rng(0).normal(size=(bands, count, count)) * size


def rounded(
    square: np.ndarray, within: float, largest: int, sides: np.ndarray = WHOLE
) -> tuple[np.ndarray, float] | None:
    """One part, rounded alone."""
    (found,) = rounding.rounded([Unrounded(torch.from_numpy(square), within, sides)], largest)
    return found if found is None else (found[0].numpy(), found[1])


def values(square: np.ndarray, at: np.ndarray) -> np.ndarray:
    matrix = chebyshev_matrix(square.shape[-1], at)
    return matrix @ square @ matrix.T


@pytest.mark.parametrize("within", [1e-2, 1e-4])
def test_the_error_stays_within_what_is_allowed_and_uses_most_of_it(within):
    square = smooth()
    whole, step = rounded(square, within, 2**31 - 1)
    np.testing.assert_array_equal(whole, np.rint(whole))
    error = np.abs(values(whole * step - square, np.linspace(-1, 1, 101))).max()
    assert 0.6 * within <= error <= within * 1.02


def test_a_tile_inside_its_domain_needs_a_coarser_step():
    square, inside = smooth(30), np.array([(-0.99, 0.99), (-0.99, 0.99)])
    _, step = rounded(square, 1e-3, 32767)
    whole, coarser = rounded(square, 1e-3, 32767, inside)
    assert coarser > 1.2 * step
    assert np.abs(values(whole * coarser - square, np.linspace(-0.99, 0.99, 101))).max() <= 1.02e-3


def test_borders_are_off_by_less_than_the_rest():
    square = smooth(16, 20)
    whole, step = rounded(square, 1e-3, 32767)
    off = np.abs(values(whole * step - square, np.linspace(-1, 1, 101)))
    borders = max(off[:, [0, -1]].max(), off[:, :, [0, -1]].max())
    assert borders <= 1.1 * BORDER * 1e-3 < off.max()


def test_the_step_is_coarser_than_with_plain_rounding(monkeypatch):
    monkeypatch.setattr("rangegeo.engine.rounding.BORDER", 1.0)
    square, at = smooth(16, 20), np.linspace(-1, 1, 101)
    whole, step = rounded(square, 1e-3, 32767)
    plain = np.abs(values(np.rint(square / step) * step - square, at)).max()
    assert plain > 1.2e-3 > np.abs(values(whole * step - square, at)).max()


def test_parts_that_are_rounded_together_are_rounded_as_each_alone(monkeypatch):
    """Also in blocks of a few rows, with zeros for the degrees that only others have."""
    parts = [Unrounded(torch.from_numpy(smooth(*shape)), 1e-3 / shape[0]) for shape in ((9, 3), (12, 7), (10, 1))]
    alone = [rounding.rounded([part], 2**31 - 1)[0] for part in parts]
    monkeypatch.setattr(rounding, "ERRORS_BYTES", dict.fromkeys((False, True), 5 * 4 * 25**2))
    for one, (whole, step) in zip(rounding.rounded(parts, 2**31 - 1), alone, strict=True):
        assert one[1] == step
        np.testing.assert_array_equal(one[0], whole)
    monkeypatch.setattr(rounding, "is_card", lambda device: True)  # rounds without a look, and counts filled up to 16
    for part, (whole, step), (_, usual) in zip(parts, rounding.rounded(parts, 2**31 - 1), alone, strict=True):
        assert whole.shape == part.square.shape
        assert step == pytest.approx(usual, rel=0.3)
        off = np.abs(values((whole * step - part.square).numpy(), np.linspace(-1, 1, 101))).max()
        assert 0.5 * part.within <= off <= 1.02 * part.within


def test_integers_that_do_not_fit_are_told():
    square = smooth()
    square[:, 0, 0] = 10
    assert rounded(square, 1e-4, 32767) is None
    assert rounded(square, 1e-4, 2**31 - 1) is not None


def test_a_step_is_found_where_nothing_can_be_mended(monkeypatch):
    monkeypatch.setattr(rounding, "PULL", 0.0)
    monkeypatch.setattr(rounding, "SHARES", np.array([4.0, 3.0]))
    square = smooth()
    whole, step = rounded(square, 1e-3, 2**31 - 1)
    assert step == pytest.approx(1e-3 * BORDER / rounding.NEAR_ZERO / 14**2)
    assert np.abs(values(whole * step - square, np.linspace(-1, 1, 101))).max() <= BORDER * 1e-3


def test_nothing_but_zeros_can_be_rounded():
    whole, step = rounded(np.zeros((2, 3, 3)), 1e-33, 32767)
    assert not whole.any()
    assert step > 0


def test_coefficients_that_are_left_out_add_up_to_little():
    square = smooth()
    stored = np.abs(to_shells(np.moveaxis(square, 0, -1)))
    withins = (1e-1, 1e-3, 1e-6)
    for within, count in zip(withins, trimmed_counts([torch.from_numpy(square)] * 3, withins), strict=True):
        assert stored[count**2 :].sum(axis=0).max() <= within
        assert stored[(count - 1) ** 2 :].sum(axis=0).max() > within
    assert trimmed_counts([torch.zeros(1, 4, 4)], [1e-3]) == [1]
