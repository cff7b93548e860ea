"""Clusters: the labels of scikit-learn's own prediction, lazily, the same for the same seed."""

from __future__ import annotations

import sys

import dask
import numpy as np
import pytest
import rioxarray
import xarray as xr
from sklearn.cluster import MiniBatchKMeans

import rangegeo as rg
from rangegeo.analysis import clusters as module
from rangegeo.errors import MissingPackage, UsageError

BOX = ((5, 44, 6, 45), 0.05)


@pytest.fixture
def fitted(monkeypatch) -> list[MiniBatchKMeans]:
    """Every k-means that was fitted."""
    models: list[MiniBatchKMeans] = []
    fit = MiniBatchKMeans.fit

    def kept(self, *arguments, **options):
        models.append(self)
        return fit(self, *arguments, **options)

    monkeypatch.setattr(MiniBatchKMeans, "fit", kept)
    return models


@pytest.mark.parametrize("chunks", [None, {"band": 7, "y": 5}, {"beta": 1}])
def test_labels_are_those_of_scikit_learn(cube, values, fitted, chunks):
    found = (cube if chunks is None else cube.chunk(chunks)).rangegeo.cluster(5)
    assert found.dims == ("beta", "y", "x")
    assert found.dtype == np.int16
    expected = fitted[0].predict(values.transpose(0, 2, 3, 1).reshape(-1, 40).astype(float))
    np.testing.assert_array_equal(found, expected.reshape(2, 20, 20))
    assert set(np.unique(found)) == set(range(5))


def test_only_the_fit_is_computed_now(cube, monkeypatch):
    monkeypatch.setattr(module, "_sample_vectors", lambda cube, random: np.random.default_rng(0).normal(size=(100, 40)))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        assert dask.is_dask_collection(cube.rangegeo.cluster(3))


def test_a_large_cube_is_fitted_on_some_of_its_chunks(mini, monkeypatch, evaluated):
    monkeypatch.setattr(module, "SAMPLE_BLOCKS", 3)
    cube = rg.raster((5, 44, 7, 46), 0.02, model=mini, chunks=16, exact=True)
    labels = cube.rangegeo.cluster(4)
    assert len(set(evaluated)) == 3
    first = list(evaluated)
    labels[:, :10, :10].compute()
    assert set(evaluated) - set(first) <= {(0, 0)}
    evaluated.clear()
    cube.rangegeo.cluster(4)
    assert set(evaluated) == set(first)  # the same seed takes the same chunks


