"""Averages of the points of a patch from those of a few supports, against the full softmax in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import field as reference

from rangegeo.field import supports
from rangegeo.field.places import Places
from rangegeo.field.retrieval import softmax_average, softmax_sums
from rangegeo.field.supports import LARGEST_ERROR, Supports, shared_average, sums_are_shared

SIDE, ROWS = 24, 3000
POINTS = SIDE**2


def unit(vectors: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(vectors, dim=1)


def patch(centre: int, width: float = 0.5) -> torch.Tensor:
    """(POINTS, 6) unit vectors that vary smoothly over a square."""
    at = torch.linspace(-width, width, SIDE, dtype=torch.float64)
    y, x = torch.meshgrid(at, at, indexing="ij")
    waves = torch.stack([torch.sin(x + k * y + centre) for k in range(3)] + [torch.cos(k * x - y) for k in range(3)])
    return unit(waves.reshape(6, -1).T)


@pytest.fixture(scope="module")
def database() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return unit(torch.randn(ROWS, 6, generator=generator)), torch.randn(ROWS, 9, generator=generator)


@pytest.fixture
def summed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many places were summed over the database, call by call."""
    counts: list[int] = []

    def counted(queries: torch.Tensor, *rest: object) -> tuple[torch.Tensor, torch.Tensor]:
        counts.append(len(queries))
        return softmax_sums(queries, *rest)

    monkeypatch.setattr(supports, "softmax_sums", counted)
    return counts


def largest_error(found: torch.Tensor, queries: torch.Tensor, database: tuple, temperature: float) -> float:
    exact = reference.softmax_average(queries.numpy(), *(part.numpy() for part in database), temperature)
    return float(np.abs(found.numpy() - exact).max() / np.abs(exact).max())


@pytest.mark.parametrize("temperature", [5.0, 12.0, 15.0])
def test_points_of_patches_and_places_by_themselves_get_their_averages(database, summed, temperature):
    alone = unit(torch.randn(40, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64))
    queries = torch.cat([patch(0), alone[:25], patch(2), alone[25:]])
    patches = torch.tensor([4] * POINTS + [-1] * 25 + [7] * POINTS + [-1] * 15)
    shuffled = torch.randperm(len(queries), generator=torch.Generator().manual_seed(1))
    found = shared_average(queries[shuffled], patches[shuffled], *database, temperature)
    assert found.dtype == torch.float32
    assert largest_error(found, queries[shuffled], database, temperature) <= LARGEST_ERROR
    assert summed[0] < 40 + POINTS  # of more than twice as many places


def test_few_points_follow_from_themselves_alone(database, summed):
    queries = patch(0)[: supports.FEWEST_POINTS - 1]
    found = shared_average(queries, torch.zeros(len(queries), dtype=torch.int64), *database, 12.0)
    assert torch.equal(found, softmax_average(queries.float(), *database, 12.0))
    assert summed == []


def test_points_that_have_nothing_in_common_are_all_summed(database, summed):
    queries = unit(torch.randn(POINTS, 60, generator=torch.Generator().manual_seed(2), dtype=torch.float64))
    assert Supports.of(torch.arange(POINTS), queries, 12.0) is None
    keys = unit(torch.randn(ROWS, 60, generator=torch.Generator().manual_seed(4)))
    found = shared_average(queries, torch.zeros(POINTS, dtype=torch.int64), keys, database[1], 12.0)
    assert torch.equal(found, softmax_average(queries.float(), keys, database[1], 12.0))


def test_too_few_supports_are_found_out(database, summed, monkeypatch):
    """The points that follow worst are compared with their own sums, and then all points are summed."""
    monkeypatch.setattr(supports, "RESIDUAL", 0.05)
    queries = patch(0)
    found = shared_average(queries, torch.zeros(POINTS, dtype=torch.int64), *database, 12.0)
    assert len(summed) == 1
    assert torch.equal(found, softmax_average(queries.float(), *database, 12.0))


def test_rows_that_are_all_far_away_and_a_high_temperature(database):
    """All weights are tiny then, and errors relative to them are not."""
    queries = patch(0, width=0.2)
    far = database[0][(database[0].double() @ queries.T).amax(dim=1) < 0.2]
    assert len(far) > 100
    few = far, database[1][: len(far)]
    found = shared_average(queries, torch.zeros(POINTS, dtype=torch.int64), *few, 43.0)
    direct = softmax_average(queries.float(), *few, 43.0)
    error = largest_error(direct, queries, few, 43.0)
    assert largest_error(found, queries, few, 43.0) <= LARGEST_ERROR + 2 * error


def test_only_large_databases_on_the_cpu_share(monkeypatch):
    keys, values = torch.zeros(100, 6), torch.zeros(100, 10)
    monkeypatch.setattr(supports, "SMALLEST_SUM", 1600)
    assert sums_are_shared(keys, values)
    assert not sums_are_shared(keys[1:], values[1:])
    assert not sums_are_shared(keys.to("meta"), values.to("meta"))


def test_places_keep_the_numbers_of_their_patches():
    grid = Places.grid(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0]))
    numbers = torch.arange(6)
    for places in (Places(grid.lonlat_deg, patches=numbers), Places(grid.lonlat_deg, grid.axes_deg, numbers)):
        assert torch.equal(places.to("cpu").patches, numbers)
        for rows, part in places.split(2):
            assert torch.equal(part.patches, numbers[rows])
    assert grid.to("cpu").patches is None
    assert grid.split(2)[0][1].patches is None
