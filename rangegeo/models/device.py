"""From the names of torch devices that users type to devices."""

from __future__ import annotations

import torch

from rangegeo.errors import UsageError, argument


def resolve_device(device: str) -> str:
    """The torch device for "auto", "cpu", "cuda" or "cuda:1".

    Raises:
        UsageError: this machine does not have the device, or the device has no float64.
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
            f"{argument('device', device)} is not there: {torch.cuda.device_count()} CUDA devices found; use "
            f"{argument('device', 'cpu')}"
        )
    if kind == "mps":
        cpu = argument("device", "cpu")
        raise UsageError(f"{argument('device', 'mps')} cannot evaluate the model, which needs float64; use {cpu}")
    raise UsageError(argument="device", expected="auto, cpu, cuda or cuda:N", got=repr(device))


def described(device: str) -> str:
    """A torch device in words, such as "the CPU" or "cuda:0, NVIDIA H100 with 85 GB"."""
    if not device.startswith("cuda"):
        return "the CPU" if device == "cpu" else device
    card = torch.cuda.get_device_properties(device)
    return f"{device}, {card.name} with {card.total_memory / 1e9:.0f} GB"
