"""What tests of the command line share: the miniature model as options, and what a command line did."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from oracles import golden

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


def hear_interrupts() -> None:
    """In a new process, before its program: some shells have what runs in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def listing(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder: files with their content, folders with None."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def assert_one_line(done: Ran, code: int, said: str) -> None:
    """A command line failed with this exit code and one line on stderr that says it."""
    assert done.code == code, done.err
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("rangegeo: ")
    assert said in line
    assert "Traceback" not in line
