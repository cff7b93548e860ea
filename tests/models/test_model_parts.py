"""The parts that a planet stores make RANGE+, RANGE and SatCLIP, as these give them themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rangegeo as rg
from rangegeo.field.blend import blend
from rangegeo.field.places import Places
from rangegeo.models.parts import ModelParts

PLACES = np.array([[5.7, 45.2], [-120.0, 38.0], [179.9, -80.0]])


@pytest.fixture(scope="module")
def files(golden) -> dict[str, str]:
    return {"weights": str(golden / "satclip-mini.ckpt"), "db": str(golden / "range_db_mini.npz")}


def served(parts: ModelParts, name: str) -> dict[str, np.ndarray]:
    """The parts of a model, by their roles."""
    roles = parts.models[name]["parts"]
    found = parts.values(Places.scattered(torch.from_numpy(PLACES)), set(roles.values()))
    return {role: found[part].numpy() for role, part in roles.items()}


def test_one_model_serves_three(mini, files):
    parts = ModelParts(mini)
    assert parts.bands == {"semantic": 24, "location": 16, "norm": 1, "geographic": 24, "semantic_range": 24}
    assert list(parts.models) == ["RANGE+", "RANGE", "SatCLIP"]
    plus, other, encoder = (served(parts, name) for name in parts.models)
    bands = [blend(plus["semantic"], plus["geographic"], 0.3), plus["location"]]
    np.testing.assert_allclose(np.hstack(bands), mini.encode(PLACES, beta=0.3), atol=1e-6)
    bands = [other["semantic"], other["location"]]
    np.testing.assert_allclose(np.hstack(bands), rg.load_model("RANGE", **files).encode(PLACES), atol=1e-6)
    satclip = rg.load_model("SatCLIP", weights=files["weights"])
    np.testing.assert_allclose(encoder["location"] * encoder["norm"], satclip.encode(PLACES), rtol=1e-6)


def test_models_say_their_temperatures_and_what_to_cite(files):
    models = ModelParts(rg.load_model("RANGE+", **files, temperature=20, geographic_temperature=80)).models
    assert models["RANGE+"]["semantic_temperature"] == 20
    assert models["RANGE+"]["geographic_temperature"] == 80
    assert models["RANGE"]["semantic_temperature"] == 15
    assert models["SatCLIP"]["citation"] == "arXiv:2311.17179"


def test_range_can_be_left_out(mini):
    parts = ModelParts(mini, with_range=False)
    assert list(parts.bands) == ["semantic", "location", "norm", "geographic"]
    assert list(parts.models) == ["RANGE+", "SatCLIP"]


def test_range_has_no_geographic_part(files):
    parts = ModelParts(rg.load_model("RANGE", **files))
    assert list(parts.bands) == ["semantic", "location", "norm"]
    assert list(parts.models) == ["RANGE", "SatCLIP"]


def test_an_encoder_has_its_own_output_alone(files):
    parts = ModelParts(rg.load_model("SatCLIP", weights=files["weights"]))
    assert (list(parts.bands), parts.shown) == (["location"], "location")
    assert list(parts.models) == ["SatCLIP"]
    found = served(parts, "SatCLIP")["location"]
    np.testing.assert_allclose(found, parts.model.encode(PLACES), rtol=1e-6)


def test_values_of_a_grid_are_those_of_its_places(mini, monkeypatch):
    monkeypatch.setattr("rangegeo.models.parts.BLOCK_PLACES", 64)  # so that there are several blocks
    axes = torch.linspace(5, 6, 16, dtype=torch.float64), torch.linspace(44, 45, 11, dtype=torch.float64)
    grid = Places.grid(*axes)
    parts = ModelParts(mini)
    found, other = (parts.values(places, parts.bands) for places in (grid, Places.scattered(grid.lonlat_deg)))
    for name in parts.bands:
        torch.testing.assert_close(found[name], other[name], atol=1e-5, rtol=1e-5)


def test_a_part_alone_is_the_same(mini):
    parts, places = ModelParts(mini), Places.scattered(torch.from_numpy(PLACES))
    every = parts.values(places, parts.bands)
    for name in parts.bands:
        torch.testing.assert_close(parts.values(places, [name])[name], every[name], atol=1e-6, rtol=1e-6)
