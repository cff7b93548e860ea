"""How far a run is: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext

from dask.callbacks import Callback

from rangegeo.cli.streams import remark
from rangegeo.stores.blocks import WRITE_TASK

LOG_EVERY = 10.0  # seconds between two lines in a log


def block_progress(blocks: int, *, quiet: bool) -> AbstractContextManager:
    """A context in which the blocks of a cube that are written are counted and shown."""
    return nullcontext() if quiet else _Blocks(progress(blocks, "block"))


def progress(total: int, what: str, *, quiet: bool = False) -> Progress:
    """A context whose `advance` is called with what is done; it shows how far a run is.

    Args:
        total: how many there are.
        what: of which kind: "block" or "place".
    """
    if quiet:
        return Progress(total, what)
    return _Bar(total, what) if sys.stderr.isatty() else _Log(total, what)


class Progress:
    """Counts what is done and shows nothing. Threads may share it."""

    def __init__(self, total: int, what: str) -> None:
        self.total, self.what, self.done = total, what, 0
        self._counting = threading.Lock()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def kind(self) -> str:
        """What is counted, in the plural unless it is a single one."""
        return self.what if self.total == 1 else f"{self.what}s"

    def advance(self, count: int = 1) -> None:
        """Count more that is done."""
        with self._counting:
            self.done += count
            self.show()

    def show(self) -> None:
        """Show how much is done."""


class _Blocks(Callback):
    """A dask callback that counts the finished tasks that write blocks."""

    def __init__(self, told: Progress) -> None:
        super().__init__()
        self.told = told

    def __enter__(self) -> _Blocks:
        self.told.__enter__()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.told.__exit__(*error)

    def _posttask(self, key: object, result: object, dsk: object, state: object, worker_id: object) -> None:
        if str(key).startswith(WRITE_TASK):
            self.told.advance()


class _Log(Progress):
    def __init__(self, total: int, what: str) -> None:
        super().__init__(total, what)
        self.start = self.said = time.monotonic()

    def show(self) -> None:
        now = time.monotonic()
        if now - self.said >= LOG_EVERY or self.done == self.total:
            self.said = now
            remark(f"{self.done} of {self.total} {self.kind}, {now - self.start:.0f} s")


class _Bar(Progress):
    def __enter__(self) -> _Bar:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("embedding"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(self.kind),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=Console(stderr=True))
        self.task = self.bar.add_task("embedding", total=self.total)
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def show(self) -> None:
        self.bar.update(self.task, completed=self.done)
