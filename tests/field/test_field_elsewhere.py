"""The whole field on the stand-in device: equal to the CPU, and all of it stays there."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from helpers.elsewhere import ELSEWHERE, ElsewhereTensor, elsewhere
from oracles import golden

from rangegeo.field import retrieval, strongest
from rangegeo.field.chebyshev import estimated_error, interpolate, interpolation_matrix, nodes
from rangegeo.field.geographic import fold
from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.places import Places, unit_vectors
from rangegeo.field.range import GEOGRAPHIC_TEMPERATURE, RangeField
from rangegeo.field.recipe import Projection, Recipe
from rangegeo.field.strongest import Kernel, distance_km, strongest_rows
from rangegeo.schema.bands import DIAGNOSTICS

HERE = torch.device("cpu")
GRID = Places.grid(torch.linspace(-180, 180, 13), torch.linspace(-90, 90, 9))
KINDS = {"a grid": GRID, "scattered": Places.scattered(GRID.lonlat_deg)}
BETAS = (0.0, 0.3, 1.0)


@pytest.fixture(autouse=True)
def _there():
    with elsewhere():
        yield


@pytest.fixture(autouse=True)
def _many_blocks(monkeypatch):
    monkeypatch.setattr(retrieval, "QUERY_BLOCK", 50)
    monkeypatch.setattr(retrieval, "KEY_BLOCK", 200)
    monkeypatch.setattr(strongest, "KEY_BLOCK", 200)


@cache
def database() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Keys, values and places of the miniature database, the places drawn together around 0°, 0°."""
    arrays = golden.load("range_db_mini")
    keys = torch.nn.functional.normalize(torch.from_numpy(arrays["satclip_embeddings"]).float(), dim=1)
    return keys, torch.from_numpy(arrays["image_embeddings"]).float(), torch.from_numpy(arrays["locs"]).float() / 6


@cache
def field_on(device: torch.device, *, folded: bool) -> RangeField:
    if device == ELSEWHERE:
        return copy.deepcopy(field_on(HERE, folded=folded)).to(device)
    keys, values, locs = database()
    coefficients = fold(locs, values, GEOGRAPHIC_TEMPERATURE) if folded else None
    encoder = golden.encoder("satclip-mini.ckpt", 40)
    return RangeField(encoder, keys, values, locs, temperature=12.0, folded=coefficients)


def assert_same(there: torch.Tensor, here: torch.Tensor) -> None:
    """Equal values; the first tensor is elsewhere."""
    assert isinstance(there, ElsewhereTensor)
    assert there.dtype == here.dtype
    np.testing.assert_array_equal(there.cpu(), here)


@pytest.mark.parametrize(
    ("folded", "kind", "inference"),
    [(True, "a grid", True), (True, "scattered", False), (False, "scattered", True), (False, "a grid", False)],
)
def test_every_component_is_that_of_the_cpu(folded, kind, inference):
    here, there = (field_on(device, folded=folded) for device in (HERE, ELSEWHERE))
    places = KINDS[kind]
    with torch.inference_mode(inference):
        expected = here.components(places, diagnostics=DIAGNOSTICS)
        found = there.components(places.to(ELSEWHERE), diagnostics=DIAGNOSTICS)
        for name in ("semantic", "geographic", "location", *DIAGNOSTICS):
            assert_same(found.part(name), expected.part(name))
        assert_same(there(places.to(ELSEWHERE), BETAS), here(places, BETAS))
        assert_same(there(places.to(ELSEWHERE), BETAS, torch.float64), here(places, BETAS, torch.float64))
    if folded:
        accurate = here.folded(places)[1]
        assert accurate.any()
        assert not accurate.all()  # so that sums over all rows stood in


def test_a_database_is_folded_there():
    _, values, locs = database()
    assert_same(fold(locs.to(ELSEWHERE), values.to(ELSEWHERE), 40.0), fold(locs, values, 40.0))


