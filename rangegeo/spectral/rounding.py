"""Coefficients as integers times a step, as coarse as a tolerance allows. The error is looked for all over the tile."""

from __future__ import annotations

import numpy as np

from rangegeo.spectral.layout import unmapped

TRIES = 8  # steps that are tried
CLOSE = 0.9  # a step is coarse enough if its error is this share of what is allowed
SAFE, SHORTEST, LONGEST = 0.95, 0.25, 2.0  # how far the next step may be from the last one
WHOLE = np.array([(-1.0, 1.0), (-1.0, 1.0)])
USUAL = 1.2  # the largest error of n x n coefficients is about this, times n, times the step


def trimmed_count(square: np.ndarray, within: float) -> int:
    """The smallest n such that the coefficients whose larger degree is n or more add up to at most `within`.

    Args:
        square: (m, m, bands) Chebyshev coefficients by their two degrees.
        within: in the units of the values; in every band.
    """
    size = np.abs(square)
    shells = [size[m, : m + 1].sum(axis=0) + size[:m, m].sum(axis=0) for m in range(len(square))]
    left_out = np.cumsum(shells[::-1], axis=0)[::-1].max(axis=1)
    return max(1, int((left_out > within).sum()))


def rounded(
    square: np.ndarray, within: float, largest: int, sides: np.ndarray = WHOLE
) -> tuple[np.ndarray, float] | None:
    """Coefficients as integers times a step.

    Args:
        square: (n, n, bands) float64 Chebyshev coefficients.
        within: the largest error of the values anywhere in the tile that rounding may cause, in their units, above 0.
        largest: integer that can be stored.
        sides: the tile in its domain: first and last position along latitude, then along longitude.
    Returns:
        (n, n, bands) int32 integers, and the step. None if an integer would be too large.
    """
    count = len(square)
    down, across = (_dense_matrix(count, side) for side in sides)
    step, best = within / (USUAL * count), None
    for _ in range(TRIES):
        whole = np.rint(square / step)
        error = _largest_value(down, across, (whole * step - square).astype(np.float32))
        if error <= within and (best is None or step > best[1]):
            best = whole, step
            if error >= CLOSE * within:
                break
        step *= float(np.clip(SAFE * within / max(error, 1e-300), SHORTEST, LONGEST))
    if best is None:
        step = 2 * within / count**2  # all coefficients are off by at most half a step
        best = np.rint(square / step), step
    whole, step = best
    return (whole.astype(np.int32), step) if np.abs(whole).max() <= largest else None


def _dense_matrix(count: int, side: np.ndarray) -> np.ndarray:
    """(2 count + 1, count) float32 Chebyshev polynomials at points so dense that a maximum is hardly missed.

    Args:
        side: first and last position, within [-1, 1].
    """
    last, first = np.arccos(unmapped(side))
    angle = np.linspace(first, last, 2 * count + 1)
    return np.cos(angle[:, None] * np.arange(count)).astype(np.float32)


def _largest_value(down: np.ndarray, across: np.ndarray, square: np.ndarray) -> float:
    """The largest absolute value of polynomials, (n, n, bands) coefficients, at the product of dense points."""
    count, _, bands = square.shape
    half = (down @ square.reshape(count, -1)).reshape(len(down), count, bands)
    return max(float(np.abs(across @ row).max()) for row in half)
