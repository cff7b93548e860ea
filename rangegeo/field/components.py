"""The parts from which bands are made. This module imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Components(NamedTuple):
    """The parts from which the bands of n places are made: tensors of torch, or arrays of NumPy.

    Attributes:
        semantic: S, (n, v) float32; None if it was not asked for.
        geographic: G, (n, v) float32; None if it was not asked for.
        location: q, (n, k) float64; of unit length for RANGE and RANGE+, else the encoder's own output.
        diagnostics: by name, each (n, 1) float64; only those that were asked for.
    """

    semantic: Any
    geographic: Any
    location: Any
    diagnostics: Mapping[str, Any] = MappingProxyType({})

    def part(self, name: str) -> Any:
        """A component or a diagnostic by its name."""
        return self.diagnostics[name] if name in self.diagnostics else getattr(self, name)
