"""The blend of RANGE+: one home for its formula. This module imports no torch, because stored cubes are blended too."""

from __future__ import annotations

from typing import Any


def blend(semantic: Any, geographic: Any, beta: float) -> Any:
    """(1 - beta) G + beta S.

    Args:
        semantic, geographic: S and G: tensors, arrays or xarray objects of one shape. S may be None if beta is 0, and
            G if beta is 1.
        beta: in [0, 1].
    """
    if beta == 1 and semantic is not None:
        return semantic
    if beta == 0 and geographic is not None:
        return geographic
    assert semantic is not None, f"S is needed for beta {beta:g}"
    assert geographic is not None, f"G is needed for beta {beta:g}"
    return (1 - beta) * geographic + beta * semantic
