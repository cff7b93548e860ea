"""Hostile content of untrusted files."""

from __future__ import annotations

from pathlib import Path


class Touch:
    """Unpickling it creates a file, which proves that pickled code was executed."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple:
        return Path.touch, (self.witness,)
