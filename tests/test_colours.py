"""Colours: principal directions against numpy's SVD, and paint for every kind of pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rangegeo.colours import SAMPLE_PIXELS, fit_colours, sample_steps


def sample_of(bands: int, rows: int = 500, seed: int = 0) -> np.ndarray:
    """(rows, bands) float32 that vary most along known directions, and lie far from 0."""
    generator = np.random.default_rng(seed)
    spread = np.geomspace(10, 0.1, bands)
    axes = np.linalg.qr(generator.normal(size=(bands, bands)))[0]
    return (generator.normal(size=(rows, bands)) * spread @ axes.T + 20).astype(np.float32)


def test_directions_are_those_of_the_singular_value_decomposition():
    sample = sample_of(12)
    colours = fit_colours(sample)
    centred = sample.astype(float) - sample.mean(axis=0, dtype=float)
    expected = np.linalg.svd(centred, full_matrices=False)[2][:3]
    np.testing.assert_allclose(np.abs(colours.directions @ expected.T), np.eye(3), atol=1e-5)
    largest = np.abs(colours.directions).argmax(axis=1)
    assert (colours.directions[range(3), largest] > 0).all()
    np.testing.assert_allclose(colours.mean, sample.mean(axis=0), rtol=1e-5)


def test_percentiles_become_the_ends_of_the_scale():
    sample = sample_of(12, rows=10_001)
    painted = fit_colours(sample).paint(sample.T)
    assert painted.shape == (3, 10_001)
    assert painted.dtype == np.uint8
    for shade in painted:
        assert (shade.min(), shade.max()) == (1, 255)
        assert np.mean(shade == 1) == pytest.approx(0.02, abs=0.003)
        assert np.mean(shade == 255) == pytest.approx(0.02, abs=0.003)
        assert 110 < np.median(shade) < 146


def test_shades_grow_along_the_direction():
    sample = sample_of(8)
    colours = fit_colours(sample)
    line = colours.mean[:, None] + colours.directions[0][:, None] * np.linspace(-20, 20, 50, dtype=np.float32)
    red = colours.paint(line)[0].astype(int)
    assert (np.diff(red) >= 0).all()
    assert red[0] == 1
    assert red[-1] == 255


def test_any_shape_of_pixels_is_kept():
    sample = sample_of(6)
    colours = fit_colours(sample)
    picture = sample[:60].T.reshape(6, 3, 4, 5)
    assert colours.paint(picture).shape == (3, 3, 4, 5)
    np.testing.assert_array_equal(colours.paint(picture).reshape(3, 60), colours.paint(sample[:60].T))


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_pixels_with_a_hole_in_any_band_are_0_and_change_no_colour(hole):
    sample = sample_of(6)
    holes = sample.copy()
    holes[::7, 3] = hole
    colours = fit_colours(holes)
    whole = np.isfinite(holes).all(axis=1)
    expected = fit_colours(sample[whole])
    np.testing.assert_array_equal(colours.directions, expected.directions)
    painted = colours.paint(holes.T)
    assert (painted[:, ~whole] == 0).all()
    assert (painted[:, whole] > 0).all()


@pytest.mark.parametrize("bands", [1, 2, 3])
def test_few_bands_leave_the_other_colours_flat(bands):
    sample = sample_of(bands)
    painted = fit_colours(sample).paint(sample.T)
    for index, shade in enumerate(painted):
        assert np.ptp(shade) == (254 if index < bands else 0)
    assert painted.min() == 1


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_every_sample_gives_some_colours(rows):
    sample = sample_of(6, rows=5)[:rows]
    painted = fit_colours(sample).paint(sample_of(6, rows=5).T)
    assert painted.shape == (3, 5)
    assert painted.min() >= 1


def test_a_sample_of_holes_gives_some_colours():
    sample = np.full((10, 4), np.nan, np.float32)
    assert (fit_colours(sample).paint(sample.T) == 0).all()


def test_a_raster_of_one_value_is_one_colour():
    """Round-off is not stretched to black and white."""
    value = np.random.default_rng(0).normal(size=6).astype(np.float32)
    noise = np.random.default_rng(1).integers(-1, 2, (6, 400)) * np.spacing(value)[:, None]
    painted = fit_colours(np.tile(value, (400, 1))).paint(value[:, None] + noise)
    assert all(np.ptp(shade) <= 2 for shade in painted)
    assert painted.min() > 100  # neither black nor white


def test_the_same_sample_gives_the_same_colours():
    one, other = fit_colours(sample_of(9)), fit_colours(sample_of(9))
    for name in ("mean", "directions", "low", "high"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@settings(max_examples=50)
@given(height=st.integers(1, 20_000), width=st.integers(1, 20_000))
def test_a_sample_has_about_the_pixels_asked_for(height, width):
    step = sample_steps((height, width))
    taken = len(range(0, height, step)) * len(range(0, width, step))
    assert step >= 1
    if step > 1:
        assert taken >= SAMPLE_PIXELS
    if min(height, width) > 300:
        assert taken <= 5 * SAMPLE_PIXELS
