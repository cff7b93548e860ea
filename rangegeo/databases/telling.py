"""What a database holds: where its rows lie, how alike they are, and a map of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.spatial import KDTree

from rangegeo.field.range import database_vectors
from rangegeo.field.temperatures import GEOGRAPHIC_TEMPERATURE
from rangegeo.support.earth import EARTH_RADIUS_KM
from rangegeo.support.optional import import_optional
from rangegeo.weights.converted import read_safetensors
from rangegeo.weights.database import load_database

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEAR_KM = 57.3 / GEOGRAPHIC_TEMPERATURE**0.5 * np.pi / 180 * EARTH_RADIUS_KM  # how far G reaches; README of planets
GRID = 20_000  # places of the globe at which it is asked whether a row is near
SAMPLE = 1000  # rows whose keys are compared with all others
TEMPERATURE = 12.0  # of RANGE+


def database_facts(path: Path) -> dict[str, Any]:
    """JSON-able facts about a database.

    Returns:
        rows, widths, the box, the share of the globe that is near a row, distances between neighbours, places that are
        there twice, norms of keys and values, and how many rows S draws on.
    Raises:
        WeightsError: the file is no database.
    """
    stored = load_database(path)
    locs, keys, values = (stored.tensors[name] for name in ("locs", "keys", "values"))
    xyz = database_vectors(locs).double().numpy()
    unique = np.unique(locs.numpy(), axis=0)
    tree = KDTree(xyz)
    facts: dict[str, Any] = {"file": str(path), "sha256": stored.sha256, "rows": len(locs)}
    facts |= {"key_width": keys.shape[1], "value_width": values.shape[1]}
    facts["repeated_places"] = len(locs) - len(unique)
    facts["box"] = [round(float(side), 5) for side in (*locs.min(0).values, *locs.max(0).values)]
    facts["share_of_globe_near"] = round(float((tree.query(_globe())[0] <= _chord(NEAR_KM)).mean()), 3)
    facts["near_km"] = round(float(NEAR_KM))
    if len(unique) > 1:
        nearest = KDTree(_xyz(unique)).query(_xyz(unique), k=2)[0][:, 1]
        told = _km(np.quantile(nearest, [0.5, 1.0]))
        facts |= {"nearest_row_km_median": _round(told[0]), "nearest_row_km_largest": _round(told[1])}
    norms = values.double().norm(dim=1)
    facts |= {"value_norm_mean": _round(norms.mean()), "value_norm_largest": _round(norms.max())}
    facts["constant_values"] = int((values.std(dim=0) == 0).sum()) if len(values) > 1 else 0
    facts |= _likeness(keys)
    if path.suffix == ".safetensors":
        told_by_file = read_safetensors(path).facts
        facts |= {f"made_from_{name}": value for name, value in told_by_file.items() if isinstance(value, str)}
    return facts


def _likeness(keys: torch.Tensor) -> dict[str, Any]:
    """How alike the keys of rows are, for a sample of them."""
    if len(keys) < 2:
        return {}
    some = torch.from_numpy(np.random.default_rng(0).permutation(len(keys))[:SAMPLE].copy())
    cosines = keys[some] @ keys.T
    logs = torch.log_softmax(TEMPERATURE * cosines, dim=1)
    rows = torch.exp(-(logs.exp() * logs).sum(dim=1))
    cosines[torch.arange(len(some), device=cosines.device), some] = -2
    most = cosines.max(dim=1).values
    return {
        "most_similar_key_cosine_median": _round(most.median()),
        "repeated_keys": f"{_round((most > 1 - 1e-6).float().mean() * 100)} %",
        "rows_that_decide_S_median": round(float(rows.median())),
    }


def _round(value: Any) -> float:
    return float(f"{float(value):.4g}")


def _xyz(lonlat_deg: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(lonlat_deg.astype(np.float64)).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _globe() -> np.ndarray:
    """Unit vectors that lie evenly on the globe: a Fibonacci lattice."""
    number = np.arange(GRID) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * number / GRID))
    lon = np.degrees(np.pi * (1 + 5**0.5) * number) % 360
    return _xyz(np.column_stack([lon, lat]))


def _chord(km: float) -> float:
    """The distance through the Earth of places so far apart, in Earth radii."""
    return float(2 * np.sin(km / EARTH_RADIUS_KM / 2))


def _km(chords: np.ndarray) -> np.ndarray:
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.clip(chords / 2, 0, 1))


def draw_rows(path: Path) -> Figure:
    """A map of the rows of a database.

    Raises:
        MissingPackage: matplotlib is not installed. WeightsError: the file is no database.
    """
    import_optional("matplotlib", "drawing a picture")
    from matplotlib.figure import Figure

    from rangegeo.picture.coastlines import has_lines, land

    locs = load_database(path).tensors["locs"].numpy()
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    axes = figure.subplots()
    if has_lines():
        for shape in land():
            for part in getattr(shape, "geoms", [shape]):
                if part.geom_type == "Polygon" and part.area > 1:
                    axes.fill(*part.exterior.xy, color="#e8e4da", linewidth=0)
    size = float(np.clip(3000 / len(locs), 0.3, 20))
    axes.scatter(locs[:, 0], locs[:, 1], s=size, color="#0b4fa8", linewidths=0)
    (west, south), (east, north) = locs.min(axis=0).tolist(), locs.max(axis=0).tolist()
    across, up = max(1.0, 0.05 * (east - west)), max(1.0, 0.05 * (north - south))
    axes.set(xlim=(max(-180, west - across), min(180, east + across)), ylim=(max(-90, south - up), min(90, north + up)))
    axes.set_aspect(1 / max(0.2, np.cos(np.radians((south + north) / 2))))
    axes.set(xlabel="longitude", ylabel="latitude", title=f"{path.name}: {len(locs):,} rows")
    return figure
