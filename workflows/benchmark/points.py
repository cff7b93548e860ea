"""Points per second of the point package rangegeo 0.1.0 and of this one, side by side in one run.

    python workflows/benchmark/points.py [--points 2000] [--rows 100000] [--rounds 5] [--threads N]
                                         [--many 100000] [--sample 3000] [--many-rounds 3] [--folder DIR]

Both sides read the same checkpoint and the same database, embed the same points and take turns, so that whatever else
the machine does falls on both. Everything that it makes or installs lies in one temporary folder, removed at the end,
or in a folder that is kept and used again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from official import TRAINED, UPSTREAM, install_upstream, make_encoder, write_checkpoint, write_database

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("worker.py")
TURNS = (("upstream", "one"), ("ours", "one"), ("ours", "three"), ("upstream", "basis"), ("ours", "basis"))
LABELS = {
    ("upstream", "one"): f"{UPSTREAM}, encode, beta 0.5",
    ("ours", "one"): "this package, encode, one beta",
    ("ours", "three"): "this package, encode, three betas",
    ("upstream", "basis"): f"{UPSTREAM}, the basis alone",
    ("ours", "basis"): "this package, the basis alone",
}

Times = dict[tuple[str, str], list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A ratio of medians and what it is meant to be."""

    text: str
    over: tuple[str, str]
    under: tuple[str, str]
    bound: float
    at_least: bool

    def line(self, times: Times) -> str:
        ratio = statistics.median(times[self.over]) / statistics.median(times[self.under])
        met = ratio >= self.bound if self.at_least else ratio <= self.bound
        relation = "at least" if self.at_least else "at most"
        return f"{self.text:<52}{ratio:8.2f}   target {relation} {self.bound:g}: {'met' if met else 'MISSED'}"


TARGETS = (
    Target(
        text="one beta, times as fast as upstream",
        over=("upstream", "one"),
        under=("ours", "one"),
        bound=1.5,
        at_least=True,
    ),
    Target(
        text="three betas, times the time of one",
        over=("ours", "three"),
        under=("ours", "one"),
        bound=1.15,
        at_least=False,
    ),
    Target(
        text="the basis, times as fast as upstream's",
        over=("upstream", "basis"),
        under=("ours", "basis"),
        bound=15,
        at_least=True,
    ),
)


class Worker:
    """A process that has one of the two packages on its path and runs tasks on demand."""

    def __init__(self, side: str, package: Path, folder: Path, threads: int) -> None:
        settings = {
            "checkpoint": str(folder / "satclip.ckpt"),
            "database": str(folder / "database.npz"),
            "folder": str(folder),
            "threads": threads,
        }
        environment = os.environ | {"PYTHONPATH": str(package), "RANGEGEO_CACHE": str(folder / "cache")}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER), side, json.dumps(settings)],
            env=environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    def seconds(self, task: str, points: str = "points") -> float:
        """Of one run of a task on the points of a name."""
        self._process.stdin.write(f"{task} {points}\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> object:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a side of the benchmark failed with exit code {self._process.wait()}; see above")
        return json.loads(line)


def make_files(folder: Path, points: int, rows: int) -> None:
    """A database of the same number of rows that is there already is used again."""
    if not (folder / f"{rows}-rows").exists():
        encoder = make_encoder()
        write_checkpoint(folder / "satclip.ckpt", encoder)
        write_database(folder / "database.npz", encoder, rows)
        (folder / f"{rows}-rows").touch()
    np.save(folder / "points.npy", points_on_the_sphere(points))


def points_on_the_sphere(count: int, seed: int = 1) -> np.ndarray:
    """(count, 2) lon, lat in degrees, uniform on the sphere."""
    share = np.random.default_rng(seed).random((count, 2))
    return np.column_stack([360 * share[:, 0] - 180, np.degrees(np.arcsin(2 * share[:, 1] - 1))])


def points_in_france(count: int, seed: int = 2) -> np.ndarray:
    """(count, 2) lon, lat in degrees, uniform in the box around metropolitan France: 5° west to 9.6° east."""
    return np.random.default_rng(seed).uniform((-5.0, 41.3), (9.6, 51.1), (count, 2))


SETS = {"france": points_in_france, "globe": points_on_the_sphere}


@contextmanager
def both_sides(folder: Path, upstream: Path, threads: int) -> Iterator[dict[str, Worker]]:
    workers = {
        side: Worker(side, package, folder, threads) for side, package in (("upstream", upstream), ("ours", ROOT))
    }
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.stop()


def measure(workers: dict[str, Worker], rounds: int) -> Times:
    for side, task in TURNS:  # the first run of each pays for allocations and is not counted
        workers[side].seconds(task)
    times: Times = {turn: [] for turn in TURNS}
    for _ in range(rounds):
        for side, task in TURNS:
            times[side, task].append(workers[side].seconds(task))
    return times


