"""Quantised cubes, read back by everybody else: xarray, zarr, rasterio, rioxarray, GDAL's own tools."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import cloudpickle
import dask
import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr
import zarr
from helpers.programs import need
from rasterio.warp import Resampling
from rio_cogeo.cogeo import cog_validate
from writing import most_alive

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.errors import OutputError, UsageError
from rangegeo.reports.describe import describe
from rangegeo.stores.geotiff import write_geotiff
from rangegeo.stores.quantise import NODATA, fit_storage
from rangegeo.stores.zarr import write_zarr

INTEGERS = ("int16", "int8")
PACKED = ("float16", *INTEGERS)
FORMATS = ("zarr 3", "zarr 2", "tif")


def smooth(cube: xr.DataArray) -> xr.DataArray:
    """The cube with waves instead of noise: what the pixels of a sample say of those between them."""
    rows, cols = (np.linspace(0, 3, cube.sizes[axis]) for axis in ("y", "x"))
    phases = 0.7 * np.arange(cube.sizes["band"])[:, None, None]
    waves = np.broadcast_to(np.sin(phases + rows[:, None]) + np.cos(2 * phases + cols), cube.shape)
    return cube.copy(data=dask.array.from_array(waves.astype(np.float32), chunks=cube.chunks))


@pytest.fixture
def holey(make_cube) -> xr.DataArray:
    """Two betas, six bands of very different ranges, the second beta's three times as wide, and pixels without data."""
    cube = make_cube(bands=6)
    names = np.array([*(f"visual_{i}" for i in range(4)), "location_0", "location_1"])
    width = xr.DataArray(np.array([1, 3], np.float32), {"beta": cube["beta"]}, "beta")
    cube = smooth(cube) * width * (1 + cube["band"].astype(np.float32)) + np.float32(2)
    return cube.assign_coords(band_name=("band", names)).where((cube["x"] > 5.2) | (cube["y"] < 44.6))


def write(cube: xr.DataArray, folder: Path, kind: str, dtype: str) -> list[Path]:
    if kind == "tif":
        return cube.rangegeo.to_geotiff(folder / "cube.tif", dtype=dtype)
    return cube.rangegeo.to_zarr(folder / "cube.zarr", zarr_format=int(kind[-1]), dtype=dtype)


def within_half_a_step(read: xr.DataArray | np.ndarray, values: np.ndarray, scale: object) -> None:
    """And no data where there is none."""
    read = np.asarray(read, dtype=np.float64)
    np.testing.assert_array_equal(np.isnan(read), np.isnan(values))
    scale = np.asarray(scale, dtype=np.float64)
    allowed = scale.reshape(*scale.shape, *[1] * (values.ndim - scale.ndim)) / 2 * 1.0001 + 3e-7 * np.abs(values)
    assert np.nanmax(np.abs(read - values) - allowed) <= 0


# ---------------------------------------------------------------------------------------------------- Zarr


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_xarray_decodes_a_store_by_itself(holey, tmp_path, dtype, zarr_format):
    holey.rangegeo.to_zarr(tmp_path / "a.zarr", dtype=dtype, zarr_format=zarr_format)
    read = xr.open_zarr(tmp_path / "a.zarr")["embedding"]
    within_half_a_step(read, holey.values, read.encoding["scale_factor"])
    raw = xr.open_zarr(tmp_path / "a.zarr", mask_and_scale=False)["embedding"]
    assert raw.dtype == dtype
    assert raw.attrs["_FillValue"] == NODATA[dtype]
    np.testing.assert_array_equal(raw == NODATA[dtype], holey.isnull())
    within_half_a_step(
        raw.where(raw != NODATA[dtype]) * raw.attrs["scale_factor"] + raw.attrs["add_offset"],
        holey.values,
        raw.attrs["scale_factor"],
    )
    array = zarr.open_group(tmp_path / "a.zarr", mode="r")["embedding"]
    assert (array.dtype, array.fill_value) == (np.dtype(dtype), NODATA[dtype])
    assert isinstance(array.attrs["scale_factor"], float)  # a list would be none to xarray and GDAL


