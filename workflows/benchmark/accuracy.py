"""The error of interpolated rasters against exact evaluation, at random pixels of ten places.

    python workflows/benchmark/accuracy.py [--weights demo --db demo] [--pixels 1000]

Each place is a raster of 256 x 256 pixels. At random pixels of it the values of `rangegeo.raster` are compared with
`model.encode` at the pixel's centre, S and G (betas 1 and 0) and q each relative to its largest value there.
"""

from __future__ import annotations

import argparse

import dask
import numpy as np
from pyproj import Transformer

import rangegeo as rg
from rangegeo.cubes.proof import proof

PLACES = {  # west and north corner in the CRS, pixel size, CRS
    "Himalaya": (85.5, 29.0, 0.01, "EPSG:4326"),
    "Alps": (6.0, 47.0, 0.01, "EPSG:4326"),
    "coast of Portugal": (-10.0, 40.0, 0.01, "EPSG:4326"),
    "Hawaii": (-157.0, 21.0, 0.01, "EPSG:4326"),
    "Borneo": (113.0, 2.0, 0.01, "EPSG:4326"),
    "Svalbard, 80° north": (15.0, 81.0, 0.01, "EPSG:4326"),
    "Fiji, across the antimeridian": (178.5, -16.0, 0.01, "EPSG:4326"),
    "north pole, polar stereographic": (-128_000, 128_000, 1000, "EPSG:3995"),
    "Patagonia, UTM 18 south": (500_000, 4_700_000, 1000, "EPSG:32718"),
    "Sahara, web mercator": (1_000_000, 3_000_000, 1000, "EPSG:3857"),
}
TOLERANCES = (1e-3, 1e-5, 4e-6)
SIDE = 256


def errors(model: rg.Model, place: tuple, tolerance: float, pixels: int, seed: int) -> tuple[float, int]:
    """The largest relative error of S, G and q, and how many places were evaluated for the raster."""
    west, north, res, crs = place
    bbox = (west, north - SIDE * res, west + SIDE * res, north)
    cube = rg.raster(bbox, res, model=model, betas=(1, 0), crs=crs, bbox_crs=crs, tolerance=tolerance)
    values, facts = dask.compute(cube.data, proof(cube))
    rows, cols = np.random.default_rng(seed).integers(0, SIDE, (2, pixels))
    centres = cube["x"].values[cols], cube["y"].values[rows]
    lonlat = np.column_stack(Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(*centres))
    exact = model.encode(lonlat, beta=(1, 0)).transpose(0, 2, 1)
    found = values[:, :, rows, cols]
    visual, location = slice(None, model.visual), slice(model.visual, None)
    parts = ((0, visual), (1, visual), (0, location))
    worst = max(np.abs(found[part] - exact[part]).max() / np.abs(exact[part]).max() for part in parts)
    return float(worst), facts["evaluations"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare interpolated rasters with exact evaluation.")
    parser.add_argument("--weights", default="demo")
    parser.add_argument("--db")
    parser.add_argument("--pixels", type=int, default=1000, help="random pixels of each place (default: 1000)")
    arguments = parser.parse_args()
    model = rg.load_model("RANGE+", weights=arguments.weights, db=arguments.db)
    print(f"{'largest error (evaluations of 65,536 pixels)':<46}" + "".join(f"{t:>20g}" for t in TOLERANCES))
    for seed, (name, place) in enumerate(PLACES.items()):
        shown = []
        for tolerance in TOLERANCES:
            worst, evaluations = errors(model, place, tolerance, arguments.pixels, seed)
            shown.append(f"{worst:.1e} ({evaluations:,})" + (" !" if worst > tolerance else ""))
        print(f"{name:<46}" + "".join(f"{text:>20}" for text in shown), flush=True)


if __name__ == "__main__":
    main()
