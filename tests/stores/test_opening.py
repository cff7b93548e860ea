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
from rangegeo.errors import CubeError, RangegeoError, UsageError
from rangegeo.reports.describe import describe
from rangegeo.schema.cube import geobox_of

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


@pytest.mark.parametrize(
    "address", ["ftp://host/a.zarr", "s4://bucket/a.zarr", "s3:/bucket/a.zarr", "http//host/a.zarr"]
)
def test_an_unknown_address_is_told_and_not_taken_for_a_path(address):
    known = "s3://, gs://, az://, https://, icechunk:// or memory://"
    told = f"{address} is no address that rangegeo knows; expected {known}, or a path of this machine"
    with pytest.raises(UsageError) as caught:
        rg.open_cube(address)
    assert str(caught.value) == told


def test_a_store_is_no_path():
    with pytest.raises(CubeError, match=r"^open_cube takes a path, got MemoryStore; xarray\.open_zarr opens"):
        rg.open_cube(zarr.storage.MemoryStore())


# ---------------------------------------------------------------------------------------------- several files


def test_the_files_of_several_betas_become_one_cube(make_cube, tmp_path):
    cube = make_cube(bands=3, betas=(0, 0.5, 1))
    paths = cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    for given in (paths, paths[::-1], tuple(map(str, paths))):
        found = rg.open_cube(given)
        assert found.dims == ("beta", "band", "y", "x")
        assert found["beta"].values.tolist() == [0, 0.5, 1]
        np.testing.assert_array_equal(found, cube)
    assert dask.is_dask_collection(found)
    assert found.rangegeo.facts["long_name"] == "RANGE+ embedding"
    assert found.attrs["encoder_sha256"] == cube.attrs["encoder_sha256"]


def test_files_that_are_no_layers_of_one_cube_are_refused(make_cube, tmp_path):
    cube = make_cube(bands=3, betas=(0, 0.5, 1))
    paths = cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    (fewer,) = cube.isel(beta=[1], band=[0, 1]).rangegeo.to_geotiff(tmp_path / "fewer.tif")
    (part,) = cube.isel(beta=[1], x=slice(1, None)).rangegeo.to_geotiff(tmp_path / "part.tif")
    (plain,) = cube.isel(beta=1, drop=True).rangegeo.to_zarr(tmp_path / "plain.zarr")
    for given, said in (
        ([paths[0], fewer], r"fewer.tif is no other beta of .*a_beta0.tif: they differ in band_name$"),
        ([paths[0], part], r"part.tif is no other beta of .*a_beta0.tif: they differ in x$"),
        ([paths[0], paths[0]], r"beta 0 is in two of the files; give each beta once"),
        ([paths[0], plain], r"plain.zarr has no beta, along which cubes are joined"),
        ([], "open_cube got no paths"),
    ):
        with pytest.raises(CubeError, match=said):
            rg.open_cube(given)


def test_the_files_of_betas_are_named_where_the_name_has_none(make_cube, tmp_path):
    paths = make_cube(bands=3, betas=(0, 0.5)).rangegeo.to_geotiff(tmp_path / "a[1].tif")
    with pytest.raises(
        CubeError, match=r"does not exist, but the files of its betas do: .*; give one of them, or"
    ) as told:
        rg.open_cube(tmp_path / "a[1].tif")
    assert f"open_cube({sorted(str(path) for path in paths)})" in str(told.value)  # and not their pictures
    names = ", ".join(sorted(str(path) for path in paths))
    assert told.value.for_shell().endswith(f"but the files of its betas do: {names}; give one of them")
    with pytest.raises(CubeError, match=r"a\[1\].tif does not exist, but the files of its betas do: "):
        describe(str(tmp_path / "a[1].tif"))
    with pytest.raises(CubeError, match=r"b.tif does not exist; expected a cube"):
        rg.open_cube(tmp_path / "b.tif")


def test_what_is_no_path_and_no_chunks_is_refused(make_cube, tmp_path):
    (path,) = make_cube(bands=3, betas=(0,)).rangegeo.to_zarr(tmp_path / "a.zarr")
    for chunks in ({"x": 10}, 16, "64"):
        with pytest.raises(UsageError, match=r"chunks must be \"auto\" or None, got .*; open_cube\(path\).chunk\("):
            rg.open_cube(path, chunks=chunks)
    with pytest.raises(CubeError, match="open_cube takes a path, got NoneType"):
        rg.open_cube(None)


@pytest.mark.parametrize("change", [lambda cube: cube.coarsen(x=2, y=2).mean(), lambda cube: cube[..., ::5, ::5]])
def test_rioxarray_finds_coarser_pixels_by_their_labels(make_cube, change):
    cube = make_cube(bands=3, betas=(0.5,)).isel(beta=0).compute()
    assert cube.rio.transform() == cube.odc.geobox.affine  # exact, by the transform that the cube keeps
    coarse = change(cube)
    expected = tuple(coarse.odc.geobox.boundingbox)
    assert coarse.rio.bounds(recalc=True) == pytest.approx(expected, rel=1e-9)
    assert tuple(geobox_of(coarse).boundingbox) == pytest.approx(expected, rel=1e-9)
