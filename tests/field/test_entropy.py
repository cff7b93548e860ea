"""Entropy of retrieval weights against the sum over every weight in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import field as reference
from oracles import golden

from rangegeo.field import entropy as module
from rangegeo.field.entropy import FoldedEntropy, softmax_entropy
from rangegeo.field.geographic import FoldedAverage, fold
from rangegeo.field.places import Places
from rangegeo.field.range import GEOGRAPHIC_TEMPERATURE, RangeField
from rangegeo.schema.bands import DIAGNOSTICS


def unit(rows: int, width: int, seed: int) -> torch.Tensor:
    vectors = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(vectors, dim=1)


def over_the_globe(n: int, seed: int = 0) -> torch.Tensor:
    share = torch.rand(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.stack([360 * share[:, 0] - 180, torch.rad2deg(torch.asin(2 * share[:, 1] - 1))], dim=1)


def expected_geographic(lonlat: torch.Tensor, rows: torch.Tensor) -> np.ndarray:
    vectors = [reference.unit_vectors(places.numpy()) for places in (lonlat, rows)]
    return reference.entropy(reference.softmax_weights(*vectors, GEOGRAPHIC_TEMPERATURE))


@settings(deadline=None, max_examples=50)
@given(
    sizes=st.tuples(st.integers(0, 30), st.integers(1, 60), st.integers(1, 24)),
    temperature=st.floats(0.1, 43.0),
    blocks=st.tuples(st.integers(1, 40), st.integers(1, 70)),
    seed=st.integers(0, 2**31),
)
def test_it_is_the_entropy_of_the_full_softmax_whatever_the_blocks(sizes, temperature, blocks, seed):
    n, rows, width = sizes
    queries, keys = unit(n, width, seed), unit(rows, width, seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "QUERY_BLOCK", blocks[0])
        patch.setattr(module, "KEY_BLOCK", blocks[1])
        found = softmax_entropy(queries, keys, temperature)
    assert found.dtype == torch.float64
    expected = reference.entropy(reference.softmax_weights(queries, keys, temperature))
    # a float32 logit is accurate to about 2e-7 of the temperature
    np.testing.assert_allclose(found, expected.reshape(n), rtol=0, atol=1e-6 * (1 + temperature))


def test_rows_that_are_alike_share_the_weight_alike():
    key = unit(1, 8, 0)
    assert softmax_entropy(unit(3, 8, 1), key.expand(500, 8), 12.0).exp().tolist() == pytest.approx(
        [500.0] * 3, rel=5e-6
    )
    assert softmax_entropy(unit(3, 8, 1), key, 12.0).tolist() == pytest.approx([0.0] * 3, abs=1e-6)


def test_one_row_can_have_all_the_weight():
    keys = torch.eye(8)
    found = softmax_entropy(keys[:1], keys, 40.0)  # the other rows have weights of exp(-40)
    assert abs(float(found)) < 1e-12


def test_doubling_the_database_doubles_the_neighbours():
    queries, keys = unit(5, 16, 0), unit(300, 16, 1)
    once, twice = softmax_entropy(queries, keys, 12.0), softmax_entropy(queries, keys.repeat(2, 1), 12.0)
    np.testing.assert_allclose(twice - once, math.log(2), rtol=0, atol=1e-6)


def test_folded_entropy_is_that_of_the_sum():
    rows, lonlat = over_the_globe(700), over_the_globe(200, seed=1)
    average = FoldedAverage(fold(rows, torch.ones(700, 1), GEOGRAPHIC_TEMPERATURE), 700)
    found, accurate = FoldedEntropy(average, GEOGRAPHIC_TEMPERATURE)(Places.scattered(lonlat))
    assert accurate.all()
    np.testing.assert_allclose(found, expected_geographic(lonlat, rows), rtol=0, atol=1e-5)


def test_a_grid_is_its_places():
    rows = over_the_globe(300)
    average = FoldedAverage(fold(rows, torch.ones(300, 1), GEOGRAPHIC_TEMPERATURE), 300)
    folded = FoldedEntropy(average, GEOGRAPHIC_TEMPERATURE)
    grid = Places.grid(torch.linspace(5, 10, 7), torch.linspace(44, 48, 5))
    np.testing.assert_allclose(folded(grid)[0], folded(Places.scattered(grid.lonlat_deg))[0], rtol=0, atol=1e-9)


class Unused(torch.nn.Module):
    dim = 4

    def forward(self, places: Places) -> torch.Tensor:
        return places.lonlat_deg.new_ones(len(places), 4)


@pytest.mark.parametrize("folded", [True, False])
def test_far_from_every_row_the_sum_takes_over(folded):
    """Half a world away round-off exceeds the folded sum, and the entropy would be NaN or meaningless."""
    rows = torch.tensor([[10.0, 45.0], [11.0, 45.0], [10.0, 46.0]], dtype=torch.float64)
    values = torch.ones(3, 1)
    coefficients = fold(rows, values, GEOGRAPHIC_TEMPERATURE) if folded else None
    keys = torch.nn.functional.normalize(torch.ones(3, 4), dim=1)
    field = RangeField(Unused(), keys, values, rows.float(), temperature=12.0, folded=coefficients)
    lonlat = torch.tensor([[10.2, 45.1], [-170.0, -45.0], [100.0, 0.0]], dtype=torch.float64)
    names = ("geographic_neighbours", "geographic_entropy")
    found = field.components(Places.scattered(lonlat), semantic=False, geographic=False, diagnostics=names)
    assert found.semantic is None
    assert tuple(found.diagnostics) == names
    expected = expected_geographic(lonlat, rows)
    np.testing.assert_allclose(found.part("geographic_entropy")[:, 0], expected, rtol=0, atol=2e-5)
    np.testing.assert_allclose(found.part("geographic_neighbours")[:, 0], np.exp(expected), rtol=3e-5)


def test_a_model_tells_of_its_own_retrieval(mini):
    database = golden.load("range_db_mini")
    lonlat = over_the_globe(20).numpy()
    location = mini.encode(lonlat, bands="location").astype(float)
    keys = golden.normalised(database["satclip_embeddings"])
    semantic = reference.entropy(reference.softmax_weights(location, keys, 12.0))
    geographic = expected_geographic(torch.from_numpy(lonlat), torch.from_numpy(database["locs"]))
    found = mini.encode(lonlat, bands="diagnostics")
    assert mini.diagnostics == DIAGNOSTICS
    expected = np.stack([semantic, np.exp(semantic), geographic, np.exp(geographic)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)
