"""The betas that a user asks for, checked once for Python and the command line."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rangegeo.errors import ModelWarning, UsageError, argument

Betas: TypeAlias = float | Sequence[float]

SAME_BETA = 1e-7  # betas this close are the same one, written otherwise: 0.3 in float32 is off by 1.2e-8
DEFAULT_BETA = 0.5  # the even blend of S and G, where no beta is given
EXAMPLE_OF_ONE = f"for example {argument('beta', 0.5)}"
EXAMPLE = f"for example {argument('betas', (0, 0.5, 1))}"


def check_betas(beta: Betas, example: str = EXAMPLE) -> tuple[float, ...]:
    """One or several distinct betas, each in [0, 1], as a tuple of floats.

    Raises:
        UsageError: there is no beta, a beta is given twice, or a beta is not a number in [0, 1].
    """
    try:
        betas = tuple(_real(value) for value in np.atleast_1d(_array(beta)))
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"beta must be a number in [0, 1], got {beta!r}; {example}") from None
    if not betas:
        raise UsageError(f"beta must have at least one value; {example}")
    for value in betas:
        if not -SAME_BETA <= value <= 1 + SAME_BETA:  # NaN is refused too
            raise UsageError(f"beta must be in [0, 1], got {value:g}; {example}")
    betas = tuple(min(max(value, 0.0), 1.0) for value in betas)  # sums of steps such as 0.1 may end beyond 1
    if (np.diff(np.sort(betas)) <= SAME_BETA).any():
        raise UsageError(f"every beta must be given once, got {','.join(f'{b:g}' for b in betas)}")
    return betas


def _array(beta: Any) -> np.ndarray:
    """Betas as an array; raises ValueError if one is masked, because a missing value is no beta."""
    if np.ma.is_masked(beta):
        raise ValueError
    return np.asarray(beta.detach().cpu() if hasattr(beta, "detach") else beta)


def _real(value: object) -> float:
    """A real number, or text of one, as a float; raises TypeError, ValueError or OverflowError for anything else."""
    if isinstance(value, str | Real):
        return float(value)
    raise TypeError


def index_of(beta: float, betas: ArrayLike) -> int | None:
    """Which of some betas is this one, but for rounding; None if none is."""
    distances = np.abs(np.ravel(betas) - beta)
    return int(distances.argmin()) if len(distances) and distances.min() <= SAME_BETA else None


def check_beta(beta: Betas, taker: str, example: str = EXAMPLE_OF_ONE) -> float:
    """Exactly one beta in [0, 1], as a float.

    Args:
        taker: name of the function that takes it, for the message.
        example: of a value that it takes, for the message.
    Raises:
        UsageError: several betas are given, or the beta is not a number in [0, 1].
    """
    if np.ndim(beta):
        raise UsageError(f"{taker} takes one beta, got {beta!r}; {example}")
    (checked,) = check_betas(beta, example)
    return checked


def warn_of_no_betas(model: str, stacklevel: int) -> None:
    """Warn the caller of rangegeo that a model has no betas, so that the one that is given changes nothing."""
    said = f"{model} has no betas, so {argument('beta')} changes nothing; leave it out"
    warnings.warn(ModelWarning(said), stacklevel=stacklevel + 1)


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
