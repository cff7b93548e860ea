"""Any cube to files: lazy, virtual, in memory, opened or sliced, in both formats, with the same values."""

from __future__ import annotations

from collections.abc import Callable

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr
from helpers.evaluators import refuse_to_evaluate

import rangegeo as rg
from rangegeo.errors import CubeWarning, OutputError, UsageError
from rangegeo.jobs.write import write_cube
from rangegeo.stores.opening import stored_dtype

BOX = (5, 44, 6, 45)
SLICE = {"y": slice(2, 19, 2), "x": slice(1, None, 2)}
KINDS = {
    "lazy": lambda lazy, virtual: lazy,
    "virtual": lambda lazy, virtual: virtual,
    "in memory": lambda lazy, virtual: lazy.compute(),
    "lazy, sliced": lambda lazy, virtual: lazy.isel(SLICE),
    "virtual, sliced": lambda lazy, virtual: virtual.isel(SLICE),
    "in memory, sliced": lambda lazy, virtual: lazy.compute().isel(SLICE),
    "some bands": lambda lazy, virtual: virtual.isel(band=slice(3, 9)),
    "one beta": lambda lazy, virtual: lazy.isel(beta=[1]),
    "no beta": lambda lazy, virtual: lazy.isel(beta=1, drop=True),
}
WRITTEN = {"zarr": "a.zarr", "cog": "a.tif"}


@pytest.fixture(scope="module")
def lazy(mini) -> xr.DataArray:
    return rg.raster(BOX, 0.05, model=mini, betas=(0, 1), chunks=16, exact=True)


@pytest.fixture(scope="module")
def virtual(mini) -> xr.DataArray:
    return rg.raster(BOX, 0.05, model=mini, betas=(0, 1), chunks=None, exact=True)


def read(paths: list) -> np.ndarray:
    """(layers, bands, y, x) of what was written."""
    cubes = [rg.open_cube(path) for path in paths]
    return np.concatenate([cube.values.reshape(-1, *cube.shape[-3:]) for cube in cubes])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", WRITTEN)
def test_every_kind_of_cube_is_written(lazy, virtual, format, kind):
    cube = KINDS[kind](lazy, virtual)
    paths = write_cube(cube, WRITTEN[format], format)
    expected = cube.values.reshape(-1, *cube.shape[-3:])
    np.testing.assert_allclose(read(paths), expected, atol=2e-6)
    opened = rg.open_cube(paths[0])
    assert opened["band_name"].values.tolist() == cube["band_name"].values.tolist()
    for axis in ("x", "y"):
        np.testing.assert_allclose(opened[axis], cube[axis], rtol=1e-12)


@pytest.mark.parametrize("format", WRITTEN)
def test_a_cube_that_was_opened_is_written_again(lazy, format):
    first = write_cube(lazy.isel(beta=[1]), WRITTEN[format], format)
    again = write_cube(rg.open_cube(first[0]), f"again_{WRITTEN[format]}", format)
    np.testing.assert_array_equal(read(again), read(first))


def test_a_geotiff_is_north_up(lazy):
    south = lazy.isel(beta=[0], y=slice(None, None, -1))
    (path,) = write_cube(south, "a.tif", "cog")
    with rasterio.open(path) as file:
        assert file.transform.e < 0
        np.testing.assert_allclose(file.read(), lazy.values[0], atol=2e-6)


@pytest.mark.parametrize("format", WRITTEN)
@pytest.mark.parametrize("dtype", ["float16", "int16", "int8"])
@pytest.mark.parametrize("kind", ["lazy", "virtual", "in memory"])
def test_fewer_bits(lazy, virtual, format, dtype, kind):
    cube = KINDS[kind](lazy, virtual)
    paths = write_cube(cube, WRITTEN[format], format, dtype=dtype)
    share = {"float16": 1e-3, "int16": 1e-3, "int8": 0.05}[dtype]
    np.testing.assert_allclose(read(paths), cube.values, atol=share * np.abs(cube.values).max())


def test_options_go_to_the_writer(lazy):
    write_cube(lazy, "a.zarr", "zarr", zarr_format=2, creation_options={"COMPRESS": "ZSTD"})
    assert rg.open_cube("a.zarr").sizes == lazy.sizes
    (path, _) = write_cube(lazy, "a.tif", "cog", creation_options={"COMPRESS": "DEFLATE"})
    with rasterio.open(path) as file:
        assert file.compression.value == "DEFLATE"


