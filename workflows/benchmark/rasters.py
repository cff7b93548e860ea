"""Pixels per second of whole commands, beside the point package and beside a raw write, in one run.

    python workflows/benchmark/rasters.py [--rows 100000] [--rounds 3] [--points 1000]

Every row is a process of its own, start-up and writing included. The rows take turns, so that whatever else the
machine does falls on all of them. Before each, as many bytes as it writes are written and removed: a virtual machine
gets memory for files from its host when it first needs it, which can take longer than all the rest. Everything that is
made lies in one temporary folder, removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from official import TRAINED, UPSTREAM, install_upstream, make_encoder, write_checkpoint, write_database
from points import ROOT, Worker

ALPS = "--bbox 5,43.88,10.12,49 --res 0.01"
ALPS_QUARTER = "--bbox 5,44,7.56,46.56 --res 0.01"
ALPS_FINE = "--bbox 6,45,8.56,47.56 --res 0.001"
GLOBE = "--bbox -180,-90,180,90 --res 1"
FILLER_BYTES = 5 * 2**29  # more than any row writes
LAUNCHER = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(f"[{time.perf_counter() - start}, {usage.ru_maxrss}, {usage.ru_utime + usage.ru_stime}]")
sys.exit(os.waitstatus_to_exitcode(status))
"""
RAW_WRITE = """
import sys, numpy as np, zarr
from rangegeo.stores.zarr_options import ZarrOptions
source = zarr.open_group(sys.argv[1], mode="r")["embedding"]
values = np.load(sys.argv[2], mmap_mode="r")
target = zarr.create_array(sys.argv[3], shape=source.shape, chunks=source.chunks, dtype=source.dtype,
                           compressors=[ZarrOptions().compressor(3)])
import time
start = time.perf_counter()
target[:] = values
print(time.perf_counter() - start)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One command of the table.

    Attributes:
        label: what it makes.
        options: of `rangegeo raster`.
        pixels: how many it makes.
        betas: how many betas; upstream evaluates every point once for each.
        target: times upstream's points per second it is meant to reach; None for none.
        aim: the same, better.
        raw: whether the write of its values alone is timed too.
    """

    label: str
    options: str
    pixels: int
    betas: int = 1
    target: float | None = None
    aim: float | None = None
    raw: bool = False


ROWS = (
    Row(label="512x512 at 0.01, one beta", options=f"{ALPS} --beta 0.5", pixels=512**2, target=60, aim=150, raw=True),
    Row(
        label="512x512 at 0.01, three betas",
        options=f"{ALPS} --beta 0,0.5,1",
        pixels=512**2,
        betas=3,
        target=120,
        aim=300,
        raw=True,
    ),
    Row(label="512x512 at 0.01, one beta, --pca 3", options=f"{ALPS} --beta 0.5 --pca 3", pixels=512**2),
    Row(
        label="512x512 at 0.01, three betas, --pca 3", options=f"{ALPS} --beta 0,0.5,1 --pca 3", pixels=512**2, betas=3
    ),
    Row(label="2560x2560 at 0.001, --pca 3", options=f"{ALPS_FINE} --pca 3", pixels=2560**2, target=3000, aim=5000),
    Row(label="global 1°, three betas", options=f"{GLOBE} --beta 0,0.5,1", pixels=360 * 180, betas=3, target=4),
    Row(label="256x256 at 0.01, one beta, --exact", options=f"{ALPS_QUARTER} --beta 0.5 --exact", pixels=256**2),
)
MEMORY = {"256x256": ALPS_QUARTER, "1024x512": "--bbox 2,43,12.24,48.12 --res 0.01"}


@dataclass(frozen=True, slots=True)
class Run:
    """A finished command: wall-clock seconds, the largest resident memory in bytes, and seconds of all processors."""

    seconds: float
    memory: int
    processors: float


def run(options: str, folder: Path, out: str) -> Run:
    """One `rangegeo raster`, in a process of its own."""
    clear(folder / out)
    return run_command(["raster", *options.split(), "-q", "-o", str(folder / out)], folder)


def run_command(arguments: Sequence[str], folder: Path) -> Run:
    """One `rangegeo` command with the files of a folder, in a process of its own."""
    files = ["--weights", str(folder / "satclip.ckpt"), "--db", str(folder / "database.npz")]
    command = [sys.executable, "-m", "rangegeo.cli.main", *arguments, *files]
    return launched(command, os.environ | {"PYTHONPATH": str(ROOT), "RANGEGEO_CACHE": str(folder / "cache")})


