"""What tests of the command line share: the miniature model as options, and what a command line did."""

from __future__ import annotations

from dataclasses import dataclass

from reference import golden

MINI = ("--weights", str(golden.GOLDEN / "satclip-mini.ckpt"), "--db", str(golden.GOLDEN / "range_db_mini.npz"))


def mini_for(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """What of MINI the model in some arguments takes."""
    return MINI[:2] if "SatCLIP" in arguments else MINI


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str
