"""Files that get their final name only when they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """A context with a hidden folder beside `path` for files that are not complete yet. In the end it is removed."""
    with TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name}-unfinished-") as folder:
        yield Path(folder)


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A context with a path to write to. If it ends without an error, the file there replaces `path`."""
    with unfinished_folder(path) as folder:
        draft = folder / path.name
        yield draft
        if draft.exists():
            os.replace(draft, path)
