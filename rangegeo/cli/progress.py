"""How far a run is: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext

from rangegeo.cli.streams import remark
from rangegeo.support.progress import SILENT, Progress
from rangegeo.support.text import counted, human_bytes, human_seconds

LOG_EVERY = 60.0  # seconds between two lines in a log


def shown_progress(*, quiet: bool) -> AbstractContextManager[Progress]:
    """A context with an object that shows how far a run is: on standard error, or nowhere if quiet."""
    if quiet:
        return nullcontext(SILENT)
    return _Bar() if sys.stderr.isatty() else _Log()


class _Shown(Progress):
    """Counts what is done in a stage and shows it."""

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._begin("", 0, "")

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def stage(self, doing: str, total: int, unit: str, before: int = 0) -> None:
        if before:
            remark(f"{counted(before, unit)} of {before + total} were written before")
        with self._counting:
            self._begin(doing, total, unit)
            self.show()

    def advance(self, count: int = 1, nbytes: int = 0) -> None:
        with self._counting:
            self.done += count
            self.nbytes += count if self.unit == "byte" else nbytes
            self.show()

    def _begin(self, doing: str, total: int, unit: str) -> None:
        self.doing, self.total, self.unit, self.done, self.nbytes = doing, total, unit, 0, 0
        self.start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the stage began."""
        return time.monotonic() - self.start

    @property
    def counts(self) -> str:
        """How much is done, and at which rate, such as "3 of 10 blocks, 1.2 MB, 0.4 MB/s"."""
        if self.unit == "byte":
            parts = [f"{human_bytes(self.done)} of {human_bytes(self.total)}"]
        else:
            parts = [f"{self.done:,} of {self.total:,} {self.unit}{'' if self.total == 1 else 's'}"]
            parts += [human_bytes(self.nbytes)] if self.nbytes else []
        if self.nbytes and self.seconds > 0:
            parts.append(f"{human_bytes(self.nbytes / self.seconds)}/s")
        return ", ".join(parts)

    @property
    def left(self) -> str:
        """The time that is left, or that the stage took."""
        if self.done >= self.total:
            return f"took {human_seconds(self.seconds)}"
        return f"about {human_seconds((self.total - self.done) * self.seconds / self.done)} left" if self.done else ""

    def show(self) -> None:
        """Show how much is done."""


class _Log(_Shown):
    """A line now and then, and one at the end of a stage."""

    def _begin(self, doing: str, total: int, unit: str) -> None:
        super()._begin(doing, total, unit)
        self.said, self.is_over = self.start, False

    def show(self) -> None:
        over = 0 < self.total <= self.done
        if (self.done and time.monotonic() - self.said >= LOG_EVERY) or (over and not self.is_over):
            self.said, self.is_over = time.monotonic(), over
            remark(f"{self.doing}: {self.counts}, {self.left}")


class _Bar(_Shown):
    """A bar, and the same words beside it."""

    def __enter__(self) -> _Bar:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[counts]}"))
        self.bar = Progress(*columns, console=Console(stderr=True))
        self.task = self.bar.add_task("", total=None, visible=False, counts="")
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def show(self) -> None:
        counts = f"{self.counts}, {self.left}" if self.left else self.counts
        self.bar.update(
            self.task, description=self.doing, total=self.total, completed=self.done, counts=counts, visible=True
        )
