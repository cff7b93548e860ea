"""GeoCLIP's location encoder, which TaxaBind has too.

Places are projected to Equal Earth. At each of several scales they become random Fourier features, which go through the
network of this scale. The outputs of these networks are added.

Source: Vivanco Cepeda et al. 2023, arXiv:2309.16020; geoclip 1.3.0, location_encoder.py. TaxaBind: arXiv:2411.00683.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.places import Places

A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796  # of Equal Earth, doi:10.1080/13658816.2018.1504949
SCALE = 66.50336  # upstream multiplies the projection by SCALE / 180
ROOT_3 = 1.7320507764816284  # upstream multiplies by the float32 root of 3, in float64 too


class GeoCLIPEncoder(LocationEncoder):
    """Places to (n, dim) float32. As upstream, the sum of float64 capsules is rounded to float32 after each one.

    Args:
        capsules: number of scales.
        encoded: number of random frequencies at each scale.
        hidden: width of the hidden layers.
        dim: width of the output.
    """

    smooth_deg = 0.0  # ReLU has kinks

    def __init__(self, capsules: int, encoded: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.dim = dim
        for index in range(capsules):
            self.add_module(f"LocEnc{index}", Capsule(encoded, hidden, dim))  # the name in the published files

    def forward(self, places: Places) -> Tensor:
        projected = equal_earth(places.lonlat_deg.flip(1))
        total = projected.new_zeros(len(projected), self.dim, dtype=torch.float32)
        for capsule in self.children():
            total = (total + capsule(projected)).float()
        return total


class Capsule(nn.Module):
    """The network of one scale: (n, 2) projected places to (n, dim) float64."""

    def __init__(self, encoded: int, hidden: int, dim: int) -> None:
        super().__init__()
        widths = [2 * encoded, hidden, hidden, hidden]
        layers: list[nn.Module] = [RandomFourier(encoded)]
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs, dtype=torch.float64), nn.ReLU()]
        self.capsule = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(hidden, dim, dtype=torch.float64))

    def forward(self, projected: Tensor) -> Tensor:
        return self.head(self.capsule(projected))


class RandomFourier(nn.Module):
    """(n, 2) to (n, 2 encoded): cosines, then sines, at frequencies that are part of the weights."""

    def __init__(self, encoded: int) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.empty(encoded, 2, dtype=torch.float64), requires_grad=False)

    def forward(self, projected: Tensor) -> Tensor:
        angle = (2 * math.pi * projected) @ self.b.T
        return torch.cat([angle.cos(), angle.sin()], dim=1)


def equal_earth(latlon_deg: Tensor) -> Tensor:
    """(n, 2) latitude, longitude in degrees to (n, 2) x, y of upstream's scaled Equal Earth projection."""
    lat, lon = torch.deg2rad(latlon_deg).unbind(1)
    t = torch.asin(ROOT_3 / 2 * torch.sin(lat))
    x = 2 * ROOT_3 * lon * torch.cos(t) / (3 * (9 * A4 * t**8 + 7 * A3 * t**6 + 3 * A2 * t**2 + A1))
    y = A4 * t**9 + A3 * t**7 + A2 * t**3 + A1 * t
    return torch.stack([x, y], dim=1) * SCALE / 180


def network(settings: dict) -> GeoCLIPEncoder:
    """The network that a file's settings describe, without its weights. It is the encoder."""
    return GeoCLIPEncoder(settings["capsules"], settings["encoded"], settings["hidden"], settings["dim"])
