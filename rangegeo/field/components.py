"""The parts from which bands are made. This module imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from rangegeo.field.arrays import joined_rows


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


def joined(parts: Sequence[Components]) -> Components:
    """The components of several groups of places, one group after the other; all have the same components."""
    first = parts[0]
    if len(parts) == 1:
        return first

    def rows(name: str) -> Any:
        return None if first.part(name) is None else joined_rows([part.part(name) for part in parts])

    diagnostics = {name: rows(name) for name in first.diagnostics}
    return Components(rows("semantic"), rows("geographic"), rows("location"), diagnostics)
