"""The tolerance of interpolation."""

from __future__ import annotations

from numbers import Real

from rangegeo.errors import UsageError, argument

TOLERANCE = 1e-5  # the default
SMALLEST_TOLERANCE = 4e-6  # float32 rounding changes exact values by up to 3e-6, measured at ten places


EXACT_PIXELS = f"{argument('exact', True)} to evaluate every pixel"


def check_tolerance(tolerance: float, otherwise: str = EXACT_PIXELS) -> float:
    """The tolerance, unchanged: the largest error of interpolation, relative to each component's largest value.

    Args:
        otherwise: how to do without interpolation, for the message.
    Raises:
        UsageError: it is smaller than round-off, or so large that it means nothing.
    """
    if not isinstance(tolerance, Real):
        raise UsageError(argument="tolerance", expected="a number", got=repr(tolerance), example=1e-5)
    if not SMALLEST_TOLERANCE <= tolerance <= 0.1:
        raise UsageError(
            f"{argument('tolerance')} must be in [{SMALLEST_TOLERANCE:g}, 0.1], got {tolerance:g}; for example "
            f"{argument('tolerance', 1e-5)}, or {otherwise}"
        )
    return tolerance
