"""Sphere2Vec: products of sines and cosines of longitude and latitude at several frequencies, without weights.

As upstream has it: degrees count as radians, and the largest radius stayed at its default of 0.01, so frequencies rise
from 1 to 100 radians a degree and wavelengths below 0.06 degrees alias. Every feature stands twice, side by side.

Source: Mai et al. 2023, arXiv:2306.17624, and mvrl/RANGE, sphere2vec.py.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn

from rangegeo.encoders.space2vec import geometric_frequencies, smooth_arc_deg
from rangegeo.field.places import Places

MIN_RADIUS, MAX_RADIUS = 1.0, 0.01

# Number of frequencies, and the features of each: products of sines and cosines of longitude and latitude, `k` at the
# frequency and without it at frequency 1.
VARIANTS = {
    "spherec": (48, ("sin_k_lat", "cos_k_lat cos_k_lon", "cos_k_lat sin_k_lon")),
    "spherecplus": (
        16,
        ("sin_k_lat", "cos_k_lat", "sin_k_lon", "cos_k_lon", "cos_k_lat cos_k_lon", "cos_k_lat sin_k_lon"),
    ),
    "spherem": (
        48,
        ("sin_k_lat", "cos_k_lat cos_lon", "cos_lat cos_k_lon", "cos_k_lat sin_lon", "cos_lat sin_k_lon"),
    ),
    "spheremplus": (
        32,
        (
            "sin_k_lat",
            "cos_k_lat",
            "sin_k_lon",
            "cos_k_lon",
            "cos_k_lat cos_lon",
            "cos_lat cos_k_lon",
            "cos_k_lat sin_lon",
            "cos_lat sin_k_lon",
        ),
    ),
}


class Sphere2Vec(nn.Module):
    """Places to (n, 2 E F) float64: of each of F frequencies, each of E features twice."""

    def __init__(self, count: int, features: tuple[str, ...]) -> None:
        super().__init__()
        self.features = tuple(tuple(feature.split()) for feature in features)
        self.dim = 2 * len(features) * count
        frequencies = geometric_frequencies(count, MIN_RADIUS, MAX_RADIUS)
        self.smooth_deg = smooth_arc_deg(frequencies)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, places: Places) -> Tensor:
        lon, lat = (axis[:, None] for axis in places.lonlat_deg.unbind(1))
        angles = {"lon": lon, "lat": lat, "k_lon": lon * self.frequencies, "k_lat": lat * self.frequencies}
        waves = {f"sin_{name}": angle.sin() for name, angle in angles.items()}
        waves |= {f"cos_{name}": angle.cos() for name, angle in angles.items()}
        values = [reduce(torch.mul, (waves[name] for name in feature)) for feature in self.features]
        return torch.stack(values, dim=2).repeat_interleave(2, dim=2).flatten(1)


def build(settings: dict, network: None = None) -> nn.Module:
    return Sphere2Vec(*VARIANTS[settings["variant"]])
