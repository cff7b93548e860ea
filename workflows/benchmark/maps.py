"""Time of a map from 5,000 labels, beside predicting from a cube, and beside writing its bands.

    python workflows/benchmark/maps.py [--labels 5000] [--country]

Labels are places on land with a number that the embedding knows in part. `fit` learns and tests, `map` writes a map of
2560 x 1600 pixels with its spread, `command` is the whole command of the shell. `cube` makes a cube of S, G and q of
the same pixels, block by block, and predicts from it, without a spread. `raw` writes two bands of noise of the same
size. --country adds a map of 6000 x 5000 pixels. Everything lies in one temporary folder, removed at the end.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr

import rangegeo as rg
from rangegeo.evaluation.fitting import near_rows, unit_vectors_of

IBERIA, COUNTRY = ((-10, 36, 2.8, 44), 0.005), ((-10, 39, -4, 44), 0.001)


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


def timed(name: str, call: Callable[[], object]) -> object:
    """Call it, and print how long it took, and how much processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    print(
        f"{name:<10}{time.perf_counter() - wall:8.1f} s, {time.process_time() - cpu:8.1f} s of processors", flush=True
    )
    return found


def predicted_from_cube(model: rg.Model, fitted: rg.FittedMap, box: tuple, res: float) -> xr.DataArray:
    """The same map from a cube of components."""
    answer, scaling = fitted.fit.answers[0], fitted.fit.scaling
    coef = (answer.probe.coef[0] / scaling.scale).astype(np.float32)
    cube = rg.raster(box, res, model=model, layout="components")
    offset = float(answer.probe.intercept[0] - coef @ scaling.mean)
    return (cube * xr.DataArray(coef, dims="band")).sum("band").compute() + offset


def measure(folder: Path, table: pd.DataFrame, model: rg.Model, extent: tuple, name: str, fitted: rg.FittedMap) -> None:
    """One extent."""
    box, res = extent
    cube = fitted.raster(box, res)
    timed(f"map {name}", lambda: cube.rangegeo.to_geotiff(folder / f"{name}.tif"))
    noise = cube.copy(data=np.random.default_rng(0).normal(size=cube.shape).astype(np.float32))
    timed(f"raw {name}", lambda: noise.rangegeo.to_geotiff(folder / f"raw_{name}.tif"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of a map from labels.")
    parser.add_argument("--labels", type=int, default=5000)
    parser.add_argument("--country", action="store_true")
    given = parser.parse_args()
    model = rg.load_model()
    table = labels(model, given.labels)
    with tempfile.TemporaryDirectory(prefix="rangegeo-benchmark-") as temporary:
        folder = Path(temporary)
        fitted = timed("fit", lambda: rg.fit_map(table, "value", model=model))
        print(fitted.scores)
        measure(folder, table, model, IBERIA, "iberia", fitted)
        if given.country:
            measure(folder, table, model, COUNTRY, "country", fitted)
        timed("cube", lambda: predicted_from_cube(model, fitted, *IBERIA))
        table.to_csv(folder / "t.csv", index=False)
        line = f"map {folder / 't.csv'} --target value --bbox -10,36,2.8,44 --res 0.005 -q -o {folder / 'whole.tif'}"
        timed("command", lambda: subprocess.run([sys.executable, "-m", "rangegeo", *line.split()], check=True))


if __name__ == "__main__":
    main()