@pytest.mark.parametrize("dtype", INTEGERS)
def test_gdal_reads_scale_offset_and_nodata_of_a_store(holey, tmp_path, dtype):
    holey.rangegeo.to_zarr(tmp_path / "a.zarr", dtype=dtype, zarr_format=2)
    for beta in (0, 1):
        for band in (0, 5):
            with rasterio.open(f'ZARR:"{tmp_path / "a.zarr"}":/embedding:{beta}:{band}') as file:
                assert (file.dtypes, file.nodata) == ((dtype,), NODATA[dtype])
                values = file.read(1, masked=True) * file.scales[0] + file.offsets[0]
                within_half_a_step(values.filled(np.nan), holey.values[beta, band], file.scales[0])


def test_gdal_reads_a_store_of_float16(holey, tmp_path):
    holey.rangegeo.to_zarr(tmp_path / "a.zarr", dtype="float16", zarr_format=2)
    with rasterio.open(f'ZARR:"{tmp_path / "a.zarr"}":/embedding:1:2') as file:
        np.testing.assert_array_equal(file.read(1), holey.values[1, 2].astype(np.float16).astype(np.float32))
        assert np.isnan(file.nodata)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", PACKED)
def test_chunks_that_were_not_written_have_no_data(cube, tmp_path, dtype, zarr_format):
    storage = fit_storage(dtype, cube["band_name"].values, lambda: dask.array.ones((2, 5, 4, 4)), one_scale=True)
    empty = cube.copy(data=cube.values)
    empty[:, :, 16:32, 32:48] = np.nan
    write_zarr(empty.chunk(cube.chunksizes), tmp_path / "a.zarr", storage=storage, zarr_format=zarr_format)
    array = zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r")
    assert array.nchunks_initialized == array.nchunks * 11 // 12
    read = rg.open_cube(tmp_path / "a.zarr")
    assert np.isnan(read.values[:, :, 16:32, 32:48]).all()
    assert np.isnan(xr.open_zarr(tmp_path / "a.zarr", consolidated=False)["embedding"][:, :, 16:32, 32:48]).all()


def test_stored_chunks_are_of_one_size_in_bytes(make_cube, tmp_path, monkeypatch):
    monkeypatch.setattr("rangegeo.stores.arrays.CHUNK_BYTES", 16 * 16 * 4 * 2)
    cube = make_cube(bands=16)
    for dtype, bands in (("float32", 2), ("float16", 4), ("int16", 4), ("int8", 8)):
        cube.rangegeo.to_zarr(tmp_path / f"{dtype}.zarr", dtype=dtype)
        assert zarr.open_array(tmp_path / f"{dtype}.zarr" / "embedding", mode="r").chunks == (1, bands, 16, 16)


@pytest.mark.parametrize(
    ("dtype", "given", "codec"),
    [
        ("float32", {}, ("lz4", 5)),
        ("float16", {}, ("zstd", 1)),
        ("int8", {}, ("zstd", 1)),
        ("int8", {"LEVEL": 9}, ("zstd", 9)),
        ("int16", {"COMPRESS": "lz4"}, ("lz4", 1)),
    ],
)
def test_codecs(cube, tmp_path, dtype, given, codec):
    cube.rangegeo.to_zarr(tmp_path / "a.zarr", dtype=dtype, creation_options=given)
    (compressor,) = zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r").compressors
    assert (compressor.cname.value, compressor.clevel) == codec


def test_shards_of_a_quantised_store(holey, tmp_path):
    holey.rangegeo.to_zarr(tmp_path / "a.zarr", dtype="int8", creation_options={"SHARDS": "YES"})
    array = zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r")
    assert array.shards is not None
    within_half_a_step(xr.open_zarr(tmp_path / "a.zarr")["embedding"], holey.values, array.attrs["scale_factor"])


def test_a_store_cannot_have_a_scale_a_beta(holey, tmp_path):
    names = holey["band_name"].values
    storage = fit_storage("int8", names, lambda: holey.data, one_scale=False)
    storage = replace(storage, scale=storage.scale * np.array([[1.0], [2.0]]))
    with pytest.raises(UsageError, match="the betas of a Zarr array share their scales"):
        write_zarr(holey, tmp_path / "a.zarr", storage=storage)
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------- GeoTIFF


