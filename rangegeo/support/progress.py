"""How work tells whoever watches it how far it is. What it is shown on is the watcher's business."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_EVERY = 0.5  # seconds between two looks at a file that grows


class Progress:
    """Is told how far some work is, and does nothing with it. Watchers override both methods. Threads may share one."""

    def stage(self, doing: str, total: int, unit: str, before: int = 0) -> None:
        """A part of the work begins.

        Args:
            doing: what is done in it, such as "embedding".
            total: how much there is to do.
            before: how much an interrupted run has done already, which `total` does not count.
            unit: what is counted: "block", "place" or "byte".
        """

    def advance(self, count: int = 1, nbytes: int = 0) -> None:
        """More is done.

        Args:
            count: how much more.
            nbytes: how many bytes that is, before compression.
        """


SILENT = Progress()


@contextmanager
def watched_file(path: Path, most: int, progress: Progress) -> Iterator[None]:
    """A context in which another library lets a file grow and says nothing; each new byte counts as done.

    Args:
        path: the file, which need not exist yet.
        most: how much is done in the end; what is missing then is added.
        progress: counts bytes.
    """
    over = threading.Event()
    start = _size(path)
    told = 0

    def look() -> None:
        nonlocal told
        while not over.wait(LOOK_EVERY):
            grown = min(_size(path) - start, most) - told
            if grown > 0:
                told += grown
                progress.advance(grown)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    progress.advance(most - told)


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
