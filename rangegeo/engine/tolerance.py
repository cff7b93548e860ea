"""The tolerance of interpolation."""

from __future__ import annotations

from numbers import Real

from rangegeo.errors import UsageError

TOLERANCE = 1e-5
SMALLEST_TOLERANCE = 4e-6  # float32 round-off of the exact evaluation itself is up to 3e-6, measured at ten places


def check_tolerance(tolerance: float) -> float:
    """Of interpolation, relative to each component's largest value.

    Raises:
        UsageError: it is smaller than round-off, or so large that it means nothing.
    """
    if not isinstance(tolerance, Real):
        raise UsageError(f"--tolerance must be a number, got {tolerance!r}; for example 1e-5")
    if not SMALLEST_TOLERANCE <= tolerance <= 0.1:
        raise UsageError(
            f"--tolerance must be in [{SMALLEST_TOLERANCE:g}, 0.1], got {tolerance:g}; for example --tolerance 1e-5, "
            "or --exact to evaluate every pixel"
        )
    return tolerance
