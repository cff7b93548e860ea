"""Reading a planet: whole commands and scattered points, beside the point package and beside a raw write, in one run.

    python workflows/benchmark/planet_reading.py [--rows 100000] [--rounds 3] [--points 1000] [--many 100000]
                                                 [--bbox W,S,E,N] [--globe PLANET] [--folder DIR]

It builds a planet of the model with a database of so many rows, for the box around France and the Alps, and reads it:
every row is a process of its own, start-up and writing included, and imports no torch. The rows take turns with
upstream's `encode`. A planet of the whole Earth with so many rows takes hours to build. So points of the globe are read
from one of the embedded model, which `rangegeo planet build -o PLANET` makes, beside upstream with the same model. The
folder keeps the files and the planet, and uses them again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from official import TRAINED, UPSTREAM, install_upstream, make_encoder, write_checkpoint
from points import ROOT, SETS, Worker, make_files
from rasters import ALPS, ALPS_FINE, LAUNCHER, Row, Run, clear, raw_write
from safetensors.numpy import load_file

BOX = "-5,41.3,10.2,51.1"  # of the planet
START = "64x64 at 0.01, one beta"
SOONEST = 1.5  # seconds that START may take
RAW = 2.2  # times a raw write that a command may take
POINTS = 50  # times upstream's points per second
ROWS = (
    Row(label=START, options="--bbox 5,44,5.64,44.64 --res 0.01 --beta 0.5", pixels=64**2),
    Row(label="512x512 at 0.01, one beta", options=f"{ALPS} --beta 0.5", pixels=512**2, target=180, raw=True),
    Row(
        label="512x512 at 0.01, three betas",
        options=f"{ALPS} --beta 0,0.5,1",
        pixels=512**2,
        betas=3,
        target=280,
        raw=True,
    ),
    Row(label="2560x2560 at 0.001, --pca 3", options=f"{ALPS_FINE} --pca 3", pixels=2560**2, target=6000),
)
ENCODE = """
import sys, time, numpy as np, rangegeo as rg
model, points = rg.load_model(sys.argv[1]), np.load(sys.argv[2])
start = time.perf_counter()
model.encode(points, beta=0.5)
print(time.perf_counter() - start)
assert "torch" not in sys.modules
"""


def build(folder: Path, box: str) -> float:
    """Seconds to build the planet; 0 if it is there already."""
    if (folder / "planet.zarr").exists():
        return 0.0
    start = time.perf_counter()
    files = ["--weights", str(folder / "satclip.ckpt"), "--db", str(folder / "database.npz")]
    command = ["planet", "build", f"--bbox={box}", *files, "-q", "-o", str(folder / "planet.zarr")]
    subprocess.run([sys.executable, "-m", "rangegeo.cli.main", *command], env=_environment(folder), check=True)
    return time.perf_counter() - start


def run(options: str, folder: Path) -> Run:
    """One `rangegeo raster` from the planet, in a process of its own."""
    command = [sys.executable, "-m", "rangegeo.cli.main", "raster", *options.split(), "--model"]
    command += [str(folder / "planet.zarr"), "-q", "-o", str(folder / "cube.zarr")]
    clear(folder / "cube.zarr")
    launched = [sys.executable, "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launched, env=_environment(folder), capture_output=True, text=True, check=True)
    seconds, kilobytes, processors = json.loads(done.stdout.splitlines()[-1])
    return Run(seconds, kilobytes * 1024, processors)


def embedded_files(folder: Path) -> None:
    """The embedded model in the formats that upstream reads."""
    folder.mkdir(exist_ok=True)
    write_checkpoint(folder / "satclip.ckpt", make_encoder())
    stored = load_file(TRAINED.with_name("database.safetensors"))
    names = {"locs": "locs", "satclip_embeddings": "keys", "image_embeddings": "values"}
    np.savez(folder / "database.npz", **{theirs: stored[ours].astype(np.float64) for theirs, ours in names.items()})


def encode(folder: Path, planet: Path, name: str) -> float:
    """Seconds to embed the points of a name from a planet, nothing of which was read before."""
    command = [sys.executable, "-c", ENCODE, str(planet), str(folder / f"{name}.npy")]
    done = subprocess.run(command, env=_environment(folder), capture_output=True, text=True, check=True)
    return float(done.stdout)


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "RANGEGEO_CACHE": str(folder / "cache")}


def measure_globe(folder: Path, planet: Path, points: int, rounds: int) -> tuple[float, float]:
    """Median seconds of upstream (per point) and of points of the globe, both with the embedded model, in turn."""
    own = folder / "embedded"
    embedded_files(own)
    np.save(own / "points.npy", SETS["globe"](points))
    worker = Worker("upstream", folder / "upstream", own, torch.get_num_threads())
    worker.seconds("one")
    turns = [(worker.seconds("one") / points, encode(folder, planet, "globe")) for _ in range(rounds)]
    worker.stop()
    theirs, ours = zip(*turns, strict=True)
    return statistics.median(theirs), statistics.median(ours)


def measure(folder: Path, points: int, rounds: int) -> tuple[list[float], dict, dict, list[float]]:
    """Seconds of upstream (per point), of every row, of the raw writes, and of points of France, in turn."""
    np.save(folder / "points.npy", np.random.default_rng(1).uniform((5, 44), (10, 49), (points, 2)))
    worker = Worker("upstream", folder / "upstream", folder, torch.get_num_threads())
    worker.seconds("one")
    theirs: list[float] = []
    ours: dict[str, list[Run]] = {row.label: [] for row in ROWS}
    raw: dict[str, list[float]] = {row.label: [] for row in ROWS if row.raw}
    scattered: list[float] = []
    for _ in range(rounds):
        theirs.append(worker.seconds("one") / points)
        for row in ROWS:
            ours[row.label].append(run(row.options, folder))
            if row.raw:
                raw[row.label].append(raw_write(folder, "cube.zarr"))
        scattered.append(encode(folder, folder / "planet.zarr", "france"))
    worker.stop()
    return theirs, ours, raw, scattered


def report(many: int, theirs: list[float], ours: dict, raw: dict, scattered: list[float]) -> str:
    per_point = statistics.median(theirs)
    lines = [f"{UPSTREAM}, encode: {1 / per_point:,.0f} points/s, once for each beta", ""]
    for row in ROWS:
        seconds = statistics.median([done.seconds for done in ours[row.label]])
        ratio = row.betas * row.pixels * per_point / seconds
        goal = f"at most {SOONEST} s: {_met(seconds <= SOONEST)}" if row.target is None else ""
        goal = goal or f"target {row.target:g}: {_met(ratio >= row.target)}"
        lines.append(f"{row.label:<44}{seconds:>8.2f} s{ratio:>10,.0f} x upstream   {goal}")
    for label, seconds in raw.items():
        alone, whole = statistics.median(seconds), statistics.median([done.seconds for done in ours[label]])
        goal = f"target {RAW}: {_met(whole / alone <= RAW)}"
        lines.append(f"{'raw write of ' + label:<44}{alone:>8.2f} s{whole / alone:>10.2f} x that       {goal}")
    return "\n".join([*lines, points_line("france", many, per_point, statistics.median(scattered))])


def points_line(name: str, many: int, per_point: float, seconds: float) -> str:
    """The rate of scattered points, beside upstream's seconds per point."""
    ratio = many / seconds * per_point
    goal = f"target {POINTS}: {_met(ratio >= POINTS)}"
    return f"{f'{many:,} points, {name}':<44}{many / seconds:>8,.0f} /s{ratio:>9,.0f} x upstream   {goal}"