def test_a_field_can_be_made_of_tensors_there():
    keys, values, locs = (tensor.to(ELSEWHERE) for tensor in database())
    encoder = golden.encoder("satclip-mini.ckpt", 40).to(ELSEWHERE)
    folded = fold(locs, values, GEOGRAPHIC_TEMPERATURE)
    made = RangeField(encoder, keys, values, locs, temperature=12.0, folded=folded)
    expected = field_on(HERE, folded=True)
    for found, other in zip(made.buffers(), expected.buffers(), strict=True):
        assert_same(found, other)
    assert_same(made.geographic_entropy(GRID.to(ELSEWHERE)), expected.geographic_entropy(GRID))


@pytest.mark.parametrize("calculation", ["analytic", "closed-form"])
def test_harmonics_and_their_gradients(calculation):
    here = SphericalHarmonics(9, calculation)
    there = SphericalHarmonics(9, calculation).to(ELSEWHERE)
    gradients = []
    for harmonics, lonlat in ((here, GRID.lonlat_deg), (there, GRID.lonlat_deg.to(ELSEWHERE))):
        leaf = lonlat.clone().requires_grad_(True)
        harmonics(leaf).sum().backward()
        gradients.append(leaf.grad)
    assert_same(gradients[1], gradients[0])
    assert_same(there(GRID.lonlat_deg.to(ELSEWHERE)), here(GRID.lonlat_deg))
    assert_same(there(GRID.lonlat_deg[:0].to(ELSEWHERE)), here(GRID.lonlat_deg[:0]))


def test_the_strongest_rows_and_their_distances():
    keys, _, locs = database()
    lonlat = GRID.lonlat_deg

    def found(move: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
        queries = torch.nn.functional.normalize(torch.linspace(-1, 1, 16 * len(lonlat)).view(-1, 16).double(), dim=1)
        kernels = [
            Kernel.of(move(queries), move(keys), 12.0, 0.4),
            Kernel.of(unit_vectors(move(lonlat)), unit_vectors(move(locs)), 40.0, 0.6),
        ]
        rows, weights = strongest_rows(kernels, 7)
        return [rows, weights, kernels[0].cosine(rows), distance_km(move(lonlat)[:, None], move(locs)[rows])]

    for there, here in zip(found(lambda tensor: tensor.to(ELSEWHERE)), found(lambda tensor: tensor), strict=True):
        assert_same(there, here)


def test_interpolation_there():
    values = torch.sin(nodes(21)[:, None] * torch.linspace(1, 3, 5)[:, None, None] + nodes(21)).float()
    rows, cols = torch.linspace(-1, 1, 30).double(), nodes(11)
    there = [tensor.to(ELSEWHERE) for tensor in (values, rows, cols)]
    assert_same(interpolation_matrix(21, there[1]), interpolation_matrix(21, rows))
    assert_same(interpolate(*there), interpolate(values, rows, cols))
    assert_same(interpolate(there[0], rows, cols), interpolate(values, rows, cols))  # positions may come from the CPU
    assert estimated_error(there[0]) == estimated_error(values)


@pytest.mark.parametrize("betas", [BETAS, ()])
@pytest.mark.parametrize("keep", [None, (0, 5, 30), (41, 3), (25, 30)])
@pytest.mark.parametrize("projected", [False, True])
def test_bands_are_made_there(betas, keep, projected):
    recipe = Recipe(betas=betas, visual=24, location=16, keep=keep, diagnostics=DIAGNOSTICS)
    random = np.random.default_rng(0)
    projection = Projection(
        random.normal(size=recipe.bands).astype(np.float32),
        random.normal(size=(3, recipe.bands)).astype(np.float32),
        np.ones(3, dtype=np.float32),
    )
    recipe = Recipe(
        betas=betas,
        visual=24,
        location=16,
        keep=keep,
        diagnostics=DIAGNOSTICS,
        projection=projection if projected else None,
    )
    options = {"diagnostics": recipe.kept_diagnostics}
    expected = field_on(HERE, folded=True).components(GRID, **options)
    found = field_on(ELSEWHERE, folded=True).components(GRID.to(ELSEWHERE), **options)
    assert_same(recipe.apply(found), recipe.apply(expected))
