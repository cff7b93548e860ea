"""`rangegeo raster --overviews`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
import zarr
from typed import MINI

import rangegeo as rg
from rangegeo.schema.bands import DIAGNOSTICS

WIDE = ("--bbox", "5,44,11,44.5", "--res", "0.01", "--bands", "1,2")
FEW = ("--bands", "1,2")


@pytest.mark.parametrize("more", [[], ["--zarr-format", "2"], ["--model", "SatCLIP"]])
def test_the_store_gets_its_levels(raster, more):
    done = raster(*WIDE, *more, "--overviews", "-o", "a.zarr")
    assert done.code == 0, done.err
    assert done.out == "a.zarr\n"
    cube, half, quarter = (rg.open_cube("a.zarr", level=level) for level in range(3))
    assert [level.sizes["x"] for level in (cube, half, quarter)] == [600, 300, 150]
    assert half.rangegeo.facts == cube.rangegeo.facts
    field = cube.values
    between = (field[..., ::2, ::2] + field[..., 1::2, 1::2]) / 2  # of a smooth field, its value half way
    np.testing.assert_allclose(half.values, between, rtol=0, atol=1e-3 * np.abs(field).max())


def test_overviews_are_no_blocks_of_the_progress(raster):
    assert "of 5 blocks" in raster(*WIDE, "--chunks", "128", "--overviews", "-o", "a.zarr").err


def test_a_small_store_has_none(raster):
    assert raster("--overviews", "-o", "a.zarr").code == 0
    assert "multiscales" not in rg.open_cube("a.zarr").rangegeo.facts


def test_info_tells_how_many(rangegeo, raster):
    raster(*WIDE, "--overviews", "-o", "a.zarr")
    assert "overviews: 2" in rangegeo("info", "a.zarr").out.splitlines()


def test_a_geotiff_is_refused_before_any_work(raster, folder):
    done = raster("--overviews", "-o", "a.tif")
    assert done.code == 2
    expected = "--overviews is for .zarr; a Cloud Optimized GeoTIFF has them anyway, leave it out"
    assert done.err.splitlines()[-1] == f"rangegeo: {expected}"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("dtype", ["float16", "int16", "int8"])
def test_overviews_of_fewer_bits(raster, dtype):
    """Each level holds the values of the exact store's level, within what the run measured."""
    smooth = (*WIDE, "--beta", "0")  # whose sample says what lies between its pixels
    assert raster(*smooth, "--overviews", "-o", "exact.zarr").code == 0
    done = raster(*smooth, "--overviews", "--dtype", dtype, "-o", "a.zarr")
    assert done.code == 0, done.err
    share = float(re.search(rf"^stored as {dtype}: measured error (\S+) \(visual\)", done.err, re.M)[1])
    for level in range(3):
        read, exact = (rg.open_cube(path, level=level) for path in ("a.zarr", "exact.zarr"))
        stored = zarr.open_array(Path("a.zarr", "" if level == 0 else f"ovr_{2**level}x", "embedding"), mode="r")
        assert (stored.dtype, read.dtype) == (dtype, np.float32)
        assert float(np.abs(read - exact).max()) <= 1.05 * share * float(np.abs(exact).max()) + 1e-6
        assert read.rangegeo.facts["quantisation_clipped"] == 0


@pytest.mark.parametrize("dtype", ["float32", "int16"])
@pytest.mark.parametrize("content", ["diagnostics", "diagnostics,1"])
def test_overviews_of_diagnostics(raster, content, dtype):
    assert raster(*WIDE, "--bands", content, "--dtype", dtype, "--overviews", "-o", "a.zarr").code == 0
    cube, half = (rg.open_cube("a.zarr", level=level) for level in (0, 1))
    assert half["band_name"].equals(cube["band_name"])
    assert set(DIAGNOSTICS) <= set(half["band_name"].values)
    field = cube.values
    between = (field[..., ::2, ::2] + field[..., 1::2, 1::2]) / 2
    allowed = 2e-3 * np.abs(field).max(axis=(0, 2, 3), keepdims=True)
    if dtype == "int16":
        allowed = allowed + 2 * zarr.open_array("a.zarr/embedding", mode="r").attrs["scale_factor"]
    assert (np.abs(half.values - between) <= allowed).all()


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_overviews_of_an_area(rangegeo, folder, dtype):
    triangle = {"type": "Polygon", "coordinates": [[[5, 44], [11, 44], [5, 47], [5, 44]]]}
    (folder / "area.geojson").write_text(json.dumps(triangle))
    where = ("--aoi", "area.geojson", "--res", "0.01")
    done = rangegeo("raster", *where, *FEW, *MINI, "--dtype", dtype, "--overviews", "-o", "a.zarr")
    assert done.code == 0, done.err
    for level in range(3):
        cube = rg.open_cube("a.zarr", level=level)
        inside = (cube["x"] - 5) / 6 + (cube["y"] - 44) / 3 < 1
        assert (cube.notnull() == inside).mean() > 0.995  # but on the edge
        assert 0.4 < float(cube.isnull().mean()) < 0.6


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_overviews_of_the_grid_of_another(rangegeo, folder, dtype):
    grid = {"width": 700, "height": 290, "count": 1, "dtype": "uint8", "crs": "EPSG:32632"}
    with rasterio.open("like.tif", "w", **grid, transform=rasterio.Affine(700, 0, 2.5e5, 0, -900, 5.2e6)) as file:
        file.write(np.ones((1, 290, 700), np.uint8))
    done = rangegeo("raster", "--like", "like.tif", *FEW, *MINI, "--dtype", dtype, "--overviews", "-o", "a.zarr")
    assert done.code == 0, done.err
    cube, half, quarter = (rg.open_cube("a.zarr", level=level).odc.geobox for level in range(3))
    assert cube.affine == rasterio.Affine(700, 0, 2.5e5, 0, -900, 5.2e6)
    assert half.affine == cube.affine * rasterio.Affine.scale(2)
    assert (cube.shape, half.shape, quarter.shape) == ((290, 700), (145, 350), (73, 175))
    assert half.crs == cube.crs == "EPSG:32632"
