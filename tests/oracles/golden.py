"""What upstream's own code gave, kept in tests/golden, and how far from it a right answer may be.

Upstream evaluates its spherical harmonics as monomials in float64 and so carries round-off that grows with latitude;
no other evaluation order reproduces it. The tolerances are per band of |latitude|; `*_exact60` vectors, the same text
evaluated in 60 digits, have none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from rangegeo.encoders.satclip import SatCLIPEncoder
from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.siren import Siren

GOLDEN = Path(__file__).parents[1] / "golden"
BANDS_DEG = (0, 30, 45, 60, 75, 85)  # where each band of |latitude| begins

BASIS = (1e-8, 1e-5, 2e-3, 5e-2, 5e-2, 5e-2)  # upstream's float64 basis, L=40
UNIT_OUTPUT = (1e-8, 1e-5, 1e-3, 1e-2, 3e-2, 3e-2)  # SatCLIP's output of length 1, L=40
VALUES = (5e-6, 5e-6, 5e-4, 2e-2, 2e-2, 2e-2)  # what RANGE retrieves with it
FLOAT32 = 1.2e-7  # two roundings of a number of size 1


def load(name: str) -> dict[str, NDArray]:
    """The arrays of tests/golden/NAME.npz."""
    with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def location_weights(checkpoint: str) -> dict[str, torch.Tensor]:
    """Tensors of a checkpoint's location branch, the prefix `model.location.nnet.` taken off."""
    state = torch.load(GOLDEN / checkpoint, weights_only=True)["state_dict"]
    prefix = "model.location.nnet."
    return {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}


def encoder(checkpoint: str, degree: int) -> SatCLIPEncoder:
    """The location encoder of tests/golden/satclip-mini*.ckpt."""
    weights = location_weights(checkpoint)
    dim, capacity = weights["last_layer.weight"].shape
    siren = Siren(degree**2, capacity, 2, dim)
    siren.load_state_dict(weights)
    return SatCLIPEncoder(SphericalHarmonics(degree), siren).eval().requires_grad_(False)


def normalised(vectors: ArrayLike) -> NDArray:
    vectors = np.asarray(vectors)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def assert_within_bands(actual: ArrayLike, expected: ArrayLike, lat_deg: NDArray, tolerances: ArrayLike) -> None:
    """Each row may differ by the tolerance of its latitude band, absolutely."""
    allowed = np.asarray(tolerances, dtype=float)[np.searchsorted(BANDS_DEG, np.abs(lat_deg), side="right") - 1]
    deviation = np.abs(np.asarray(actual, dtype=float) - expected).max(axis=1)
    worst = np.argmax(deviation / allowed)
    assert (deviation <= allowed).all(), (
        f"{(deviation > allowed).sum()} of {len(deviation)} places deviate too far; at latitude {lat_deg[worst]} "
        f"{deviation[worst]:.2g} where {allowed[worst]:.2g} is allowed"
    )
