"""Arguments that Python and the command line share, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rangegeo.errors import UsageError


def check_betas(beta: float | Sequence[float]) -> tuple[float, ...]:
    """One or several distinct betas, each in [0, 1].

    Raises:
        UsageError: none is given, one is given twice, or one is no number in [0, 1].
    """
    try:
        betas = tuple(float(value) for value in np.atleast_1d(np.asarray(beta, dtype=np.float64)))
    except (TypeError, ValueError):
        raise UsageError(f"beta must be a number in [0, 1], got {beta!r}; for example --beta 0,0.5,1") from None
    if not betas:
        raise UsageError("beta must have at least one value; for example --beta 0,0.5,1")
    for value in betas:
        if not 0 <= value <= 1:  # refuses NaN too
            raise UsageError(f"beta must be in [0, 1], got {value:g}; for example --beta 0,0.5,1")
    if len(set(betas)) != len(betas):
        raise UsageError(f"every beta must be given once, got {','.join(f'{b:g}' for b in betas)}")
    return betas
