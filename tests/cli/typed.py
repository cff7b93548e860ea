"""What tests of the command line share: the miniature model as options, and what a command line did."""

from __future__ import annotations

from dataclasses import dataclass

from reference import golden

MINI = ("--weights", str(golden.GOLDEN / "satclip-mini.ckpt"), "--db", str(golden.GOLDEN / "range_db_mini.npz"))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str