@pytest.mark.parametrize("dtype", INTEGERS)
def test_a_geotiff_has_a_scale_a_band_that_all_betas_share(holey, tmp_path, dtype):
    paths = holey.rangegeo.to_geotiff(tmp_path / "a.tif", dtype=dtype)
    scales = []
    for path, values in zip(paths, holey.values, strict=True):
        assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
        assert not Path(f"{path}.aux.xml").exists()
        with rasterio.open(path) as file:
            assert (file.dtypes[0], set(file.nodatavals)) == (dtype, {NODATA[dtype]})
            assert len(set(file.scales)) == len(set(file.offsets)) == 6
            assert file.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
            assert file.descriptions == tuple(holey["band_name"].values)
            stored = file.read(masked=True)
            np.testing.assert_array_equal(file.dataset_mask() == 0, np.isnan(values[0]))
            scale, offset = (np.array(part)[:, None, None] for part in (file.scales, file.offsets))
            within_half_a_step((stored * scale + offset).filled(np.nan), values, file.scales)
            scales.append(file.scales)
    assert scales[0] == scales[1]


@pytest.mark.filterwarnings("ignore:(Scales|Offsets) differ across bands:UserWarning")
@pytest.mark.parametrize("dtype", INTEGERS)
def test_rioxarray_decodes_a_geotiff_by_itself(holey, tmp_path, dtype):
    (path,) = holey.isel(beta=[1]).rangegeo.to_geotiff(tmp_path / "a.tif", dtype=dtype)
    with rasterio.open(path) as file, rioxarray.open_rasterio(path, mask_and_scale=True) as read:
        within_half_a_step(read, holey.values[1], file.scales)


