"""Stretches: one for all betas compares them, one for each shows what a smooth one holds."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from rangegeo.colours.fit import METHODS, fit_betas, fit_colours
from rangegeo.colours.paint import fit_cube, paint_cube
from rangegeo.errors import UsageError


def betas_of(bands: int = 6, rows: int = 800) -> list[np.ndarray]:
    """Samples (rows, bands) of two betas: the first varies twenty times less, about another mean."""
    generator = np.random.default_rng(3)
    vivid = generator.normal(size=(rows, bands)) * np.linspace(3, 1, bands)
    return [(0.05 * vivid[::-1] + 2).astype(np.float32), vivid.astype(np.float32)]


def cube_of(samples: list[np.ndarray]) -> xr.DataArray:
    """The samples as a lazy cube of 20 rows."""
    data = np.stack([sample.T.reshape(sample.shape[1], 20, -1) for sample in samples])
    coords = {"beta": [0.0, 1.0], "band_name": ("band", [f"visual_{band}" for band in range(data.shape[1])])}
    return xr.DataArray(da.from_array(data, (1, 2, 7, 11)), coords, ("beta", "band", "y", "x"))


@pytest.mark.parametrize(
    ("method", "bands"), [*((method, 3) for method in METHODS), ("pca", 6), ("ica", 6), ("pca", 1)]
)
def test_each_beta_spans_all_shades_in_the_same_directions(method, bands):
    samples = betas_of(bands)
    colours = fit_betas(samples, method, stretch="each")
    (shared,) = fit_betas(samples, method)
    assert len(colours) == 2
    for own, sample in zip(colours, samples, strict=True):
        np.testing.assert_array_equal(own.directions, shared.directions)
        np.testing.assert_array_equal(own.mean, shared.mean)
        painted = own.paint(sample.T)
        assert (np.ptp(painted.astype(int), axis=1) == 254).all()
    narrow, wide = (np.ptp(shared.paint(sample.T).astype(int), axis=1) for sample in samples)
    if method != "ica":  # whose equal histograms make much of little
        assert (narrow < 60).all()
    assert (narrow < wide).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_shared_stretch_is_that_of_all_samples_together(method):
    samples = betas_of(3)
    (shared,) = fit_betas(samples, method)
    expected = fit_colours(np.concatenate(samples), method)
    for name in ("mean", "directions", "knots"):
        np.testing.assert_array_equal(getattr(shared, name), getattr(expected, name))


def test_one_beta_has_one_stretch():
    sample = betas_of()[1:]
    ((one,), (other,)) = (fit_betas(sample, stretch=stretch) for stretch in ("each", "shared"))
    np.testing.assert_array_equal(one.knots, other.knots)


def test_a_beta_of_holes_or_of_one_value_is_painted_too():
    vivid = betas_of()[1]
    for flat in (np.full_like(vivid, np.nan), np.full_like(vivid, 7)):
        colours = fit_betas([flat, vivid], stretch="each")
        assert (np.diff(colours[0].knots) > 0).all()
        np.testing.assert_array_equal(colours[0].paint(flat.T)[:, 0] > 0, np.isfinite(flat[0, 0]))
        assert np.ptp(colours[1].paint(vivid.T)) == 254


@pytest.mark.parametrize("stretch", ["both", "", "Each", None])
def test_another_word_is_refused(stretch):
    with pytest.raises(UsageError) as caught:
        fit_betas(betas_of(), stretch=stretch)
    said = f"must be one of shared, each, got {stretch!r}; for example"
    assert str(caught.value) == f'stretch {said} stretch="each"'
    assert caught.value.for_shell() == f"--stretch {said} --stretch each"


def test_a_cube_is_painted_lazily_beta_by_beta():
    cube = cube_of(betas_of())
    colours = fit_cube(cube, stretch="each")
    painted = paint_cube(cube, colours)
    assert dask.is_dask_collection(painted)
    assert painted.dims == ("beta", "y", "x", "rgb")
    assert painted["beta"].values.tolist() == [0.0, 1.0]
    for layer, values, own in zip(painted.values, cube.values, colours, strict=True):
        np.testing.assert_array_equal(layer, np.moveaxis(own.paint(values), 0, -1))
    turned = cube.transpose("y", "beta", "x", "band")
    np.testing.assert_array_equal(
        paint_cube(turned, fit_cube(turned, stretch="each")).transpose(*painted.dims), painted
    )
    assert len(fit_cube(cube.isel(beta=0), stretch="each")) == 1
