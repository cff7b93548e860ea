"""Sphere2Vec: products of sines and cosines of longitude and latitude at several frequencies, without weights.

As upstream, degrees are used as if they were radians, and the largest radius has its default of 0.01. So the
frequencies rise from 1 to 100 radians per degree. Their wavelengths, down to 0.06 degrees, alias on coarser rasters.
Every feature occurs twice, side by side.

Source: Mai et al. 2023, arXiv:2306.17624, and mvrl/RANGE, sphere2vec.py.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from rangegeo.encoders.space2vec import geometric_frequencies, smooth_arc_deg
from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.places import Places

MIN_RADIUS, MAX_RADIUS = 1.0, 0.01

# For each variant the number of frequencies and the features at each. A feature is a product of sines and cosines of
# longitude and latitude; those with `k` are multiplied by the frequency, those without have frequency 1.
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


class Sphere2Vec(LocationEncoder):
    """Places to (n, 2 E F) float64: for each of F frequencies each of E features, twice.

    Args:
        count: F.
        features: E products, as in VARIANTS.
    """

    frequencies: Tensor

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


def build(variant: str) -> LocationEncoder:
    """The encoder of a variant, a key of `VARIANTS`."""
    return Sphere2Vec(*VARIANTS[variant])
