"""Cubes through xarray's own door: the same as `open_cube`, lazily, and nobody else's files."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib.metadata import entry_points

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr
import zarr
from helpers.rasters import lazy_raster
from rasterio.transform import from_origin

import rangegeo as rg
from rangegeo.backend import RangegeoBackend
from rangegeo.cubes.overviews import make_overviews
from rangegeo.errors import CubeError
from rangegeo.grid import make_geobox
from rangegeo.schema.cube import is_in_memory
from rangegeo.stores.quantise import fit_storage
from rangegeo.stores.zarr import write_zarr

BOX = ((5, 44, 6, 45), 0.05)
FILES = ("a.zarr", "v2.zarr", "a_beta0.tif", "plain.zarr", "plain.tif", "int8.zarr", "half.zarr", "int8_beta1.tif")


@pytest.fixture(scope="module")
def folder(mini, golden, tmp_path_factory):
    """Cubes of two betas and without beta, in both formats."""
    folder = tmp_path_factory.mktemp("cubes")
    cube = rg.raster(*BOX, model=mini, betas=(0, 1), chunks=16)
    cube.rangegeo.to_zarr(folder / "a.zarr")
    cube.rangegeo.to_zarr(folder / "v2.zarr", zarr_format=2)
    cube.rangegeo.to_geotiff(folder / "a.tif")
    cube.rangegeo.to_zarr(folder / "int8.zarr", dtype="int8")
    cube.rangegeo.to_zarr(folder / "half.zarr", dtype="float16")
    cube.rangegeo.to_geotiff(folder / "int8.tif", dtype="int8")
    satclip = rg.load_model("SatCLIP", weights=str(golden / "satclip-mini.ckpt"), device="cpu")
    plain = rg.raster(*BOX, model=satclip)
    plain.rangegeo.to_zarr(folder / "plain.zarr")
    plain.rangegeo.to_geotiff(folder / "plain.tif")
    return folder


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_it_is_the_cube_of_open_cube(folder, name, kind):
    expected = rg.open_cube(folder / name)
    with xr.open_dataset(kind(folder / name), engine="rangegeo") as dataset:
        assert list(dataset.data_vars) == ["embedding"]
        xr.testing.assert_identical(dataset["embedding"].load(), expected.compute())
        assert dataset["embedding"].odc.geobox == expected.odc.geobox
        assert {"band_name", "spatial_ref"} <= set(dataset.coords)
        assert repr(dataset["embedding"].rangegeo).startswith("rangegeo cube (")


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_read_before_it_is_used(folder, name):
    with xr.open_dataset(folder / name, engine="rangegeo") as dataset:
        cube = dataset["embedding"]
        assert not is_in_memory(cube)
        assert cube.chunks is None
        part = cube.isel(x=slice(3), band=slice(5, None, 7))
        repr(part)
        repr(part.rangegeo)
        assert not is_in_memory(part)
        np.testing.assert_array_equal(part, rg.open_cube(folder / name).isel(x=slice(3), band=slice(5, None, 7)))
        assert not is_in_memory(cube)


@pytest.mark.parametrize("name", FILES)
def test_chunks_are_xarrays_to_decide(folder, name, tmp_path):
    with xr.open_dataset(folder / name, engine="rangegeo", chunks={}) as dataset:
        assert dask.is_dask_collection(dataset["embedding"])
        expected = rg.open_cube(folder / name)
        xr.testing.assert_equal(dataset["embedding"].compute(), expected.compute())
        assert dataset["embedding"].sizes["band"] >= dataset["embedding"].chunks[-3][0] > 1
    with xr.open_dataset(folder / name, engine="rangegeo", chunks={"x": -1}) as dataset:
        assert dataset["embedding"].chunksizes["x"] == (20,)
        assert dataset["embedding"].rangegeo.cluster(3).sizes["x"] == 20
    with warnings.catch_warnings():  # that stored chunks are cut
        warnings.simplefilter("ignore", UserWarning)
        dataset = xr.open_dataset(folder / name, engine="rangegeo", chunks={"band": 16})
    with dataset:
        dataset["embedding"].rangegeo.to_zarr(tmp_path / "again.zarr")
        xr.testing.assert_equal(rg.open_cube(tmp_path / "again.zarr"), expected)
        assert rg.similarity(dataset["embedding"], (5.5, 44.5)).sizes["x"] == 20


def test_what_is_lazy_becomes_a_graph_where_one_is_needed(folder, tmp_path):
    for name in ("a.zarr", "plain.tif"):
        with xr.open_dataset(folder / name, engine="rangegeo") as dataset:
            assert dask.is_dask_collection(rg.similarity(dataset["embedding"], (5.5, 44.5)))
            dataset["embedding"].rangegeo.to_zarr(tmp_path / f"{name}.zarr")
        xr.testing.assert_equal(rg.open_cube(tmp_path / f"{name}.zarr"), rg.open_cube(folder / name))


def test_variables_can_be_dropped(folder):
    with xr.open_dataset(folder / "a.zarr", engine="rangegeo", drop_variables=["band_name", "none"]) as dataset:
        assert "band_name" not in dataset.coords


def test_xarray_knows_the_engine(folder):
    found = entry_points(group="xarray.backends", name="rangegeo")
    assert [entry.load() for entry in found] == [RangegeoBackend]
    assert "rangegeo" in xr.backends.list_engines()
    with xr.open_dataset(folder / "a_beta0.tif") as dataset:  # an engine is guessed
        assert dataset["embedding"].dims == ("band", "y", "x")


def test_looking_for_engines_imports_nothing_heavy():
    code = (
        "import sys, rangegeo.backend; print([name for name in ('torch', 'rasterio', 'dask') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "torch" not in found
    assert "rasterio" not in found


# ------------------------------------------------------------------------------------------ others' files


@pytest.mark.parametrize("name", FILES)
def test_its_own_files_are_known(folder, name):
    assert RangegeoBackend().guess_can_open(folder / name)
    assert RangegeoBackend().guess_can_open(str(folder / name))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """A store, GeoTIFFs with and without a place, a text, a folder, damaged files."""
    folder = tmp_path_factory.mktemp("strangers")
    for zarr_format in (2, 3):
        group = zarr.create_group(folder / f"{zarr_format}.zarr", zarr_format=zarr_format)
        group.create_array("embedding", shape=(2,), dtype="f4")
        group.attrs["title"] = "rangegeo_version"
    profile = {"driver": "GTiff", "width": 3, "height": 3, "count": 1, "dtype": "uint8"}
    place = {"crs": "EPSG:4326", "transform": from_origin(5, 45, 1, 1)}
    with rasterio.open(folder / "placed.tif", "w", **profile, **place) as file:
        file.write(np.ones((1, 3, 3), np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(folder / "placeless.tiff", "w", **profile) as file:
            file.write(np.ones((1, 3, 3), np.uint8))
    (folder / "text.tif").write_text("text")
    (folder / "text.nc").write_text("text")
    (folder / "folder").mkdir()
    (folder / "folder.tif").mkdir()
    (folder / "damaged.zarr").mkdir()
    (folder / "damaged.zarr" / "zarr.json").write_text("{")
    (folder / "odd.zarr").mkdir()
    (folder / "odd.zarr" / "zarr.json").write_text("[1]")
    return folder


def test_other_files_are_left_to_other_engines(strangers):
    guess = RangegeoBackend().guess_can_open
    for path in sorted(strangers.iterdir()):
        assert guess(path) is False, path.name
    for other in (strangers / "none.tif", "https://example.org/a.zarr", "s3://bucket/a.tif", b"bytes", None, 3, ""):
        assert guess(other) is False


def test_other_files_are_refused_in_one_line(strangers):
    for name in ("2.zarr", "placed.tif", "text.tif", "none.zarr"):
        with pytest.raises(CubeError, match="expected a cube that rangegeo raster wrote"):
            xr.open_dataset(strangers / name, engine="rangegeo")


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_store_with_overviews_is_opened_at_its_own_pixels(mini, tmp_path, dtype):
    """And an overview by the folder of its group."""
    geobox, recipe = make_geobox((5, 44, 8, 45), 0.01), mini.recipe((0, 1), bands=[1, 30])
    raster = lazy_raster(geobox, mini, recipe)
    cube = raster.cube
    storage = fit_storage(dtype, cube["band_name"].values, lambda: cube.data, one_scale=True)
    write_zarr(cube, tmp_path / "a.zarr", storage=storage, overviews=make_overviews(raster))
    for folder, level in (("a.zarr", 0), ("a.zarr/ovr_2x", 1)):
        with xr.open_dataset(tmp_path / folder, engine="rangegeo") as dataset:
            read = dataset["embedding"]
            assert read.shape == (2, 2, 100 // 2**level, 300 // 2**level)
            assert not is_in_memory(read)
            xr.testing.assert_identical(read.compute(), rg.open_cube(tmp_path / "a.zarr", level=level).compute())
