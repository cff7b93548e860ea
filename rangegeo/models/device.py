"""Torch devices, as users name them."""

from __future__ import annotations

import torch

from rangegeo.errors import UsageError


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
