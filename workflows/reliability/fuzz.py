"""Damages files and command lines at random, with fixed seeds, and prints what the program did with them.

    python workflows/reliability/fuzz.py --minutes 5

Each case must end well, or in one line with exit code 1 or 2. Everything else is printed with its seed, and the exit
code is 1. `--seed N --cases 1` runs one case again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rangegeo.cli.main import run

NUMBERS = [
    "0",
    "1",
    "-1",
    "nan",
    "inf",
    "-inf",
    "1e308",
    "1e-308",
    "5",
    "44.5",
    "0,1",
    "1-3",
    "",
    "9" * 30,
    "½",
    "\x1b",
]
WORDS = ["all", "visual", "location", "none", "EPSG:4326", "EPSG:3035", "EPSG:0", "+proj=ortho +lat_0=45", "utm", "(("]
WORDS += [
    "+proj=laea +lat_0=90",
    "+proj=geos +h=35785831",
    "ESRI:54009",
    "\u202e",
    "a.tif",
    "a.zarr",
    "/",
    "http://a:1",
]
OPTIONS = ["--bbox", "--res", "--crs", "--bbox-crs", "--beta", "--bands", "--pca", "--chunks", "--tolerance", "--align"]
OPTIONS += ["--dtype", "--co", "--zarr-format", "--overviews", "--layout", "--model", "--like", "--aoi", "--exact"]
TABLE = ["--lon", "--lat", "--crs", "--delimiter", "--encoding", "--quoting", "--decimal", "--layer", "--input-format"]


def whole_files(folder: Path) -> list[Path]:
    """A cube in each format, and tables."""
    small = ["raster", "--bbox", "5,44,6,45", "--res", "0.25", "--bands", "1-3", "-q", "-o"]
    with contextlib.redirect_stdout(io.StringIO()):
        for number in ("2", "3"):
            assert run([*small, str(folder / f"{number}.zarr"), "--zarr-format", number]) == 0
        assert run([*small, str(folder / "a.tif")]) == 0
        (folder / "t.csv").write_text('name,lon,lat\n"a, b",5,44\nc,6,45\n')
        for name in ("t.parquet", "t.gpkg"):
            assert run(["points", str(folder / "t.csv"), "--bands", "1", "-q", "-o", str(folder / name)]) == 0
    point = '{"type": "Feature", "properties": {"a": 1}, "geometry": {"type": "Point", "coordinates": [5, 44]}}'
    (folder / "t.geojson").write_text(f'{{"type": "FeatureCollection", "features": [{point}, {point}]}}')
    return [path for path in sorted(folder.iterdir()) if path.exists()]


def damage(path: Path, dice: random.Random) -> None:
    """Flip, cut, repeat or insert bytes of a file."""
    content = bytearray(path.read_bytes())
    kind = dice.choice(["flip", "flip", "cut", "insert", "zero"])
    if kind == "cut":
        del content[dice.randrange(len(content) + 1) :]
    elif kind == "insert":
        place = dice.randrange(len(content) + 1)
        content[place:place] = dice.randbytes(dice.randrange(1, 64))
    for _ in range(dice.choice([1, 3, 30]) if kind in ("flip", "zero") and content else 0):
        content[dice.randrange(len(content))] = 0 if kind == "zero" else dice.randrange(256)
    path.write_bytes(content)


def damaged_file(whole: list[Path], folder: Path, dice: random.Random) -> list[str]:
    """A command line that reads a damaged copy of a file."""
    source = dice.choice(whole)
    copy = folder / source.name
    (shutil.copytree if source.is_dir() else shutil.copy)(source, copy)
    files = [file for file in sorted(copy.rglob("*")) if file.is_file()] if copy.is_dir() else [copy]
    damage(dice.choice(files), dice)
    if copy.name.startswith("t."):
        return ["points", str(copy), "--bands", "1", "-q", "-o", str(folder / "o.parquet")]
    grid = ["raster", "--like", str(copy), "--bands", "1", "--dry-run", "-q", "-o", str(folder / "o.tif")]
    return dice.choice([["info", str(copy)], grid, ["preview", str(copy), "-q", "-o", str(folder / "o.tif")]])


def odd_line(whole: list[Path], folder: Path, dice: random.Random) -> list[str]:
    """A command line of odd values."""
    raster = dice.random() < 0.7
    line = [
        "raster",
        "--bbox",
        "5,44,6,45",
        "--res",
        "0.5",
        "--bands",
        "1",
        "--dry-run",
        "-q",
        "-o",
        str(folder / "o.tif"),
    ]
    if not raster:
        line = ["points", str(folder / "t.csv"), "--bands", "1", "-q", "-o", str(folder / "o.parquet")]
        shutil.copy(next(path for path in whole if path.name == "t.csv"), folder)
    for option in dice.sample(OPTIONS if raster else TABLE, dice.randrange(1, 4)):
        value = ",".join(dice.choice(NUMBERS + WORDS) for _ in range(dice.choice([1, 1, 2, 4])))
        line += [option] if option in ("--align", "--overviews", "--exact") else [f"{option}={value}"]
    return line


def one_case(seed: int, whole: list[Path]) -> tuple[str, str]:
    """Run one case: what became of it, and what was typed and said."""
    dice = random.Random(seed)
    folder = Path(tempfile.mkdtemp())
    try:
        line = dice.choice([damaged_file, odd_line])(whole, folder, dice)
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            try:
                code = run(line)
            except BaseException as error:
                return "escaped", f"{line}: {error!r}"
        told = said.getvalue()
        unclear = code not in (0, 1, 2) or "Traceback" in told or "run again with -vv" in told
        if unclear or (code and len(told.splitlines()) != 1):
            return "unclear", f"{line}: {code} {told}"
        return ("done" if code == 0 else "refused"), ""
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="how long it runs")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the next has the next number")
    parser.add_argument("--cases", type=int, default=10**9, help="how many at most")
    given = parser.parse_args()
    os.environ.setdefault("CPL_LOG", os.devnull)  # as the program does
    end, counts = time.monotonic() + 60 * given.minutes, Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        whole = whole_files(Path(folder))
        for seed in range(given.seed, given.seed + given.cases):
            if time.monotonic() > end:
                break
            became, told = one_case(seed, whole)
            counts[became] += 1
            if told:
                print(f"seed {seed}: {became}: {told[:600]!r}", flush=True)
    print(f"{counts.total()} cases: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    return 1 if counts["unclear"] + counts["escaped"] else 0


if __name__ == "__main__":
    sys.exit(main())
