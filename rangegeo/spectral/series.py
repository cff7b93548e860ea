"""Polynomials of two variables in Chebyshev form, in NumPy: evaluated on grids and at places, cut, and multiplied.

A series is an array (bands, n, n) of coefficients by the degree along latitude and the degree along longitude. Its
arguments w and u are the mapped positions of the layout, from -1 to 1.

Source: Trefethen, Approximation Theory and Approximation Practice, chapters 2 to 4.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

BANDS_AT_ONCE = 64  # the result of the first of the two products then stays in the processor's cache
WEIGHTS_AT_ONCE = 2**22  # products of polynomials that are in memory at a time, 16 MB of float32
MORE_DEGREES = (4, 10)  # coefficients that a quarter needs besides half of them; 2 were enough for the embedded model
MOST_HALVINGS = 3  # of a series along each side
CUTTING = 24  # products that are saved must be so many times more than those of a quarter; measured
NEGLIGIBLE = 2e-6  # of the largest coefficient; float32 rounds as much


def polynomials(count: int, at: np.ndarray) -> np.ndarray:
    """(m, count) float32 values of T_0 to T_(count - 1) at (m,) arguments from -1 to 1; computed in float64."""
    angle = np.arccos(np.clip(at, -1.0, 1.0))
    return np.cos(angle[:, None] * np.arange(count)).astype(np.float32)


@lru_cache
def _points(count: int) -> np.ndarray:
    """(count,) Chebyshev points, from -1 to 1."""
    return -np.cos(math.pi * np.arange(count) / max(1, count - 1))


@lru_cache
def _to_coefficients(count: int) -> np.ndarray:
    """(count, count) float64: values at the Chebyshev points to coefficients."""
    if count == 1:
        return np.ones((1, 1))
    k = np.arange(count)
    ends = np.ones(count)
    ends[[0, -1]] = 0.5
    return 2 / (count - 1) * ends[:, None] * np.cos(math.pi * np.outer(k, count - 1 - k) / (count - 1)) * ends


def on_grid(series: np.ndarray, down: np.ndarray, across: np.ndarray, out: np.ndarray) -> None:
    """Evaluate a series at the crossings of rows and columns.

    Args:
        series: (bands, n, n) float32.
        down, across: (h, n or more) and (k, n or more), the `polynomials` at the rows and at the columns.
        out: (bands, h, k) float32, which is filled.
    """
    count = series.shape[-1]
    down, across = down[:, :count], across[:, :count]
    for start in range(0, len(series), BANDS_AT_ONCE):
        some = series[start : start + BANDS_AT_ONCE]
        half = (some.reshape(-1, count) @ across.T).reshape(len(some), count, len(across))
        np.matmul(down, half, out=out[start : start + BANDS_AT_ONCE])


def at_places(series: np.ndarray, w: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Evaluate a series at scattered places: (m, bands) float32 at (m,) arguments along both sides.

    Many places in a small part of the series are evaluated from that part, which has fewer coefficients.
    """
    out = np.empty((len(w), len(series)), np.float32)
    _fill(series, w, u, out, np.arange(len(w)), (-1.0, 1.0, -1.0, 1.0), MOST_HALVINGS)
    return out


def _fill(
    series: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    out: np.ndarray,
    rows: np.ndarray,
    box: tuple[float, float, float, float],
    halvings: int,
) -> None:
    """Evaluate the places `rows`, which lie in a box of arguments that the series is for, or in its quarters."""
    count = series.shape[-1]
    smaller = _smaller(count)
    saved = len(rows) * (count**2 - smaller**2)
    if halvings and smaller < count and saved > CUTTING * smaller * count * (count + smaller):
        low_w, high_w, low_u, high_u = box
        middle_w, middle_u = (low_w + high_w) / 2, (low_u + high_u) / 2
        for south in (True, False):
            for west in (True, False):
                inside = rows[((w[rows] < middle_w) == south) & ((u[rows] < middle_u) == west)]
                if not len(inside):
                    continue
                down = (low_w, middle_w) if south else (middle_w, high_w)
                across = (low_u, middle_u) if west else (middle_u, high_u)
                part = quarter(series, south=south, west=west)
                _fill(part, w, u, out, inside, (*down, *across), halvings - 1)
        return
    local_w, local_u = (2 * (at[rows] - low) / (high - low) - 1 for at, low, high in ((w, *box[:2]), (u, *box[2:])))
    flat = series.reshape(len(series), -1).T
    size = max(1, WEIGHTS_AT_ONCE // count**2)
    for start in range(0, len(rows), size):
        some = slice(start, start + size)
        along_lat, along_lon = polynomials(count, local_w[some]), polynomials(count, local_u[some])
        weights = (along_lat[:, :, None] * along_lon[:, None, :]).reshape(len(along_lat), -1)
        out[rows[some]] = weights @ flat


def _smaller(count: int) -> int:
    """How many coefficients a side a quarter of a series gets."""
    return min(count, count // 2 + MORE_DEGREES[0])


def quarter(series: np.ndarray, *, south: bool, west: bool) -> np.ndarray:
    """A quarter of a series as a series of its own, with fewer coefficients where these are enough.

    On half of a side a polynomial varies half as much, so half of its coefficients, and some more, are enough. If the
    last of them are not small, the quarter gets as many as the series.
    """
    count = series.shape[-1]
    for wanted in (count // 2 + more for more in MORE_DEGREES if count // 2 + more < count):
        part = _cut(series, wanted, south=south, west=west)
        last = max(float(np.abs(part[:, -2:, :]).max()), float(np.abs(part[:, :, -2:]).max()))
        if last <= NEGLIGIBLE * float(np.abs(part).max()):
            return part
    return _cut(series, count, south=south, west=west)


def _cut(series: np.ndarray, wanted: int, *, south: bool, west: bool) -> np.ndarray:
    """The coefficients of a quarter, from the values at its Chebyshev points: (bands, wanted, wanted) float32."""
    change = _halving(series.shape[-1], wanted, low=south), _halving(series.shape[-1], wanted, low=west)
    half = series @ change[1].T
    return np.matmul(change[0], half)


@lru_cache
def _halving(count: int, wanted: int, *, low: bool) -> np.ndarray:
    """(wanted, count) float32: coefficients of a polynomial to those of its lower or upper half."""
    at = (_points(wanted) + (-1 if low else 1)) / 2
    return (_to_coefficients(wanted) @ np.cos(np.arccos(at)[:, None] * np.arange(count))).astype(np.float32)


def product(series: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """A series times a series of one band: (bands, n + m - 1, n + m - 1), without an error."""
    count = series.shape[-1] + factor.shape[-1] - 1
    at = _points(count)
    change = _to_coefficients(count)
    values = _values(series, at) * _values(factor, at)
    return np.matmul(change @ values, change.T).astype(np.float32)


def _values(series: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(bands, m, m) float64 values at the crossings of (m,) arguments."""
    basis = np.cos(np.arccos(at)[:, None] * np.arange(series.shape[-1]))
    return np.matmul(basis @ series.astype(np.float64), basis.T)