def _met(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare reading a planet with the PyPI package rangegeo 0.1.0.")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the database (default: 100000)")
    parser.add_argument("--points", type=int, default=1000, help="points of upstream's encode (default: 1000)")
    parser.add_argument("--many", type=int, default=100_000, help="points that are read (default: 100000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--bbox", default=BOX, help=f"of the planet (default: {BOX})")
    parser.add_argument("--globe", type=Path, metavar="PLANET", help="of the whole Earth, of the embedded model")
    parser.add_argument("--folder", type=Path, help="keep the files here, and use those that are there")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        temporary = arguments.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="rangegeo-benchmark-"))
        folder = Path(temporary).absolute()
        folder.mkdir(exist_ok=True)
        if not (folder / "upstream").exists():
            install_upstream(folder / "upstream")
        make_files(folder, arguments.points, arguments.rows)
        seconds = build(folder, arguments.bbox)
        for name, points in SETS.items():
            np.save(folder / f"{name}.npy", points(arguments.many))
        nbytes = sum(file.stat().st_size for file in (folder / "planet.zarr").rglob("*") if file.is_file())
        built = f"built in {seconds:.0f} s, {nbytes / 1e6:.0f} MB"
        print(f"{arguments.rows:,} database rows; planet of {arguments.bbox}: {built}", flush=True)
        print(report(arguments.many, *measure(folder, arguments.points, arguments.rounds)), flush=True)
        if arguments.globe:
            times = measure_globe(folder, arguments.globe.absolute(), arguments.points, arguments.rounds)
            print(f"\n{UPSTREAM}, the embedded model: {1 / times[0]:,.0f} points/s")
            print(points_line("globe", arguments.many, *times), flush=True)


if __name__ == "__main__":
    main()
