"""Sines and cosines of places at geometrically spaced frequencies, along two axes or three (Space2Vec).

Upstream applies its frequencies to degrees as if they were radians; so do these.

Source: Mai et al. 2020, arXiv:2003.00824, and mvrl/RANGE (theory.py, sphere2vec.py, csp/).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rangegeo.field.places import Places

SMOOTH_RADIANS = 20.0  # of the highest frequency across a patch: 21 points a side follow them to 1e-5


def geometric_frequencies(count: int, min_radius: float, max_radius: float) -> Tensor:
    """(count,) float64 from 1 / min_radius to 1 / max_radius, in radians a degree."""
    growth = math.log(max_radius / min_radius) / (count - 1)
    return 1 / (min_radius * torch.exp(torch.arange(count, dtype=torch.float64) * growth))


def smooth_arc_deg(frequencies: Tensor) -> float:
    """Degrees over which sines of these frequencies are smooth to a few Chebyshev points."""
    return SMOOTH_RADIANS / float(frequencies.max())


def grid_cells(lonlat_deg: Tensor, frequencies: Tensor) -> Tensor:
    """(n, 2) and (F,) to (n, 4F): longitude then latitude, each frequency's sine and cosine side by side."""
    angle = lonlat_deg[:, :, None] * frequencies
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def theory(lonlat_deg: Tensor, frequencies: Tensor) -> Tensor:
    """(n, 2) and (F,) to (n, 6F): of each frequency, sine and cosine along three directions 120 degrees apart."""
    lon, lat = lonlat_deg.unbind(1)
    half, height = lon / 2, lat * math.sqrt(3) / 2
    along = torch.stack([lon, height - half, -height - half], dim=1)
    angle = along[:, None, :] * frequencies[:, None]
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


class Space2Vec(nn.Module):
    """Places to (n, dim) float64.

    Args:
        features: `grid_cells` or `theory`.
        width: how many features a frequency has.
        frequencies: (F,) float64.
    """

    def __init__(self, features: object, width: int, frequencies: Tensor) -> None:
        super().__init__()
        self.features = features
        self.dim = width * len(frequencies)
        self.smooth_deg = smooth_arc_deg(frequencies)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, places: Places) -> Tensor:
        return self.features(places.lonlat_deg, self.frequencies)


# Features, how many a frequency has, number of frequencies, smallest and largest radius; mvrl/RANGE, range.py and
# sphere2vec/hparams.yaml.
VARIANTS = {
    "theory": (theory, 6, (32, 1.0, 10_000.0)),
    "grid": (grid_cells, 4, (48, 1.0, 360.0)),
}


def build(settings: dict, network: None = None) -> nn.Module:
    features, width, spacing = VARIANTS[settings["variant"]]
    return Space2Vec(features, width, geometric_frequencies(*spacing))
