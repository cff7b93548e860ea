"""Runs of the shell that are disturbed, and what they leave.

A run is one `rangegeo raster` in a folder of its own. It is called undisturbed first, for the result to compare with
and for its times. Every later run of the same command must end in the same bytes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RASTER = "raster --bbox 5,44,10,48 --res 0.01 --bands 1-16 --chunks 32"
SECONDS = 600.0  # that a run may take
STEP = 0.002  # seconds between two looks at a folder


class Failed(Exception):
    """A run did not keep its promise; the message says which one."""


class TooLate(Failed):
    """The run had ended when it was to be disturbed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the shell, called in a folder.

    Attributes:
        words: what follows `rangegeo`.
        env: variables of its environment, beside those of this process.
    """

    words: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, out: str, more: str = "", env: Mapping[str, str] | None = None) -> Command:
        """The raster of these trials, written to `out`."""
        return cls(words=f"{RASTER} {more} -o {out}".split(), env=env or {})

    def plus(self, *words: str) -> Command:
        """The same command with more options."""
        return Command(words=[*self.words, *words], env=self.env)

    def start(self, folder: Path) -> subprocess.Popen[str]:
        """Call it, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "rangegeo", *self.words],
            cwd=folder,
            env={**os.environ, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, folder: Path) -> tuple[int, str]:
        """Call it and wait: its exit status and what it wrote to stderr."""
        process = self.start(folder)
        _, said = process.communicate(timeout=SECONDS)
        return process.returncode, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """What a command does if nobody disturbs it.

    Attributes:
        folder: where it ran.
        files: the bytes of every file that it leaves, by path.
        first: seconds until its hidden folder is there.
        seconds: that it takes.
    """

    folder: Path
    files: Mapping[str, bytes]
    first: float
    seconds: float

    @classmethod
    def of(cls, command: Command, folder: Path) -> Undisturbed:
        """Call a command in an empty folder."""
        folder.mkdir()
        start = time.monotonic()
        process = command.start(folder)
        first = wait_until(lambda: bool(hidden(folder)), process) - start
        _, said = process.communicate(timeout=SECONDS)
        if process.returncode:
            raise Failed(f"the undisturbed run ended with {process.returncode}: {said}")
        return cls(folder=folder, files=contents(folder), first=first, seconds=time.monotonic() - start)

    def moment(self, chance: random.Random) -> float:
        """A random number of seconds between the first file and the end."""
        return chance.uniform(0.9 * self.first, self.seconds)


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of all files in a folder, by their paths."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def hidden(folder: Path) -> list[str]:
    """The names of hidden files and folders in a folder."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> float:
    """The time at which something has happened, or at which a process has ended."""
    while process.poll() is None and not happened():
        time.sleep(STEP)
    return time.monotonic()


def kill(process: subprocess.Popen[str]) -> None:
    """Kill all processes of a run at once, as a power failure or a batch system does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def check_equal(folder: Path, expected: Mapping[str, bytes]) -> None:
    """Fail unless a folder holds just these files."""
    found = contents(folder)
    if found == expected:
        return
    other = [name for name in {**found, **expected} if found.get(name) != expected.get(name)]
    raise Failed(f"{len(other)} files differ from those of an undisturbed run, such as {other[0]}")


def check_visible(folder: Path, new: Mapping[str, bytes], old: Mapping[str, bytes]) -> None:
    """Fail unless every store and file with a final name is wholly the old one or wholly the new one."""
    found = {name: data for name, data in contents(folder).items() if not name.startswith(".")}
    for output in {Path(name).parts[0] for name in {**found, **old}}:
        now, before, after = (_below(output, files) for files in (found, old, new))
        if now not in (before, after):
            raise Failed(f"{output} is neither the old output nor the new one while the run is interrupted")


def _below(output: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of one output."""
    return {name: data for name, data in files.items() if Path(name).parts[0] == output}


def check_one_line(said: str, expected: str) -> None:
    """Fail unless the last thing that a run said is an error of one line with certain words."""
    lines = said.strip().splitlines()
    if not lines or expected not in lines[-1] or "Traceback" in said:
        raise Failed(f"expected one line with {expected!r}, got {said[-500:]!r}")


def fresh(folder: Path, holding: Path | None = None) -> Path:
    """An empty folder, or a copy of another one."""
    shutil.rmtree(folder, ignore_errors=True)
    if holding is None:
        folder.mkdir()
    else:
        shutil.copytree(holding, folder)
    return folder