@pytest.mark.parametrize("kind", ["lazy", "virtual"])
@pytest.mark.parametrize("format", WRITTEN)
def test_a_proof_is_kept(lazy, virtual, mini, format, kind):
    cube = rg.raster(BOX, 0.005, model=mini, betas=1, chunks=None if kind == "virtual" else 64)
    (path,) = write_cube(cube, WRITTEN[format], format)
    facts = rg.open_cube(path).rangegeo.facts
    assert facts["evaluation"] == "interpolated"
    assert facts["measured_error"] <= facts["tolerance"]
    assert facts["proof_pixels"] > 0


# ------------------------------------------------------------------------------------------------- refusals


def without_grid(cube: xr.DataArray) -> xr.DataArray:
    return cube.isel(x=[0, 1, 5])


@pytest.mark.parametrize("format", WRITTEN)
@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (without_grid, {}, "grid|step|even|regular"),
        (lambda cube: cube, {"dtype": "int4"}, "dtype must be one of float32, float16, int16, int8, got 'int4'"),
        (lambda cube: cube, {"creation_options": {"COLOUR": "RED"}}, "COLOUR"),
    ],
    ids=["no grid", "no dtype", "no option"],
)
def test_what_cannot_be_is_refused_and_nothing_is_computed(
    virtual, folder, monkeypatch, format, change: Callable, options, said
):
    refuse_to_evaluate(monkeypatch)
    with pytest.raises(UsageError, match=said):
        write_cube(change(virtual), WRITTEN[format], format, **options)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "format", "said"),
    [
        ("a.tif", "zarr", r"^a\.tif is the name of another format; write it with to_geotiff, or give another path$"),
        ("a.zarr", "cog", r"^a\.zarr is the name of another format; write it with to_zarr, or give another path$"),
    ],
)
def test_the_name_of_another_format_is_refused(lazy, folder, path, format, said):
    with pytest.raises(UsageError, match=said):
        write_cube(lazy, path, format)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "format", "said"),
    [
        ("a", "cog", r"^path must be a name that ends in .tif or .tiff, got 'a'; for example path=\"a.tif\"$"),
        ("a_beta0.5", "cog", r"for example path=\"a_beta0.5.tif\"$"),
        ("a.nc", "zarr", r"^path must be a name that ends in .zarr, got 'a.nc'; for example path=\"a.nc.zarr\"$"),
        ("a.zip", "zarr", "ends in .zarr, got 'a.zip'"),
        ("a", "zarr", "ends in .zarr, got 'a'"),
    ],
)
def test_a_name_without_the_suffix_of_the_format_is_refused(lazy, folder, monkeypatch, path, format, said):
    refuse_to_evaluate(monkeypatch)
    with pytest.raises(UsageError, match=said):
        write_cube(lazy, path, format)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("format", WRITTEN)
def test_layers_and_bands_that_cannot_be_told_apart_are_refused(lazy, folder, format):
    with pytest.raises(UsageError, match=r"has 2 layers and does not say their betas; .*assign_coords\(beta="):
        write_cube(lazy.drop_vars("beta"), WRITTEN[format], format)
    twice = xr.concat([lazy.isel(band=[0, 1]), lazy.isel(band=[0])], "band")
    with pytest.raises(UsageError, match="two bands of the cube are called 'visual_00'"):
        write_cube(twice, WRITTEN[format], format)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("given", [["COMPRESS=DEFLATE", "level=9"], "compress=DEFLATE", {"compress": "DEFLATE"}])
def test_creation_options_may_be_typed_as_in_the_shell(lazy, given):
    (path,) = write_cube(lazy.isel(beta=[0]), "a.tif", "cog", creation_options=given)
    with rasterio.open(path) as file:
        assert file.compression.value == "DEFLATE"


@pytest.mark.parametrize(
    "given", [["COMPRESS"], ["COMPRESS="], [1], 3, {3: 4}, {"level": 1, "LEVEL": 2}, ["A=1", "a=2"]]
)
def test_creation_options_that_are_none_are_refused(lazy, folder, given):
    with pytest.raises(UsageError, match=r"creation_options must (be a dictionary or texts NAME=VALUE|have a name)"):
        write_cube(lazy, "a.zarr", "zarr", creation_options=given)
    assert list(folder.iterdir()) == []


