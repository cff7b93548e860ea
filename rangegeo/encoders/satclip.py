"""SatCLIP's location encoder: spherical harmonics and a SIREN (arXiv:2311.17179, microsoft/SatCLIP)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.places import Places
from rangegeo.field.siren import Siren


class SatCLIPEncoder(nn.Module):
    """Places to (n, dim) float64, not normalised."""

    smooth_deg = math.inf

    def __init__(self, harmonics: SphericalHarmonics, siren: Siren) -> None:
        super().__init__()
        self.harmonics = harmonics
        self.siren = siren

    @property
    def dim(self) -> int:
        return self.siren.last_layer.out_features

    def forward(self, places: Places) -> Tensor:
        first = self.siren.layers[0].weight
        return self.siren.from_first_product(self.harmonics.project(places, first))


def network(settings: dict) -> Siren:
    depth, dim = settings["num_hidden_layers"], settings["embed_dim"]
    return Siren(settings["legendre_polys"] ** 2, settings["capacity"], depth, dim)


def build(settings: dict, network: Siren) -> SatCLIPEncoder:
    harmonics = SphericalHarmonics(settings["legendre_polys"], settings["harmonics_calculation"])
    return SatCLIPEncoder(harmonics, network)
