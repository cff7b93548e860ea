"""Rows and columns of a grid: each lies in one tile, and has the polynomials of its place there."""

from __future__ import annotations

import numpy as np

from rangegeo.spectral.layout import chebyshev_matrix
from rangegeo.spectral.sides import Side

BOXES = np.array([[0.0, 10.0], [10.0, 20.0], [170.0, 180.0]])
DOMAINS = BOXES + np.array([-0.1, 0.1])
STRETCH = 0.85


def side(along: list[float]) -> Side:
    return Side.of(np.array(along), BOXES, DOMAINS, 180.0, STRETCH, 5)


def test_a_border_belongs_to_the_tile_after_it_and_the_end_of_the_globe_to_the_last():
    found = side([-1, 0, 9, 10, 19, 20, 180])
    assert [found.of_tile(number)[0] for number in range(3)] == [slice(1, 3), slice(3, 5), slice(6, 7)]


def test_columns_that_do_not_follow_one_another():
    indices, _ = side([5, 15, 6]).of_tile(0)
    assert isinstance(indices, np.ndarray)
    assert indices.tolist() == [0, 2]


def test_a_tile_without_any():
    indices, polynomials = side([5]).of_tile(1)
    assert len(indices) == len(polynomials) == 0


def test_polynomials_are_those_of_the_layout():
    _, found = side([2.0, 7.0, 12.0]).of_tile(0)
    positions = 2 * (np.array([2.0, 7.0]) + 0.1) / 10.2 - 1
    np.testing.assert_allclose(found, chebyshev_matrix(5, positions, STRETCH), atol=1e-6)
