"""Coordinates without a network: radians, unit vectors, sines and cosines. Source: mvrl/RANGE, range.py."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.places import Places, unit_vectors


class Direct(LocationEncoder):
    """Places to (n, 2) longitude and latitude in radians."""

    dim = 2
    smooth_deg = math.inf

    def forward(self, places: Places) -> Tensor:
        return places.lonlat_deg * math.pi / 180


class Cartesian3D(LocationEncoder):
    """Places to (n, 3) unit vectors."""

    dim = 3
    smooth_deg = math.inf

    def forward(self, places: Places) -> Tensor:
        return unit_vectors(places.lonlat_deg)


class Wrap(LocationEncoder):
    """Places to (n, 4): cos and sin of the longitude, cos and sin of the latitude (arXiv:1906.05272)."""

    dim = 4
    smooth_deg = math.inf

    def forward(self, places: Places) -> Tensor:
        lon, lat = torch.deg2rad(places.lonlat_deg).unbind(1)
        return torch.stack([lon.cos(), lon.sin(), lat.cos(), lat.sin()], dim=1)


VARIANTS: dict[str, type[LocationEncoder]] = {"Direct": Direct, "Cartesian_3D": Cartesian3D, "Wrap": Wrap}


def build(variant: str) -> LocationEncoder:
    """The encoder of a variant, a key of `VARIANTS`."""
    return VARIANTS[variant]()
