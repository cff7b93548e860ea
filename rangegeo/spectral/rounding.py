"""Coefficients as integers times a step, as coarse as a tolerance allows. The error is looked for all over the tile.

Where plain rounding is off by too much at some places, other coefficients are rounded up or down instead, so that their
errors cancel there. So the step can be a third larger than with plain rounding, and a planet takes an eighth less room.
"""

from __future__ import annotations

import numpy as np

from rangegeo.spectral.layout import unmapped

WHOLE = np.array([(-1.0, 1.0), (-1.0, 1.0)])
USUAL = 0.9  # the largest error of n x n coefficients is about this, times n, times the step
SHARES = 0.95 ** np.arange(-9, 24)  # of the step of plain rounding that are tried, the largest first
ROUNDS = 40  # of mending
GIVE_UP, LEFT = 16, 0.9  # a smaller step is tried if so many rounds leave more than this share of the bands to mend
PULL = 5.0  # how strongly errors are pulled back; with 3 and with 7 the planet takes half a percent more
AIM = 0.98  # of the limit: what errors are pulled back to
# What borders of a tile may be off by, as a share of the rest of it: two sides of a border differ by both their errors.
# Half would do for differences within the tolerance; it takes a twelfth more bytes and three times as long to find.
BORDER = 0.65


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
        within: the largest error of the values anywhere in the tile that rounding may cause, in their units, above 0;
            on its borders it is `BORDER` times that.
        largest: integer that can be stored.
        sides: the tile in its domain: first and last position along latitude, then along longitude.
    Returns:
        (n, n, bands) int32 integers, and the step. None if an integer would be too large.
    """
    count = len(square)
    bands = np.ascontiguousarray(np.moveaxis(square, -1, 0))
    down, across = (_dense_matrix(count, side) for side in sides)
    limit = np.full((len(down), len(across)), within)
    limit[[0, -1]] = limit[:, [0, -1]] = BORDER * within
    step = within / (USUAL * count)
    steps = bands / step
    step *= within / max(float(np.abs(_errors(np.rint(steps) - steps, down, across)).max()) * step, 0.2 * within)
    for share in SHARES:
        whole = _mended(bands / (step * share), down, across, (limit / (step * share)).astype(np.float32))
        if whole is not None:
            step *= share
            break
    else:
        step = 2 * BORDER * within / count**2  # all coefficients are off by at most half a step
        whole = np.rint(bands / step)
    if np.abs(whole).max() > largest:
        return None
    return np.moveaxis(whole, 0, -1).astype(np.int32), float(step)


def _mended(steps: np.ndarray, down: np.ndarray, across: np.ndarray, limit: np.ndarray) -> np.ndarray | None:
    """Integers near coefficients whose errors keep a limit everywhere; None if none are found.

    Each round looks for places where the error of a band is too large, and moves the coefficients of that band a little
    against it before they are rounded again.

    Args:
        steps: (bands, n, n) coefficients, in steps.
        down, across: Chebyshev polynomials at the dense points along latitude and along longitude.
        limit: of the error at these points, in steps.
    """
    whole, wanted = np.rint(steps), steps.copy()
    waiting, before = np.arange(len(steps)), [len(steps)]
    pull = np.float32(PULL / steps.shape[-1] ** 2)
    for turn in range(ROUNDS):
        errors = _errors(whole[waiting] - steps[waiting], down, across)
        bad = ~(np.abs(errors) <= limit).all(axis=(1, 2))
        if not bad.any():
            return whole
        waiting, errors = waiting[bad], errors[bad]
        before.append(len(waiting))
        if turn >= GIVE_UP and before[-1] > LEFT * before[-1 - GIVE_UP]:
            return None
        excess = np.clip(errors - np.clip(errors, -AIM * limit, AIM * limit), -limit, limit)
        wanted[waiting] -= pull * (down.T @ excess @ across)
        whole[waiting] = np.rint(wanted[waiting])
    return None


def _errors(residues: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """(bands, points, points) float32 values of polynomials, (bands, n, n) coefficients, at the dense points."""
    return (down @ residues.astype(np.float32)) @ across.T


def _dense_matrix(count: int, side: np.ndarray) -> np.ndarray:
    """(2 count + 1, count) float32 Chebyshev polynomials at points so dense that a maximum is hardly missed.

    Args:
        side: first and last position, within [-1, 1].
    """
    last, first = np.arccos(unmapped(side))
    angle = np.linspace(first, last, 2 * count + 1)
    return np.cos(angle[:, None] * np.arange(count)).astype(np.float32)
