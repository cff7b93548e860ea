"""Files that other programs joined from ours: read with one of the files they come from, and never as steps."""

from __future__ import annotations

import re
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.merge
import xarray as xr

import rangegeo as rg
from rangegeo.errors import CubeError, CubeWarning, RangegeoError, UsageError
from rangegeo.reports.describe import describe

WEST, EAST = (5, 44, 7, 46), (7, 44, 9, 46)
GAP = re.escape("give one of them: rangegeo.open_cube(…, like=…)")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tiles(mini, dtype: str) -> xr.DataArray:
    """Writes west.tif and east.tif; returns the cube of both."""
    for name, box in (("west", WEST), ("east", EAST)):
        steps = {"scales_from": "west.tif"} if dtype == "int8" and name == "east" else {}
        cube = rg.raster(box, 0.25, model=mini, betas=0.25, bands="1-3")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CubeWarning)  # the east reaches beyond the steps of the west
            cube.rangegeo.to_geotiff(f"{name}.tif", dtype=dtype, **steps)
    return xr.concat([rg.open_cube(f"{name}.tif") for name in ("west", "east")], "x", combine_attrs="drop_conflicts")


def rewritten(
    source: str, out: str, *, tags: bool = True, names: bool = True, dtype: str | None = None, **more
) -> None:
    """The stored values of a file, without its scales."""
    with rasterio.open(source) as file:
        profile, values = file.profile | more, file.read()
        with rasterio.open(out, "w", **profile | ({"dtype": dtype} if dtype else {})) as copy:
            copy.write(values.astype(dtype or values.dtype))
            if tags:
                copy.update_tags(**file.tags())
            if names:
                copy.descriptions = file.descriptions


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16", "int8"])
def test_a_merged_file_is_the_cube_of_both(mini, folder, dtype):
    both = tiles(mini, dtype)
    rasterio.merge.merge(["west.tif", "east.tif"], dst_path="both.tif")
    with pytest.raises(CubeError, match=rf"^both\.tif was not written by rangegeo, or has lost its tags; .*{GAP}"):
        rg.open_cube("both.tif")
    read = rg.open_cube("both.tif", like="east.tif")
    np.testing.assert_allclose(read.values, both.values, atol=1e-6)
    assert read["band_name"].values.tolist() == both["band_name"].values.tolist()
    assert (float(read["beta"]), read.attrs["model"]) == (0.25, "RANGE+")
    assert "computed from RANGE+ embedding" in repr(read.rangegeo)
    assert not {"measured_error", "long_name", "quantisation_dtype"} & read.rangegeo.facts.keys()
    read.rangegeo.to_geotiff("whole.tif")
    np.testing.assert_array_equal(rg.open_cube("whole.tif"), read)
    assert describe("whole.tif")["dtype"] == "float32"


@pytest.mark.parametrize("dtype", ["int16", "int8"])
def test_steps_without_scales_are_refused_everywhere(mini, folder, dtype):
    tiles(mini, dtype)
    rewritten("west.tif", "lost.tif")
    for ask in (rg.open_cube, describe, lambda path: rg.open_cube(path, pixels=4)):
        with pytest.raises(CubeError, match=rf"^lost\.tif holds steps of {dtype} but has lost their scales, .*{GAP}$"):
            ask("lost.tif")
    cube = rg.raster(EAST, 0.25, model=mini, betas=0.25, bands="1-3")
    with pytest.raises(CubeError, match=r"^lost\.tif holds steps"):
        cube.rangegeo.to_geotiff("new.tif", dtype=dtype, scales_from="lost.tif")
    np.testing.assert_array_equal(rg.open_cube("lost.tif", like="west.tif"), rg.open_cube("west.tif"))


def test_another_stored_dtype_is_refused(mini, folder):
    tiles(mini, "int8")
    rewritten("west.tif", "unsigned.tif", dtype="uint8", nodata=None)  # as GDAL 3.6 does
    with pytest.raises(CubeError, match=r"^unsigned\.tif holds uint8, but its tags say int8: another program has"):
        rg.open_cube("unsigned.tif")
    with pytest.raises(CubeError, match=r"has 3 bands of uint8, and west\.tif has 3 of int8"):
        rg.open_cube("unsigned.tif", like="west.tif")


