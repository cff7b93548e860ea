"""Maps of cubes in notebooks: axes, titles, aspects, several betas."""

from __future__ import annotations

import sys

import matplotlib
import pytest
import xarray as xr

import rangegeo as rg
from rangegeo import plotting
from rangegeo.errors import MissingPackage, UsageError

matplotlib.use("Agg")
from matplotlib import pyplot

BOX = ((5, 59, 7, 61), 0.1)


@pytest.fixture(scope="module")
def cube(mini) -> xr.DataArray:
    return rg.raster(*BOX, model=mini, betas=(0, 1)).compute()


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def test_one_beta_is_a_map(cube):
    image = cube.isel(beta=1).rangegeo.plot()
    assert image.get_array().shape[:2] == (20, 20)
    axes = image.axes
    assert axes.get_title() == "RANGE+, beta 1"
    assert axes.get_xlabel() == "x [degrees_east]"
    assert axes.get_ylabel() == "y [degrees_north]"
    assert axes.get_aspect() == pytest.approx(2, rel=1e-3)  # at 60 degrees north
    assert axes.get_xlim() == pytest.approx((5, 7))
    assert cube.isel(beta=[1]).rangegeo.plot().axes.get_title() == "RANGE+, beta 1"


def test_several_betas_stand_side_by_side(cube):
    grid = cube.rangegeo.plot()
    assert grid.axs.shape == (1, 2)
    assert [axes.get_title() for axes in grid.axs.flat] == ["beta = 0.0", "beta = 1.0"]
    assert [axes.get_aspect() for axes in grid.axs.flat] == pytest.approx([2, 2], rel=1e-3)


def test_it_draws_where_it_is_told(cube):
    _, axes = pyplot.subplots()
    assert cube.isel(beta=0).rangegeo.plot(ax=axes).axes is axes
    with pytest.raises(UsageError, match=r"one ax shows one beta; choose it first: cube\.sel"):
        cube.rangegeo.plot(ax=axes)


def test_a_projected_map_is_as_wide_as_high(mini):
    cube = rg.raster((5, 59, 7, 61), 10_000, model=mini, crs="EPSG:3035")
    assert cube.isel(beta=0).rangegeo.plot().axes.get_aspect() == 1


def test_models_without_beta_have_a_title_too(golden):
    model = rg.load_model("SatCLIP", weights=str(golden / "satclip-mini.ckpt"), device="cpu")
    assert rg.raster(*BOX, model=model).rangegeo.plot().axes.get_title() == "SatCLIP"


def test_a_large_cube_is_thinned_out(mini, monkeypatch):
    monkeypatch.setattr(plotting, "PIXELS", 30)
    world = rg.raster((-180, -90, 180, 90), 0.001, model=mini, chunks=None)
    image = world.rangegeo.plot()
    assert image.get_array().shape[:2] == (15, 30)
    assert image.axes.get_xlim() == pytest.approx((-180, 180), abs=13)


def test_without_matplotlib_it_says_what_to_install(cube, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackage, match=r'plot needs matplotlib: pip install "rangegeo\[plot\]"'):
        cube.rangegeo.plot()
