"""The engine on every model: interpolated where a model is smooth, exact where it is not, right at seams and poles."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.every import SMALL, each_model

import rangegeo as rg
from rangegeo.engine.evaluator import evaluate_pixels
from rangegeo.engine.patches import evaluate_patch, fill_window
from rangegeo.grid import make_geobox, pixel_places

KINKED = {"GeoCLIP", "TaxaBind", "SINR", "CSP_INat"}  # ReLU and leaky ReLU
FAST = {"s2vec_spherec", "s2vec_spherecplus", "s2vec_spherem", "s2vec_spheremplus"}  # waves of 0.06 degrees
TOLERANCE = 1e-5


def load(name: str) -> rg.Model:
    return rg.load_model(name, device="cpu", **SMALL[name].arguments)


def largest_error(found: np.ndarray, exact: np.ndarray, visual: int = 0) -> float:
    """Relative to the largest value of each component."""
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    parts = (slice(0, visual), slice(visual, None)) if visual else (slice(None),)
    return max(
        float(
            np.nanmax(np.abs(found[..., part, :, :] - exact[..., part, :, :]))
            / np.nanmax(np.abs(exact[..., part, :, :]))
        )
        for part in parts
    )


def both(model: rg.Model, bbox: tuple, res: float, **options: object) -> tuple[float, dict]:
    """The error of the interpolated raster, and its attributes."""
    cube = rg.raster(bbox, res, model=model, **options)
    exact = rg.raster(bbox, res, model=model, exact=True, **options)
    assert exact.rangegeo.facts["evaluation"] == "exact"
    return largest_error(cube.values, exact.values, model.visual), cube.rangegeo.facts


@pytest.mark.parametrize("name", each_model())
def test_interpolation_keeps_the_tolerance_and_is_tried_where_it_can(name):
    error, attrs = both(load(name), (7, 45, 8.3, 46.3), 0.02)
    assert attrs["evaluation"] == ("exact" if name in KINKED | FAST else "interpolated")
    assert error <= TOLERANCE
    if attrs["evaluation"] == "exact":
        assert error == 0


@pytest.mark.parametrize("name", sorted(FAST))
def test_fast_waves_are_interpolated_where_pixels_follow_them(name):
    error, attrs = both(load(name), (7, 45, 7.06, 45.06), 0.0005)
    assert attrs["evaluation"] == "interpolated"
    assert error <= TOLERANCE


@pytest.mark.parametrize("name", ["s2vec_spherecplus", "CSP_INat"])
def test_a_patch_that_does_not_converge_is_evaluated_pixel_by_pixel(name):
    """Patches as for a smooth model: the engine notices by itself."""
    model, geobox = load(name), make_geobox((7, 45, 8.28, 46.28), 0.02)
    recipe, window = model.recipe(), (slice(0, 64), slice(0, 64))
    patch = evaluate_patch(model.evaluator, geobox, window, 64, TOLERANCE, recipe)
    assert all(leaf.values is None for leaf in patch.leaves)
    found = fill_window(model.evaluator, geobox, window, patch, recipe)
    np.testing.assert_array_equal(found, evaluate_pixels(model.evaluator, pixel_places(geobox, *window), recipe))


@pytest.mark.parametrize("name", ["Direct", "Theory", "s2vec_grid", "CSP"])
def test_the_jump_at_the_antimeridian_is_not_smoothed(name):
    model = load(name)
    bbox, res = (179.36, -17, -179.36, -15.72), 0.02
    error, attrs = both(model, bbox, res)
    assert attrs["evaluation"] == "interpolated"
    assert error <= TOLERANCE
    values = rg.raster(bbox, res, model=model).values
    step = np.abs(np.diff(values, axis=2)).max(axis=(0, 1))
    assert step.argmax() == 31  # between the last pixel before 180 degrees and the first beyond
    assert step[31] > 3 * np.delete(step, 31).max()


@pytest.mark.parametrize("name", ["Direct", "Wrap", "Cartesian_3D", "Theory", "CSP"])
@pytest.mark.parametrize(("crs", "south", "north"), [("EPSG:3995", 89.7, 90), ("EPSG:3031", -90, -89.7)])
def test_poles(name, crs, south, north):
    error, _ = both(load(name), (-180, south, 180, north), 2000, crs=crs)
    assert error <= TOLERANCE


def test_values_at_pixel_centres_are_the_points_own():
    for name in ("Cartesian_3D", "CSP", "s2vec_spherem"):
        model = load(name)
        cube = rg.raster(
            (300000, 4900000, 330000, 4920000), 10000, model=model, crs="EPSG:32632", bbox_crs="EPSG:32632"
        )
        places = pixel_places(cube.odc.geobox, slice(0, 2), slice(0, 3)).lonlat_deg
        np.testing.assert_allclose(cube.values.reshape(model.dim, -1).T, model.encode(places), rtol=0, atol=1e-6)
