"""Chebyshev interpolation on rectangles, as a product of interpolations along the two sides.

If a smooth field is interpolated between n x n Chebyshev points, the error falls geometrically as n grows. The points
are nested (n, then 2n - 1), so a rectangle that gets more points keeps all values it already has. Plain Chebyshev
points crowd towards the ends. A map spreads them more evenly, because a field that varies equally everywhere then needs
fewer.

Source: Trefethen, Approximation Theory and Approximation Practice, chapters 2 to 8 and 22; Kosloff and Tal-Ezer 1993,
doi:10.1006/jcph.1993.1044, for the map; Berrut and Trefethen 2004, doi:10.1137/S0036144502417715, for the
barycentric formula.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from rangegeo.field.precision import full_precision

LEVELS = (11, 21, 41)  # points along each side of a rectangle; each level contains all points of the one before
# How strongly the map spreads the points; 0 would leave plain Chebyshev points. At 0.85 41 points still resolve the map
# itself to 4e-10, and RANGE+ needs a quarter fewer points.
STRETCH = 0.85
BANDS_AT_ONCE = 64  # the result of the first of the two products then stays in the processor's cache
SAME_POINT = 1e-15  # positions closer than this are the same node; mapping a node and back moves it less
TAIL = 2  # the error is estimated from so many of the last coefficients along each axis


@lru_cache
def nodes(count: int) -> Tensor:
    """(count,) float64 mapped Chebyshev points of the second kind in [-1, 1] on the CPU, ascending, with both ends."""
    return (torch.asin(STRETCH * _chebyshev_points(count)) / math.asin(STRETCH)).clamp(-1, 1)


def unmap(at: Tensor) -> Tensor:
    """Undo the map: positions in [-1, 1] to float64 positions. Nodes become plain Chebyshev points."""
    return torch.sin(at.double() * math.asin(STRETCH)) / STRETCH


@lru_cache
def _chebyshev_points(count: int) -> Tensor:
    """(count,) float64 plain Chebyshev points on the CPU, ascending."""
    points = -torch.cos(math.pi * torch.arange(count, dtype=torch.float64, device="cpu") / (count - 1))
    return (points - points.flip(0)) / 2  # makes them exactly symmetric


@lru_cache
def to_coefficients(count: int) -> Tensor:
    """(count, count) float64 matrix on the CPU that turns values at the nodes into Chebyshev coefficients."""
    k = torch.arange(count, dtype=torch.float64, device="cpu")
    cosines = torch.cos(math.pi * torch.outer(k, count - 1 - k) / (count - 1))
    ends = torch.ones(count, dtype=torch.float64, device="cpu")
    ends[[0, -1]] = 0.5
    return 2 / (count - 1) * ends[:, None] * cosines * ends


def interpolation_matrix(count: int, at: Tensor) -> Tensor:
    """(m, count) float64 matrix that turns values at the nodes into values at `at`, (m,) positions in [-1, 1].

    It is on the device of the positions.
    """
    weights = torch.ones(count, dtype=torch.float64, device=at.device)
    weights[1::2] = -1.0
    weights[[0, -1]] *= 0.5
    distance = unmap(at)[:, None] - _chebyshev_points(count).to(at.device)
    exact = distance.abs() < SAME_POINT
    ratios = weights / distance.masked_fill(exact, 1.0)
    matrix = ratios / ratios.sum(dim=1, keepdim=True)
    hit = exact.any(dim=1)
    matrix[hit] = exact[hit].double()
    return matrix


def interpolate(values: Tensor, rows: Tensor, cols: Tensor) -> Tensor:
    """Interpolate a patch: (..., ny, nx) values at its nodes to (..., h, w) values.

    The matrices are computed in float64 and applied in the dtype of the values.

    Args:
        values: at the nodes.
        rows: (h,) positions in [-1, 1] along the first of the two axes.
        cols: (w,) positions in [-1, 1] along the second.
    """
    down, across = (
        interpolation_matrix(count, at).to(values.device, values.dtype)
        for count, at in ((values.shape[-2], rows), (values.shape[-1], cols))
    )
    return interpolate_by(down, across, values)


def interpolate_by(down: Tensor, across: Tensor, values: Tensor, out: Tensor | None = None) -> Tensor:
    """`interpolate` with matrices that are there already.

    Args:
        down, across: (h, ny) and (w, nx) matrices, as `interpolation_matrix` gives them, on the device and in the dtype
            of the values.
        values: (..., ny, nx) at the nodes.
        out: a contiguous tensor for the result; by default a new one.
    """
    height, width = len(down), len(across)
    if out is None:
        out = values.new_empty(*values.shape[:-2], height, width)
    flat, pixels = values.reshape(-1, *values.shape[-2:]), out.view(-1, height, width)
    size = BANDS_AT_ONCE if values.device.type == "cpu" else max(1, len(flat))
    with full_precision():
        for start in range(0, len(flat), size):
            bands = flat[start : start + size]
            half = (bands.reshape(-1, bands.shape[-1]) @ across.T).view(len(bands), -1, width)
            torch.bmm(down.expand(len(bands), -1, -1), half, out=pixels[start : start + size])
    return out


def coefficients(values: Tensor) -> Tensor:
    """(..., n, n) values at nodes to (..., n, n) float64 Chebyshev coefficients, on their device."""
    change = to_coefficients(values.shape[-1]).to(values.device)
    return change @ values.double() @ change.T


def largest_tail(coefficients: Tensor) -> Tensor:
    """The largest error that (bands, n, n) coefficients let expect of their polynomials, a tensor of one number.

    The coefficients shrink geometrically. So those that are left out add up to about as much as the last ones.
    """
    size = coefficients.abs()
    return torch.maximum(size[:, -TAIL:, :].sum(dim=(1, 2)), size[:, :, -TAIL:].sum(dim=(1, 2))).amax()


def estimated_error(values: Tensor) -> float:
    """Estimate the largest error of interpolating (bands, n, n) values at nodes."""
    return float(largest_tail(coefficients(values)))