def launched(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """One command, measured."""
    # started by a small process: a new one otherwise counts the memory of the one that started it as its own
    launcher = [sys.executable, "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launcher, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    seconds, kilobytes, processors = json.loads(done.stdout.splitlines()[-1])
    return Run(seconds, kilobytes * 1024, processors)


def clear(out: Path) -> None:
    """Remove an output, and have memory for the next one's files at hand."""
    shutil.rmtree(out, ignore_errors=True)
    filler = out.with_name("filler")
    with filler.open("wb") as file:
        for _ in range(FILLER_BYTES // 2**22):
            file.write(bytes(2**22))
    filler.unlink()


def raw_write(folder: Path, cube: str) -> float:
    """Seconds to write the values of a finished cube, from memory, into an array of the same chunks and codec."""
    import zarr

    np.save(folder / "values.npy", zarr.open_group(folder / cube, mode="r")["embedding"][:])
    clear(folder / "raw.zarr")
    arguments = [str(folder / name) for name in (cube, "values.npy", "raw.zarr")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", RAW_WRITE, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def measure(folder: Path, upstream: Path, rows: Sequence[Row], points: int, rounds: int) -> tuple[dict, dict, dict]:
    """Seconds of upstream (per point), of every row, and of the raw writes."""
    np.save(folder / "points.npy", np.random.default_rng(1).uniform((5, 44), (10, 49), (points, 2)))
    worker = Worker("upstream", upstream, folder, torch.get_num_threads())
    worker.seconds("one")
    theirs: list[float] = []
    ours: dict[str, list[Run]] = {row.label: [] for row in rows}
    raw: dict[str, list[float]] = {row.label: [] for row in rows if row.raw}
    for _ in range(rounds):
        theirs.append(worker.seconds("one") / points)
        for row in rows:
            ours[row.label].append(run(row.options, folder, "cube.zarr"))
            if row.label in raw:
                raw[row.label].append(raw_write(folder, "cube.zarr"))
    worker.stop()
    return theirs, ours, raw


def report(rows: Sequence[Row], theirs: list[float], ours: dict[str, list[Run]], raw: dict[str, list[float]]) -> str:
    per_point = statistics.median(theirs)
    lines = [
        f"{UPSTREAM}, encode: {1 / per_point:,.0f} points/s (fastest {1 / min(theirs):,.0f}), once for each beta",
        "",
        f"{'whole command':<40}{'median s':>9}{'fastest':>9}{'pixels/s':>11}{'x upstream':>11}  {'GB':>4}",
    ]
    for row in rows:
        seconds = [done.seconds for done in ours[row.label]]
        median = statistics.median(seconds)
        ratio = row.betas * row.pixels * per_point / median
        goal = "" if row.target is None else f"target {row.target:g}: {'met' if ratio >= row.target else 'MISSED'}"
        if row.aim is not None:
            goal += f", aim {row.aim:g}: {'met' if ratio >= row.aim else 'missed'}"
        memory = max(done.memory for done in ours[row.label]) / 1e9
        lines.append(
            f"{row.label:<40}{median:>9.2f}{min(seconds):>9.2f}{row.pixels / median:>11,.0f}{ratio:>11,.0f}  "
            f"{memory:>4.1f}  {goal}"
        )
    for label, seconds in raw.items():
        median = statistics.median(seconds)
        whole = statistics.median([done.seconds for done in ours[label]])
        lines.append(
            f"{'raw write of ' + label:<40}{median:>9.2f}   the command takes {whole / median:.2f} times that, target 2"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare whole commands with the PyPI package rangegeo 0.1.0.")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the database (default: 100000)")
    parser.add_argument("--points", type=int, default=1000, help="points of upstream's encode (default: 1000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--only", default="", help="rows whose label holds this text")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if arguments.only in row.label]
    with tempfile.TemporaryDirectory(prefix="rangegeo-benchmark-") as temporary:
        folder = Path(temporary)
        install_upstream(folder / "upstream")
        encoder = make_encoder()
        write_checkpoint(folder / "satclip.ckpt", encoder)
        write_database(folder / "database.npz", encoder, arguments.rows)
        first = run("--bbox 5,44,5.1,44.1 --res 0.01", folder, "first.zarr")
        weights = "trained weights of the embedded encoder" if TRAINED.exists() else "random weights"
        print(
            f"{arguments.rows:,} database rows, L=40 with {weights}, {torch.get_num_threads()} threads, "
            f"{arguments.rounds} rounds in turn, torch {torch.__version__}"
        )
        print(f"converting the published files, once: {first.seconds:.1f} s, {first.memory / 1e9:.1f} GB\n", flush=True)
        print(report(rows, *measure(folder, folder / "upstream", rows, arguments.points, arguments.rounds)), flush=True)
        peaks = {label: run(options, folder, "cube.zarr").memory for label, options in MEMORY.items()}
        small, large = peaks.values()
        shown = ", ".join(f"{peak / 1e9:.2f} GB at {label}" for label, peak in peaks.items())
        print(f"\npeak memory: {shown}; ratio {large / small:.2f}, target at most 1.4 and 3.5 GB")


if __name__ == "__main__":
    main()
