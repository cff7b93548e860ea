"""SIREN against a loop over places, and SatCLIP's output against exact arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import field as reference

from rangegeo.field.siren import Siren


def made(features: int, capacity: int, hidden_layers: int, dim: int) -> Siren:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Siren(features, capacity, hidden_layers, dim).requires_grad_(False)


def weights_of(siren: Siren) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(layer.weight.numpy(), layer.bias.numpy()) for layer in [*siren.layers, siren.last_layer]]


@pytest.mark.parametrize("hidden_layers", [1, 2, 4])
def test_siren_is_the_formula(hidden_layers):
    siren = made(9, 12, hidden_layers, 5)
    features = torch.randn(11, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = reference.siren(features.numpy(), weights_of(siren))
    np.testing.assert_allclose(siren(features), expected, rtol=0, atol=1e-13)


def test_the_first_product_may_be_given():
    siren = made(9, 12, 2, 5)
    features = torch.randn(11, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    product = features @ siren.layers[0].weight.T
    np.testing.assert_allclose(siren.from_first_product(product), siren(features), rtol=0, atol=1e-14)


def test_parameters_are_float64_and_named_as_in_the_checkpoints():
    shapes = {name: tuple(tensor.shape) for name, tensor in made(100, 32, 2, 16).state_dict().items()}
    assert shapes == {
        "layers.0.weight": (32, 100),
        "layers.0.bias": (32,),
        "layers.1.weight": (32, 32),
        "layers.1.bias": (32,),
        "last_layer.weight": (16, 32),
        "last_layer.bias": (16,),
    }
    assert all(tensor.dtype == torch.float64 for tensor in made(100, 32, 2, 16).state_dict().values())