def gdal_version() -> tuple[int, ...]:
    """Of the command line tools."""
    need(shutil.which("gdal_translate") is not None, "gdal_translate", "apt-get install gdal-bin")
    said = subprocess.run(["gdal_translate", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.split(",")[0].split()[1].split(".")[:2])


@pytest.mark.parametrize(("dtype", "needs"), [("int16", (1,)), ("float16", (2, 2)), ("int8", (3, 7))])
def test_gdal_translate_unscales_a_geotiff(holey, tmp_path, dtype, needs):
    if gdal_version() < needs:
        pytest.skip(f"this gdal_translate is older than {needs}")
    (path,) = holey.isel(beta=[0]).rangegeo.to_geotiff(tmp_path / "a.tif", dtype=dtype)
    command = ["gdal_translate", "-q", "-unscale", "-ot", "Float32", str(path), str(tmp_path / "b.tif")]
    subprocess.run(command, check=True, capture_output=True)
    with rasterio.open(path) as packed, rasterio.open(tmp_path / "b.tif") as file:
        steps = packed.scales if dtype != "float16" else np.nanmax(np.abs(holey.values[0]), axis=(1, 2)) / 1024
        within_half_a_step(file.read(masked=True).filled(np.nan), holey.values[0], steps)


def test_a_geotiff_of_float16_is_rounded_to_the_nearest(holey, tmp_path):
    """GDAL itself would cut the digits off."""
    (path,) = holey.isel(beta=[0]).rangegeo.to_geotiff(tmp_path / "a.tif", dtype="float16")
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(path) as file:
        assert file.tags(1, ns="IMAGE_STRUCTURE")["NBITS"] == "16"
        assert np.isnan(file.nodata)
        np.testing.assert_array_equal(file.read(), holey.values[0].astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("dtype", PACKED)
def test_overviews_are_averages_of_what_has_data(make_cube, tmp_path, dtype):
    cube = make_cube((0, 0, 6, 3), 0.01, betas=(1.0,), bands=2, chunks=256)
    cube = smooth(cube).where(cube["x"] > 2.005)
    cube.rangegeo.to_geotiff(tmp_path / "a.tif", dtype=dtype)
    with rasterio.open(tmp_path / "a.tif") as file:
        half = file.read(1, out_shape=(150, 300), resampling=Resampling.nearest, masked=True) * file.scales[0]
        half = (half + file.offsets[0]).filled(np.nan)
        step = file.scales[0] if dtype != "float16" else 2 / 1024
    with np.errstate(all="ignore"):
        blocks = cube.values[0, 0].reshape(150, 2, 300, 2).transpose(0, 2, 1, 3).reshape(150, 300, 4)
        expected = np.nansum(blocks, axis=2) / np.isfinite(blocks).sum(axis=2)
    np.testing.assert_array_equal(np.isnan(half), np.isnan(expected))
    assert np.nanmax(np.abs(half - expected)) <= 1.01 * step  # half a step of the values, half one of their average


@pytest.mark.parametrize("dtype", PACKED)
def test_an_overview_is_opened_as_values_too(make_cube, tmp_path, dtype):
    """GDAL tells the scale of a band, not of its overviews."""
    cube = smooth(make_cube((0, 0, 6, 3), 0.01, betas=(1.0,), bands=2, chunks=256)).isel(beta=0)
    cube.rangegeo.to_geotiff(tmp_path / "a.tif", dtype=dtype)
    small = rg.open_cube(tmp_path / "a.tif", pixels=300)
    assert small.shape == (2, 150, 300)
    assert small.dtype == np.float32
    expected = cube.values.reshape(2, 150, 2, 300, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(small.values, expected, rtol=0, atol=0.02)


@pytest.mark.parametrize("dtype", PACKED)
def test_the_preview_and_the_style_are_those_of_the_values(holey, tmp_path, dtype):
    holey.rangegeo.to_geotiff(tmp_path / "a.tif")
    holey.rangegeo.to_geotiff(tmp_path / "b.tif", dtype=dtype)
    for beta in ("0", "0.5"):
        styles = [(tmp_path / f"{name}_beta{beta}.qml").read_text() for name in "ab"]
        assert len({re.sub(r"(?<=<m(in|ax)Value>)[^<]*", "", style) for style in styles}) == 1
        drawn = [[float(text) for text in re.findall(r"<m(?:in|ax)Value>([^<]*)<", style)] for style in styles]
        np.testing.assert_allclose(drawn[0], drawn[1], rtol=0.01)  # of values that are stored in steps
        pictures = [tmp_path / f"{name}_beta{beta}_rgb.tif" for name in "ab"]
        with rasterio.open(pictures[0]) as one, rasterio.open(pictures[1]) as other:
            assert np.abs(one.read().astype(int) - other.read()).max() <= 3
            np.testing.assert_array_equal(one.dataset_mask(), other.dataset_mask())


@pytest.mark.parametrize(
    ("dtype", "given", "found"),
    [
        ("int8", {"COMPRESS": "DEFLATE"}, {"COMPRESSION": "DEFLATE", "PREDICTOR": "2"}),
        ("int16", {"PREDICTOR": "YES"}, {"COMPRESSION": "ZSTD", "PREDICTOR": "2"}),
        ("float16", {"COMPRESS": "LZW"}, {"COMPRESSION": "LZW", "PREDICTOR": "3"}),
    ],
)
def test_creation_options(cube, tmp_path, dtype, given, found):
    for path in cube.rangegeo.to_geotiff(tmp_path / "a.tif", dtype=dtype, creation_options=given):
        with rasterio.open(path) as file:
            assert found.items() <= file.tags(ns="IMAGE_STRUCTURE").items()


def test_creation_options_that_do_not_go_with_a_dtype_are_refused(broken, tmp_path):
    with pytest.raises(UsageError) as caught:
        broken.rangegeo.to_geotiff(tmp_path / "a.tif", dtype="int8", creation_options={"PREDICTOR": 3})
    said = "GDAL makes no int8 GeoTIFF with"
    assert str(caught.value).startswith(f"{said} creation_options={{'PREDICTOR': '3'}}: ")
    assert caught.value.for_shell().startswith(f"{said} --co PREDICTOR=3: ")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------ any format


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dtype", PACKED)
def test_a_cube_is_opened_as_float32_again_lazily(holey, tmp_path, kind, dtype):
    for path, beta in zip(write(holey, tmp_path, kind, dtype), (0, 0.5), strict=False):
        read = rg.open_cube(path)
        assert dask.is_dask_collection(read)
        assert read.dtype == read.compute().dtype == np.float32
        expected = holey.sel(beta=beta) if kind == "tif" else holey
        assert read.dims == expected.dims
        assert float(np.abs(read - expected).max()) <= {"float16": 0.02, "int16": 1e-3, "int8": 0.3}[dtype]
        np.testing.assert_array_equal(read.isnull(), expected.isnull())
        assert describe(str(path))["dtype"] == dtype
        assert describe(str(path))["bytes"] == expected.size * np.dtype(dtype).itemsize


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dtype", PACKED)
def test_a_file_says_how_it_is_stored_and_what_that_lost(holey, tmp_path, kind, dtype):
    paths = write(holey, tmp_path, kind, dtype)
    reads = [rg.open_cube(path) for path in paths]
    read = xr.concat(reads, "beta", coords="minimal", compat="override") if kind == "tif" else reads[0]
    attrs = reads[0].rangegeo.facts
    assert attrs["quantisation_dtype"] == dtype
    assert attrs["quantisation_clipped"] == 0
    for name in ("visual", "location"):
        bands = np.char.startswith(holey["band_name"].values.astype(str), name)
        off, values = (np.abs(part.values[:, bands]) for part in (read - holey, holey))
        relative = np.nanmax(off) / np.nanmax(values)
        assert attrs[f"quantisation_error_{name}"] == pytest.approx(relative, rel=0.02, abs=1e-6)
        assert attrs[f"quantisation_error_{name}"] <= attrs[f"quantisation_bound_{name}"] * 1.001
    assert ("quantisation_sample" in attrs) == (dtype in INTEGERS)
    if dtype in INTEGERS:
        assert attrs["quantisation_sample"] == 40 * 50  # a cube that is there is looked at as a whole
        assert 0.05 <= attrs["quantisation_margin"] <= 1
    assert attrs["model"] == "RANGE+"
    if kind != "tif":
        file = tmp_path / "cube.zarr" / "embedding" / ("zarr.json" if kind == "zarr 3" else ".zattrs")
        json.loads(file.read_text(), parse_constant=pytest.fail)  # strict JSON


def test_float32_says_nothing_of_it(cube, tmp_path):
    cube.rangegeo.to_zarr(tmp_path / "a.zarr", dtype="float32")
    attrs = rg.open_cube(tmp_path / "a.zarr").rangegeo.facts
    assert not [name for name in attrs if name.startswith("quantisation")]
    assert attrs == cube.rangegeo.facts


@pytest.mark.parametrize("kind", FORMATS)
def test_what_was_read_can_be_written_again_with_no_further_loss(holey, tmp_path, kind):
    cube = holey.isel(beta=0)
    (path,) = write(cube, tmp_path, kind, "int8")
    for again in FORMATS:
        folder = tmp_path / again
        folder.mkdir()
        (copy,) = write(rg.open_cube(path), folder, again, "float32")
        xr.testing.assert_identical(rg.open_cube(copy).compute(), rg.open_cube(path).compute())


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dtype", PACKED)
@pytest.mark.parametrize("fill", [np.nan, 0.0, -3.5])
def test_one_pixel_and_one_value(make_cube, tmp_path, kind, dtype, fill):
    cube = make_cube((5, 44, 5.02, 44.025), betas=None, bands=2) * np.float32(0) + np.float32(fill)
    (path,) = write(cube, tmp_path, kind, dtype)
    assert cube.shape == (2, 1, 1)
    np.testing.assert_allclose(rg.open_cube(path).values, cube.values, rtol=1e-6)


@pytest.mark.parametrize("dtype", PACKED)
@pytest.mark.parametrize("options", [{"layout": "components"}, {"pca": 3}, {"bands": "location"}, {"exact": True}])
@pytest.mark.parametrize("kind", FORMATS)
def test_cubes_of_other_content(mini, tmp_path, dtype, options, kind):
    cube = rg.raster((5, 44, 6, 45), 0.05, model=mini, betas=0.3, **options)
    cube = cube.isel(beta=0) if "beta" in cube.dims else cube
    (path,) = write(cube, tmp_path, kind, dtype)
    read = rg.open_cube(path)
    components = {name.rpartition("_")[0] for name in cube["band_name"].values}
    assert {name.split("_")[2] for name in read.rangegeo.facts if name.startswith("quantisation_error")} == components
    values = cube.values
    tolerance = max(read.rangegeo.facts[f"quantisation_error_{name}"] for name in components)
    assert np.abs(read.values - values).max() <= 1.02 * tolerance * np.abs(values).max()


@pytest.mark.parametrize("kind", FORMATS)
def test_any_beta_is_read_from_quantised_components(mini, tmp_path, kind):
    cube = rg.raster((5, 44, 6, 45), 0.05, model=mini, layout="components")
    (path,) = write(cube, tmp_path, kind, "int16")
    found, expected = (part.rangegeo.at(0.3) for part in (rg.open_cube(path), cube))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.values, expected.values, atol=2e-4 * float(np.abs(expected).max()))
    assert found["band_name"].values.tolist() == expected["band_name"].values.tolist()


def test_a_beta_picked_from_a_cube_has_ranges_of_its_own(holey, tmp_path):
    holey.sel(beta=0).rangegeo.to_zarr(tmp_path / "a.zarr", dtype="int16")
    holey.sel(beta=0.5).rangegeo.to_zarr(tmp_path / "b.zarr", dtype="int16")
    one, other = (zarr.open_group(tmp_path / name, mode="r")["embedding"].attrs for name in ("a.zarr", "b.zarr"))
    assert other["scale_factor"] == pytest.approx(3 * one["scale_factor"], rel=0.3)


def test_workers_elsewhere_tell_what_they_lost(holey, tmp_path):
    """They work on copies of everything, so that all they know has to come back from them."""

    def elsewhere(graph: object, keys: object, **_: object) -> object:
        return dask.get(cloudpickle.loads(cloudpickle.dumps(graph)), keys)

    holey.rangegeo.to_zarr(tmp_path / "here.zarr", dtype="int8")
    with dask.config.set(scheduler=elsewhere):
        holey.rangegeo.to_zarr(tmp_path / "there.zarr", dtype="int8")
        xr.testing.assert_identical(*(rg.open_cube(tmp_path / name).compute() for name in ("there.zarr", "here.zarr")))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dtype", PACKED)
def test_a_cube_without_any_data_is_written_too(cube, tmp_path, kind, dtype):
    (path, *_) = write(cube * np.float32(np.nan), tmp_path, kind, dtype)
    read = rg.open_cube(path)
    assert np.isnan(read.values).all()
    assert read.rangegeo.facts["quantisation_error_visual"] == 0


@pytest.mark.parametrize("kind", FORMATS)
def test_an_area_has_ranges_of_its_own_and_holes_around_it(mini, tmp_path, kind):
    corner = {"type": "Polygon", "coordinates": [[[5, 44], [5.4, 44], [5, 44.4], [5, 44]]]}
    cube = rg.raster(aoi=corner, res=0.01, model=mini, betas=0.5, chunks=16)
    (path,) = write(cube, tmp_path, kind, "int8")
    read = rg.open_cube(path)
    values = cube.values.reshape(read.shape)
    np.testing.assert_array_equal(np.isnan(read.values), np.isnan(values))
    bound = max(value for name, value in read.rangegeo.facts.items() if name.startswith("quantisation_bound"))
    assert np.nanmax(np.abs(read.values - values)) <= 1.01 * bound * np.nanmax(np.abs(values))
    assert bound < 0.01


@pytest.mark.parametrize("name", ["to_zarr", "to_geotiff"])
def test_a_dtype_that_is_none_is_refused_before_anything_is_computed(broken, tmp_path, name):
    with pytest.raises(UsageError, match=r"^dtype must be one of float32, float16, int16, int8, got 'uint8'$"):
        getattr(broken.rangegeo, name)(tmp_path / "a", dtype="uint8")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "out"), [("to_zarr", "a.zarr"), ("to_geotiff", "a.tif")])
def test_an_existing_output_is_refused_before_the_sample_is_computed(broken, tmp_path, name, out):
    (tmp_path / out).write_text("precious")
    with pytest.raises(OutputError, match=r"(exists|is not a Zarr store) and was left as it is"):
        getattr(broken.isel(beta=[0]).rangegeo, name)(tmp_path / out, dtype="int8")


@pytest.mark.parametrize("name", ["to_zarr", "to_geotiff"])
def test_blocks_stream(make_cube, tmp_path, name):
    """However large a cube, the blocks alive at once are those in flight, when sampled and when written."""
    cube = make_cube((0, 0, 10, 10), 0.025, bands=2, betas=(0.5,))
    storage = fit_storage("int8", cube["band_name"].values, lambda: cube.data[..., ::8, ::8], one_scale=True)
    write = write_zarr if name == "to_zarr" else write_geotiff
    assert most_alive(cube, lambda counted: write(counted, tmp_path / "a", storage=storage)) <= 8
