"""Disturb runs of the shell in every way that a long job meets, and count what survives.

    python workflows/reliability/run.py [--times N] [--only KIND ...] [--seed N]

One line a kind of fault; the exit status is 1 if any trial failed.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import faults
from runs import Command, Failed, Undisturbed
from servers import BUCKET, LocalS3, server_stopped, succeed

DISK = 400  # megabytes of the small disk


@dataclass(frozen=True, slots=True)
class Trials:
    """Where the trials run, and what their commands do undisturbed.

    Attributes:
        folder: for all files.
        chance: chooses the moments of the faults.
        usual: undisturbed runs, by their commands.
    """

    folder: Path
    chance: random.Random
    usual: dict[str, Undisturbed] = field(default_factory=dict)

    def undisturbed(self, command: Command) -> Undisturbed:
        """The undisturbed run of a command, which is made once."""
        key = " ".join(command.words)
        if key not in self.usual:
            self.usual[key] = Undisturbed.of(command, self.folder / f"undisturbed-{len(self.usual)}")
        return self.usual[key]

    def kills(self, times: int, out: str, more: str = "") -> list[str]:
        """Runs that are killed."""
        command = Command.of(out, more)
        trial = partial(faults.killed, command, self.undisturbed(command), chance=self.chance)
        return faults.repeated(times, trial, self.folder / "killed")

    def kills_over_old(self, times: int, out: str) -> list[str]:
        """Runs that replace an output and are killed."""
        old = Command.of(out, "--beta 0.9")
        before = self.undisturbed(old)
        command = Command.of(out, "--beta 0.5 --overwrite")
        usual = self.undisturbed(command)
        trial = partial(faults.killed, command, usual, chance=self.chance, old=before.files)
        return faults.repeated(times, trial, self.folder / "replaced", before.folder)

    def on_cluster(self, times: int, out: str, disturb: Callable) -> list[str]:
        """Runs on two workers."""
        command = Command.of(out, "--workers 2")
        trial = partial(disturb, command, self.undisturbed(command), chance=self.chance)
        return faults.repeated(times, trial, self.folder / "cluster")

    def full_disks(self, times: int, out: str) -> list[str]:
        """Runs whose disk is filled."""
        command = Command.of(out)
        usual = self.undisturbed(command)
        with faults.small_disk(self.folder / "disk", DISK) as disk:
            trial = partial(faults.disk_filled, command, usual, chance=self.chance)
            return faults.repeated(times, trial, disk / "trial")

    def writers(self, times: int, out: str) -> list[str]:
        """Two runs that write one output."""
        first, second = (Command.of(out, f"--beta {beta}") for beta in (0.2, 0.8))
        results = self.undisturbed(first), self.undisturbed(second)
        trial = partial(faults.two_writers, first, second, results)
        return faults.repeated(times, trial, self.folder / "writers")

    def servers(self, times: int) -> list[str]:
        """Runs into a bucket whose server is stopped and started again."""
        with LocalS3() as server:
            command = Command.of(f"s3://{BUCKET}/a.zarr", env=server.env)
            before = time.monotonic()
            succeed(command, self.folder)
            seconds, objects = time.monotonic() - before, server.objects()

            def trial(folder: Path) -> None:
                server.clear()
                server_stopped(command, objects, server, folder, self.chance.uniform(0, seconds / 2))

            return faults.repeated(times, trial, self.folder / "server")


def kinds(trials: Trials) -> dict[str, tuple[int, Callable[[int], list[str]]]]:
    """Each kind of fault: how often it is tried, and the trials."""
    return {
        "zarr-killed": (20, partial(trials.kills, out="a.zarr")),
        "tif-killed": (20, partial(trials.kills, out="a.tif", more="--beta 0,0.5")),
        "zarr-replaced": (5, partial(trials.kills_over_old, out="a.zarr")),
        "tif-replaced": (5, partial(trials.kills_over_old, out="a.tif")),
        "cluster-killed": (10, partial(trials.on_cluster, out="a.zarr", disturb=faults.parent_killed)),
        "worker-killed": (10, partial(trials.on_cluster, out="a.zarr", disturb=faults.worker_killed)),
        "zarr-disk-full": (3, partial(trials.full_disks, out="a.zarr")),
        "tif-disk-full": (2, partial(trials.full_disks, out="a.tif")),
        "server-stopped": (3, trials.servers),
        "zarr-two-writers": (10, partial(trials.writers, out="a.zarr")),
        "tif-two-writers": (10, partial(trials.writers, out="a.tif")),
    }


def results(chosen: list[str], given: int | None, seed: int) -> Iterator[tuple[str, int, list[str], float]]:
    """For each kind of fault: its name, how many trials were made, what went wrong, and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder), random.Random(seed))
        for name, (times, run) in kinds(trials).items():
            if name not in chosen:
                continue
            number, start = given or times, time.monotonic()
            try:
                wrong = run(number)
            except Failed as error:  # of an undisturbed run
                wrong = [str(error)] * number
            yield name, number, wrong, time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(kinds(Trials(Path(), random.Random())))
    parser.add_argument("--times", type=int, metavar="N", help="trials of each kind, instead of as many as usual")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="KIND", help=", ".join(names))
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    given = parser.parse_args()
    if os.geteuid() and any("disk" in name for name in given.only):
        sys.exit("only root can mount a small disk; run this as root, or leave out zarr-disk-full and tif-disk-full")
    failed = False
    for name, number, wrong, seconds in results(given.only, given.times, given.seed):
        print(f"{name:17} {number - len(wrong):3} of {number} survived, {seconds:.0f} s", flush=True)
        for line in wrong:
            print(f"    {line}", flush=True)
        failed |= bool(wrong)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
