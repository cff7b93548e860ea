"""What a fit counts: only rectangles that are interpolated have a measured error; every miss is counted."""

from __future__ import annotations

import math
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
import torch
from torch import Tensor

from rangegeo.engine.fit import SMALLEST_SAVING, Fit, answered, levels_that_pay
from rangegeo.engine.rectangles import PROOF_PLACES, DegreeRectangle
from rangegeo.field.chebyshev import LEVELS
from rangegeo.field.components import Components
from rangegeo.field.places import Places
from rangegeo.field.recipe import Recipe

TOLERANCE = 1e-5
RECIPE = Recipe(betas=(1.0,), visual=2, location=1)
WEST = DegreeRectangle((45.0, 46.0), (6.0, 7.0), 100_000)
EAST = DegreeRectangle((45.0, 46.0), (8.0, 9.0), 100_000)


class TwoComponents:
    """S is smooth, with an error of interpolation above 0. q is smooth in the west and jumps in the east."""

    visual, location, smooth_deg, shares = 2, 1, math.inf, False

    def evaluating(self) -> AbstractContextManager[None]:
        return nullcontext()

    def components(self, places: Places, wanted: Collection[str]) -> Components:
        lon, lat = places.lonlat_deg.unbind(1)
        semantic = torch.stack([torch.sin(9 * lon), torch.cos(9 * lat)], dim=1)
        location = torch.where(lon > 8.3, 2.0, 1.0)[:, None].double()
        return Components(semantic if "semantic" in wanted else None, None, location)


def test_a_rectangle_that_is_thrown_away_has_no_measured_error():
    """S converges there, but q does not; so nothing is interpolated, and nothing is proved."""
    fit = Fit(TwoComponents(), TOLERANCE, RECIPE)
    assert fit.interpolant(EAST) is None
    assert fit.evaluations > 0
    assert (fit.error, fit.proved) == (0.0, 0)


def test_a_rectangle_that_is_kept_has_a_measured_error():
    kept, both = Fit(TwoComponents(), TOLERANCE, RECIPE), Fit(TwoComponents(), TOLERANCE, RECIPE)
    assert kept.interpolant(WEST) is not None
    assert 0 < kept.error <= TOLERANCE
    both.interpolant(EAST)
    both.interpolant(WEST)
    assert (both.error, both.proved) == (kept.error, kept.proved) == (kept.error, PROOF_PLACES)


def test_a_miss_is_counted_once_also_where_another_component_ends_the_trial(monkeypatch: pytest.MonkeyPatch):
    """S misses the tolerance with 11 points and with 21; then q is given up."""

    def promised(values: Tensor) -> float:
        return 0.0 if len(values) == RECIPE.visual else 1.0

    monkeypatch.setattr("rangegeo.engine.fit.estimated_error", promised)
    monkeypatch.setattr("rangegeo.engine.fit._error_at", lambda values, at, exact: 1.0)
    fit = Fit(TwoComponents(), TOLERANCE, RECIPE)
    assert fit.interpolant(EAST) is None
    assert fit.missed_tolerance == 1


@pytest.mark.parametrize("level", LEVELS)
def test_points_pay_if_there_are_two_pixels_for_each(level: int):
    assert level in levels_that_pay(SMALLEST_SAVING * level**2)
    assert level not in levels_that_pay(SMALLEST_SAVING * level**2 - 1)


def test_a_rectangle_with_too_few_places_is_not_evaluated():
    fit = Fit(TwoComponents(), TOLERANCE, RECIPE)
    assert fit.interpolant(DegreeRectangle(WEST.lat, WEST.lon, SMALLEST_SAVING * LEVELS[0] ** 2 - 1)) is None
    assert fit.evaluations == 0


def test_an_interpolant_has_the_points_of_its_finest_component():
    values = Fit(TwoComponents(), TOLERANCE, RECIPE).interpolant(WEST)
    assert values is not None
    count = values.shape[-1]
    assert values.shape == (1, 3, count, count)
    exact = TwoComponents().components(Places(torch.from_numpy(WEST.node_places(count).reshape(-1, 2))), {"semantic"})
    assert exact.semantic is not None
    np.testing.assert_allclose(values[0, :2].flatten(1).T, exact.semantic, atol=2 * TOLERANCE)


def test_rectangles_that_are_fitted_together_are_those_fitted_alone():
    alone, together = ([Fit(TwoComponents(), TOLERANCE, RECIPE) for _ in range(2)] for _ in range(2))
    expected = [fit.interpolant(rectangle) for fit, rectangle in zip(alone, (EAST, WEST), strict=True)]
    askings = [fit.asking(rectangle) for fit, rectangle in zip(together, (EAST, WEST), strict=True)]
    found = answered(askings, TwoComponents(), RECIPE)
    assert expected[0] is found[0] is None
    np.testing.assert_array_equal(found[1], expected[1])
    for one, other in zip(alone, together, strict=True):
        assert vars(one) | {"evaluator": None} == vars(other) | {"evaluator": None}


class SharedPoints(TwoComponents):
    """Evaluates all points of a patch at once, and keeps what it is asked for."""

    shares = True

    def __init__(self) -> None:
        self.asked: list[Places] = []

    def components(self, places: Places, wanted: Collection[str]) -> Components:
        self.asked.append(places)
        return super().components(places, wanted)


def test_points_that_share_their_sums_are_evaluated_at_once():
    """The largest number of points that pays; and what is not needed of it is left out again."""
    evaluator = SharedPoints()
    fit, alone = Fit(evaluator, TOLERANCE, RECIPE), Fit(TwoComponents(), TOLERANCE, RECIPE)
    found, expected = fit.interpolant(WEST), alone.interpolant(WEST)
    np.testing.assert_array_equal(found, expected)
    assert found.shape[-1] < LEVELS[-1]
    assert (fit.error, fit.proved) == (alone.error, alone.proved)
    (places,) = evaluator.asked
    assert (places.patches == 0).nonzero()[:, 0].tolist() == list(range(LEVELS[-1] ** 2))
    assert (places.patches[LEVELS[-1] ** 2 :] == -1).all()  # what is proved is exact
    assert len(places) == LEVELS[-1] ** 2 + PROOF_PLACES
    assert fit.evaluations == LEVELS[-1] ** 2


def test_points_share_nothing_where_the_tolerance_is_too_small_for_it():
    evaluator = SharedPoints()
    Fit(evaluator, TOLERANCE / 2, RECIPE).interpolant(WEST)
    assert len(evaluator.asked) > 1
    assert all((places.patches == -1).all() for places in evaluator.asked)


def test_each_patch_has_its_own_number():
    evaluator = SharedPoints()
    answered([Fit(evaluator, TOLERANCE, RECIPE).asking(rectangle) for rectangle in (WEST, EAST)], evaluator, RECIPE)
    (places,) = evaluator.asked
    numbers, counts = places.patches.unique(return_counts=True)
    assert numbers.tolist() == [-1, 0, 1]
    assert counts.tolist() == [2 * PROOF_PLACES, LEVELS[-1] ** 2, LEVELS[-1] ** 2]
