"""Numbers as users give them: of Python, numpy or torch, checked without warnings of these packages."""

from __future__ import annotations

from numbers import Complex, Integral, Real
from typing import Any

from rangegeo.errors import UsageError

LARGEST_SEED = 2**32 - 1  # that scikit-learn takes


def real(value: Any) -> float:
    """A real number, or text of one, as a float.

    Raises:
        TypeError, ValueError: it is no real number. numpy alone would warn of a complex one and drop a part of it.
    """
    is_complex = isinstance(value, Complex) and not isinstance(value, Real)
    if is_complex or getattr(getattr(value, "dtype", None), "kind", "") == "c":
        raise TypeError("it is complex")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def is_whole(value: object) -> bool:
    """Whether this is an integer of Python or numpy; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_seed(seed: int) -> int:
    """The seed of random numbers, as an int of Python.

    Raises:
        UsageError: it is no whole number from 0 to 4294967295.
    """
    if not is_whole(seed) or not 0 <= seed <= LARGEST_SEED:
        expected = f"a whole number from 0 to {LARGEST_SEED}"
        raise UsageError(argument="seed", expected=expected, got=repr(seed), example=0)
    return int(seed)
