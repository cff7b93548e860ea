"""How the time of a raster grows with its size, its resolution, its bands and its betas, beside what was estimated.

    python workflows/benchmark/sizes.py --out sizes.json [--only size,resolution,bands,betas] [--large DIR]
    python workflows/benchmark/sizes.py --out sizes.json --plot workflows/pictures/sizes.png

Each raster is prepared and written in this process, so start-up does not count. The estimate is that of `--dry-run`,
made just before. Results are added to those that the file has. The raster of 1280 bands needs a model of so many, with
100,000 rows: `--large` names the folder that `points.py --folder` keeps.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rangegeo.jobs.options import Content, Engine, Extent, RasterOutput

CORNER = (5.0, 44.0)  # west and south of every raster: the Alps
SERIES = ("size", "resolution", "bands", "betas")
SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)  # that axes are marked at
LABELS = {
    "size": "pixels a side, at 0.005°, 3 components",
    "resolution": "degrees a pixel, 256 x 256 pixels, 512 bands",
    "bands": "bands, 512 x 512 pixels at 0.01°; 1280 of 100,000 rows",
    "betas": "betas, 256 x 256 pixels at 0.01°, 512 bands",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One raster.

    Attributes:
        series: what varies.
        at: its value.
        side: pixels a side.
        res: degrees a pixel.
        bands: as `--bands` takes them.
        pca: as `--pca` takes it.
        betas: how many.
        large: whether the model with 1280 bands makes it.
    """

    series: str
    at: float
    side: int = 256
    res: float = 0.01
    bands: str = "all"
    pca: int | None = None
    betas: int = 1
    large: bool = False


CASES = (
    *(Case(series="size", at=side, side=side, res=0.005, pca=3) for side in (256, 512, 1024, 2048, 4096, 8192)),
    *(Case(series="resolution", at=res, res=res) for res in (0.1, 0.03, 0.01, 0.003, 0.001, 0.0001)),
    *(Case(series="bands", at=bands, side=512, bands=f"1-{bands}") for bands in (3, 16, 64, 256)),
    Case(series="bands", at=512, side=512),
    Case(series="bands", at=1280, side=512, large=True),
    *(Case(series="betas", at=betas, betas=betas) for betas in (1, 2, 3, 5, 8, 11)),
)


def measure(case: Case, folder: Path, files: dict[str, str]) -> dict[str, Any]:
    """Seconds to write a raster, processor seconds, and the estimate."""
    from rangegeo.cubes.cost import plan
    from rangegeo.cubes.evaluated import nothing_kept
    from rangegeo.jobs.raster import RasterJob
    from rangegeo.support.progress import SILENT

    west, south = CORNER
    extent = Extent(bbox=(west, south, west + case.side * case.res, south + case.side * case.res), res=case.res)
    betas = tuple(number / max(case.betas - 1, 1) for number in range(case.betas))
    content = Content(bands=case.bands, pca=case.pca, betas=betas, **files)
    out = folder / "raster.zarr"
    shutil.rmtree(out, ignore_errors=True)
    job = RasterJob.prepare(extent, content, Engine(), RasterOutput(out=out), command="")
    cost = plan(job.raster.spec, job.model.evaluator, "float32", *job.format.rates)
    start, processors = time.perf_counter(), time.process_time()
    with nothing_kept():
        job.write(SILENT)
    return {
        "series": case.series,
        "at": case.at,
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processors,
        "estimate": cost.seconds,
        "evaluations": cost.evaluations,
        "bytes": cost.nbytes,
    }


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Four panels: what varies against seconds, measured and estimated."""
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
    for panel, series in zip(panels.flat, SERIES, strict=True):
        found = sorted((row for row in rows if row["series"] == series), key=lambda row: row["at"])
        at = [row["at"] for row in found]
        panel.loglog(at, [row["seconds"] for row in found], "o-", color="#1f5f8b", label="measured")
        panel.loglog(at, [row["estimate"] for row in found], "s--", color="#d1793f", label="estimated before")
        panel.set_xticks(at, [f"{number:g}" for number in at])
        seconds = [row[name] for row in found for name in ("seconds", "estimate")]
        shown = [number for number in SECONDS if min(seconds) / 1.5 < number < max(seconds) * 1.5]
        panel.set_yticks(shown, [f"{number:g}" for number in shown])
        panel.minorticks_off()
        panel.set_xlabel(LABELS[series])
        panel.set_ylabel("seconds")
        panel.grid(color="0.9")
    panels[0, 0].legend(frameon=False)
    panels[0, 1].invert_xaxis()
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description="How the time of a raster grows.")
    parser.add_argument("--out", type=Path, required=True, help="JSON that results are added to")
    parser.add_argument("--only", default=",".join(SERIES), help="series that are measured")
    parser.add_argument("--plot", type=Path, help="draw what the JSON has, and measure nothing")
    parser.add_argument("--weights", help="of the model (default: demo)")
    parser.add_argument("--db", help="of the model (default: demo)")
    parser.add_argument("--large", type=Path, help="folder with the files of a model of 1280 bands")
    arguments = parser.parse_args()
    rows = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
    if arguments.plot:
        plot(rows, arguments.plot)
        return
    own = {name: value for name in ("weights", "db") if (value := getattr(arguments, name))}
    with tempfile.TemporaryDirectory(prefix="rangegeo-benchmark-") as temporary:
        measure(CASES[0], Path(temporary), own)  # pays for what is loaded, and does not count
        for case in CASES:
            if case.series not in arguments.only.split(",") or (case.large and not arguments.large):
                continue
            if case.large:
                files = {"weights": str(arguments.large / "satclip.ckpt"), "db": str(arguments.large / "database.npz")}
                measure(case, Path(temporary), files)  # so does it
            else:
                files = own
            row = measure(case, Path(temporary), files)
            rows = [one for one in rows if (one["series"], one["at"]) != (case.series, case.at)] + [row]
            ratio = row["estimate"] / row["seconds"]
            told = f"{row['seconds']:8.2f} s, {row['processor_seconds']:8.2f} of processors"
            print(
                f"{case.series:<12}{case.at:>8g}{told}, estimated {row['estimate']:.2f} s, {ratio:.2f} times",
                flush=True,
            )
            arguments.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
