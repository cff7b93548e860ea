"""Colours and figures for notebooks: the same whatever holds the cube, and no more is computed than is shown."""

from __future__ import annotations

import sys

import dask
import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

import rangegeo as rg
from rangegeo.colours.paint import fit_cube, paint_cube
from rangegeo.errors import MissingPackage, UsageError
from rangegeo.picture import notebook as module
from rangegeo.picture.notebook import painted, plot

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def virtual(mini):
    """The globe in pixels of about 100 m: nobody could compute it."""
    return rg.raster((-180, -60, 180, 60), 0.001, model=mini, betas=(0, 1), chunks=None)


# ------------------------------------------------------------------------------------------------------ colours


@pytest.mark.parametrize("ground", ["degrees", "antimeridian in Mercator", "Mollweide", "one pixel"])
@pytest.mark.parametrize("betas", [None, (0.0, 1.0)])
def test_colours_are_those_of_the_cube_lazy_and_in_memory(cube_of, ground, betas):
    cube = cube_of(ground, betas)
    found, eager = painted(cube), painted(cube.compute())
    assert dask.is_dask_collection(found)
    assert not dask.is_dask_collection(eager)
    assert found.dims == (("beta",) if betas else ()) + ("y", "x", "rgb")
    assert found.dtype == np.uint8
    expected = paint_cube(cube.compute(), fit_cube(cube))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(eager, expected)


def test_colours_of_a_virtual_cube_are_lazy(virtual):
    part = virtual.isel(x=slice(0, 360_000, 9000), y=slice(0, 120_000, 9000))
    found = painted(part)
    assert dask.is_dask_collection(found)
    assert found.sizes == {"beta": 2, "y": 14, "x": 40, "rgb": 3}
    assert np.ptp(found.values) > 200


# ------------------------------------------------------------------------------------------------------ figures


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_a_figure_has_a_panel_a_beta_and_the_words_that_are_given(cube_of):
    cube = cube_of("degrees", (0.0, 0.5, 1.0))
    figure = plot(cube, title="A title", note="a note")
    assert [axes.get_title() for axes in figure.axes] == ["beta = 0", "beta = 0.5", "beta = 1"]
    assert set(texts(figure)) == {"A title", "a note"}
    assert "RANGE+" in texts(plot(cube))  # by default, what the cube says about itself


@pytest.mark.parametrize("method", ["pca", "ica", "bands"])
def test_a_method_and_a_seed_are_handed_on(cube_of, monkeypatch, method):
    seen = []
    monkeypatch.setattr(module, "draw", lambda cube, **how: seen.append(how))
    plot(cube_of("degrees", bands=3), method=method, seed=7)
    ((how),) = seen
    assert (how["method"], how["seed"]) == (method, 7)


def test_a_virtual_cube_is_evaluated_only_where_it_is_shown(virtual, monkeypatch):
    from rangegeo.picture import figure as figures

    monkeypatch.setattr(figures.decimated, "__defaults__", (30,))
    figure = plot(virtual)
    assert [axes.get_images()[0].get_array().shape[:2] for axes in figure.axes] == [(10, 30)] * 2
    assert any("0.001°" in text for text in texts(figure))  # the pixels of the cube, not those of the figure


# ------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize("show", [painted, plot])
def test_a_cube_without_a_place_is_refused(cube_of, show):
    cube = cube_of("degrees")
    for wrong, said in (
        (cube.isel(y=slice(0)), "the cube has no pixels"),
        (cube.isel(x=[0, 1, 5]), "the cube has no regular grid"),
        (cube.drop_vars("spatial_ref"), "the cube has no grid with a CRS"),
    ):
        with pytest.raises(UsageError, match=said):
            show(wrong)


def test_an_unknown_method_is_refused(cube_of, virtual):
    for cube in (cube_of("degrees"), cube_of("degrees").compute(), virtual[:, :, :20, :20]):
        with pytest.raises(UsageError) as caught:
            plot(cube, method="umap")
        assert str(caught.value).startswith("method must be one of pca, ica, bands, got 'umap'")


def test_a_missing_package_is_named(cube_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingPackage, match=r"plot needs matplotlib: pip install matplotlib"):
        plot(cube_of("degrees"))
