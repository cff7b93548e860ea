"""Interpolation at Chebyshev points: exact for polynomials, geometric for smooth functions, honest in its estimate."""

from __future__ import annotations

import pytest
import torch

from rangegeo.field.chebyshev import (
    LEVELS,
    estimated_error,
    interpolate,
    interpolation_matrix,
    nodes,
    to_coefficients,
    unmap,
)


def wave(x: torch.Tensor, y: torch.Tensor, frequency: float) -> torch.Tensor:
    """(1, len(y), len(x)) values of a smooth function."""
    return torch.cos(frequency * x[None, None, :] + 0.3) * torch.exp(0.7 * frequency * y[None, :, None] / 3)


@pytest.mark.parametrize("level", LEVELS)
def test_points_are_nested_symmetric_and_reach_both_ends(level: int):
    points = nodes(level)
    assert points[0] == -1
    assert points[-1] == 1
    assert torch.equal(points, -points.flip(0))
    assert torch.allclose(nodes(2 * level - 1)[::2], points, rtol=0, atol=1e-15)


@pytest.mark.parametrize("level", LEVELS)
def test_polynomials_of_the_unmapped_coordinate_below_the_number_of_points_are_exact(level: int):
    at = torch.linspace(-1, 1, 41, dtype=torch.float64)
    for degree in (0, 1, 5, level - 1):
        chebyshev = torch.cos(degree * torch.acos(unmap(nodes(level))))
        expected = torch.cos(degree * torch.acos(unmap(at)))
        assert torch.allclose(interpolation_matrix(level, at) @ chebyshev, expected, rtol=0, atol=1e-12)


def test_a_point_gives_its_own_value_to_the_last_bit():
    values = torch.randn(17, dtype=torch.float64)
    assert torch.equal(interpolation_matrix(17, nodes(17)) @ values, values)


def test_coefficients_of_a_chebyshev_polynomial_are_one_and_zeros():
    points = unmap(nodes(9))
    for degree in range(9):
        coefficients = to_coefficients(9) @ torch.cos(degree * torch.acos(points))
        assert torch.allclose(coefficients, torch.eye(9, dtype=torch.float64)[degree], rtol=0, atol=1e-14)


def test_rows_and_columns_are_not_exchanged():
    values = (nodes(41)[:, None] * 10 + nodes(41)[None, :])[None]
    found = interpolate(
        values, torch.tensor([0.5], dtype=torch.float64), torch.tensor([-0.25, 1.0], dtype=torch.float64)
    )
    assert torch.allclose(found[0], torch.tensor([[4.75, 6.0]], dtype=torch.float64), atol=1e-8)


def test_the_map_needs_fewer_points_than_plain_chebyshev_points_would():
    at = torch.linspace(-1, 1, 400, dtype=torch.float64)
    frequency, count = 33.0, 41
    plain = torch.cos(torch.pi * torch.arange(count, dtype=torch.float64) / (count - 1))
    fitted = torch.linalg.solve(
        torch.cos(torch.outer(torch.acos(plain), torch.arange(count))), torch.cos(frequency * plain + 0.3)
    )
    expected = torch.cos(frequency * at + 0.3)
    error_plain = (torch.cos(torch.outer(torch.acos(at), torch.arange(count))) @ fitted - expected).abs().max()
    error = (interpolation_matrix(count, at) @ torch.cos(frequency * nodes(count) + 0.3) - expected).abs().max()
    assert error < 0.1 * error_plain


@pytest.mark.parametrize("frequency", [0.5, 2.0, 5.0, 12.0])
def test_the_estimate_bounds_the_error_and_is_not_wildly_above_it(frequency: float):
    at = torch.linspace(-1, 1, 60, dtype=torch.float64)
    for level in LEVELS:
        values = wave(nodes(level), nodes(level), frequency)
        error = float((interpolate(values, at, at) - wave(at, at, frequency)).abs().max())
        estimate = estimated_error(values)
        scale = float(values.abs().max())
        if estimate < 0.1 * scale:  # a larger estimate only tells that nothing has converged
            assert error <= estimate + 1e-13 * scale
        if error > 1e-9:
            assert estimate < 1e4 * error


def test_a_jump_is_never_called_converged():
    for level in LEVELS:
        values = (nodes(level)[None, :, None] > 0.1).double().expand(1, level, level)
        assert estimated_error(values) > 0.01


def test_float32_values_are_interpolated_to_float32_round_off():
    at = torch.linspace(-1, 1, 100, dtype=torch.float64)
    values = wave(nodes(33), nodes(33), 3.0)
    difference = interpolate(values.float(), at, at).double() - wave(at, at, 3.0)
    assert difference.abs().max() < 2e-6 * values.abs().max()
