"""Arguments in every shape: what is meant is taken, and the rest is refused in one line, with no warning before it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import rangegeo as rg
from rangegeo.errors import RangegeoError

BOX = (5, 44, 6, 45)


@pytest.mark.parametrize("bands", [7, np.int64(7), range(7, 8), "7", np.array([7.0])])
def test_one_band_in_any_shape(mini, bands):
    cube = rg.raster(BOX, 0.25, model=mini, bands=bands)
    assert cube["band_name"].values.tolist() == ["visual_06"]


def test_components_take_bands_in_any_shape(mini):
    cube = rg.raster(BOX, 0.25, model=mini, layout="components", bands=np.arange(1, 65))
    assert cube.sizes["band"] == 64


@pytest.mark.parametrize(
    "betas",
    [
        np.linspace(0, 1, 11),
        np.linspace(0, 1, 11, dtype=np.float32),
        np.arange(0, 1.05, 0.1),
        [i / 10 for i in range(11)],
    ],
)
def test_every_tenth_is_found(mini, betas):
    cube = rg.raster(BOX, 0.25, model=mini, bands=1, betas=betas)
    for number in range(11):
        found = cube.rangegeo.at(number / 10)
        assert found["beta"].item() == cube["beta"].values[number]
        np.testing.assert_array_equal(found.values, cube.isel(beta=number).values)
    assert cube.isel(beta=3).rangegeo.at(0.3).identical(cube.isel(beta=3))


@pytest.mark.parametrize(
    "wrong",
    [
        {"bbox": np.array([5 + 0j, 44, 6, 45])},
        {"bbox": (5, 44, 6, 10**400)},
        {"res": 1 + 0j},
        {"res": np.array([0.1 + 0j])},
        {"res": 10**400},
        {"res": 1e-320},
        {"res": np.array([[0.5]])},
        {"betas": np.array([0.5 + 0j])},
        {"betas": 10**400},
        {"bands": slice(1, 3)},
        {"pca": 3.0},
        {"pca": "3"},
        {"pca": True},
        {"pca": [3]},
    ],
)
def test_what_is_meant_by_nobody_is_refused_in_one_line(mini, wrong):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RangegeoError) as caught:
            rg.raster(**{"bbox": BOX, "res": 0.25, "model": mini} | wrong)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None, 2**40])
def test_a_seed_is_a_whole_number(cube, seed):
    for call in (cube.rangegeo.plot, lambda **seed: cube.rangegeo.cluster(3, **seed)):
        with pytest.raises(rg.RangegeoError, match="seed must be a whole number"):
            call(seed=seed)


def test_places_that_do_not_fit_together_are_refused(cube):
    with pytest.raises(rg.RangegeoError, match=r"lon and lat must be .*, got \(2,\) and \(3,\)"):
        cube.rangegeo.similarity([5.5, 5.6], [44.5, 44.6, 44.7])
    with pytest.raises(rg.RangegeoError, match="must be numbers of shape"):
        cube.rangegeo.sample([[10**400, 45]])
