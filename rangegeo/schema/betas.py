"""The betas that a user asks for, checked once for Python and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from rangegeo.errors import UsageError, argument

Betas: TypeAlias = float | Sequence[float]

DEFAULT_BETA = 0.5  # the even blend of S and G, where no beta is given
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


def check_beta(beta: Betas, taker: str) -> float:
    """Exactly one beta in [0, 1], as a float.

    Args:
        taker: name of the function that takes it, for the message.
    Raises:
        UsageError: several betas are given, or the beta is not a number in [0, 1].
    """
    if np.ndim(beta):
        raise UsageError(f"{taker} takes one beta, got {beta!r}; for example beta=0.5")
    (checked,) = check_betas(beta)
    return checked


def one_spelling(betas: Betas | None, beta: Betas | None) -> Betas | None:
    """What is given to a function that takes `betas=` and `beta=` as two names of one argument.

    Returns:
        The value that is given, unchecked; None if neither is given.
    Raises:
        UsageError: both are given.
    """
    if betas is not None and beta is not None:
        raise UsageError(f"beta and betas mean the same, got beta={beta!r} and betas={betas!r}; leave one out")
    return beta if betas is None else betas
