"""A GeoTIFF knows its own values; what another program computed from it does not claim its facts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import rioxarray
import xarray as xr

import rangegeo as rg
from rangegeo.stores.geotiff_sample import TAG


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def path(mini, folder) -> str:
    cube = rg.raster((7, 46, 8, 47), 0.05, model=mini, betas=0.25, bands=[3, 5]).isel(beta=0)
    cube.rangegeo.to_geotiff("a.tif")
    return "a.tif"


def changed(source: str, out: str, change) -> None:
    with rasterio.open(source) as file:
        profile, values, tags, names = file.profile, file.read(), file.tags(), file.descriptions
    values = change(values)
    profile.update(height=values.shape[1], width=values.shape[2], count=len(values))
    with rasterio.open(out, "w", **profile) as file:
        file.write(values)
        file.update_tags(**tags)
        file.descriptions = names


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16", "int8"])
def test_a_file_has_its_own_facts(mini, folder, dtype):
    cube = rg.raster((7, 46, 8, 47), 0.05, model=mini, betas=0.25, bands=[3, 5]).isel(beta=0)
    cube.where(cube["y"] > 46.2).rangegeo.to_geotiff("holes.tif", dtype=dtype)
    cube.rangegeo.to_geotiff("a.tif", dtype=dtype)
    facts = rg.open_cube("a.tif").rangegeo.facts
    assert facts["long_name"] == "RANGE+ embedding"
    assert "measured_error" in facts
    assert TAG not in facts
    assert rg.open_cube("holes.tif").shape == cube.shape


@pytest.mark.parametrize(
    "change",
    [lambda v: v * 2, lambda v: v + 1, lambda v: v[:, ::2, ::2], lambda v: abs(v) - v, lambda v: v[:, :, ::-1]],
)
def test_a_file_computed_from_it_has_not(path, change):
    changed(path, "b.tif", change)
    facts = rg.open_cube("b.tif").rangegeo.facts
    assert not {"measured_error", "tolerance", "evaluation", "long_name"} & facts.keys()
    assert facts["model"] == "RANGE+"
    assert "computed from RANGE+ embedding" in repr(rg.open_cube("b.tif").rangegeo)


def test_a_copy_has(path):
    rasterio.shutil.copy(path, "b.tif", driver="GTiff", compress="deflate")
    assert rg.open_cube("b.tif").rangegeo.facts == rg.open_cube(path).rangegeo.facts


def test_an_empty_file_is_taken_at_its_word(mini, folder):
    cube = rg.raster((7, 46, 8, 47), 0.05, model=mini, betas=0.25, bands=[3]).isel(beta=0)
    xr.full_like(cube.compute(), np.nan).rangegeo.to_geotiff("a.tif")
    assert np.isnan(rg.open_cube("a.tif")).all()


def test_what_rioxarray_reads_keeps_its_facts_until_it_is_changed(path):
    read = rioxarray.open_rasterio(path, masked=True)
    facts = read.isel(x=slice(2, 9)).rangegeo.facts
    assert facts["long_name"] == "RANGE+ embedding"
    assert "measured_error" in facts
    computed = (read * 2).rangegeo
    assert not {"measured_error", "tolerance", "evaluation", "long_name"} & computed.facts.keys() - {"long_name"}
    assert "computed from RANGE+ embedding" in repr(computed)
    computed.to_zarr("b.zarr")
    assert "measured_error" not in rg.open_cube("b.zarr").rangegeo.facts
    (read * 2).rio.to_raster("c.tif")
    assert "measured_error" not in rg.open_cube("c.tif").rangegeo.facts
    assert rg.open_cube("c.tif")["band_name"].values.tolist() == rg.open_cube(path)["band_name"].values.tolist()
