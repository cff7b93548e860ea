"""The engine with a model on the stand-in device: patches, coarse patches, pixels and points are those of the CPU."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from helpers.elsewhere import ELSEWHERE, elsewhere
from oracles.every import SMALL

import rangegeo as rg
from rangegeo.engine.evaluator import evaluate_pixels, evaluate_places, seconds_per_place
from rangegeo.engine.patches import evaluate_patch, fill_coarse, fill_window
from rangegeo.engine.points import interpolate_places
from rangegeo.engine.tiles import TileFit, fit_block
from rangegeo.field.places import Places
from rangegeo.field.recipe import Recipe
from rangegeo.grid import make_geobox, pixel_places
from rangegeo.models.parts import ModelParts
from rangegeo.spectral.tiles import Basis

BOXES = {
    "degrees": ((5, 44, 6, 45), 0.02, "EPSG:4326"),
    "metres": ((10, 60, 11, 60.6), 2000, "EPSG:3857"),
    "the edge of a projection": ((-180, 60, 180, 90), 100_000, "ESRI:54009"),
}
RECIPES = {"betas": {"betas": (0, 0.5, 1)}, "components": {"layout": "components"}, "all": {"bands": "all,diagnostics"}}


@pytest.fixture(autouse=True)
def _there():
    with elsewhere():
        yield


@cache
def models_of(name: str) -> tuple[rg.Model, rg.Model]:
    return tuple(rg.load_model(name, device=device, **SMALL[name].arguments) for device in (str(ELSEWHERE), "cpu"))


@pytest.fixture(params=["RANGE+", "CSP", "SINR"])
def models(request) -> tuple[rg.Model, rg.Model]:
    """The same model elsewhere and on the CPU: one that interpolates, one with float32 layers, one with kinks."""
    return models_of(request.param)


def recipe_of(model: rg.Model, name: str = "betas") -> Recipe:
    return model.recipe(**(RECIPES[name] if model.has_beta else {}))


@pytest.mark.parametrize(("box", "recipe"), list(zip(BOXES, RECIPES, strict=True)))
def test_a_patch(models, box, recipe):
    geobox = make_geobox(*BOXES[box])
    window = slice(0, min(40, geobox.shape[0])), slice(20, min(60, geobox.shape[1]))
    results = []
    for model in models:
        recipe_here = recipe_of(model, recipe)
        patch = evaluate_patch(model.evaluator, geobox, window, 40, 1e-2, recipe_here)
        pixels = pixel_places(geobox, *window)
        results.append(
            [
                fill_window(model.evaluator, geobox, window, patch, recipe_here),
                fill_coarse(model.evaluator, geobox, (slice(0, 9), slice(5, 12)), 4, patch, recipe_here),
                evaluate_pixels(model.evaluator, pixels, recipe_here),
                [patch.error, patch.proved, patch.evaluations, patch.missed_tolerance],
            ]
        )
    for there, here in zip(*results, strict=True):
        np.testing.assert_array_equal(there, here)


def test_scattered_points(models):
    lonlat = np.random.default_rng(0).uniform((5, 44), (6, 45), (3000, 2))
    there, here = (
        [
            evaluate_places(model.evaluator, lonlat[:100], recipe_of(model)),
            interpolate_places(model.evaluator, lonlat, recipe_of(model), 1e-3),
        ]
        for model in models
    )
    for found, expected in zip(there, here, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_cost_is_measured_there(models, monkeypatch):
    monkeypatch.setattr("rangegeo.engine.evaluator.MANY_PROBED", 3)
    assert seconds_per_place(models[0].evaluator, recipe_of(models[0])) > 0


def test_values_stay_there_until_they_are_wanted(models):
    found = models[0].evaluator.values(torch.tensor([[5.0, 45.0]]))
    assert found.device == ELSEWHERE


def test_tiles_of_a_planet(monkeypatch):
    monkeypatch.setattr("rangegeo.engine.rounding.SHARES", np.array([1.2, 0.5]))  # the stand-in is slow
    monkeypatch.setattr("rangegeo.engine.rounding.is_card", lambda device: True)
    there, here = (ModelParts(model) for model in models_of("RANGE+"))
    sample = here.values(Places.scattered(torch.tensor([[1.0, 2.0], [3.0, 4.0]])), ["semantic"])["semantic"].double()
    shown = {"mean": sample.mean(dim=0).numpy(), "directions": np.eye(sample.shape[1])[:2], "explained": np.ones(2)}
    basis = Basis(of="semantic", **shown, scale=1.0, tolerance=0.01)
    row = {number: (6.0 + number / 2, 40.0, 6.5 + number / 2, 40.5) for number in range(2)}
    found, expected = (fit_block(TileFit(parts, 1e-2, 2**31 - 1, basis), row) for parts in (there, here))
    assert [tile.path for tile in found.tiles] == [tile.path for tile in expected.tiles]
    assert (found.evaluations, found.proved) == (expected.evaluations, expected.proved)
    for one, other in zip(found.tiles, expected.tiles, strict=True):
        for name, part in other.parts.items():
            np.testing.assert_array_equal(one.parts[name].stored, part.stored)
            assert (one.parts[name].step, one.parts[name].error) == (part.step, part.error)
