"""One pixel has one label, to the last bit, however its grid was reached; and typed decimals find it."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rangegeo.grid.labels import Lattice, exact_step

DEGREES = (0.01, 0.03, 0.3, 1 / 3, 1 / 7, 1 / 120, 0.012345, 0.0089831117, 2.5, 0.1234567890123)
METRES = (10.0, 30.0, 0.5, 1000 / 3, 926.625433, 1000.0)

places = st.one_of(
    st.tuples(st.just(True), st.sampled_from(DEGREES), st.floats(-180, 180)),
    st.tuples(st.just(True), st.sampled_from(DEGREES), st.decimals(-180, 180, places=4).map(float)),
    st.tuples(st.just(False), st.sampled_from(METRES), st.floats(-9e6, 9e6)),
    st.tuples(st.just(False), st.sampled_from(METRES), st.integers(-9_000_000, 9_000_000).map(float)),
)


def labels(corner: float, step: float, length: int, is_angle: bool = True) -> np.ndarray:
    return Lattice.of(corner, step, is_angle=is_angle).labels(length)


@settings(deadline=None)
@given(place=places, first=st.integers(0, 400), length=st.integers(1, 30), ulps=st.integers(-1, 1))
def test_a_part_has_the_labels_of_the_whole(place, first, length, ulps):
    """Whether its corner is computed from the corner of the whole, from a label, or exactly; and turned around too."""
    is_angle, step, corner = place
    lattice = Lattice.of(corner, step, is_angle=is_angle)
    whole = lattice.labels(first + length)
    exact = lattice.part(Fraction(first), Fraction(1)).corner
    for start in (float(exact), corner + first * step, whole[first] - step / 2):
        noisy = start + ulps * math.ulp(start)
        np.testing.assert_array_equal(labels(noisy, step, length, is_angle), whole[first:])
    end = float(exact + length * lattice.step)
    np.testing.assert_array_equal(labels(end, -step, length, is_angle)[::-1], whole[first:])


@given(place=places, length=st.integers(2, 300))
def test_labels_are_the_centres(place, length):
    is_angle, step, corner = place
    found = labels(corner, step, length, is_angle)
    assert np.abs(found - (corner + (np.arange(length) + 0.5) * step)).max() < 1e-6 * step + 4 * math.ulp(corner)


@settings(deadline=None)
@given(step=st.sampled_from(DEGREES + METRES), rows=st.tuples(*[st.integers(-9000, 9000)] * 2))
def test_two_lattices_share_exactly_their_common_pixels(step, rows):
    one, other = (labels(row * step, step, 100, step < 3) for row in rows)
    assert len(np.intersect1d(one, other)) == max(0, 100 - abs(rows[0] - rows[1]))


@given(corner=st.decimals(-179, 179, places=3), step=st.decimals("0.001", "2", places=4), at=st.integers(0, 3000))
def test_typed_decimals_find_a_pixel(corner, step, at):
    assume(step)
    assert labels(float(corner), float(step), at + 1)[at] == float(corner + step * at + step / 2)


@pytest.mark.parametrize(
    ("corner", "step", "typed"),
    [
        (5, 0.01, [5.005, 5.015, 5.025]),
        (48, -0.01, [47.995, 47.985, 47.975]),
        (5, 0.03, [5.015, 5.045, 5.075]),
        (0.1 + 0.2, 0.1, [0.35, 0.45, 0.55]),
        (1, 3 * 0.1, [1.15, 1.45, 1.75]),
        (-180, 1 / 120, [-180 + 1 / 240, -179.9875, -180 + 5 / 240]),
    ],
)
def test_labels_are_what_people_type(corner, step, typed):
    assert labels(corner, step, 3).tolist() == typed


def test_every_factor_of_a_step_is_read():
    assert exact_step(3 * 0.1) == Fraction(3, 10)
    assert exact_step(1 / 3) == Fraction(1, 3)
    assert exact_step(-0.0083333333) == Fraction(-83333333, 10**10)
    assert exact_step(1e-9) == Fraction(1, 10**9)


def test_long_axes_and_steps_below_round_off():
    """Numbers that float64 does not hold exactly are divided as Python's integers."""
    long = labels(-179.123456789, 0.0011111111, 300_000)
    assert (np.diff(long) > 0).all()
    assert labels(-17.0, 1e-9, 2, is_angle=False).tolist() == [-17.0 + 5e-10, -17.0 + 1.5e-9]
