"""What an untrusted file may hold."""

from __future__ import annotations

from pathlib import Path


class Touch:
    """Unpickling it makes a file: the proof that pickled code ran."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple:
        return Path.touch, (self.witness,)
