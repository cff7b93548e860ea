"""The objective, its parts, and what a training on known data finds."""

from __future__ import annotations

import math

import pytest
import torch

from rangegeo.databases.networks import ImageHead, degree_scales, harmonics_of, radial_targets
from rangegeo.databases.ranks import Retrieval, effective_neighbours, explained
from rangegeo.databases.training import Branches, Settings, retrieval_of, train

FUNCTIONS = ((3, 20.0), (2, 80.0))
SMALL = Settings(
    degree=6, width=32, dim=8, epochs=30, batch=64, functions=((16, 20.0),), weight_decay=0.1, noise=0.1, rate=5e-3
)


def places(count: int, seed: int = 0) -> torch.Tensor:
    """(count, 2) random places on the sphere."""
    random = torch.Generator().manual_seed(seed)
    lon = 360 * torch.rand(count, generator=random, dtype=torch.float64) - 180
    return torch.stack([lon, torch.rad2deg(torch.asin(2 * torch.rand(count, generator=random).double() - 1))], dim=1)


def seen(lonlat_deg: torch.Tensor) -> torch.Tensor:
    """(n, 3) values that are smooth functions of the place."""
    lon, lat = torch.deg2rad(lonlat_deg).unbind(1)
    return torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), 2 * lat.sin()], dim=1).float()


def test_harmonics_are_weighed_by_their_degree():
    scales = degree_scales(5, 1.0)
    assert scales.square().sum().item() == pytest.approx(25)
    assert (scales[0] / scales[1]).item() == pytest.approx(2)
    assert (scales[4:9] == scales[4]).all()
    torch.testing.assert_close(degree_scales(5, 0.0), torch.ones(25))


def test_functions_of_the_place_are_standardised_and_local():
    found = radial_targets(places(2000), ((32, 20.0), (32, 80.0)))
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(64), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(dim=0), torch.ones(64), atol=1e-3, rtol=0)
    wide, narrow = ((part > part.max(dim=0).values / 2).float().mean() for part in found.split(32, dim=1))
    assert wide > 2 * narrow
    z, turn = 1 - 1 / 32, math.pi * (1 + 5**0.5) * 0.5
    first = torch.tensor([[math.degrees(turn) % 360, math.degrees(math.asin(z))]], dtype=torch.float64)
    assert radial_targets(torch.cat([places(500), first]), ((32, 20.0),))[:, 0].argmax() == 500


def test_the_loss_is_that_of_its_parts():
    """Written out place by place."""
    torch.manual_seed(0)
    where = places(5)
    values = seen(where)
    settings = Settings(degree=4, width=8, dim=4, functions=FUNCTIONS, noise=0.0, dropout=0.0, decay=1.0)
    branches = Branches(values, settings).eval()
    harmonics, functions = harmonics_of(where, 4), radial_targets(where, FUNCTIONS)
    with torch.no_grad():
        loss = branches.loss(harmonics, values, functions).item()
        q = [place / place.norm() for place in branches.siren(harmonics * branches.scales)]
        k = [key / key.norm() for key in branches.head(values)]
        logits = torch.tensor([[10 * float(a @ b) for b in k] for a in q])
        contrast = (
            -sum((logits[i, i] - logits[i].logsumexp(0)) + (logits[i, i] - logits[:, i].logsumexp(0)) for i in range(5))
            / 10
        )
        scaled = 2 * torch.stack(q)
        scale = values.std(dim=0).square().mean().sqrt()
        of_values = (branches.to_values(scaled) - (values - values.mean(dim=0)) / scale).square().mean()
        of_place = (branches.to_place(scaled) - functions).square().mean()
    assert loss == pytest.approx((0.3 * contrast + of_values + of_place).item(), rel=1e-5)


def test_the_decay_is_folded_into_the_first_layer():
    torch.manual_seed(0)
    branches = Branches(seen(places(20)), SMALL)
    harmonics = harmonics_of(places(20), SMALL.degree)
    with torch.no_grad():
        before = branches.location(harmonics)
        torch.testing.assert_close(branches.finished().siren(harmonics), before, atol=1e-5, rtol=1e-4)


@pytest.fixture
def one_thread():
    """Small products are quicker with one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_places_that_were_held_out_find_their_values(one_thread):
    where, others = places(300), places(100, seed=1)
    told: list[tuple[int, float]] = []
    random = torch.random.get_rng_state()
    trained = train(where, seen(where), SMALL, report=lambda epoch, loss: told.append((epoch, loss)))
    assert torch.equal(torch.random.get_rng_state(), random)
    assert [epoch for epoch, _ in told] == list(range(1, 31))
    assert told[-1][1] < told[0][1] / 2
    ranks = retrieval_of(trained, others, seen(others), SMALL.degree)
    assert ranks.median_rank <= 4  # guessing gives 50
    with torch.no_grad():
        queries = trained.siren(harmonics_of(others, SMALL.degree))
    share = explained(queries, trained.head.keys(seen(where)), seen(where), seen(others))
    assert 0.7 < share < 1
    again = train(where, seen(where), SMALL)
    for name, tensor in trained.siren.state_dict().items():
        assert torch.equal(tensor, again.siren.state_dict()[name]), name


def test_measures_of_known_cases():
    keys = torch.eye(4)
    ranks = Retrieval.measure(torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [3.0, 2.0, 1.0, 0]]), keys)
    assert (ranks.top1, ranks.mean_reciprocal_rank) == (0.75, pytest.approx((3 + 1 / 4) / 4))
    assert effective_neighbours(torch.ones(2, 3), torch.ones(50, 3)) == pytest.approx(50, rel=1e-5)
    truth = torch.tensor([[1.0], [2.0], [4.0]])
    assert explained(torch.eye(3), torch.eye(3), truth, truth, 1e3) == pytest.approx(1.0)


def test_the_head_divides_values_by_its_scale():
    torch.manual_seed(0)
    head = ImageHead(torch.tensor([2.0]), 3, 4).eval()
    same = ImageHead(torch.tensor([1.0]), 3, 4).eval()
    same.load_state_dict(head.state_dict() | {"value_std": torch.tensor([1.0])})
    torch.testing.assert_close(head(torch.full((1, 3), 2.0)), same(torch.ones(1, 3)))
    torch.testing.assert_close(head.keys(torch.ones(3, 3)).norm(dim=1), torch.ones(3))
