"""What tensors of torch and arrays of NumPy do in different ways. Only a tensor brings torch with it.

Stored planets are evaluated in NumPy, so the steps from components to bands work on both.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def as_dtype(values: Any, dtype: str) -> Any:
    """The values in another dtype, such as "float32"."""
    if isinstance(values, np.ndarray):
        return values.astype(dtype, copy=False)
    import torch

    return values.to(getattr(torch, dtype))


def like(array: np.ndarray, other: Any, dtype: str | None = None) -> Any:
    """An array as the same kind of thing as another one, on its device and in its dtype, or in one that is given."""
    if isinstance(other, np.ndarray):
        return array.astype(dtype or other.dtype, copy=False)
    import torch

    return torch.from_numpy(array).to(other.device, getattr(torch, dtype) if dtype else other.dtype)


def empty_like(other: Any, *shape: int) -> Any:
    """Values that are not set yet, of the same kind, device and dtype as another one."""
    return np.empty(shape, other.dtype) if isinstance(other, np.ndarray) else other.new_empty(shape)


def joined_columns(parts: list[Any]) -> Any:
    """(n, k) values side by side."""
    return _joined(parts, 1)


def joined_rows(parts: list[Any]) -> Any:
    """(n, k) values one below the other."""
    return _joined(parts, 0)


def _joined(parts: list[Any], axis: int) -> Any:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis=axis)
    import torch

    return torch.cat(parts, dim=axis)
