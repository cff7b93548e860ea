"""What an earlier run left is named if a command is interrupted before it goes on with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from rangegeo.errors import Note


def naming_what_is_kept(command: Callable[..., None]) -> Callable[..., None]:
    """A command that notes on an interrupt how many blocks of its output are kept.

    Args:
        command: takes `output`, with `out`.
    """

    @wraps(command)
    def noting(*, output: Any, **given: Any) -> None:
        try:
            command(output=output, **given)
        except KeyboardInterrupt as interrupt:
            if not any(isinstance(note, Note) for note in getattr(interrupt, "__notes__", ())):
                _note(interrupt, output.out)
            raise

    return noting


def _note(interrupt: KeyboardInterrupt, out: Any) -> None:
    try:
        from rangegeo.stores.drafts import continuation, is_begun, kept_blocks
        from rangegeo.support.unfinished import hidden_folder

        writable = isinstance(out, Path) or out.is_writable
        blocks, begun = (kept_blocks(out), is_begun(out)) if writable else (0, False)
    except Exception:  # a bucket is out of reach, or a package was interrupted while it was loaded
        interrupt.add_note(Note("what an earlier run left is kept"))
        return
    if blocks:
        interrupt.add_note(continuation(blocks))
    elif begun:
        told = f"{hidden_folder(out)} is left, without a finished block"
        interrupt.add_note(Note(f"{told}; the same command starts again and replaces it"))
