"""The output of upstream's own code, stored in tests/golden, and how far a correct result may be from it.

Upstream evaluates its spherical harmonics as monomials in float64. The round-off of this grows with latitude, and no
other order of evaluation reproduces it. So the tolerances depend on the band of |latitude|. The arrays `*_exact60` are
the same polynomials evaluated in 60 digits; they are compared without such tolerances.
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
BANDS_DEG = (0, 30, 45, 60, 75, 85)  # the lowest |latitude| of each band

BASIS = (1e-8, 1e-5, 2e-3, 5e-2, 5e-2, 5e-2)  # for upstream's float64 basis, L=40
UNIT_OUTPUT = (1e-8, 1e-5, 1e-3, 1e-2, 3e-2, 3e-2)  # for SatCLIP's output, scaled to length 1, L=40
VALUES = (5e-6, 5e-6, 5e-4, 2e-2, 2e-2, 2e-2)  # for the values that RANGE retrieves with it
FLOAT32 = 1.2e-7  # two roundings of a number of size 1


def load(name: str) -> dict[str, NDArray]:
    """The arrays of tests/golden/NAME.npz."""
    with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def location_weights(checkpoint: str) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint's location branch, by their names without the prefix `model.location.nnet.`."""
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
    """(n, d) vectors scaled to length 1."""
    vectors = np.asarray(vectors)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def assert_within_bands(actual: ArrayLike, expected: ArrayLike, lat_deg: NDArray, tolerances: ArrayLike) -> None:
    """The absolute differences in each row must be within the tolerance of its band of latitude."""
    allowed = np.asarray(tolerances, dtype=float)[np.searchsorted(BANDS_DEG, np.abs(lat_deg), side="right") - 1]
    deviation = np.abs(np.asarray(actual, dtype=float) - expected).max(axis=1)
    worst = np.argmax(deviation / allowed)
    assert (deviation <= allowed).all(), (
        f"{(deviation > allowed).sum()} of {len(deviation)} places deviate too far; at latitude {lat_deg[worst]} "
        f"{deviation[worst]:.2g} where {allowed[worst]:.2g} is allowed"
    )
