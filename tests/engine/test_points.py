"""Scattered places from shared patches: within the tolerance everywhere, cheaper or not at all, order kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from helpers.evaluators import FakeEvaluator, RecordingEvaluator

import rangegeo as rg
from rangegeo.engine import points as module
from rangegeo.engine.evaluator import evaluate_places
from rangegeo.engine.points import PointInterpolator, interpolate_places
from rangegeo.errors import UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.grid.domain import whole_turns
from rangegeo.grid.globe import tile_counts, tile_numbers, tile_sides

TOLERANCE = 1e-5
BETAS = (1, 0)
Function = Callable[[np.ndarray, np.ndarray], np.ndarray]  # longitude and latitude (n,) to (n, 3)
HERE = {
    "one tile": ((3.3, 45.1), (6.2, 47.1)),
    "Jura": ((5, 46), (8, 48)),
    "Fiji, across the antimeridian": ((178, -19), (182, -16)),
    "Fiji, west of it": ((-182, -19), (-178, -16)),
    "Svalbard": ((10, 78), (25, 80)),
    "north pole": ((-180, 88), (180, 90)),
    "south pole": ((-180, -90), (180, -88)),
    "Gulf of Guinea": ((-2, -2), (2, 2)),
}


@pytest.fixture(scope="module")
def demo() -> rg.Model:
    """The embedded model: trained, so as smooth as published ones. The miniature one is rougher."""
    return rg.load_model("RANGE+", device="cpu")


def places(where: str, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(*HERE[where], (count, 2))


def errors(model: rg.Model, found: np.ndarray, lonlat: np.ndarray) -> float:
    """The largest difference of S, G and q from exact evaluation, each relative to its largest value."""
    exact = evaluate_places(model.evaluator, lonlat, model.recipe(BETAS))
    visual, location = slice(None, model.visual), slice(model.visual, None)
    parts = ((0, visual), (1, visual), (0, location))
    return max(float(np.abs(found - exact)[i, :, b].max() / np.abs(exact[i, :, b]).max()) for i, b in parts)


@pytest.mark.parametrize(
    ("where", "tolerance"), [*((where, TOLERANCE) for where in HERE), ("Jura", 1e-3), ("north pole", 1e-3)]
)
def test_values_are_those_of_the_model_within_the_tolerance(demo, where, tolerance):
    lonlat = places(where, 10_000)
    field = PointInterpolator(demo.evaluator, demo.recipe(BETAS), tolerance, tile_counts(whole_turns(lonlat)))
    found = field(lonlat)
    assert errors(demo, found[:, ::19], lonlat[::19]) <= tolerance
    assert field.facts["interpolated_places"] > 8000
    assert field.facts["evaluations"] < 5000
    assert 0 < field.facts["measured_error"] <= tolerance
    assert field.facts["proof_places"] >= 32


def test_exactly_on_edges_and_points(demo):
    """Where tiles meet, and where a place is a Chebyshev point itself."""
    (south, north), (west, east) = tile_sides(int(tile_numbers(np.array([[0.1, 0.1]]))[0]))
    edges = [(lon, lat) for lon in (west, (west + east) / 2, east) for lat in (south, (south + north) / 2, north)]
    lonlat = np.concatenate([edges, places("Gulf of Guinea", 6000)])
    found = interpolate_places(demo.evaluator, lonlat, demo.recipe(BETAS), TOLERANCE)
    assert errors(demo, found[:, :100], lonlat[:100]) <= TOLERANCE


def test_few_places_are_evaluated(mini):
    lonlat = np.random.default_rng(0).uniform((-180, -90), (180, 90), (500, 2))
    np.testing.assert_allclose(mini.encode(lonlat, tolerance=TOLERANCE), mini.encode(lonlat), rtol=0, atol=5e-6)
    field = PointInterpolator(mini.evaluator, mini.recipe(), TOLERANCE, tile_counts(lonlat))
    field(lonlat)
    assert field.facts == {"evaluation": "exact"}
    assert str(field) == "every place was evaluated"
    assert field.expected == 500


def test_the_order_is_that_of_the_places(demo):
    lonlat = np.concatenate([places("one tile", 1500), places("Svalbard", 100), places("Gulf of Guinea", 500)])
    order = np.random.default_rng(1).permutation(len(lonlat))
    found = demo.encode(lonlat, tolerance=TOLERANCE)
    np.testing.assert_allclose(demo.encode(lonlat[order], tolerance=TOLERANCE), found[order], atol=3e-6)


def test_a_place_has_its_value_whatever_its_company(demo):
    """Tiles are fixed: other places change nothing but whether it is interpolated."""
    lonlat = places("one tile", 1500)
    both = demo.encode(np.concatenate([lonlat, places("one tile", 1000, seed=2)]), tolerance=TOLERANCE)
    np.testing.assert_allclose(demo.encode(lonlat, tolerance=TOLERANCE), both[:1500], atol=3e-6)


def test_encode_takes_a_tolerance_for_arrays_frames_and_several_betas(demo):
    lonlat = places("one tile", 1500)
    exact = demo.encode(lonlat, beta=BETAS)
    found = demo.encode(lonlat, beta=BETAS, tolerance=TOLERANCE)
    assert (found.shape, found.dtype) == (exact.shape, np.float32)
    assert errors(demo, found, lonlat) <= TOLERANCE
    assert np.abs(found - exact).max() > 0  # it was not evaluated
    frame = demo.encode(pd.DataFrame(lonlat, columns=["lon", "lat"]), beta=BETAS, tolerance=TOLERANCE)
    np.testing.assert_allclose(frame, np.concatenate(found, axis=1), rtol=0, atol=5e-6)
    assert demo.encode(np.empty((0, 2)), tolerance=TOLERANCE).shape == (0, 512)


@pytest.mark.parametrize("tolerance", [0, 1e-6, 1, float("nan")])
def test_tolerances_that_mean_nothing_are_refused(mini, tolerance):
    with pytest.raises(UsageError, match="tolerance must be in"):
        mini.encode(places("Jura", 10), tolerance=tolerance)


def test_bands_that_are_left_out_cost_nothing(demo):
    lonlat = places("one tile", 1500)
    recipe = demo.recipe(0.5, bands=[2, 300])
    evaluator = RecordingEvaluator(demo.evaluator)
    found = PointInterpolator(evaluator, demo.recipe(0.5, bands="location"), TOLERANCE, tile_counts(lonlat))(lonlat)
    assert evaluator.wanted
    assert all(wanted == {"location"} for wanted in evaluator.wanted)
    np.testing.assert_allclose(found[0], demo.encode(lonlat)[:, 256:], atol=1e-5)
    np.testing.assert_allclose(
        interpolate_places(demo.evaluator, lonlat, recipe, TOLERANCE)[0], demo.encode(lonlat)[:, [1, 299]], atol=1e-5
    )


# -------------------------------------------------------------------------------------------- batches, bounded memory


def test_batches_share_tiles(demo):
    lonlat = places("one tile", 1500)
    recipe, counts = demo.recipe(BETAS), tile_counts(lonlat)
    once, often = (PointInterpolator(demo.evaluator, recipe, TOLERANCE, counts) for _ in range(2))
    whole = once(lonlat)
    parts = np.concatenate([often(part) for part in np.array_split(lonlat, 50)], axis=1)
    np.testing.assert_allclose(parts, whole, atol=3e-6)
    assert once.facts == often.facts


# ------------------------------------------------------------------------------------------------- rough fields


def pretended(function: Function, smooth_deg: float = 10.0) -> FakeEvaluator:
    return FakeEvaluator(function, 3, smooth_deg)


RECIPE = Recipe(betas=(1.0,), visual=0, location=3)


def smooth(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return np.stack([lon, lat, lon * lat], axis=1)


ROUGH = {
    "a jump": lambda lon, lat: np.stack([lon > 6.7, lat, lon], axis=1).astype(float),
    "kinks": lambda lon, lat: np.stack([np.abs(lon - 6.6), np.abs(lat - 47.1), lat], axis=1),
    "short waves": lambda lon, lat: np.stack([np.sin(80 * lon), np.cos(80 * lat), lat], axis=1),
    "noise": lambda lon, lat: np.stack([np.sin(1e5 * lon * lat), lon, lat], axis=1),
    "nothing": lambda lon, lat: np.zeros((len(lon), 3)),
}


@pytest.mark.parametrize("name", ROUGH)
@pytest.mark.parametrize("count", [1500, 40_000])
def test_whatever_the_field_values_keep_the_tolerance_and_little_is_lost(name, count):
    evaluator = pretended(ROUGH[name])
    lonlat = places("Jura", count)
    field = PointInterpolator(evaluator, RECIPE, TOLERANCE, tile_counts(lonlat))
    found = field(lonlat)[0]
    expected = ROUGH[name](*lonlat.T)
    # at all places but those so near a kink or a jump that a rectangle without it was proved beside it
    assert np.quantile(np.abs(found - expected).max(axis=1), 0.999) <= TOLERANCE * max(1.0, np.abs(expected).max())
    assert evaluator.asked <= (1 + 2 * module.WASTED_SHARE) * count + 2000


def test_a_field_that_is_known_to_be_rough_is_not_tried():
    evaluator = pretended(ROUGH["kinks"], smooth_deg=0.0)
    lonlat = places("Jura", 5000)
    found = PointInterpolator(evaluator, RECIPE, TOLERANCE, tile_counts(lonlat))(lonlat)
    assert evaluator.asked == 5000
    np.testing.assert_array_equal(found[0], ROUGH["kinks"](*lonlat.T).astype(np.float32))


def test_without_a_tolerance_every_place_is_evaluated():
    evaluator = pretended(ROUGH["nothing"])
    lonlat = places("Jura", 5000)
    field = PointInterpolator(evaluator, RECIPE, None, tile_counts(lonlat))
    field(lonlat)
    assert (evaluator.asked, field.expected, field.facts) == (5000, 5000, {"evaluation": "exact"})


def test_what_is_said_of_a_run():
    evaluator = pretended(smooth)
    lonlat = np.concatenate([places("Jura", 20_000), [[100.0, 0.0]]])
    field = PointInterpolator(evaluator, RECIPE, TOLERANCE, tile_counts(lonlat))
    field(lonlat)
    facts = field.facts
    proved = facts["proof_places"]
    assert str(field) == (
        f"20,000 places interpolated from {facts['evaluations'] - 1:,} evaluations, 1 evaluated itself; measured "
        f"error {facts['measured_error']:.1e} at {proved} places, tolerance 1e-05"
    )
    assert facts["interpolated_places"] == 20_000
    assert facts["evaluations"] + proved == evaluator.asked


@pytest.mark.parametrize("sort", [True, False])
def test_tiles_that_are_held_are_bounded_and_never_made_over_and_over(sort):
    evaluator = pretended(smooth)
    lonlat = np.random.default_rng(0).uniform((0, 0), (22, 22), (120_000, 2))
    if sort:
        lonlat = lonlat[np.argsort(tile_numbers(lonlat))]
    tile_bytes = 21 * 21 * 3 * 4
    field = PointInterpolator(evaluator, RECIPE, TOLERANCE, tile_counts(lonlat), held_bytes=10 * tile_bytes)
    found = []
    for part in np.array_split(lonlat, 60):
        found.append(field(part)[0])
        assert field._held == sum(part.values.nbytes for parts in field._parts.values() for part in parts)
        assert field._held <= 10 * tile_bytes
    assert np.abs(np.concatenate(found) - smooth(*lonlat.T)).max() <= TOLERANCE * 22**2
    facts = field.facts
    assert facts["evaluations"] < len(lonlat)
    if sort:  # a batch lies in few tiles, which pay for themselves
        assert facts["interpolated_places"] > 0.9 * len(lonlat)
    else:  # the first tiles stay, for no batch holds enough places for another
        assert facts["proof_places"] <= 11 * 32
