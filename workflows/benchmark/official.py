"""Upstream's point package in a throw-away folder, and files of any size in the formats that it reads.

The published weights and database are a gigabyte of downloads; a benchmark needs only files of their shape. These are
a SatCLIP checkpoint as PyTorch-Lightning writes it and a RANGE database as upstream's script writes it.
"""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from rangegeo.encoders.satclip import SatCLIPEncoder
from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.places import Places, unit_vectors
from rangegeo.field.siren import Siren

UPSTREAM = "rangegeo==0.1.0"
UPSTREAM_NEEDS = "einops"  # what it imports beyond torch, numpy and huggingface_hub, which we need too
TRAINED = Path(__file__).resolve().parents[2] / "rangegeo" / "weights" / "demo" / "location_encoder.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Widths of a location encoder; by default those of the published files.

    Attributes:
        degree: L of the spherical harmonics.
        capacity: width of the hidden layers.
        embed: width of the location encoder's output and of the database's keys.
    """

    degree: int = 40
    capacity: int = 512
    embed: int = 256


PUBLISHED = Sizes()


def install_upstream(folder: Path) -> None:
    """Put the point package of PyPI into a folder, and into nothing else."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--target", str(folder), UPSTREAM, UPSTREAM_NEEDS], check=True)


def make_encoder(sizes: Sizes = PUBLISHED, seed: int = 0) -> SatCLIPEncoder:
    """The embedded trained encoder if it has these sizes, else a random one."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        siren = Siren(sizes.degree**2, sizes.capacity, 2, sizes.embed)
        _draw_as_published(siren)
    if sizes == PUBLISHED and TRAINED.exists():
        siren.load_state_dict({name: tensor.double() for name, tensor in load_file(TRAINED).items()})
    return SatCLIPEncoder(SphericalHarmonics(sizes.degree), siren).eval().requires_grad_(False)


def write_checkpoint(path: Path, encoder: SatCLIPEncoder) -> None:
    """A checkpoint with the keys of satclip-vit16-l40.ckpt that belong to the location encoder."""
    weights = encoder.siren.state_dict()
    first = weights["layers.0.weight"]
    hyper_parameters = {
        "embed_dim": encoder.dim,
        "le_type": "sphericalharmonics",
        "pe_type": "siren",
        "legendre_polys": math.isqrt(first.shape[1]),
        "harmonics_calculation": "analytic",
        "frequency_num": 16,
        "min_radius": 1,
        "max_radius": 260,
        "num_hidden_layers": len(encoder.siren.layers),
        "capacity": len(first),
    }
    prefixes = ("model.nnet.", "model.location.nnet.")  # the published files hold every tensor under both
    state = {prefix + name: tensor for prefix in prefixes for name, tensor in weights.items()}
    state["model.logit_scale"] = torch.tensor(math.log(1 / 0.07))
    torch.save({"epoch": 0, "global_step": 0, "hyper_parameters": hyper_parameters, "state_dict": state}, path)


def write_database(path: Path, encoder: SatCLIPEncoder, rows: int, values: int = 1024, seed: int = 0) -> None:
    """A database with the arrays of range_db_large.npz: places, keys that the encoder nearly gives there, values."""
    generator = torch.Generator().manual_seed(seed)
    locs = land_like_places(rows, generator)
    keys = torch.cat([encoder(part) for _, part in Places.scattered(locs).split(4096)])
    keys /= keys.norm(dim=1, keepdim=True)
    noise = torch.randn(keys.shape, generator=generator, dtype=torch.float64) * (0.5 / math.sqrt(keys.shape[1]))
    np.savez(
        path,
        locs=locs.numpy(),
        satclip_embeddings=(keys + noise).numpy(),
        image_embeddings=smooth_values(locs, values, generator).numpy(),
    )


def land_like_places(rows: int, generator: torch.Generator) -> torch.Tensor:
    """(rows, 2) lon, lat in degrees: gathered in forty patches of continental extent, as land is."""
    centre = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    centre /= centre.norm(dim=1, keepdim=True)
    patch = torch.randint(len(centre), (rows,), generator=generator)
    xyz = centre[patch] + 0.2 * torch.randn(rows, 3, generator=generator, dtype=torch.float64)
    x, y, z = (xyz / xyz.norm(dim=1, keepdim=True)).unbind(1)
    return torch.rad2deg(torch.stack([torch.atan2(y, x), torch.asin(z)], dim=1))


def smooth_values(lonlat_deg: torch.Tensor, width: int, generator: torch.Generator) -> torch.Tensor:
    """(rows, width): plane waves of every wavelength from the Earth's to about 300 km, and some noise."""
    waves = torch.randn(3, width, generator=generator, dtype=torch.float64)
    waves *= torch.logspace(0, 2, width, dtype=torch.float64)
    phase = 2 * math.pi * torch.rand(width, generator=generator, dtype=torch.float64)
    values = (unit_vectors(lonlat_deg) @ waves).add_(phase).sin_()
    return values.add_(torch.randn(values.shape, generator=generator, dtype=torch.float64), alpha=0.1)


def _draw_as_published(siren: Siren) -> None:
    """SIREN's own initial distribution, which upstream draws from (arXiv:2006.09661)."""
    for index, layer in enumerate([*siren.layers, siren.last_layer]):
        bound = 1 / layer.in_features if index == 0 else math.sqrt(6 / layer.in_features)
        torch.nn.init.uniform_(layer.weight, -bound, bound)
        torch.nn.init.uniform_(layer.bias, -bound, bound)
