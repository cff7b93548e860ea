"""Evaluators that give bands themselves: what asks for values asks them, interpolates nothing and imports no torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from rangegeo.engine.limits import evaluate_with_limits
from rangegeo.engine.values import (
    BandEvaluator,
    evaluate_pixels,
    evaluate_places,
    interpolable,
    point_values,
    seconds_per_place,
)
from rangegeo.field.components import Components
from rangegeo.field.recipe import Recipe
from rangegeo.grid import make_geobox, pixel_places
from rangegeo.grid.globe import tile_counts
from tests.helpers.evaluators import FakeEvaluator

RECIPE = Recipe(betas=(0.5,), visual=2, location=2)


class Ready:
    """S is the longitude, G the latitude and q both."""

    visual, location, smooth_deg = 2, 2, 0.0
    facts, told = {"evaluation": "ready"}, "ready"

    def at_places(self, lonlat_deg, recipe):
        lon, lat = (np.repeat(side[:, None], 2, axis=1) for side in lonlat_deg.T)
        return recipe.apply(Components(lon, lat, lonlat_deg))

    def at_pixels(self, pixels, recipe):
        values = self.at_places(pixels.lonlat_deg, recipe).transpose(0, 2, 1)
        return values.reshape(recipe.layers, recipe.bands, *pixels.valid.shape)


def test_pixels_and_places_are_asked_for():
    pixels = pixel_places(make_geobox((5, 44, 6, 45), 0.5), slice(0, 2), slice(0, 2))
    found = evaluate_pixels(Ready(), pixels, RECIPE)
    assert found[0, :, 1, 0].tolist() == [24.75, 24.75, 5.25, 44.25]
    places = np.array([[10.0, 20.0]])
    assert evaluate_places(Ready(), places, RECIPE)[0].tolist() == [[15, 15, 10, 20]]
    points = point_values(Ready(), RECIPE, 1e-5, tile_counts(places))
    assert points(places)[0].tolist() == [[15, 15, 10, 20]]
    assert (points.expected, str(points), points.facts) == (0, "ready", {"evaluation": "ready"})
    assert seconds_per_place(Ready(), RECIPE) < 1e-6


def test_limits_are_shares_of_each_component():
    pixels = pixel_places(make_geobox((5, 44, 6, 45), 0.5), slice(0, 1), slice(0, 2))
    values, limits = evaluate_with_limits(Ready(), pixels, RECIPE, 0.1)
    assert values[0, 0, 0] == 24.75 + 0.25
    np.testing.assert_allclose(limits[0], [2.525, 2.525, 4.475, 4.475])  # half of 5.75 and 44.75, and all of 44.75


def test_only_what_gives_components_is_interpolated():
    fake = FakeEvaluator(lambda lon, lat: np.stack([lon, lat], axis=1), 2)
    assert interpolable(fake) is fake
    assert not isinstance(fake, BandEvaluator)
    with pytest.raises(AssertionError):
        interpolable(Ready())


def test_what_needs_no_torch_imports_none():
    """Modules on the way from a command to bands; those that need torch are imported when it is needed."""
    modules = "accessor, cubes.raster, cubes.overviews, engine.limits, jobs.plan, jobs.points, jobs.raster, jobs.write"
    program = "import sys, " + ", ".join(f"rangegeo.{name.strip()}" for name in modules.split(","))
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; print('torch' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
