"""Small planets of functions, written by the specification alone: no part of the builder is used."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from rangegeo.spectral.layout import quarters, root_bounds, shells

STRETCH = 0.85
Function = Callable[[np.ndarray, np.ndarray], np.ndarray]  # lon, lat (n,) in degrees to (n, bands)


def waves(lon: np.ndarray, lat: np.ndarray, bands: int, seed: float, wave: float = 1.5) -> np.ndarray:
    """(n, bands) smooth values on the sphere."""
    lam, phi = np.radians(lon), np.radians(lat)
    xyz = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=1)
    ways = np.random.default_rng(int(1000 * seed)).normal(size=(3, bands))
    return np.sin(wave * (xyz @ ways) + np.arange(bands)) + seed


def semantic(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return waves(lon, lat, 70, 0.5)  # more bands than a chunk holds


def geographic(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return waves(lon, lat, 70, 0.25, 1.0)


def length(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return 2 + np.sin(np.radians(lat))[:, None]


def location(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    found = waves(lon, lat, 6, 1.5)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def semantic_range(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return waves(lon, lat, 70, 0.75)


PARTS: dict[str, Function] = {
    "semantic": semantic,
    "geographic": geographic,
    "location": location,
    "norm": length,
    "semantic_range": semantic_range,
}
MODELS = {
    "RANGE+": {
        "parts": {"semantic": "semantic", "geographic": "geographic", "location": "location"},
        "semantic_temperature": 12.0,
        "geographic_temperature": 40.0,
        "citation": "arXiv:2502.19781",
    },
    "RANGE": {
        "parts": {"semantic": "semantic_range", "location": "location"},
        "semantic_temperature": 15.0,
        "citation": "arXiv:2502.19781",
    },
    "SatCLIP": {"parts": {"location": "location", "norm": "norm"}, "citation": "arXiv:2311.17179"},
}


def exact(lonlat_deg: np.ndarray, beta: float = 0.5, model: str = "RANGE+") -> np.ndarray:
    """(n, bands) what the functions themselves give at (n, 2) places."""
    lon, lat = lonlat_deg.T
    if model == "SatCLIP":
        return location(lon, lat) * length(lon, lat)
    if model == "RANGE":
        return np.concatenate([semantic_range(lon, lat), location(lon, lat)], axis=1)
    visual = (1 - beta) * geographic(lon, lat) + beta * semantic(lon, lat)
    return np.concatenate([visual, location(lon, lat)], axis=1)


def write_planet(
    path: Path,
    *,
    parts: Mapping[str, Function] = PARTS,
    models: Mapping[str, Any] = MODELS,
    columns: tuple[int, ...] = (3, 6, 6, 3),
    count: int = 25,
    cut: tuple[int, ...] = (5,),
    without: tuple[int, ...] = (),
    step: float = 1e-6,
    **attrs: object,
) -> Path:
    """Write a planet.

    Args:
        columns: root tiles of each row.
        count: degrees a side.
        cut: root tiles that are cut in four.
        without: root tiles that are left out.
        step: of the integers.
        attrs: attributes that are other than usual.
    """
    roots = root_bounds(columns)
    child, boxes = np.full(len(roots) + 4 * len(cut), -1, np.int32), dict(enumerate(map(tuple, roots.tolist())))
    for number, root in enumerate(cut):
        child[root] = len(roots) + 4 * number
        boxes |= {child[root] + way: box for way, box in enumerate(quarters(boxes[root]))}
    stored = [node for node in range(len(child)) if child[node] < 0 and node not in without]
    tile = np.full(len(child), -1, np.int32)
    tile[stored] = np.arange(len(stored))
    bounds = np.array([domain(boxes[node]) for node in stored])
    root = zarr.open_group(path, mode="w", zarr_format=3)
    tables: dict[str, np.ndarray] = {"tree/child": child, "tree/tile": tile, "tiles/bounds": bounds}
    shape = len(parts), len(stored)
    tables |= {"tiles/count": np.full(shape, count, np.uint8), "tiles/step": np.full(shape, step)}
    tables |= {"tiles/scale": np.ones(shape, np.float32), "tiles/error": np.full(shape, 2e-6, np.float32)}
    for name, table in tables.items():
        root.create_array(name, data=table)
    for name, function in parts.items():
        values = np.stack([coefficients(function, box, count) for box in bounds.tolist()])
        array = root.create_array(
            f"parts/{name}",
            shape=values.shape,
            dtype="int32",
            chunks=(1, values.shape[1], 64),
            shards=(32, values.shape[1], 64 * -(-values.shape[2] // 64)),
            compressors=[BloscCodec(cname="zstd", shuffle="bitshuffle"), Crc32cCodec()],
        )
        array[...] = np.rint(values / step).astype(np.int32)
    usual: dict[str, object] = {
        "rangegeo_planet": 1,
        "rangegeo_complete": 1,
        "parts": list(parts),
        "models": dict(models),
        "model": next(iter(models)),
        "columns": list(columns),
        "stretch": STRETCH,
        "bbox": [-180.0, -90.0, 180.0, 90.0],
        "tolerance": 1e-3,
        "measured_error": 1e-4,
        "proof_places": 1000,
        "evaluations": 10_000,
        "encoder_file": "encoder.ckpt",
        "encoder_sha256": "e" * 64,
        "database_file": "database.npz",
        "database_sha256": "d" * 64,
    }
    root.attrs.update(usual | attrs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Zarr 3 does not specify it yet
        zarr.consolidate_metadata(path)
    return path


def domain(box: tuple[float, ...]) -> tuple[float, ...]:
    """The domain of the polynomials of a tile: a little larger than the tile."""
    west, south, east, north = box
    return max(-180, west - 0.5), max(-90, south - 0.25), min(180, east + 0.5), min(90, north + 0.25)


def coefficients(function: Function, box: tuple[float, ...], count: int) -> np.ndarray:
    """(count², bands) Chebyshev coefficients of a function in a tile, in shells."""
    west, south, east, north = box
    points = -np.cos(np.pi * np.arange(count) / (count - 1))
    positions = np.arcsin(STRETCH * points) / np.arcsin(STRETCH)
    lon, lat = (west + (positions + 1) / 2 * (east - west)), (south + (positions + 1) / 2 * (north - south))
    down, across = (part.ravel() for part in np.meshgrid(lat, lon, indexing="ij"))
    values = function(across, down).reshape(count, count, -1)
    solved = np.linalg.inv(np.cos(np.arccos(points)[:, None] * np.arange(count)))
    return np.moveaxis(solved @ np.moveaxis(values, -1, 0) @ solved.T, 0, -1)[shells(count)]
