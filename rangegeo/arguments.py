"""Arguments that Python and the command line share, checked."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
import torch

from rangegeo.errors import UsageError

TOLERANCE = 1e-5
SMALLEST_TOLERANCE = 4e-6  # float32 round-off of the exact evaluation itself is up to 3e-6, measured at ten places


def resolve_device(device: str) -> str:
    """The torch device behind `auto`, `cpu`, `cuda` or `cuda:i`.

    Raises:
        UsageError: the device is not there, or has no float64.
    """
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    kind, _, index = device.partition(":")
    if kind == "cuda" and (index or "0").isdigit():
        number = int(index or 0)
        if number < torch.cuda.device_count():
            return f"cuda:{number}"
        raise UsageError(
            f"--device {device} is not there: {torch.cuda.device_count()} CUDA devices found; use --device cpu"
        )
    if kind == "mps":
        raise UsageError("--device mps cannot evaluate the model, which needs float64; use --device cpu")
    raise UsageError(f"--device must be auto, cpu, cuda or cuda:N, got {device!r}")


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
