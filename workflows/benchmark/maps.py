"""Time of a map from 5,000 labels, beside predicting from a cube, and beside writing its bands.

    python workflows/benchmark/maps.py [--labels 5000] [--only fit,map,country,cube,command,memory]

Labels are places on land with a number that the embedding knows in part. `fit` learns and tests them, with all
baselines. `map` makes 2560 x 1600 pixels with their spread, as a GeoTIFF and as a Zarr store, and `country` the same
for 6000 x 5000 pixels at 0.001°. Below each, `raw` writes the same values from memory: with the same writer of
GeoTIFFs, and by zarr alone with the same codec. `cube` makes a cube of S, G and q of the pixels of `map`, block by
block, and predicts from it, without a spread. `command` is a whole command of the shell, and `memory` the largest
memory of commands for several sizes. Everything lies in one temporary folder, removed at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
import xarray as xr
import zarr
from points import ROOT
from rasters import launched

import rangegeo as rg
from rangegeo.evaluation.fitting import near_rows, unit_vectors_of
from rangegeo.stores.zarr_options import ZarrOptions

PARTS = ("fit", "map", "country", "cube", "command", "memory")
GRIDS = {"map": ((-10, 36, 2.8, 44), 0.005), "country": ((-10, 39, -4, 44), 0.001)}
SIZES = {"1280 x 800": 0.01, "2560 x 1600": 0.005, "5120 x 3200": 0.0025, "12800 x 8000": 0.001}
Found = TypeVar("Found")


def labels(model: rg.Model, count: int) -> pd.DataFrame:
    """Places near rows of the database, with a number."""
    random = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(random.uniform(-1, 1, 4 * count)))
    lonlat = np.stack([random.uniform(-180, 180, 4 * count), lat], axis=1)
    rows, near = near_rows(model)
    xyz = torch.from_numpy(unit_vectors_of(lonlat)) @ torch.from_numpy(rows).T
    lonlat = lonlat[(xyz.max(dim=1).values > np.cos(near / 2)).numpy()][:count]
    band = model.encode(lonlat, beta=1, bands="1")[:, 0]
    value = 30 * np.cos(np.radians(lonlat[:, 1])) + 3 * band / band.std() + random.normal(0, 1, len(lonlat))
    return pd.DataFrame({"lon": lonlat[:, 0], "lat": lonlat[:, 1], "value": value})


def told(name: str, wall: float, cpu: float, memory: float | None = None) -> None:
    held = "" if memory is None else f", {memory / 1e9:5.2f} GB"
    print(f"{name:<24}{wall:8.1f} s, {cpu:8.1f} s of processors{held}", flush=True)


def timed(name: str, call: Callable[[], Found]) -> Found:
    """Call it, and print how long it took, and how much processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    told(name, time.perf_counter() - wall, time.process_time() - cpu)
    return found


def command(name: str, line: str) -> None:
    """Run `rangegeo` with this line, and print how long it took and its largest memory."""
    done = launched([sys.executable, "-m", "rangegeo", *line.split()], os.environ | {"PYTHONPATH": str(ROOT)})
    told(name, done.seconds, done.processors, done.memory)


def predicted_from_cube(model: rg.Model, fitted: rg.FittedMap, box: tuple, res: float) -> xr.DataArray:
    """The same map from a cube of components."""
    answer, scaling = fitted.fit.answers[0], fitted.fit.scaling
    coef = (answer.probe.coef[0] / scaling.scale).astype(np.float32)
    cube = rg.raster(box, res, model=model, layout="components")
    offset = float(answer.probe.intercept[0] - coef @ scaling.mean)
    return (cube * xr.DataArray(coef, dims="band")).sum("band").compute() + offset


def write_by_zarr(path: Path, values: np.ndarray, side: int) -> None:
    """Write values (bands, h, w) by zarr alone, in the chunks and with the codec of a map."""
    chunks, codec = (len(values), side, side), ZarrOptions().compressor(3)
    zarr.create_array(path, shape=values.shape, chunks=chunks, dtype=values.dtype, compressors=[codec])[:] = values


def measure(folder: Path, name: str, fitted: rg.FittedMap) -> None:
    """One grid, in both formats."""
    cube = fitted.raster(*GRIDS[name])
    timed(f"{name} .tif", lambda: cube.rangegeo.to_geotiff(folder / f"{name}.tif"))
    timed(f"{name} .zarr", lambda: cube.rangegeo.to_zarr(folder / f"{name}.zarr"))
    held = rg.open_cube(folder / f"{name}.zarr").compute()
    timed("  raw .tif", lambda: held.rangegeo.to_geotiff(folder / f"raw_{name}.tif"))
    timed("  raw .zarr", lambda: write_by_zarr(folder / f"raw_{name}.zarr", held.values, cube.chunks[-1][0]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of a map from labels.")
    parser.add_argument("--labels", type=int, default=5000)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, joined by commas: " + ", ".join(PARTS))
    given = parser.parse_args()
    only = given.only.split(",")
    if not set(only) <= set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}")
    model = rg.load_model()
    table = labels(model, given.labels)
    with tempfile.TemporaryDirectory(prefix="rangegeo-benchmark-") as temporary:
        folder = Path(temporary)
        fitted = None
        if set(only) & {"fit", "map", "country", "cube"}:
            fitted = timed("fit", lambda: rg.fit_map(table, "value", model=model))
            print(fitted.scores)
        for name in GRIDS:
            if name in only:
                measure(folder, name, fitted)
        if "cube" in only:
            timed("cube", lambda: predicted_from_cube(model, fitted, *GRIDS["map"]))
        table.to_csv(folder / "t.csv", index=False)
        line = f"map {folder / 't.csv'} --target value --bbox -10,36,2.8,44 -q --overwrite -o {folder / 'whole.tif'}"
        if "command" in only:
            command("command", f"{line} --res 0.005")
        for size, res in SIZES.items() if "memory" in only else ():
            command(size, f"{line} --res {res} --no-baselines --seeds 1")


if __name__ == "__main__":
    main()
