"""The faults: each disturbs one run of the shell, continues it, and checks that nothing was lost.

Every function raises `runs.Failed` if a promise was not kept.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from runs import (
    SECONDS,
    Command,
    Failed,
    TooLate,
    Undisturbed,
    check_equal,
    check_one_line,
    check_visible,
    contents,
    fresh,
    hidden,
    kill,
    wait_until,
)

AGAIN = 1 / 3  # of the continued runs that are killed too
NOTHING: Mapping[str, bytes] = {}
MOST_KILLS = 5  # of one output
MOST_LATE = 5  # trials that come too late, for each that is asked for
LONGEST_ORPHAN = 60.0  # seconds that workers may outlive their parent


def killed(
    command: Command, usual: Undisturbed, folder: Path, chance: random.Random, old: Mapping[str, bytes] = NOTHING
) -> None:
    """Kill a run at a random moment, and continue it until it is complete.

    Args:
        command: with --overwrite if there is an old output.
        usual: the same command, undisturbed.
        folder: where it runs; it holds the old output.
        chance: chooses the moments.
        old: the files of the old output.
    """
    waiting = usual.moment(chance)
    for _ in range(MOST_KILLS):
        process = command.start(folder)
        try:
            process.wait(waiting)
        except subprocess.TimeoutExpired:
            kill(process)
        process.communicate()
        check_visible(folder, usual.files, old)
        command = command.plus("--resume") if "--resume" not in command.words else command
        if process.returncode == 0 or chance.random() > AGAIN:
            break
        waiting = chance.uniform(0, usual.seconds)
    complete(command, usual, folder)


def complete(command: Command, usual: Undisturbed, folder: Path) -> None:
    """Continue a run that was disturbed; its result is that of an undisturbed run, and nothing hidden is left."""
    if hidden(folder) or contents(folder) != usual.files:
        status, said = command.run(folder)
        if status and "exists and was left as it is" not in said:  # it was killed after its last file
            raise Failed(f"the continued run ended with {status}: {said[-500:]}")
    if hidden(folder):
        raise Failed(f"{hidden(folder)} is left")
    check_equal(folder, usual.files)


def worker_killed(command: Command, usual: Undisturbed, folder: Path, chance: random.Random) -> None:
    """Kill one worker of a run on a cluster, which must complete nevertheless."""
    process = command.start(folder)
    wait_until(lambda: bool(hidden(folder)), process)
    time.sleep(chance.uniform(0, (usual.seconds - usual.first) / 2))
    try:
        victim = chance.choice(_workers(process))
    except IndexError:
        process.communicate()
        raise TooLate("the run ended before a worker could be killed") from None
    victim.kill()
    _, said = process.communicate(timeout=SECONDS)
    if process.returncode:
        raise Failed(f"a run that lost a worker ended with {process.returncode}: {said[-500:]}")
    check_equal(folder, usual.files)


def parent_killed(command: Command, usual: Undisturbed, folder: Path, chance: random.Random) -> None:
    """Kill the process that a user sees. Its workers must end by themselves; then the run is continued."""
    process = command.start(folder)
    try:
        process.wait(usual.moment(chance))
    except subprocess.TimeoutExpired:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(workers, timeout=LONGEST_ORPHAN)
        if alive:
            raise Failed(f"{len(alive)} workers outlived their parent by {LONGEST_ORPHAN:.0f} s") from None
    process.communicate()
    complete(command.plus("--resume"), usual, folder)


def disk_filled(command: Command, usual: Undisturbed, folder: Path, chance: random.Random) -> None:
    """Fill the disk while a run writes: it ends in one line, and goes on when there is room again.

    Args:
        folder: on a small disk of its own.
    """
    process = command.start(folder)
    wait_until(lambda: bool(hidden(folder)), process)
    time.sleep(chance.uniform(0, (usual.seconds - usual.first) / 2))
    filler = folder / "filler"
    _fill(filler)
    _, said = process.communicate(timeout=SECONDS)
    filler.unlink()
    if process.returncode == 0:
        raise TooLate("the run ended before the disk was full")
    check_one_line(said, "No space left on device")
    complete(command.plus("--resume"), usual, folder)


def two_writers(first: Command, second: Command, results: tuple[Undisturbed, Undisturbed], folder: Path) -> None:
    """Let two runs write the same output: one succeeds, and the other one is refused in one line."""
    processes = [command.start(folder) for command in (first, second)]
    said = [process.communicate(timeout=SECONDS)[1] for process in processes]
    status = [process.returncode for process in processes]
    if sorted(status) != [0, 1]:
        raise Failed(f"two writers ended with {status}: {said}")
    check_one_line(said[status.index(1)], "is being written by another process")
    if hidden(folder):
        raise Failed(f"{hidden(folder)} is left")
    check_equal(folder, results[status.index(0)].files)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk in memory, which only root can mount."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def repeated(times: int, trial: Callable[[Path], None], folder: Path, holding: Path | None = None) -> list[str]:
    """What went wrong in so many trials, each in a fresh folder. One that came too late is tried again."""
    wrong: list[str] = []
    done = late = 0
    while done < times:
        try:
            trial(fresh(folder, holding))
        except TooLate as error:
            late += 1
            if late < MOST_LATE * times:
                continue
            wrong.append(f"trial {done}: {error}")
        except Failed as error:
            wrong.append(f"trial {done}: {error}")
        done += 1
    return wrong


def _workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes of a run that compute."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child for child in below if "spawn_main" in " ".join(child.cmdline())]


def _fill(path: Path) -> None:
    """Write a file until there is no room on the disk."""
    with path.open("wb", buffering=0) as file:
        size = 2**20
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2
