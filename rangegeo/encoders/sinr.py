"""SINR's location encoder: the sine and cosine of each coordinate, then a residual network.

The features repeat after 180 degrees of latitude, so both poles have the same features.

Source: Cole et al. 2023, arXiv:2306.02564; rshf 0.2.2, sinr.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.places import Places

INPUTS = 4  # sine and cosine of longitude and latitude


class SINREncoder(LocationEncoder):
    """Places to (n, dim) float64.

    Args:
        dim: width of every layer and of the output.
        depth: number of residual blocks.
    """

    smooth_deg = 0.0  # ReLU has kinks: interpolation was off by twice the tolerance, which its estimate did not show

    def __init__(self, dim: int, depth: int) -> None:
        super().__init__()
        self.dim = dim
        first = nn.Linear(INPUTS, dim, dtype=torch.float64)
        self.feats = nn.Sequential(first, nn.ReLU(), *(Residual(dim) for _ in range(depth)))

    def forward(self, places: Places) -> Tensor:
        halves = places.lonlat_deg / places.lonlat_deg.new_tensor([180.0, 90.0])
        angle = math.pi * halves
        return self.feats(torch.cat([angle.sin(), angle.cos()], dim=1))


class Residual(nn.Module):
    """A residual block: h + relu(w2 relu(w1 h))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, width, dtype=torch.float64)
        self.w2 = nn.Linear(width, width, dtype=torch.float64)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + torch.relu(self.w2(torch.relu(self.w1(hidden))))


def network(settings: dict) -> SINREncoder:
    """The network that a file's settings describe, without its weights. It is the encoder."""
    return SINREncoder(settings["dim"], settings["depth"])
