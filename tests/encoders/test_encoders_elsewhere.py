"""Every model of the table on the stand-in device: equal to the CPU, wherever the places come from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.elsewhere import ELSEWHERE, ElsewhereTensor, elsewhere
from oracles import golden
from oracles.every import SMALL, each_model

import rangegeo as rg
from rangegeo.encoders import MODELS
from rangegeo.field.places import Places


@pytest.fixture(autouse=True)
def _there():
    with elsewhere():
        yield


@pytest.mark.parametrize("name", each_model())
def test_a_model_there_is_the_model_on_the_cpu(name):
    arguments = SMALL[name].arguments
    coords = torch.from_numpy(golden.load(SMALL[name].file)["lonlat"])
    here, there = (rg.load_model(name, device=device, **arguments) for device in ("cpu", str(ELSEWHERE)))
    expected = np.asarray(here(coords))
    for given in (coords, coords.to(ELSEWHERE)):
        found = there(given)
        assert isinstance(found, np.ndarray if MODELS[name].returns_array else ElsewhereTensor)
        np.testing.assert_array_equal(found.cpu() if torch.is_tensor(found) else found, expected)
        np.testing.assert_array_equal(there.encode(given), here.encode(coords))
    grid = Places.grid(torch.linspace(-10, 10, 5), torch.linspace(40, 50, 4))
    found, expected = (model.evaluator.components(grid, ["location"]).location for model in (there, here))
    assert isinstance(found, ElsewhereTensor)
    np.testing.assert_array_equal(found.cpu(), expected)


@pytest.mark.parametrize("name", each_model())
def test_a_model_is_moved_and_comes_back(name):
    """Models without a tensor of their own move too."""
    model = rg.load_model(name, device="cpu", **SMALL[name].arguments)
    coords = torch.tensor([[5.7, 45.2], [-122.4, 37.8]], dtype=torch.float64)
    expected = model.encode(coords)
    for device in (ELSEWHERE, torch.device("cpu"), ELSEWHERE):
        assert model.to(device) is model
        assert model.spec.device == str(device)
        found = model.embed(coords)
        assert found.device == device
        np.testing.assert_array_equal(model.encode(coords), expected)
    assert model.half().spec.device == str(ELSEWHERE)
    np.testing.assert_array_equal(model.encode(coords), expected)
