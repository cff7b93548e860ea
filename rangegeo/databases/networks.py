"""The two branches that are trained together: a location encoder of SatCLIP's form, and a head over what is seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.siren import FIRST_FREQUENCY, Siren

BLOCK = 4096  # places whose harmonics are computed at a time


def harmonics_of(lonlat_deg: Tensor, degree: int) -> Tensor:
    """(n, 2) longitude and latitude in degrees to (n, degree²) float32; computed in float64."""
    harmonics = SphericalHarmonics(degree, "analytic")
    return torch.cat([harmonics(part.double()).float() for part in lonlat_deg.split(BLOCK)])


def degree_scales(degree: int, power: float) -> Tensor:
    """(degree²,) factors of harmonics that fall with their degree l as (1 + l) to the power of -power.

    Their squares sum to degree², as those of equal factors do.
    """
    degrees = torch.arange(degree, device="cpu")
    of_degree = (1.0 + degrees.double()) ** -power
    scales = of_degree.repeat_interleave(2 * degrees + 1)
    return (scales * degree / scales.square().sum().sqrt()).float()


def new_siren(degree: int, width: int, layers: int, dim: int) -> Siren:
    """A SIREN for these harmonics with the initialisation of arXiv:2006.09661, float32."""
    siren = Siren(degree**2, width, layers, dim).float()
    with torch.no_grad():
        for module in (*siren.layers, siren.last_layer):
            bound = 2.0 / degree**2 if module is siren.first else math.sqrt(6.0 / width)
            module.weight.uniform_(-bound, bound)
            module.bias.uniform_(-bound, bound)
        siren.first.bias.uniform_(-math.pi / FIRST_FREQUENCY, math.pi / FIRST_FREQUENCY)
    return siren


class ImageHead(nn.Module):
    """Values (n, v) to embeddings (n, dim), not normalised.

    Args:
        scale: what values are divided by, (v,) or (1,).
        width: of its input.
        dim: of its output.
        hidden: units between.
        dropout: share of them that is dropped in training.
    """

    value_std: Tensor

    def __init__(self, scale: Tensor, width: int, dim: int, hidden: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("value_std", scale.clone())
        self.hidden = nn.Linear(width, hidden)
        self.last = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor, noise: float = 0.0) -> Tensor:
        """(n, v) values to (n, dim) embeddings; noise of this deviation is added to what they are divided to."""
        standard = values / self.value_std
        if noise:
            standard = standard + noise * torch.randn_like(standard)
        return self.last(self.dropout(F.gelu(self.hidden(standard))))

    @torch.inference_mode()
    def keys(self, values: Tensor) -> Tensor:
        """(n, v) values to (n, dim) unit vectors: the keys of a database."""
        return torch.cat([F.normalize(self(part), dim=1) for part in values.split(BLOCK)])


def radial_targets(lonlat_deg: Tensor, functions: Sequence[tuple[int, float]]) -> Tensor:
    """(n, all functions) float32: smooth functions of the place, standardised.

    They are exp(sharpness (cos d - 1)) of the distance d to evenly spread centres: at a sharpness of 20 they fall to a
    half within 15°, at 120 within 6°.

    Args:
        lonlat_deg: (n, 2).
        functions: how many there are, and of which sharpness.
    """
    lon, lat = torch.deg2rad(lonlat_deg.double()).unbind(1)
    xyz = torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], dim=1)
    return torch.cat(
        [_standardised(torch.exp(sharpness * (xyz @ _centres(count, xyz).T - 1))) for count, sharpness in functions], 1
    )


def _centres(count: int, like: Tensor) -> Tensor:
    """(count, 3) unit vectors, spread evenly along a spiral."""
    number = torch.arange(count, dtype=torch.float64, device=like.device) + 0.5
    z = 1 - 2 * number / count
    turn = math.pi * (1 + 5**0.5) * number
    flat = (1 - z.square()).sqrt()
    return torch.stack([flat * turn.cos(), flat * turn.sin(), z], dim=1)


def _standardised(columns: Tensor) -> Tensor:
    """Columns with mean 0 and deviation 1, float32; constant ones become 0."""
    deviation = columns.std(dim=0)
    return ((columns - columns.mean(dim=0)) / torch.where(deviation > 0, deviation, 1.0)).float()
