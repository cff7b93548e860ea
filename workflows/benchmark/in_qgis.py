"""Seconds that QGIS takes to open and to draw a cube of 1280 bands, and its memory.

    python workflows/benchmark/in_qgis.py [--dtype float32] [--pixels 512] [--rounds 5] [--python /usr/bin/python3]

The cube is made by `rangegeo raster` with a model of the published sizes. Each round is a QGIS process of its own,
which draws the whole raster at its own size; its start is not counted, the system's file cache is warm. The memory is
the most that the process holds, and beside it what QGIS holds before it opens anything.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from official import make_encoder, write_checkpoint, write_database

LOOK = Path(__file__).resolve().parents[1] / "qgis" / "look.py"
ROWS = 1000  # of the database; QGIS does not care
RES = 0.01  # degrees
TARGETS = {"open": 0.2, "draw": 0.3}  # seconds


def make(folder: Path, pixels: int, dtype: str) -> Path:
    """A GeoTIFF of 1024 + 256 bands with its style and preview."""
    model = ["--weights", str(folder / "satclip.ckpt"), "--db", str(folder / "database.npz")]
    box = f"5,44,{5 + pixels * RES:g},{44 + pixels * RES:g}"
    command = [sys.executable, "-m", "rangegeo", "raster", "--bbox", box, "--res", str(RES), *model, "-q"]
    command += ["--dtype", dtype]
    subprocess.run([*command, "-o", str(folder / "cube.tif")], check=True, stdout=subprocess.DEVNULL)
    return folder / "cube.tif"


def look(python: str, path: Path, pixels: int) -> dict:
    """What one QGIS process says of one raster."""
    job = [{"path": str(path), "size": [pixels, pixels]}]
    known = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GDAL", "PROJ"))}
    environment = known | {"QT_QPA_PLATFORM": "offscreen"}
    command = [python, str(LOOK)]
    done = subprocess.run(command, input=json.dumps(job), env=environment, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    (facts,) = answer["rasters"]
    if not facts["valid"]:
        raise SystemExit(f"QGIS does not open {path}: {facts['error']}")
    return facts | {"idle_mb": answer["idle_mb"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", default="float32", help="float32, float16, int16 or int8")
    parser.add_argument("--pixels", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", default="/usr/bin/python3", help="the Python that QGIS is installed for")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encoder = make_encoder()
        write_checkpoint(folder / "satclip.ckpt", encoder)
        write_database(folder / "database.npz", encoder, rows=ROWS)
        cube = make(folder, given.pixels, given.dtype)
        print(f"{given.pixels} x {given.pixels} pixels, {cube.stat().st_size / 1e6:.0f} MB; medians of {given.rounds}")
        for label, path in ((f"1280 bands of {given.dtype}", cube), ("its preview", cube.with_name("cube_rgb.tif"))):
            rounds = [look(given.python, path, given.pixels) for _ in range(given.rounds)]
            seconds = {verb: statistics.median(facts["seconds"][verb] for facts in rounds) for verb in TARGETS}
            verdict = ", ".join(
                f"{verb} {taken:.3f} s ({'met' if taken <= TARGETS[verb] else 'MISSED'}: {TARGETS[verb]:g})"
                for verb, taken in seconds.items()
            )
            peak, idle = (statistics.median(facts[name] for facts in rounds) for name in ("peak_mb", "idle_mb"))
            print(f"{label}: {verdict}, {peak:.0f} MB, of which QGIS itself {idle:.0f}")


if __name__ == "__main__":
    main()
