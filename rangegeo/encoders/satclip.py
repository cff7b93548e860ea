"""SatCLIP's location encoder: spherical harmonics and a SIREN (arXiv:2311.17179, microsoft/SatCLIP)."""

from __future__ import annotations

from torch import Tensor, nn

from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.places import Places
from rangegeo.field.siren import Siren


class SatCLIPEncoder(nn.Module):
    """Places to (n, dim) float64, not normalised."""

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
