"""Planets give the values of what they were made of: at places, on grids, at borders, for every recipe."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from rangegeo.engine import stored
from rangegeo.engine.stored import PlanetEvaluator
from rangegeo.engine.values import BandEvaluator
from rangegeo.errors import UsageError
from rangegeo.field.probes import Probes
from rangegeo.field.recipe import Projection, Recipe
from rangegeo.grid import make_geobox, pixel_places
from rangegeo.spectral.planet import open_planet
from tests.helpers.planets import exact, write_planet

CLOSE = 2e-5  # the degrees of the polynomials, and float32
RECIPE = Recipe(betas=(0.0, 0.5), visual=70, location=6)


@pytest.fixture(scope="module")
def planet(tmp_path_factory):
    return open_planet(write_planet(tmp_path_factory.mktemp("planet") / "planet.zarr"))


@pytest.fixture
def evaluator(planet):
    return PlanetEvaluator(planet, "RANGE+")


def globe(count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    lat = np.degrees(np.arcsin(random.uniform(-1, 1, count)))
    return np.stack([random.uniform(-180, 180, count), lat], axis=1)


def test_it_gives_bands(evaluator):
    assert isinstance(evaluator, BandEvaluator)
    assert (evaluator.visual, evaluator.location, evaluator.smooth_deg) == (70, 6, 0.0)
    assert evaluator.facts == {"evaluation": "planet", "tolerance": 1e-3, "measured_error": 1e-4}
    assert evaluator.told == "read from planet.zarr; measured error 1.0e-04 at 1,000 places of it, tolerance 0.001"


@pytest.mark.parametrize("count", [300, 30_000])  # few in each tile, and many
def test_places_have_the_values_of_the_functions(evaluator, count):
    places, recipe = globe(count), replace(RECIPE, keep=(0, 69, 75))
    found = evaluator.at_places(places, recipe)
    for layer, beta in enumerate(recipe.betas):
        np.testing.assert_allclose(found[layer], exact(places, beta)[:, [0, 69, 75]], atol=CLOSE)


@pytest.mark.parametrize("model", ["RANGE", "SatCLIP"])
@pytest.mark.parametrize("few", [0, 10**9])
def test_other_models_of_the_planet(planet, monkeypatch, model, few):
    monkeypatch.setattr(stored, "FEW", few)
    other, places = PlanetEvaluator(planet, model), globe(40)
    recipe = Recipe(betas=(1.0,), visual=other.visual, location=other.location)
    np.testing.assert_allclose(other.at_places(places, recipe)[0], exact(places, model=model), atol=CLOSE)


@pytest.mark.parametrize(
    "keep", [None, (3,), (70, 71), (139, 5, 145, 75)], ids=["all", "one of S", "two of G", "of all parts"]
)
def test_components_and_kept_bands(evaluator, keep):
    recipe, places = Recipe(betas=(), visual=70, location=6, keep=keep), globe(50)
    s, g = exact(places, 1.0), exact(places, 0.0)
    every = np.concatenate([s[:, :70], g], axis=1)
    expected = every if keep is None else every[:, list(keep)]
    for _ in range(2):
        np.testing.assert_allclose(evaluator.at_places(places, recipe)[0], expected, atol=CLOSE)
        recipe = replace(recipe, keep=None if keep is None else tuple(keep))


@pytest.mark.parametrize("few", [0, 10**9])
def test_projections_and_probes_are_applied_to_coefficients(evaluator, monkeypatch, few):
    monkeypatch.setattr(stored, "FEW", few)
    random, places = np.random.default_rng(0), globe(50)
    mean, directions = random.normal(size=76), np.linalg.qr(random.normal(size=(76, 3)))[0].T
    projection = Projection(mean.astype(np.float32), directions.astype(np.float32), np.ones(3, np.float32))
    found = evaluator.at_places(places, replace(RECIPE, betas=(0.5,), projection=projection))[0]
    np.testing.assert_allclose(found, (exact(places) - mean) @ directions.T, atol=10 * CLOSE)
    probes = Probes(mean=mean, directions=directions, offsets=np.ones(3) * 100, units=np.ones(3), names=tuple("abc"))
    found = evaluator.at_places(places, replace(RECIPE, betas=(0.5,), projection=probes))[0]
    np.testing.assert_allclose(found, (exact(places) - mean) @ directions.T + 100, atol=10 * CLOSE)


@pytest.mark.parametrize(
    ("box", "crs", "res"),
    [
        ((-180, -90, 180, 90), "EPSG:4326", 4.0),
        ((170, 60, -170, 70), "EPSG:4326", 0.5),
        ((-10, 40, 10, 50), "EPSG:3857", 50_000),
        ((-2e6, -2e6, 2e6, 2e6), "EPSG:3031", 1e5),
    ],
    ids=["globe", "antimeridian", "Mercator", "south pole"],
)
@pytest.mark.parametrize("few", [0, 10**9])
def test_grids_have_the_values_of_their_pixels(evaluator, monkeypatch, box, crs, res, few):
    monkeypatch.setattr(stored, "FEW", few)
    geobox = make_geobox(box, res, crs, "EPSG:3031" if crs == "EPSG:3031" else "EPSG:4326")
    pixels = pixel_places(geobox, slice(0, geobox.shape[0]), slice(0, geobox.shape[1]))
    recipe = replace(RECIPE, keep=(0, 69, 75))
    values = evaluator.at_pixels(pixels, recipe)
    lonlat = pixels.lonlat_deg[pixels.valid.ravel()]
    for layer, beta in enumerate(recipe.betas):
        found = values[layer][:, pixels.valid].T
        np.testing.assert_allclose(found, exact(lonlat, beta)[:, [0, 69, 75]], atol=CLOSE)


def test_there_is_no_seam(planet, evaluator):
    """1,000 places on borders, corners, the poles and the antimeridian, each with one right beside it."""
    random, recipe = np.random.default_rng(2), replace(RECIPE, betas=(0.5,))
    west, south, east, north = planet.boxes[random.integers(0, len(planet.boxes), 1000)].T
    along, kind = random.uniform(0, 1, 1000), np.arange(1000) % 5
    lon = np.choose(kind, [west, west + along * (east - west), west, 360 * along - 180, np.full(1000, 180.0)])
    lat = np.choose(kind, [south + along * (north - south), south, north, np.sign(along - 0.5) * 90, 180 * along - 90])
    beside = 1e-7 * random.choice([-1, 1], (1000, 2))
    here, there = np.stack([lon, lat], axis=1), np.stack([lon, lat], axis=1) + beside
    there[:, 1] = np.clip(there[:, 1], -90, 90)
    apart = np.abs(evaluator.at_places(here, recipe) - evaluator.at_places(there, recipe))
    assert apart.max() < CLOSE
    np.testing.assert_allclose(evaluator.at_places(here, recipe)[0], exact(here), atol=CLOSE)


def test_whole_turns_of_longitude_change_nothing(evaluator):
    places = np.array([[190.0, 10.0], [-170.0, 10.0], [-360.0, 20.0], [0.0, 20.0]])
    values = evaluator.at_places(places, RECIPE)
    np.testing.assert_array_equal(values[:, ::2], values[:, 1::2])


def test_where_there_is_no_tile(tmp_path):
    planet = open_planet(write_planet(tmp_path / "part.zarr", without=(8,), bbox=[-180, -90, 180, 0], count=9))
    evaluator = PlanetEvaluator(planet, "RANGE+")
    box = np.array(planet.boxes[~np.isnan(planet.boxes).any(axis=1)])
    assert len(box) == 3 + 6 + 6 + 3 + 3 - 1
    pixels = pixel_places(make_geobox((110, -20, 140, -19), 1.0), slice(0, 1), slice(0, 30))
    values = evaluator.at_pixels(pixels, RECIPE)
    holes = np.isnan(values)
    tiles = planet.tiles_of(pixels.lonlat_deg)
    assert (holes == (tiles == -1)[None, None, None]).all()
    assert 0 < holes.mean() < 1
    inside = np.array([[0.0, 80.0]])
    outside = np.array([[150.0, -10.0], [160.0, -10.0]])
    told = "2 of 3 places lie outside part.zarr, whose tiles cover a part of -180,-90,180,90: 150,-10; 160,-10; take"
    with pytest.raises(UsageError, match=told):
        evaluator.at_places(np.concatenate([inside, outside]), RECIPE)


def test_tiles_are_read_once_and_threads_share_them(planet, monkeypatch):
    evaluator, places = PlanetEvaluator(planet, "RANGE+"), globe(2000)
    read: list[tuple] = []
    known = type(planet).integers
    monkeypatch.setattr(type(planet), "integers", lambda *given: read.append(given[1:3]) or known(*given))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: evaluator.at_places(places, RECIPE), range(8)))
    assert len(read) == len(set(read)) == 3 * len(planet.boxes)
    assert all((one == found[0]).all() for one in found)


def test_what_is_held_is_bounded(planet):
    evaluator = PlanetEvaluator(planet, "RANGE+", held_bytes=2_000_000)
    evaluator.at_places(globe(2000), RECIPE)
    assert 0 < evaluator.held.nbytes <= 2_000_000
