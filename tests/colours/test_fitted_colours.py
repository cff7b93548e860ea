"""Colours: principal directions against numpy's SVD, independent ones against known sources, paint for every pixel."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from rangegeo.colours.fit import METHODS, fit_colours
from rangegeo.errors import MissingPackage, UsageError


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


@pytest.mark.parametrize("bands", [2, 3])
def test_few_bands_leave_the_other_colours_flat(bands):
    sample = sample_of(bands)
    painted = fit_colours(sample).paint(sample.T)
    for index, shade in enumerate(painted):
        assert np.ptp(shade) == (254 if index < bands else 0)
    assert painted.min() == 1


@pytest.mark.parametrize("method", METHODS)
def test_one_band_is_grey(method):
    sample = sample_of(1)
    painted = fit_colours(sample, method).paint(sample.T)
    np.testing.assert_array_equal(painted, np.repeat(painted[:1], 3, axis=0))
    assert np.ptp(painted) == 254
    assert (np.diff(painted[0][sample[:, 0].argsort()].astype(int)) >= 0).all()


def test_three_bands_as_they_are():
    sample = sample_of(3)
    painted = fit_colours(sample, "bands").paint(sample.T)
    for band, shade in zip(sample.T, painted, strict=True):
        low, high = np.percentile(band, (2, 98))
        expected = np.rint(1 + 254 * np.clip((band - low) / (high - low), 0, 1))
        np.testing.assert_allclose(shade, expected, rtol=0, atol=1)


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
@pytest.mark.parametrize("method", ["pca", "ica"])
def test_every_sample_gives_some_colours(rows, method):
    sample = sample_of(6, rows=5)[:rows]
    painted = fit_colours(sample, method).paint(sample_of(6, rows=5).T)
    assert painted.shape == (3, 5)
    assert painted.min() >= 1


@pytest.mark.parametrize("method", ["pca", "ica"])
def test_a_sample_of_holes_gives_some_colours(method):
    sample = np.full((10, 4), np.nan, np.float32)
    assert (fit_colours(sample, method).paint(sample.T) == 0).all()


@pytest.mark.parametrize("method", ["pca", "ica"])
@pytest.mark.parametrize("bands", [1, 6])
def test_a_raster_of_one_value_is_one_colour(method, bands):
    """Round-off is not stretched to black and white."""
    value = np.random.default_rng(0).normal(size=bands).astype(np.float32)
    noise = np.random.default_rng(1).integers(-1, 2, (bands, 400)) * np.spacing(value)[:, None]
    sample = (value[:, None] + noise).astype(np.float32)
    painted = fit_colours(sample.T, method).paint(sample)
    assert all(np.ptp(shade) <= 2 for shade in painted)
    assert painted.min() > 100  # neither black nor white


@pytest.mark.parametrize("method", ["pca", "ica"])
def test_the_same_sample_gives_the_same_colours(method):
    one, other = (fit_colours(sample_of(9), method, seed=3) for _ in range(2))
    for name in ("mean", "directions", "knots"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("size", [1, 7, 1000, 5000])
def test_paint_does_not_depend_on_how_pixels_come_in_blocks(size):
    sample = sample_of(300, rows=9000 if size > 9 else 900)
    colours = fit_colours(sample[:500])
    blocks = [colours.paint(sample[start : start + size].T) for start in range(0, len(sample), size)]
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), colours.paint(sample.T))


# ------------------------------------------------------------------------------------------- independent ones


def mixed(rows: int = 6000, bands: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Three independent sources (rows, 3), far from normal, and bands that mix them."""
    generator = np.random.default_rng(0)
    sources = np.stack(
        [generator.uniform(-1, 1, rows), generator.laplace(size=rows), generator.choice([-1.0, 1.0, 3.0], rows)], axis=1
    )
    return sources, (sources @ generator.normal(size=(3, bands)) * np.geomspace(0.01, 100, bands) + 5).astype(
        np.float32
    )


def test_independent_sources_are_found_again():
    """Which principal directions would mix; bands of any size count alike."""
    sources, sample = mixed()
    colours = fit_colours(sample, "ica")
    scores = (sample - colours.mean) @ colours.directions.T
    match = np.abs(np.corrcoef(scores.T, sources.T)[:3, 3:])
    assert sorted(match.argmax(axis=1)) == [0, 1, 2]
    assert match.max(axis=1).min() > 0.99
    principal = fit_colours(sample)
    mixture = np.abs(np.corrcoef(((sample - principal.mean) @ principal.directions.T).T, sources.T)[:3, 3:])
    assert mixture.max(axis=1).min() < 0.9


def test_histograms_of_independent_colours_are_even():
    _, sample = mixed()
    for shade in fit_colours(sample[:, :5], "ica").paint(sample[:, :5].T)[:2]:
        counts, _ = np.histogram(shade, bins=8, range=(0.5, 255.5))
        if len(np.unique(shade)) > 10:  # the source of three values cannot be even
            np.testing.assert_allclose(counts / len(shade), 1 / 8, atol=0.01)


def test_a_seed_reproduces_independent_colours():
    _, sample = mixed()
    painted = [fit_colours(sample, "ica", seed).paint(sample.T) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(painted[0], painted[1])
    assert (painted[0] != painted[2]).any()


def test_two_dimensions_leave_the_third_colour_flat():
    sources, _ = mixed()
    sample = sources[:, :2] @ np.random.default_rng(0).normal(size=(2, 5))
    assert [np.ptp(shade) for shade in fit_colours(sample, "ica").paint(sample.T)] == [254, 254, 0]


def test_an_unknown_method_is_refused():
    with pytest.raises(UsageError) as caught:
        fit_colours(sample_of(6), "umap")
    said = "must be one of pca, ica, bands, got 'umap'; for example"
    assert str(caught.value) == f'method {said} method="pca"'
    assert caught.value.for_shell() == f"--method {said} --method pca"


def test_independent_colours_say_what_they_need(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    sys.path_importer_cache.clear()
    with pytest.raises(MissingPackage) as caught:
        fit_colours(sample_of(6), "ica")
    assert str(caught.value) == 'method="ica" needs scikit-learn: pip install scikit-learn'
    assert caught.value.for_shell() == "--method ica needs scikit-learn: pip install scikit-learn"
