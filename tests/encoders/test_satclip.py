"""SatCLIP's location encoder against exact arithmetic and upstream's own output."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import field as reference
from oracles import golden

from rangegeo.encoders import MODELS
from rangegeo.field.places import Places
from rangegeo.models.load import load_model

CHECKPOINTS = {10: "satclip-mini-l10.ckpt", 40: "satclip-mini.ckpt"}


def output_of(degree: int, lonlat_deg: np.ndarray) -> torch.Tensor:
    return golden.encoder(CHECKPOINTS[degree], degree)(Places.scattered(torch.from_numpy(lonlat_deg)))


@pytest.mark.parametrize("degree", CHECKPOINTS)
def test_it_is_exact_arithmetic_at_every_latitude(degree):
    vectors = golden.load(f"satclip_l{degree}")
    output = output_of(degree, vectors["lonlat"])
    assert output.dtype == torch.float64
    np.testing.assert_allclose(output, vectors["output_exact60"], rtol=0, atol=1e-11)
    exact = golden.normalised(vectors["output_exact60"])
    np.testing.assert_allclose(golden.normalised(output), exact, rtol=0, atol=1e-12)


@pytest.mark.parametrize("output", ["output", "output_batch1"])
def test_l40_is_upstream_within_its_round_off(output):
    vectors = golden.load("satclip_l40")
    found = golden.normalised(output_of(40, vectors["lonlat"]))
    golden.assert_within_bands(found, golden.normalised(vectors[output]), vectors["lonlat"][:, 1], golden.UNIT_OUTPUT)


@pytest.mark.parametrize("output", ["output", "output_batch1"])
def test_l10_is_upstream(output):
    vectors = golden.load("satclip_l10")
    found = golden.normalised(output_of(10, vectors["lonlat"]))
    np.testing.assert_allclose(found, golden.normalised(vectors[output]), rtol=0, atol=1e-11)


@pytest.mark.parametrize("degree", CHECKPOINTS)
def test_it_is_the_network_over_the_basis(degree):
    vectors = golden.load(f"satclip_l{degree}")
    weights = {name: tensor.numpy() for name, tensor in golden.location_weights(CHECKPOINTS[degree]).items()}
    layers = [(weights[f"{name}.weight"], weights[f"{name}.bias"]) for name in ("layers.0", "layers.1", "last_layer")]
    expected = reference.siren(vectors["basis_exact60"], layers)
    np.testing.assert_allclose(output_of(degree, vectors["basis_lonlat"]), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("degree", CHECKPOINTS)
def test_a_checkpoint_with_closed_form_harmonics(degree, tmp_path):
    content = torch.load(golden.GOLDEN / CHECKPOINTS[degree], weights_only=True)
    content["hyper_parameters"]["harmonics_calculation"] = "closed-form"
    torch.save(content, tmp_path / "closed.ckpt")
    model = load_model("SatCLIP", str(tmp_path / "closed.ckpt"), "cpu")
    vectors = golden.load(f"satclip_l{degree}_closedform_basis")
    basis = torch.from_numpy(vectors["output"])
    found = model(torch.from_numpy(vectors["lonlat"]))
    torch.testing.assert_close(found, model.field.encoder.siren(basis), rtol=0, atol=1e-9)


def test_a_grid_is_its_places():
    encoder = golden.encoder("satclip-mini.ckpt", 40)
    grid = Places.grid(torch.linspace(-180, 180, 11), torch.linspace(-90, 90, 9))
    scattered = encoder(Places.scattered(grid.lonlat_deg))
    np.testing.assert_allclose(encoder(grid), scattered, rtol=0, atol=1e-11)
    assert encoder.dim == scattered.shape[1] == 16


def test_the_models_have_the_published_temperatures():
    table = {name: (row.temperature, row.has_beta) for name, row in MODELS.items()}
    assert (
        table.items()
        >= {
            "RANGE+": (12.0, True),
            "RANGE": (15.0, False),
            "SatCLIP": (None, False),
        }.items()
    )
