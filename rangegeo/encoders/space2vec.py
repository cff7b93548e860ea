"""Space2Vec: sines and cosines of places at geometrically spaced frequencies, along two or three directions.

As upstream, the frequencies are applied to degrees as if they were radians.

Source: Mai et al. 2020, arXiv:2003.00824, and mvrl/RANGE (theory.py, sphere2vec.py, csp/).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.places import Places

SMOOTH_RADIANS = 20.0  # 21 points a side follow a sine to 1e-5 if its phase grows by at most this much over a patch

# (n, 2) degrees and (F,) frequencies to (n, features)
Features = Callable[[Tensor, Tensor], Tensor]


def geometric_frequencies(count: int, min_radius: float, max_radius: float) -> Tensor:
    """(count,) float64 frequencies from 1 / min_radius to 1 / max_radius, in radians per degree."""
    growth = math.log(max_radius / min_radius) / (count - 1)
    return 1 / (min_radius * torch.exp(torch.arange(count, dtype=torch.float64, device="cpu") * growth))


def smooth_arc_deg(frequencies: Tensor) -> float:
    """Degrees over which a few Chebyshev points follow sines of these frequencies."""
    return SMOOTH_RADIANS / float(frequencies.max())


def grid_cells(lonlat_deg: Tensor, frequencies: Tensor) -> Tensor:
    """(n, 2) degrees and (F,) frequencies to (n, 4F): sine and cosine of each frequency, first for the longitude."""
    angle = lonlat_deg[:, :, None] * frequencies
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def theory(lonlat_deg: Tensor, frequencies: Tensor) -> Tensor:
    """(n, 2) degrees and (F,) frequencies to (n, 6F): for each frequency sine and cosine along three directions.

    The directions are 120 degrees apart.
    """
    lon, lat = lonlat_deg.unbind(1)
    half, height = lon / 2, lat * math.sqrt(3) / 2
    along = torch.stack([lon, height - half, -height - half], dim=1)
    angle = along[:, None, :] * frequencies[:, None]
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


class Space2Vec(LocationEncoder):
    """Places to (n, dim) float64.

    Args:
        features: `grid_cells` or `theory`.
        width: number of features per frequency.
        frequencies: (F,) float64.
    """

    frequencies: Tensor

    def __init__(self, features: Features, width: int, frequencies: Tensor) -> None:
        super().__init__()
        self.features = features
        self.dim = width * len(frequencies)
        self.smooth_deg = smooth_arc_deg(frequencies)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, places: Places) -> Tensor:
        return self.features(places.lonlat_deg, self.frequencies)


# For each variant the features, their number per frequency, and the arguments of `geometric_frequencies`; from
# mvrl/RANGE, range.py and sphere2vec/hparams.yaml.
VARIANTS: dict[str, tuple[Features, int, tuple[int, float, float]]] = {
    "theory": (theory, 6, (32, 1.0, 10_000.0)),
    "grid": (grid_cells, 4, (48, 1.0, 360.0)),
}


def build(variant: str) -> LocationEncoder:
    """The encoder of a variant, a key of `VARIANTS`."""
    features, width, spacing = VARIANTS[variant]
    return Space2Vec(features, width, geometric_frequencies(*spacing))
