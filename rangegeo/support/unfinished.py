"""Files that get their final name only when they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path` for files that are not complete yet; it is removed in the end."""
    with TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name}-unfinished-") as folder:
        yield Path(folder)


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A path to write to. The file there replaces `path` when the block ends without an error."""
    with unfinished_folder(path) as folder:
        draft = folder / path.name
        yield draft
        if draft.exists():
            os.replace(draft, path)
