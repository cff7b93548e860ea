"""Databases and encoders of the published shapes, made where they are used, without a file."""

from __future__ import annotations

import math
from functools import partial
from importlib import import_module

import torch
from official import PUBLISHED, Sizes, land_like_places, make_encoder
from torch import nn

from rangegeo.encoders import MODELS
from rangegeo.encoders.satclip import SatCLIPEncoder
from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.geographic import fold
from rangegeo.field.places import Places, unit_vectors
from rangegeo.field.range import GEOGRAPHIC_TEMPERATURE, RangeField

BLOCK = 16_384  # rows made at a time
TINY = Sizes(degree=8, capacity=32, embed=16)
# Settings of the published files of each family; see rangegeo.weights.families. The weights are drawn.
SETTINGS = {
    "geoclip": {"capsules": 3, "encoded": 256, "hidden": 1024, "dim": 512},
    "sinr": {"dim": 256, "depth": 4},
    "csp": {
        "frequency_num": 32,
        "min_radius": 0.1,
        "max_radius": 360.0,
        "hidden_dim": 512,
        "num_hidden_layer": 1,
        "num_filts": 256,
        "spa_f_act": "relu",
        "use_layn": True,
        "skip_connection": True,
    },
}


def satclip(small: bool) -> SatCLIPEncoder:
    """SatCLIP's encoder: the trained one of the package, or a tiny one."""
    return make_encoder(TINY if small else PUBLISHED)


def make_field(encoder: SatCLIPEncoder, rows: int, width: int, device: torch.device | str) -> RangeField:
    """RANGE+ over a drawn database: keys near what the encoder gives at its places, smooth values with some noise.

    Args:
        encoder: on the device.
        rows: of the database.
        width: number of visual bands.
    """
    locs = land_like_places(rows, torch.Generator().manual_seed(0)).float().to(device)
    device = torch.device(device)
    # a million rows are drawn on the GPU itself
    drawn = torch.Generator(device if device.type == "cuda" else "cpu").manual_seed(0)
    draw = partial(torch.randn, generator=drawn, device=drawn.device)
    waves = draw(3, width).to(device) * torch.logspace(0, 2, width, device=device)
    keys = torch.empty(rows, encoder.dim, device=device)
    values = torch.empty(rows, width, device=device)
    with torch.no_grad():
        for start in range(0, rows, BLOCK):
            part = slice(start, start + BLOCK)
            near = nn.functional.normalize(encoder(Places.scattered(locs[part])), dim=1).float()
            noise = draw(near.shape).to(device) * (0.5 / math.sqrt(encoder.dim))
            keys[part] = nn.functional.normalize(near + noise, dim=1)
            values[part] = torch.sin(unit_vectors(locs[part]) @ waves)
            values[part] += 0.1 * draw(values[part].shape).to(device)
        folded = fold(locs, values, GEOGRAPHIC_TEMPERATURE)
        return RangeField(
            encoder, keys, values, locs, temperature=MODELS["RANGE+"].temperature or 0, folded=folded
        ).eval()


def make_location_encoder(name: str, small: bool) -> LocationEncoder:
    """The location encoder of a model of the table, with drawn weights where it has some."""
    row = MODELS[name]
    if row.family == "satclip":
        return satclip(small)
    module = import_module(f"rangegeo.encoders.{row.family}")
    if row.variant is not None:
        return module.build(row.variant).eval()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = module.network(SETTINGS[row.family])
        for capsule, (part, tensor) in enumerate(encoder.named_parameters()):
            if part.endswith(".b"):  # GeoCLIP's frequencies are part of its weights
                nn.init.normal_(tensor, std=2.0 ** (capsule % 3))
    return encoder.eval().requires_grad_(False)


def globe(count: int, seed: int = 1) -> torch.Tensor:
    """(count, 2) float64 longitude, latitude in degrees, uniform on the sphere."""
    drawn = torch.rand(2, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.stack([360 * drawn[0] - 180, torch.rad2deg(torch.asin(2 * drawn[1] - 1))], dim=1)
