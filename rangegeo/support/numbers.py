"""Numbers as users give them: of Python, numpy or torch, checked without warnings of these packages."""

from __future__ import annotations

import re
from numbers import Complex, Integral, Real
from typing import Any

from rangegeo.errors import UsageError

UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
NUMBER_OF_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e[0-9]{1,2})?) *((?:[kmgt]i?)?)b?")
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


def parse_bytes(given: object, name: str) -> int:
    """A number of bytes from text such as "4GB", "500 MB" or "2GiB", or from a number.

    Args:
        name: of the argument, for messages.
    Raises:
        UsageError: it is no number of bytes, or not above 0.
    """
    found = NUMBER_OF_BYTES.fullmatch(str(given).strip().lower())
    count = int(float(found[1]) * UNITS[found[2]]) if found else 0
    if count < 1:
        raise UsageError(argument=name, expected="a number of bytes", got=repr(given), example="4GB")
    return count


def check_seed(seed: int) -> int:
    """The seed of random numbers, as an int of Python.

    Raises:
        UsageError: it is no whole number from 0 to 4294967295.
    """
    if not is_whole(seed) or not 0 <= seed <= LARGEST_SEED:
        expected = f"a whole number from 0 to {LARGEST_SEED}"
        raise UsageError(argument="seed", expected=expected, got=repr(seed), example=0)
    return int(seed)
