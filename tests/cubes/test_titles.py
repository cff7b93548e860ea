"""Plots that xarray itself draws say which beta and band they show, of what, and where."""

from __future__ import annotations

import pytest
from matplotlib import pyplot

import rangegeo as rg


@pytest.fixture(autouse=True)
def _no_window():
    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")


def test_one_band_is_titled_with_its_beta_and_name(mini):
    cube = rg.raster((5, 44, 6, 45), 0.25, model=mini, betas=(0, 0.5))
    axes = cube.sel(beta=0.5, band=7).plot().axes
    assert axes.get_title().startswith("beta = 0.5, band = 7, band_name = visual_06")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("longitude [degrees_east]", "latitude [degrees_north]")
    assert axes.figure.axes[-1].get_ylabel() == "embedding"


def test_colours_are_titled_with_their_beta_and_place(mini):
    cube = rg.raster((5, 44, 6, 45), 0.25, model=mini, betas=(0, 0.5))
    axes = cube.rangegeo.rgb().sel(beta=0.5).plot.imshow(rgb="rgb").axes
    assert axes.get_title().startswith("beta = 0.5")
    assert axes.get_xlabel() == "longitude [degrees_east]"


def test_a_geotiff_is_titled_alike(mini, tmp_path):
    rg.raster((5, 44, 6, 45), 0.25, model=mini).rangegeo.to_geotiff(tmp_path / "a.tif")
    axes = rg.open_cube(tmp_path / "a.tif").sel(band=7).plot().axes
    assert axes.get_title().startswith("beta = 0.5, band = 7, band_name = visual_06")


def test_clusters_say_whether_betas_share_them(mini):
    labels = rg.raster((5, 44, 6, 45), 0.1, model=mini, betas=(0, 1)).rangegeo.cluster(3)
    axes = labels.sel(beta=1).plot().axes
    assert axes.get_title().startswith("beta = 1")
    assert axes.figure.axes[-1].get_ylabel() == "cluster, shared by all betas"
