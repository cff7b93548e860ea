"""The labels of rows and columns: one pixel has one label, to the last bit, however its grid was reached.

A label is the coordinate of a pixel's centre. The corner of a grid carries the rounding of whatever computed it, and
xarray drops pixels whose labels differ in the last bit. So step and corner are read as the exact numbers that they
stand for, and each label is the one float64 that is nearest to the exact centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

ANGLE_DECIMALS, LENGTH_DECIMALS = 11, 6  # of a degree and of a metre; at least eight times the rounding of a corner
SIMPLE_STEP = 10**7  # the largest denominator of a step such as 1/3 or 0.0025
STEP_ULPS = 4  # a computed step such as 3 * 0.1 may be off by so many units in its last place
SIMPLE_CORNER = 100  # the largest denominator of a place between two multiples of a step that is no decimal number
SEAM = Fraction(382, 1000)  # of a unit; where decimals are counted from the next one, which is where no corner is
COARSEST = 100  # a pixel is at least so many times as large as the last decimal of its corner
EXACT = 2**53  # float64 holds all integers up to here


@dataclass(frozen=True, slots=True)
class Lattice:
    """Pixels along one axis, with the exact numbers that floats stand for.

    Attributes:
        corner: where the first pixel begins.
        step: from a pixel to the next; negative if the coordinates fall.
    """

    corner: Fraction
    step: Fraction

    @classmethod
    def of(cls, corner: float, step: float, *, is_angle: bool, noise: float = 0.0) -> Lattice:
        """The lattice that a corner and a step stand for.

        What the corner exceeds a multiple of the step is read as a ratio of small integers if it is near one, else as a
        decimal number. Neither depends on which pixel of the lattice comes first, nor on the last bits of the corner.

        Args:
            is_angle: whether the coordinates are angles; lengths are larger, so they have fewer decimals.
            noise: how far the corner may be off, if that is more than the rounding of a float64.
        """
        exact = exact_step(step)
        size, digits = abs(exact), ANGLE_DECIMALS if is_angle else LENGTH_DECIMALS
        if noise:
            digits = min(digits, math.floor(-math.log10(4 * noise)))
        last = Fraction(10) ** -digits
        if size < COARSEST * last:  # float64 hardly tells such pixels apart
            return cls(Fraction(corner), exact)
        # What exceeds a multiple of the step is read, and not the corner, for a step such as 1/3 is no decimal number.
        # A fraction of the step serves every n-th pixel and blocks of pixels too.
        unit = Fraction(1, 2 * exact.denominator)
        unit = unit if unit >= 10 * last else size
        whole = math.floor(Fraction(corner) / unit + SEAM) * unit
        rest = round((Fraction(corner) - whole) / last) * last
        largest = min(SIMPLE_CORNER, math.isqrt(int(unit / last / 10)))  # so that no two ratios are near one place
        simple = (rest / unit).limit_denominator(largest) * unit
        return cls(whole + (simple if abs(simple - rest) < last else rest), exact)

    def labels(self, length: int) -> np.ndarray:
        """The centres of the first `length` pixels, (length,) float64, each correctly rounded."""
        first = self.corner + self.step / 2
        below = math.lcm(first.denominator, self.step.denominator)
        start, step = int(first * below), int(self.step * below)
        if max(abs(start), abs(start + step * length), below) <= EXACT:  # a quotient of exact floats
            return (start + step * np.arange(length, dtype=np.int64)) / np.float64(below)
        return np.array([(start + step * i) / below for i in range(length)], dtype=np.float64)  # of Python's integers

    def part(self, first: Fraction, factor: Fraction) -> Lattice:
        """The lattice of pixels `factor` times as wide, the first of which has its centre `first` pixels further on."""
        return Lattice(self.corner + (first + Fraction(1, 2) - factor / 2) * self.step, self.step * factor)


def exact_step(step: float) -> Fraction:
    """The exact number that a step stands for: a ratio of small integers, else the decimals it is written with."""
    simple = Fraction(step).limit_denominator(SIMPLE_STEP)
    near = abs(float(simple) - step) <= STEP_ULPS * math.ulp(step)
    return simple if near and simple else Fraction(repr(float(step)))