def test_values_of_a_joined_file_need_no_scales(mini, folder):
    tiles(mini, "int16")
    values = rg.open_cube("west.tif").values
    with rasterio.open("west.tif") as file:
        profile = file.profile | {"dtype": "float32", "nodata": np.nan}
        with rasterio.open("values.tif", "w", **profile) as copy:
            copy.write(values)
            copy.update_tags(**file.tags())
            copy.descriptions = file.descriptions
    read = rg.open_cube("values.tif")
    np.testing.assert_array_equal(read, values)
    assert "computed from" in repr(read.rangegeo)


@pytest.mark.parametrize(
    ("like", "error", "said"),
    [
        ("one.tif", CubeError, r"has 3 bands of int16, and one\.tif has 1 of int16"),
        ("float.tif", CubeError, r"has 3 bands of int16, and float\.tif has 3 of float32"),
        ("other.tif", CubeError, r"^both\.tif has other scales than other\.tif; give a file"),
        ("lost.tif", CubeError, r"^lost\.tif holds steps of int16 but has lost their scales"),
        ("both.tif", UsageError, r"^like must be a GeoTIFF of rangegeo, got both\.tif$"),
        ("none.tif", UsageError, r"^like must be a GeoTIFF of rangegeo, got none\.tif$"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(mini, folder, like, error, said):
    tiles(mini, "int16")
    rewritten("west.tif", "lost.tif")
    rewritten("west.tif", "both.tif", tags=False, names=False)
    with rasterio.open("both.tif", "r+") as file:
        file.scales = (0.5, 0.5, 0.5)
    cube = rg.raster(WEST, 0.25, model=mini, betas=0.25, bands="1-3")
    cube.isel(band=[0]).rangegeo.to_geotiff("one.tif", dtype="int16")
    cube.rangegeo.to_geotiff("float.tif")
    (cube * 2).rangegeo.to_geotiff("other.tif", dtype="int16")
    with pytest.raises(error, match=said) as caught:
        rg.open_cube("both.tif", like=like)
    assert isinstance(caught.value, RangegeoError)


def test_gaps_without_nodata_are_refused(mini, folder):
    tiles(mini, "int16")
    rewritten("west.tif", "both.tif", tags=False, nodata=None)
    with pytest.raises(CubeError, match=r"^the nodata value of both\.tif is None, and that of west\.tif is -32768\.0"):
        rg.open_cube("both.tif", like="west.tif")


def test_a_store_is_joined_from_nothing(mini, folder):
    rg.raster(WEST, 0.25, model=mini, betas=0.25, bands="1-3").rangegeo.to_zarr("a.zarr")
    with pytest.raises(UsageError, match=r"^like is for files that GDAL has joined, and a\.zarr is none"):
        rg.open_cube("a.zarr", like="a.zarr")


@pytest.mark.parametrize("name", ["b.zarr", "b.nc"])
def test_steps_in_a_store_that_has_lost_its_scale_are_refused(mini, folder, name):
    rg.raster(WEST, 0.25, model=mini, betas=0.25, bands="1-3").rangegeo.to_zarr("a.zarr", dtype="int16")
    raw = xr.open_zarr("a.zarr", mask_and_scale=False).load()
    write = partial(raw.to_zarr, consolidated=False) if name == "b.zarr" else raw.to_netcdf
    for array in raw.variables.values():
        array.encoding.pop("chunks", None)
    write(name)
    np.testing.assert_array_equal(rg.open_cube(name), rg.open_cube("a.zarr"))
    for lost in ("scale_factor", "add_offset"):
        del raw["embedding"].attrs[lost]
    write(name, mode="w")
    with pytest.raises(CubeError, match=rf"^{re.escape(name)} holds steps of int16 but has lost their scales"):
        rg.open_cube(name)


def test_bands_without_names_are_called_by_their_numbers(mini, folder):
    tiles(mini, "float32")
    rewritten("west.tif", "plain.tif", names=False)
    assert rg.open_cube("plain.tif")["band_name"].values.tolist() == ["band_1", "band_2", "band_3"]
