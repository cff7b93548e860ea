"""Files that take their name when they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A path to write to, in a hidden folder beside `path`, whose file takes that name if all went well."""
    with TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name}-unfinished-") as folder:
        draft = Path(folder) / path.name
        yield draft
        if draft.exists():
            os.replace(draft, path)
