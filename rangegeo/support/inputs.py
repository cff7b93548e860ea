"""What a command reads is never replaced by what it writes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from rangegeo.errors import UsageError, argument
from rangegeo.support.location import Location, located


def check_keeps_inputs(outputs: Iterable[tuple[str, Location | None]], **read: object) -> None:
    """Refuse outputs that would replace a file which is read, also if existing outputs may be replaced.

    Args:
        outputs: the names of arguments, and the paths that they name; None for none.
        read: what is read, by the name of its argument. Anything but a path is passed over, and so is `-`, which is
            standard input.
    Raises:
        UsageError: an output is one of them.
    """
    written = {_real(output): argument(name) for name, output in outputs if output is not None}
    for name, given in read.items():
        for path in given if isinstance(given, list | tuple) else [given]:
            out = None
            if isinstance(path, str | os.PathLike) and str(path) != "-":
                out = written.get(_real(located(path)))
            if out is not None:
                raise UsageError(f"{out} would replace {path}, which {argument(name)} reads; give another {out}")


def _real(path: Location) -> Location:
    """A path without symbolic links, also if they lead back to themselves, which is another check's to refuse."""
    return Path(os.path.realpath(path)) if isinstance(path, Path) else path.resolve()
