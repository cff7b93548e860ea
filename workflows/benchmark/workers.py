"""One raster by threads and by 1, 2 and 4 workers, in turns: seconds of whole commands, and of the blocks alone.

    python workflows/benchmark/workers.py [--rounds 3] [--pixels 1024] [--workers 1,2,4]

The blocks alone are timed by what the command itself says of them, so that the start of the workers is left out.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAID = re.compile(r"embedding: .*?, ([\d.]+) (kB|MB|GB)/s, took")
UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


def run(folder: Path, pixels: int, more: list[str]) -> tuple[float, float]:
    """Seconds of a command, and bytes a second of its blocks."""
    side = pixels * 0.002
    box = f"5,40,{5 + side:g},{40 + side:g}"
    command = [sys.executable, "-m", "rangegeo", "raster", "--bbox", box, "--res", "0.002", *more]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--overwrite", "-o", str(folder / "a.zarr")], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - start
    found = SAID.search(done.stderr)
    assert found is not None, done.stderr
    return seconds, float(found[1]) * UNITS[found[2]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pixels", type=int, default=1024)
    parser.add_argument("--workers", default="1,2,4")
    given = parser.parse_args()
    ways = {"threads": []} | {f"{count} workers": ["--workers", count] for count in given.workers.split(",")}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.rounds):
            for name, more in ways.items():
                times[name].append(run(Path(folder), given.pixels, more))
    rates = {name: statistics.median(rate for _, rate in found) for name, found in times.items()}
    print("| | command, s | blocks, MB/s | time of the blocks, of that of threads |\n|---|---:|---:|---:|")
    for name, found in times.items():
        seconds = statistics.median(second for second, _ in found)
        print(f"| {name} | {seconds:.1f} | {rates[name] / 1e6:.0f} | {rates['threads'] / rates[name]:.2f} |")


if __name__ == "__main__":
    main()
