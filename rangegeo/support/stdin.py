"""Standard input, and files that can be read only once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

from rangegeo.errors import UsageError


def standard_input(what: str) -> BinaryIO:
    """The bytes of standard input.

    Args:
        what: what is expected there, such as "a table", for messages.
    Raises:
        UsageError: standard input is closed, or it is the keyboard.
    """
    if sys.stdin is None:
        raise UsageError(f"standard input is closed; give a file, or pipe {what} in")
    if sys.stdin.isatty():
        raise UsageError(f"standard input is the keyboard; give a file, or pipe {what} in")
    return sys.stdin.buffer


def is_pipe(path: Path) -> bool:
    """Whether a path is a pipe, such as the shell makes of `<(command)`, which can be read once and from its start."""
    return path.is_fifo()
