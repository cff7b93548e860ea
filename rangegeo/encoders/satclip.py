"""SatCLIP's location encoder: spherical harmonics, then a SIREN (arXiv:2311.17179, microsoft/SatCLIP)."""

from __future__ import annotations

import math

from torch import Tensor

from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.places import Places
from rangegeo.field.siren import Siren


class SatCLIPEncoder(LocationEncoder):
    """Places to (n, dim) float64, not normalised."""

    smooth_deg = math.inf  # patches are small enough for harmonics of degree 40

    def __init__(self, harmonics: SphericalHarmonics, siren: Siren) -> None:
        super().__init__()
        self.harmonics = harmonics
        self.siren = siren
        self.dim = siren.last_layer.out_features

    def forward(self, places: Places) -> Tensor:
        return self.siren.from_first_product(self.harmonics.project(places, self.siren.first.weight))


def network(settings: dict) -> Siren:
    """The SIREN that a file's settings describe, without its weights; the harmonics have no weights."""
    depth, dim = settings["num_hidden_layers"], settings["embed_dim"]
    return Siren(settings["legendre_polys"] ** 2, settings["capacity"], depth, dim)


def from_network(settings: dict, network: Siren) -> SatCLIPEncoder:
    """The encoder that ends with this SIREN."""
    harmonics = SphericalHarmonics(settings["legendre_polys"], settings["harmonics_calculation"])
    return SatCLIPEncoder(harmonics, network)