def test_a_seed_decides(cube):
    first, again = (cube.rangegeo.cluster(6, seed=3).values for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (cube.rangegeo.cluster(6, seed=4).values != first).any()
    np.testing.assert_array_equal(cube.rangegeo.cluster(6, seed=3).compute(), first)


def test_in_memory_it_is_in_memory(cube):
    found = cube.compute().rangegeo.cluster(3)
    assert not dask.is_dask_collection(found)
    assert set(np.unique(found)) == {0, 1, 2}


def test_like_pixels_share_a_cluster():
    """Four quadrants, each around a vector of its own."""
    random = np.random.default_rng(0)
    kinds = np.kron([[0, 1], [2, 3]], np.ones((8, 8), int))
    bands = random.normal(size=(4, 30))[kinds] + random.normal(scale=0.01, size=(16, 16, 30))
    cube = xr.DataArray(bands.transpose(2, 0, 1).astype(np.float32), dims=("band", "y", "x"))
    found = cube.rangegeo.cluster(4).values
    labels = [np.unique(found[kinds == kind]) for kind in range(4)]
    assert all(len(label) == 1 for label in labels)
    assert len({int(label[0]) for label in labels}) == 4


def test_pixels_without_data_have_none(cube, tmp_path):
    masked = cube.where(cube["x"] > 5.3)
    found = masked.rangegeo.cluster(3)
    assert (found[..., :6] == -1).all()
    assert (found[..., 6:] >= 0).all()
    assert found.odc.geobox == cube.odc.geobox
    assert found.rio.nodata == -1
    found.isel(beta=0).rio.to_raster(tmp_path / "clusters.tif")
    read = rioxarray.open_rasterio(tmp_path / "clusters.tif", masked=True)
    assert np.isnan(read[0, :, :6]).all()
    found.to_dataset().to_zarr(tmp_path / "clusters.zarr", consolidated=False)
    stored = xr.open_zarr(tmp_path / "clusters.zarr", consolidated=False)
    assert np.isnan(stored["cluster"][..., :6]).all()


def test_cubes_without_beta_opened_virtual_and_with_diagnostics(mini, cube, tmp_path):
    one = cube.isel(beta=1)
    expected = one.rangegeo.cluster(3)
    assert expected.dims == ("y", "x")
    one.rangegeo.to_geotiff(tmp_path / "a.tif")
    stored = rg.open_cube(tmp_path / "a.tif")
    assert stored.rangegeo.cluster(3).shape == (20, 20)
    options = {"model": mini, "betas": 1, "exact": True}
    virtual = rg.raster(*BOX, chunks=None, **options).rangegeo.cluster(3)
    assert dask.is_dask_collection(virtual)
    assert set(np.unique(virtual)) == {0, 1, 2}
    told, plain = (rg.raster(*BOX, bands=bands, **options).rangegeo.cluster(3) for bands in ("all,diagnostics", "all"))
    np.testing.assert_array_equal(told, plain)


@pytest.mark.parametrize("k", [1, 0, -3, 2.5, "many", 10**6])
def test_impossible_numbers_of_clusters(cube, k):
    with pytest.raises(UsageError) as caught:
        cube.rangegeo.cluster(k)
    assert str(caught.value) == f"k must be an integer from 2 on, got {k!r}; for example k=8"


def test_more_clusters_than_pixels(cube):
    with pytest.raises(UsageError, match="k must be at most the number of different pixels, 8, got 9"):
        cube.isel(x=slice(2), y=slice(2)).rangegeo.cluster(9)
    with pytest.raises(UsageError, match="at most the number of different pixels, 0, got 2"):
        cube.where(cube["x"] > 100).rangegeo.cluster(2)


def test_without_scikit_learn_it_says_what_to_install(cube, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingPackage, match=r"clustering needs scikit-learn: pip install scikit-learn$"):
        cube.rangegeo.cluster(3)


def test_one_beta_can_be_clustered_alone(cube):
    alone = cube.rangegeo.cluster(3, beta=1)
    assert alone.dims == ("y", "x")
    assert alone["beta"].item() == 1
    xr.testing.assert_equal(alone, cube.sel(beta=1).rangegeo.cluster(3))
    with pytest.raises(UsageError, match=r"beta 0\.5 can be read from a cube that holds it"):
        cube.rangegeo.cluster(3, beta=0.5)


def test_each_beta_can_have_clusters_of_its_own(cube):
    each = cube.rangegeo.cluster(3, beta="each", seed=2)
    assert each.dims == ("beta", "y", "x")
    assert each.dtype == np.int16
    assert each.attrs["long_name"] == "cluster, of each beta apart"
    for beta in (0, 1):
        xr.testing.assert_equal(each.sel(beta=beta), cube.rangegeo.cluster(3, beta=beta, seed=2))
    assert cube.rangegeo.cluster(3).attrs["long_name"] == "cluster, shared by all betas"
    single = cube.sel(beta=1)
    xr.testing.assert_identical(single.rangegeo.cluster(3, beta="each"), single.rangegeo.cluster(3))


def test_components_are_clustered_at_any_beta(mini):
    components = rg.raster((5, 44, 6, 45), 0.1, model=mini, layout="components")
    assert components.rangegeo.cluster(3, beta=0.25).shape == (10, 10)


@pytest.mark.parametrize("beta", ["all", "0.5"])
def test_other_words_are_refused(cube, beta):
    with pytest.raises(UsageError, match=r'^beta must be a number, "shared" or "each", got .*; for example beta=1$'):
        cube.rangegeo.cluster(3, beta=beta)
