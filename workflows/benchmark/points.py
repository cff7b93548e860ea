"""Points per second of the point package rangegeo 0.1.0 and of this one, side by side in one run.

    python workflows/benchmark/points.py [--points 2000] [--rows 100000] [--rounds 5] [--threads N]

Both sides read the same checkpoint and the same database, embed the same points and take turns, so that whatever else
the machine does falls on both. Everything that it makes or installs lies in one temporary folder, removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
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
            "points": str(folder / "points.npy"),
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

    def seconds(self, task: str) -> float:
        self._process.stdin.write(task + "\n")
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
    encoder = make_encoder()
    write_checkpoint(folder / "satclip.ckpt", encoder)
    write_database(folder / "database.npz", encoder, rows)
    np.save(folder / "points.npy", points_on_the_sphere(points))


def points_on_the_sphere(count: int, seed: int = 1) -> np.ndarray:
    """(count, 2) lon, lat in degrees, uniform on the sphere."""
    share = np.random.default_rng(seed).random((count, 2))
    return np.column_stack([360 * share[:, 0] - 180, np.degrees(np.arcsin(2 * share[:, 1] - 1))])


def measure(folder: Path, upstream: Path, rounds: int, threads: int) -> Times:
    workers = {
        side: Worker(side, package, folder, threads) for side, package in (("upstream", upstream), ("ours", ROOT))
    }
    try:
        for side, task in TURNS:  # the first run of each pays for allocations and is not counted
            workers[side].seconds(task)
        times: Times = {turn: [] for turn in TURNS}
        for _ in range(rounds):
            for side, task in TURNS:
                times[side, task].append(workers[side].seconds(task))
        return times
    finally:
        for worker in workers.values():
            worker.stop()


def deviation(folder: Path) -> float:
    """Largest difference of the two sides' embeddings up to 45° of latitude, of the largest value."""
    low = np.abs(np.load(folder / "points.npy")[:, 1]) <= 45
    theirs, ours = (np.load(folder / f"{side}-one.npy")[low] for side in ("upstream", "ours"))
    return float(np.abs(theirs - ours).max() / np.abs(theirs).max())


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
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rangegeo-benchmark-") as temporary:
        folder = Path(temporary)
        install_upstream(folder / "upstream")
        make_files(folder, arguments.points, arguments.rows)
        weights = "trained weights of the embedded encoder" if TRAINED.exists() else "random weights"
        print(
            f"{arguments.points:,} points, {arguments.rows:,} database rows, L=40 with {weights}, "
            f"{arguments.threads} threads, {arguments.rounds} rounds in turn, torch {torch.__version__}\n",
            flush=True,
        )
        times = measure(folder, folder / "upstream", arguments.rounds, arguments.threads)
        print(report(times, arguments.points))
        print(f"{'largest difference up to 45° of the largest value':<52}{deviation(folder):8.1e}")


if __name__ == "__main__":
    main()
