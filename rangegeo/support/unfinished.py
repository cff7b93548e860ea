"""Files that get their final name only when they are complete."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

LONGEST_START = 200  # bytes of a name that the folder's name repeats; a name can have 255


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """A context with a hidden folder for files that are not complete yet. In the end the folder is removed.

    It lies beside `path`. If `path` is a symbolic link, it lies beside the file that the link leads to: the room on
    that disk counts.
    """
    start = path.name.encode()[:LONGEST_START].decode(errors="ignore")
    with TemporaryDirectory(dir=path.resolve().parent, prefix=f".{start}-unfinished-") as folder:
        yield Path(folder)


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A context with a path to write to. If it ends without an error, the file there replaces `path`."""
    with unfinished_folder(path) as folder:
        draft = folder / path.name
        yield draft
        if draft.exists():
            commit(draft, path)


def commit(finished: Path, path: Path) -> None:
    """Give a finished file its name in one step. A symbolic link stays one, and the file that it names is replaced."""
    target = path.resolve()
    try:
        os.replace(finished, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with unfinished_folder(target) as folder:  # it was made on another disk
            near = folder / target.name
            shutil.copyfile(finished, near)
            os.replace(near, target)
        finished.unlink()
