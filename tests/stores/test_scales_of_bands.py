"""Zarr stores of integers whose bands have scales of their own: everybody who reads them gets values, or is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
import zarr

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.analysis.similarity import similarity
from rangegeo.errors import CubeError, UsageError
from rangegeo.reports.describe import describe
from rangegeo.schema.steps import OFFSET, SCALE
from rangegeo.stores.opening import stored_scales

BAND = {"SCALES": "BAND"}
BOX = (5, 44, 6, 45)


@pytest.fixture(scope="module")
def unlike(mini):
    """Bands of unlike sizes: visual ones, location ones and counts of rows; with a gap, in memory."""
    cube = rg.raster(BOX, 0.02, model=mini, betas=(0, 1), bands=[1, 2, 30, "semantic_neighbours"]).compute()
    cube[:, :, 3:5, 7] = np.nan
    return cube


@pytest.fixture
def store(unlike, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unlike.rangegeo.to_zarr("a.zarr", dtype="int8", creation_options=BAND)
    return unlike


def check_values(read: xr.DataArray, cube: xr.DataArray, scales: list[float]) -> None:
    """Every value within half a step of its own band, and gaps where they were."""
    assert read.dims == cube.dims
    assert not {SCALE, OFFSET} & set(read.coords)
    np.testing.assert_array_equal(np.isnan(read), np.isnan(cube))
    off = np.abs(read.values.astype(np.float64) - cube.values)
    allowed = np.array(scales)[:, None, None] / 2 * 1.0001 + 1e-6 * np.abs(cube.values)
    assert np.nanmax(off - allowed) <= 0


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_every_band_has_its_own_steps(unlike, tmp_path, zarr_format, dtype):
    path = tmp_path / "a.zarr"
    unlike.rangegeo.to_zarr(path, dtype=dtype, zarr_format=zarr_format, creation_options=BAND)
    scales, offsets = stored_scales(path)
    assert len(set(scales)) == 4
    assert scales[3] > 100 * scales[2]
    read = rg.open_cube(path)
    assert read.dtype == np.float32
    assert "values" not in read.rangegeo.facts
    check_values(read, unlike, scales)
    check_values(rg.open_cube(path, chunks=None), unlike, scales)
    check_values(xr.open_dataset(path, engine="rangegeo")["embedding"], unlike, scales)
    attrs = zarr.open_group(path, mode="r")["embedding"].attrs
    assert "scale_factor" not in attrs
    assert attrs["values"] == "embedding * band_scale + band_offset"
    for beta, name in enumerate(unlike.rangegeo.to_geotiff(tmp_path / "a.tif", dtype=dtype)):
        with rasterio.open(name) as file:
            assert list(file.scales) == pytest.approx(scales)
            assert list(file.offsets) == pytest.approx(offsets)
        np.testing.assert_allclose(rg.open_cube(name).values, read.values[beta], rtol=1e-6)


def test_one_line_of_plain_xarray(store):
    steps = xr.open_zarr("a.zarr")["embedding"]
    check_values(
        (steps * steps.band_scale + steps.band_offset).drop_vars([SCALE, OFFSET]),
        store,
        stored_scales(Path("a.zarr"))[0],
    )


def test_what_plain_xarray_read_is_decoded_for_our_own_tools(store):
    scales = stored_scales(Path("a.zarr"))[0]
    steps = xr.open_zarr("a.zarr")["embedding"]
    check_values(steps.rangegeo.to_dask(), store, scales)
    check_values(steps.isel(x=slice(5, 20)).rangegeo.to_dask(), store.isel(x=slice(5, 20)), scales)
    bands = [2, 0]
    steps.isel(band=bands).rangegeo.to_zarr("b.zarr", dtype="float16")
    check_values(rg.open_cube("b.zarr"), store.isel(band=bands), [scales[band] * 1.1 + 1e-3 for band in bands])
    decoded = rg.open_cube("a.zarr")
    np.testing.assert_array_equal(similarity(steps, (5.5, 44.5)), similarity(decoded, (5.5, 44.5)))


def test_slices_that_xarray_saved_are_read(store):
    scales = stored_scales(Path("a.zarr"))[0]
    part = {"x": slice(5, 20), "band": [3, 1]}
    xr.open_zarr("a.zarr").isel(part).drop_encoding().to_zarr("floats.zarr", consolidated=False)
    some = xr.open_zarr("a.zarr").isel(part)
    some["embedding"].encoding = {"dtype": "int8", "_FillValue": -128}
    some.to_zarr("steps.zarr", consolidated=False)
    check_values(rg.open_cube("steps.zarr"), store.isel(part), [scales[3], scales[1]])
    steps = xr.open_zarr("a.zarr")["embedding"]
    values = (steps * steps.band_scale + steps.band_offset).rename("embedding")
    values.to_dataset().to_zarr("values.zarr", consolidated=False)
    check_values(rg.open_cube("values.zarr"), store, scales)
    rg.open_cube("a.zarr").to_dataset().to_zarr("again.zarr", consolidated=False)
    check_values(rg.open_cube("again.zarr"), store, scales)
    rg.open_cube("a.zarr").to_netcdf("a.nc")
    check_values(rg.open_cube("a.nc"), store, scales)


def test_what_may_be_steps_or_values_is_refused(store):
    steps = xr.open_zarr("a.zarr")["embedding"]
    for unclear in (steps.where(steps > 0), steps * 2):
        with pytest.raises(CubeError, match=r"make values of steps by embedding \* band_scale \+ band_offset, or open"):
            unclear.rangegeo.rgb()
        with pytest.raises(CubeError, match="may hold steps"):
            similarity(unclear, (5.5, 44.5))
    values = (steps * steps.band_scale + steps.band_offset).rename("embedding")
    with pytest.raises(CubeError, match=r"say so with \.drop_vars\(\['band_scale', 'band_offset'\]\)$"):
        values.rangegeo.to_dask()
    check_values(values.drop_vars([SCALE, OFFSET]).rangegeo.to_dask(), store, stored_scales(Path("a.zarr"))[0])


def test_gdal_shows_steps(store):
    """Its driver of Zarr knows one scale of an array; the guide says so."""
    store.rangegeo.to_zarr("two.zarr", dtype="int8", zarr_format=2, creation_options=BAND)
    with rasterio.open('ZARR:"two.zarr":/embedding:1:2') as file:
        assert (file.scales, file.offsets, file.nodata) == ((1.0,), (0.0,), -128)
        np.testing.assert_array_equal(file.read(1), zarr.open_array("two.zarr/embedding", mode="r")[1, 2])


def test_steps_are_taken_from_files_of_both_formats(store):
    store.rangegeo.to_geotiff("a.tif", dtype="int8", scales_from="a.zarr")
    store.rangegeo.to_zarr("b.zarr", dtype="int8", scales_from="a_beta0.tif", creation_options=BAND)
    assert stored_scales(Path("b.zarr")) == stored_scales(Path("a.zarr"))
    one, other = (zarr.open_array(f"{name}.zarr/embedding", mode="r")[:] for name in "ab")
    np.testing.assert_array_equal(one, other)
    with pytest.raises(UsageError, match=r"and this store has one for all; add creation_options={'SCALES': 'BAND'}$"):
        store.rangegeo.to_zarr("c.zarr", dtype="int8", scales_from="a.zarr")


def test_floats_have_no_scales(store):
    with pytest.raises(
        UsageError, match=r"^creation_options={'SCALES': 'BAND'} is for integers; add dtype=.int8., or leave"
    ):
        store.rangegeo.to_zarr("b.zarr", creation_options=BAND)


def test_what_is_told_of_a_store_has_every_scale(store):
    told = describe("a.zarr")
    assert (told["scales"], told["offsets"]) == stored_scales(Path("a.zarr"))
    assert told["dtype"] == "int8"


def test_verification_knows_the_steps(mini, golden, tmp_path):
    cube = rg.raster(BOX, 0.05, model=mini, betas=(0, 1), bands=[1, 30])
    cube.rangegeo.to_zarr(tmp_path / "a.zarr", dtype="int8", creation_options=BAND)
    files = {"weights": golden / "satclip-mini.ckpt", "db": golden / "range_db_mini.npz"}
    assert rg.verify(tmp_path / "a.zarr", pixels=50, **files).sound
    group = zarr.open_group(tmp_path / "a.zarr", mode="r+", use_consolidated=False)
    group["band_scale"][0] = 2 * group["band_scale"][0]
    report = rg.verify(tmp_path / "a.zarr", pixels=50, **files)
    assert not report.sound
    assert rg.verify(tmp_path / "a.zarr", pixels=50, repair=True, **files).sound


def test_joined_stores_keep_their_steps(mini, tmp_path):
    whole = rg.raster((5, 44, 7, 45), 0.05, model=mini, beta=1, bands=[1, 30])
    whole.rangegeo.to_zarr(tmp_path / "a.zarr", dtype="int8", creation_options=BAND)
    for name, part in (("w.zarr", slice(20)), ("e.zarr", slice(20, None))):
        options = {"creation_options": BAND, "scales_from": tmp_path / "a.zarr"}
        whole.isel(x=part).rangegeo.to_zarr(tmp_path / name, dtype="int8", **options)
    joined = rg.mosaic([tmp_path / "w.zarr", tmp_path / "e.zarr"])
    np.testing.assert_array_equal(joined, rg.open_cube(tmp_path / "a.zarr"))