def test_a_dtype_of_numpy_and_a_format_as_text_are_understood(lazy, folder):
    write_cube(lazy, "a.zarr", "zarr", dtype=np.int16, zarr_format="2")
    assert (folder / "a.zarr" / ".zgroup").exists()
    assert stored_dtype(folder / "a.zarr") == "int16"
    for wrong in (np.uint8, "<f2x", None, float):
        with pytest.raises(UsageError, match="dtype must be one of float32"):
            write_cube(lazy, "b.zarr", "zarr", dtype=wrong)


@pytest.mark.parametrize("format", WRITTEN)
def test_an_output_that_exists_is_left_unless_it_may_be_replaced(lazy, virtual, format, monkeypatch):
    one = lazy.isel(beta=[0])
    (path,) = write_cube(one, WRITTEN[format], format)
    with monkeypatch.context() as patch:
        refuse_to_evaluate(patch)
        with pytest.raises(OutputError) as caught:
            write_cube(virtual.isel(beta=[1]), WRITTEN[format], format)
    assert "add overwrite=True to replace it" in str(caught.value)
    assert "add --overwrite to replace it" in caught.value.for_shell()
    np.testing.assert_allclose(read([path]), one.values, atol=2e-6)
    write_cube(lazy.isel(beta=[1]), WRITTEN[format], format, overwrite=True)
    np.testing.assert_allclose(read([path]), lazy.values[1:], atol=2e-6)


def test_the_cube_itself_stays_lazy(lazy, virtual):
    write_cube(lazy, "a.zarr", "zarr")
    write_cube(virtual, "b.zarr", "zarr")
    assert dask.is_dask_collection(lazy)
    assert virtual.chunks is None


@pytest.mark.parametrize("method", ["to_zarr", "to_geotiff"])
@pytest.mark.parametrize("dtype", ["float16", "int8", "int16", "float32"])
def test_infinite_values_become_no_data_with_a_warning_or_stay(cube, tmp_path, dtype, method):
    cube = cube.isel(beta=1)
    cube = cube.where(cube.x > cube.x[0], np.inf)
    path = tmp_path / ("a.zarr" if method == "to_zarr" else "a.tif")
    infinite = int(np.isinf(cube).sum())
    if dtype.startswith("int"):
        with pytest.warns(CubeWarning, match=rf"^{infinite} values did not fit into {dtype}; the error of .* another"):
            getattr(cube.rangegeo, method)(path, dtype=dtype)
    else:
        getattr(cube.rangegeo, method)(path, dtype=dtype)
    read = rg.open_cube(path)
    np.testing.assert_array_equal(np.isinf(read).sum(), 0 if dtype.startswith("int") else infinite)
    assert int(np.isnan(read).sum()) == (infinite if dtype.startswith("int") else 0)
    rest = cube.where(np.isfinite(cube))
    span = float(rest.max() - rest.min())
    assert float(np.abs(rest - read.where(np.isfinite(read))).max()) <= span / 100


@pytest.mark.parametrize("factor", [1e6, 1e-12])
def test_values_that_float16_cannot_tell_apart_are_warned_of(cube, tmp_path, factor):
    with pytest.warns(CubeWarning, match="the error of float16 is up to .* of the largest value; take another dtype"):
        (cube * factor).rangegeo.to_zarr(tmp_path / "a.zarr", dtype="float16")


@pytest.mark.parametrize("dtype", ["float16", "int8", "int16"])
def test_values_that_fit_give_no_warning(cube, tmp_path, dtype):
    cube.isel(beta=1).rangegeo.to_zarr(tmp_path / "a.zarr", dtype=dtype)
    rg.open_cube(tmp_path / "a.zarr").rangegeo.to_geotiff(tmp_path / "a.tif", dtype=dtype)


@pytest.mark.parametrize(("name", "out"), [("to_zarr", "a.zarr"), ("to_geotiff", "a.tif")])
@pytest.mark.parametrize(
    ("betas", "said"),
    [
        ([1, 1], "the cube has the beta 1 twice; give each beta once"),
        (["low", "high"], "the betas of the cube must be numbers, got "),
    ],
)
def test_betas_that_files_could_not_tell_apart_are_refused(mini, tmp_path, name, out, betas, said):
    cube = rg.raster((5, 44, 6, 45), 0.25, model=mini, betas=(0, 1), bands=[1, 2]).compute()
    getattr(cube.rangegeo, name)(tmp_path / out)
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match=said):
        getattr(cube.assign_coords(beta=betas).rangegeo, name)(tmp_path / out, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == before
