"""Progress of a cube: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext

import click
from dask.callbacks import Callback

from rangegeo.writers.common import WRITE_TASK

LOG_EVERY = 10.0  # seconds between two lines of a log


def block_progress(blocks: int, *, quiet: bool) -> AbstractContextManager:
    """Watch the writing of so many blocks within a `with`."""
    if quiet:
        return nullcontext()
    return _Bar(blocks) if sys.stderr.isatty() else _Log(blocks)


class _Watcher(Callback):
    """Counts finished writing tasks of the local scheduler."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.blocks, self.done = blocks, 0
        self._counting = threading.Lock()

    def _posttask(self, key: object, result: object, dsk: object, state: object, worker_id: object) -> None:
        if str(key).startswith(WRITE_TASK):
            with self._counting:
                self.done += 1
                self.show()

    @abstractmethod
    def show(self) -> None:
        """Say how many blocks are done."""


class _Log(_Watcher):
    def __init__(self, blocks: int) -> None:
        super().__init__(blocks)
        self.start = self.said = time.monotonic()

    def show(self) -> None:
        now = time.monotonic()
        if now - self.said >= LOG_EVERY or self.done == self.blocks:
            self.said = now
            click.echo(f"{self.done} of {self.blocks} blocks, {now - self.start:.0f} s", err=True)


class _Bar(_Watcher):
    def __enter__(self) -> _Bar:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("embedding"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("blocks"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=Console(stderr=True))
        self.task = self.bar.add_task("embedding", total=self.blocks)
        self.bar.start()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.bar.stop()

    def show(self) -> None:
        self.bar.update(self.task, completed=self.done)
