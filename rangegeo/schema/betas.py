"""The betas that a user asks for, checked once for Python and the command line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rangegeo.errors import UsageError, argument

EXAMPLE = f"for example {argument('betas', (0, 0.5, 1))}"


def check_betas(beta: float | Sequence[float]) -> tuple[float, ...]:
    """One or several distinct betas, each in [0, 1], as a tuple of floats.

    Raises:
        UsageError: there is no beta, a beta is given twice, or a beta is not a number in [0, 1].
    """
    try:
        betas = tuple(float(value) for value in np.atleast_1d(np.asarray(beta, dtype=np.float64)))
    except (TypeError, ValueError):
        raise UsageError(f"beta must be a number in [0, 1], got {beta!r}; {EXAMPLE}") from None
    if not betas:
        raise UsageError(f"beta must have at least one value; {EXAMPLE}")
    for value in betas:
        if not 0 <= value <= 1:  # NaN is refused too
            raise UsageError(f"beta must be in [0, 1], got {value:g}; {EXAMPLE}")
    if len(set(betas)) != len(betas):
        raise UsageError(f"every beta must be given once, got {','.join(f'{b:g}' for b in betas)}")
    return betas