def measure_set(workers: dict[str, Worker], folder: Path, name: str, many: int, sample: int, rounds: int) -> str:
    """Many points of one set, and upstream on the first of them: medians of rounds taken in turn."""
    points = SETS[name](many)
    np.save(folder / f"{name}.npy", points)
    np.save(folder / f"{name}-sample.npy", points[:sample])
    turns = (("upstream", "one", f"{name}-sample"), ("ours", "one", f"{name}-sample"), ("ours", "near", name))
    counts = (sample, sample, many)
    labels = (f"{UPSTREAM}, encode, {sample:,} of them", f"this package, encode, {sample:,} of them")
    rates: dict[tuple[str, str, str], list[float]] = {turn: [] for turn in turns}
    for _ in range(rounds):
        for turn, count in zip(turns, counts, strict=True):
            side, task, file = turn
            rates[turn].append(count / workers[side].seconds(task, file))
    theirs, *ours = (statistics.median(rates[turn]) for turn in turns)
    lines = [f"{name}, {many:,} points", f"{labels[0]:<60}{theirs:>10,.0f} points/s"]
    for label, rate in zip((labels[1], "this package, encode(tolerance=1e-5), all of them"), ours, strict=True):
        lines.append(f"{label:<60}{rate:>10,.0f} points/s{rate / theirs:>8.2f} times upstream")
    exact, near = (np.load(folder / f"ours-{task}-{file}.npy") for _, task, file in turns[1:])
    error = np.abs(near[: len(exact)] - exact[: len(near)]).max() / np.abs(exact).max()
    return "\n".join([*lines, f"{'largest difference between these two, of the largest value':<60}{error:>10.1e}"])


def deviation(folder: Path) -> float:
    """Largest difference of the two sides' embeddings up to 45° of latitude, of the largest value."""
    theirs, ours = (np.load(folder / f"{side}-one-points.npy") for side in ("upstream", "ours"))
    low = np.abs(np.load(folder / "points.npy")[: len(ours), 1]) <= 45
    return float(np.abs(theirs - ours)[low].max() / np.abs(theirs[low]).max())


def report(times: Times, points: int) -> str:
    lines = [f"{'':<44}{'points/s':>10}{'median s':>10}{'fastest s':>11}{'slowest s':>11}"]
    for turn, label in LABELS.items():
        seconds = times[turn]
        median = statistics.median(seconds)
        lines.append(f"{label:<44}{points / median:>10,.0f}{median:>10.3f}{min(seconds):>11.3f}{max(seconds):>11.3f}")
    return "\n".join([*lines, "", *(target.line(times) for target in TARGETS)])


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare points per second with the PyPI package rangegeo 0.1.0.")
    parser.add_argument("--points", type=int, default=2000, help="points to embed (default: 2000)")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the database (default: 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="counted runs of each (default: 5)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads (default: every core)")
    parser.add_argument("--many", type=int, default=100_000, help="points of a country and of the globe")
    parser.add_argument("--sample", type=int, default=3000, help="of them for upstream (default: 3000)")
    parser.add_argument("--many-rounds", type=int, default=3, help="counted runs of each of these (default: 3)")
    parser.add_argument("--only", choices=["points", *SETS], action="append", help="one part; by default all")
    parser.add_argument("--folder", type=Path, help="keep the files here, and use those that are there")
    arguments = parser.parse_args()
    only = arguments.only or ["points", *SETS]
    with ExitStack() as stack:
        temporary = arguments.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="rangegeo-benchmark-"))
        folder = Path(temporary).absolute()
        folder.mkdir(exist_ok=True)
        for stale in folder.glob("*-*.npy"):
            stale.unlink()
        if not (folder / "upstream").exists():
            install_upstream(folder / "upstream")
        make_files(folder, arguments.points, arguments.rows)
        weights = "trained weights of the embedded encoder" if TRAINED.exists() else "random weights"
        print(
            f"{arguments.points:,} points, {arguments.rows:,} database rows, L=40 with {weights}, "
            f"{arguments.threads} threads, {arguments.rounds} rounds in turn, torch {torch.__version__}\n",
            flush=True,
        )
        workers = stack.enter_context(both_sides(folder, folder / "upstream", arguments.threads))
        if "points" in only:
            print(report(measure(workers, arguments.rounds), arguments.points))
            print(f"{'largest difference up to 45° of the largest value':<52}{deviation(folder):8.1e}", flush=True)
        for name in SETS:
            if name in only:
                print()
                print(measure_set(workers, folder, name, arguments.many, arguments.sample, arguments.many_rounds))


if __name__ == "__main__":
    main()
