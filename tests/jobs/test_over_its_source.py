"""Cubes written over what they are computed from: the new values are right, and a failure leaves the old ones."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import rioxarray
import xarray as xr

import rangegeo as rg
from rangegeo.errors import OutputError
from rangegeo.stores.zarr import write_zarr

READERS = {
    "open_cube": lambda path: rg.open_cube(path),
    "without dask": lambda path: rg.open_cube(path, chunks=None),
    "xarray": lambda path: xr.open_zarr(path)["embedding"],
    "our engine": lambda path: xr.open_dataset(path, engine="rangegeo", chunks={})["embedding"],
}


@pytest.fixture(scope="module")
def cube(mini) -> xr.DataArray:
    return rg.raster((7, 46, 8, 47), 0.05, model=mini, betas=0.25, bands=[3, 5], chunks=16).compute()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("options", [{}, {"creation_options": {"SHARDS": "YES"}}, {"dtype": "int16"}])
def test_a_store_is_replaced_by_what_is_computed_from_it(cube, folder, reader, options):
    cube.rangegeo.to_zarr("a.zarr")
    (READERS[reader]("a.zarr") + 1).rangegeo.to_zarr("a.zarr", overwrite=True, **options)
    np.testing.assert_allclose(rg.open_cube("a.zarr"), cube + 1, atol=1e-3)
    assert [path.name for path in folder.iterdir()] == ["a.zarr"]


def test_by_another_name_of_the_same_store(cube, folder):
    cube.rangegeo.to_zarr("a.zarr")
    Path("link.zarr").symlink_to("a.zarr")
    rg.open_cube("a.zarr").isel(x=slice(4, 12)).rangegeo.to_zarr("link.zarr", overwrite=True)
    np.testing.assert_array_equal(rg.open_cube("a.zarr"), cube.isel(x=slice(4, 12)))
    assert Path("link.zarr").is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == ["a.zarr", "link.zarr"]


@pytest.mark.parametrize("reader", ["open_cube", "rioxarray"])
def test_a_geotiff_is_replaced_by_what_is_computed_from_it(cube, reader):
    (path,) = cube.isel(beta=0).rangegeo.to_geotiff("a.tif")
    read = (
        rg.open_cube(path)
        if reader == "open_cube"
        else rioxarray.open_rasterio(path, masked=True, chunks={"x": 8, "y": 8})
    )
    (read * 3).rangegeo.to_geotiff("a.tif", overwrite=True)
    np.testing.assert_allclose(rg.open_cube("a.tif"), 3 * cube.isel(beta=0), rtol=1e-6)


def test_a_failure_leaves_the_source(cube, folder):
    cube.rangegeo.to_zarr("a.zarr")
    read = rg.open_cube("a.zarr")

    def fail(block: np.ndarray) -> np.ndarray:
        raise RuntimeError("no power")

    broken = read.copy(data=da.map_blocks(fail, read.data, dtype=np.float32, meta=np.empty((0,) * 4, np.float32)))
    with pytest.raises(RuntimeError, match="no power"):
        broken.rangegeo.to_zarr("a.zarr", overwrite=True)
    np.testing.assert_array_equal(rg.open_cube("a.zarr"), cube)
    assert [path.name for path in folder.iterdir()] == ["a.zarr"]


def test_a_geotiff_behind_a_link_stays_there(cube, folder):
    Path("disk").mkdir()
    cube.isel(beta=0).rangegeo.to_geotiff("disk/a.tif")
    Path("a.tif").symlink_to("disk/a.tif")
    (2 * cube.isel(beta=0)).rangegeo.to_geotiff("a.tif", overwrite=True)
    assert Path("a.tif").is_symlink()
    np.testing.assert_allclose(rg.open_cube("disk/a.tif"), 2 * cube.isel(beta=0))
    assert not [path for path in folder.rglob(".*")]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_an_array_of_a_store_is_no_store(cube, zarr_format):
    """It would be replaced by a store, and the store around it would be lost."""
    cube.rangegeo.to_zarr("a.zarr", zarr_format=zarr_format)
    with pytest.raises(OutputError, match=r"a\.zarr/embedding is not a Zarr store and was left as it is"):
        write_zarr(rg.open_cube("a.zarr"), "a.zarr/embedding", overwrite=True)
    np.testing.assert_array_equal(rg.open_cube("a.zarr"), cube)
