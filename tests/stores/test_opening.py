"""Opening cubes: what is given back, however it was written; see tests/writers for the round trips."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401, registers .rio
import xarray as xr
import zarr

import rangegeo as rg
from rangegeo.errors import CubeError, RangegeoError

BOX = (5, 44, 6, 45)


@pytest.fixture(scope="module")
def cube(mini) -> xr.DataArray:
    return rg.raster(BOX, 0.1, model=mini, betas=(0.25,), chunks=16).compute()


@pytest.fixture(scope="module")
def written(cube, tmp_path_factory):
    """The same cube as a.zarr and a.tif."""
    folder = tmp_path_factory.mktemp("written")
    cube.rangegeo.to_zarr(folder / "a.zarr")
    cube.rangegeo.to_geotiff(folder / "a.tif")
    return folder


@pytest.mark.parametrize("name", ["a.zarr", "a.tif"])
def test_it_is_the_cube_and_lazy(cube, written, name):
    for path in (written / name, str(written / name)):
        read = rg.open_cube(path)
        assert dask.is_dask_collection(read)
        expected = cube if name == "a.zarr" else cube.isel(beta=0)
        xr.testing.assert_identical(read.compute(), expected)
        assert read.odc.geobox == cube.odc.geobox
        assert read.rio.crs == "EPSG:4326"
        assert read.rangegeo.rgb().dtype == np.uint8


@pytest.mark.parametrize("name", ["a.zarr", "a.tif"])
def test_attributes_have_the_types_they_had(cube, written, name):
    attrs = rg.open_cube(written / name).rangegeo.facts
    for key, value in cube.rangegeo.facts.items():
        assert attrs[key] == value
        assert type(attrs[key]) is type(value)
    assert attrs.keys() == cube.rangegeo.facts.keys()


def test_text_that_looks_like_a_number_stays_text(cube, tmp_path):
    odd = cube.assign_attrs(encoder_file="2024", encoder_sha256="0" * 64, command="1e5", database_file="[1]")
    odd.rangegeo.to_geotiff(tmp_path / "a.tif")
    assert rg.open_cube(tmp_path / "a.tif").rangegeo.facts == odd.rangegeo.facts


def test_closing_needs_no_care(written):
    """A file that was opened and read can be replaced."""
    for _ in range(3):
        assert rg.open_cube(written / "a.tif").isel(band=0).values.shape == (10, 10)


def test_errors_are_the_standard_ones_too(tmp_path):
    with pytest.raises(CubeError) as caught:
        rg.open_cube(tmp_path / "none.zarr")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, RangegeoError)
    assert str(caught.value) == (
        f"{tmp_path / 'none.zarr'} does not exist; expected a cube that rangegeo raster wrote (.zarr or .tif)"
    )


def test_a_picture_without_a_place_is_refused(tmp_path):
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", width=3, height=3, count=1, dtype="uint8") as file,
    ):
        file.write(np.ones((1, 3, 3), np.uint8))
    with pytest.raises(CubeError, match=r"a\.tif was not written by rangegeo"):
        rg.open_cube(tmp_path / "a.tif")


def test_a_store_of_something_else_is_refused(tmp_path):
    group = zarr.create_group(tmp_path / "a.zarr")
    group.create_array("embedding", shape=(2, 2), dtype="f4", dimension_names=("y", "x"))
    with pytest.raises(CubeError, match="has no array 'embedding' with dims band, y and x"):
        rg.open_cube(tmp_path / "a.zarr")


@pytest.mark.parametrize("address", ["s3://bucket/a.zarr", "https://example.org/a.tif", "memory://a.zarr"])
def test_an_address_is_told_and_not_taken_for_a_path(address):
    with pytest.raises(CubeError) as caught:
        rg.open_cube(address)
    told = f"open_cube reads files of this machine, got the address {address}; "
    assert str(caught.value) == told + "copy it here first, or open a Zarr store there with xarray.open_zarr"


def test_a_store_is_no_path():
    with pytest.raises(CubeError, match=r"^open_cube takes a path, got MemoryStore; xarray\.open_zarr opens"):
        rg.open_cube(zarr.storage.MemoryStore())
