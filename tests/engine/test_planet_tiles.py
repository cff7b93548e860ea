"""Tiles of a planet: within the tolerance everywhere, and cut in four where they do not converge."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import numpy as np
import pytest
import torch

from rangegeo.engine.tiles import TileFit, fit_block, values_at
from rangegeo.errors import UsageError
from rangegeo.field.places import Places
from rangegeo.spectral.layout import OVERVIEW, Bounds, domain_of, positions_in, quarters
from rangegeo.spectral.tiles import Basis, bounds_of

ROOT = (0.0, 40.0, 6.0, 45.0)


class FakeSource:
    """One part that is a function of longitude and latitude in degrees; counts the places it is asked for."""

    def __init__(self, function: Callable[[np.ndarray, np.ndarray], np.ndarray], smooth_deg: float = math.inf) -> None:
        self.function, self.smooth_deg, self.asked, self.shares = function, smooth_deg, 0, False
        self.bands = {"location": function(np.zeros(1), np.zeros(1)).shape[1]}

    def values(self, places: Places, wanted: Collection[str]) -> dict[str, torch.Tensor]:
        self.asked += len(places)
        return {name: torch.from_numpy(self.function(*places.lonlat_deg.numpy().T)) for name in wanted}


def waves(wavelength_deg: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    k = 2 * np.pi / wavelength_deg
    return lambda lon, lat: np.stack([np.sin(k * lon + 1), 0.1 * np.cos(k * (lat - lon)), 1 + 0 * lon], axis=1)


def fit_of(source: FakeSource, tolerance: float = 1e-3, largest: int = 32767) -> TileFit:
    shown = {"mean": np.array([0.0, 0.0, 1.0]), "directions": np.eye(3)[:2], "explained": np.ones(2)}
    basis = Basis(of="location", **shown, scale=1.0, tolerance=0.01)
    return TileFit(source, tolerance, largest, basis)


@pytest.mark.parametrize(("wavelength", "tiles"), [(20.0, 1), (2.0, 1), (0.5, 4), (0.25, 16)])
def test_tiles_keep_the_tolerance_and_are_cut_as_often_as_needed(wavelength, tiles):
    source = FakeSource(waves(wavelength))
    fit = fit_of(source)
    block = fit_block(fit, {3: ROOT})
    assert len(block.tiles) == tiles
    assert [tile.path for tile in block.tiles] == sorted(tile.path for tile in block.tiles)
    assert block.proved == 32 * tiles
    assert block.evaluations + block.proved == source.asked
    random = np.random.default_rng(0)
    for tile in block.tiles:
        bounds = bounds_of(ROOT, tile.path)
        places = random.uniform(bounds[:2], bounds[2:], (300, 2))
        places[:50, 0], places[50:100, 1] = bounds[0], bounds[3]
        at = positions_in(domain_of(bounds), places)[:, ::-1]
        exact = source.function(*places.T)
        part = tile.parts["location"]
        assert part.scale == pytest.approx(1.0, rel=1e-3)
        assert np.abs(values_at(part.stored, part.step, at) - exact).max() <= 1e-3 * part.scale
        assert 0 < part.error <= 1e-3
        overview = tile.parts[OVERVIEW]
        assert np.abs(values_at(overview.stored, overview.step, at) - exact[:, :2]).max() <= 0.01


def test_a_smooth_tile_takes_few_points_and_few_coefficients():
    smooth, rough = (fit_block(fit_of(FakeSource(waves(length))), {0: ROOT}) for length in (40.0, 1.2))
    assert smooth.evaluations == 11**2
    assert rough.evaluations == 11**2 + 21**2 + 41**2
    assert smooth.tiles[0].parts["location"].count < 10 < rough.tiles[0].parts["location"].count


def test_tiles_of_a_row_are_fitted_as_each_alone():
    """They are evaluated together, on one grid."""
    source = FakeSource(waves(2.0))
    row = {number: (6.0 * number, 40.0, 6.0 * number + 6, 45.0) for number in range(10)}
    together = fit_block(fit_of(source), row).tiles
    for tile in together:
        (alone,) = fit_block(fit_of(source), {tile.root: row[tile.root]}).tiles
        np.testing.assert_array_equal(tile.parts["location"].stored, alone.parts["location"].stored)


def test_fewer_tiles_are_fitted_together_where_the_memory_is_too_small():
    source = FakeSource(waves(40.0))
    row = {number: (6.0 * number, 40.0, 6.0 * number + 6, 45.0) for number in range(5)}
    whole = fit_block(fit_of(source), row)
    inner, asked = source.values, []

    def small(places: Places, wanted: Collection[str]) -> dict[str, torch.Tensor]:
        asked.append(len(places))
        if len(places) > 2 * 21**2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return inner(places, wanted)

    source.values = small
    parts = fit_block(fit_of(source), row)
    assert max(asked) > 2 * 21**2 >= asked[-1]
    assert (parts.evaluations, parts.proved) == (whole.evaluations, whole.proved)
    for one, other in zip(parts.tiles, whole.tiles, strict=True):
        np.testing.assert_array_equal(one.parts["location"].stored, other.parts["location"].stored)


def test_a_tile_whose_integers_do_not_fit_is_cut():
    """Smaller tiles have fewer coefficients, and so a coarser step and smaller integers."""
    source = FakeSource(waves(1.2))

    def largest_of(bounds: Bounds) -> int:
        (tile,) = fit_block(fit_of(source, 1e-3, 2**31 - 1), {0: bounds}).tiles
        return max(int(np.abs(part.stored).max()) for part in tile.parts.values())

    whole, cut = largest_of(ROOT), max(largest_of(quarter) for quarter in quarters(ROOT))
    assert cut < 0.9 * whole
    assert len(fit_block(fit_of(source, 1e-3, whole), {0: ROOT}).tiles) == 1
    assert len(fit_block(fit_of(source, 1e-3, whole - 1), {0: ROOT}).tiles) == 4


def test_a_tile_larger_than_what_points_can_follow_is_not_evaluated():
    source = FakeSource(waves(20.0), smooth_deg=3.0)
    assert len(fit_block(fit_of(source), {0: ROOT}).tiles) == 4


def test_a_jump_is_refused_and_says_where():
    source = FakeSource(lambda lon, lat: np.stack([(lon > 3.1).astype(float), lat, lat], axis=1))
    with pytest.raises(UsageError, match=r"no polynomial follows the model within 0.001 near 3\.\d+, 4\d\.\d+.*larger"):
        fit_block(fit_of(source), {0: ROOT})


def test_places_of_poles_and_of_the_antimeridian_are_not_left():
    """Polynomials reach beyond their tiles, but never beyond the globe."""
    seen = []
    source = FakeSource(waves(40.0))
    inner = source.function
    source.function = lambda lon, lat: (seen.append((lon, lat)), inner(lon, lat))[1]
    fit_block(fit_of(source), {0: (130.0, 85.0, 180.0, 90.0), 1: (-180.0, -90.0, -130.0, -85.0)})
    lon, lat = (np.concatenate(part) for part in zip(*seen, strict=True))
    assert (lon.min(), lon.max(), lat.min(), lat.max()) == (-180, 180, -90, 90)


@pytest.mark.parametrize("wavelength", [20.0, 2.0, 0.5])
def test_points_that_share_their_sums_are_evaluated_at_once(wavelength):
    """Three tiles of a row, with the same coefficients as if each had as many points as it needs."""
    row = {number: (lon, 40.0, lon + 6.0, 45.0) for number, lon in enumerate((0.0, 6.0, 12.0))}
    source, alone = FakeSource(waves(wavelength)), FakeSource(waves(wavelength))
    source.shares, asked = True, []
    evaluate = source.values
    source.values = lambda places, wanted: asked.append(places) or evaluate(places, wanted)
    found, expected = fit_block(fit_of(source), row), fit_block(fit_of(alone), row)
    assert len(found.tiles) == len(expected.tiles)
    for tile, other in zip(found.tiles, expected.tiles, strict=True):
        assert (tile.root, tile.path) == (other.root, other.path)
        np.testing.assert_array_equal(tile.parts["location"].stored, other.parts["location"].stored)
    patches = [places.patches.unique(return_counts=True) for places in asked if places.patches is not None]
    assert {tuple(numbers.tolist()) for numbers, _ in patches} <= {(0, 1), (0,)}
    assert {count for _, counts in patches for count in counts.tolist()} == {41**2}
    assert all(places.patches is None for places in asked if len(places) % 41**2)  # what is proved is exact


def test_a_small_tolerance_shares_nothing():
    source = FakeSource(waves(20.0))
    source.shares, asked = True, []
    evaluate = source.values
    source.values = lambda places, wanted: asked.append(places) or evaluate(places, wanted)
    fit_block(fit_of(source, tolerance=9e-5, largest=2**31 - 1), {3: ROOT})
    assert asked
    assert all(places.patches is None for places in asked)
