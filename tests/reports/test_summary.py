"""What a cube says of itself in a shell and in a notebook."""

from __future__ import annotations

import re

import dask
import numpy as np
import pytest
import xarray as xr

import rangegeo as rg

BOX = (5, 44, 6.5, 45.5)


@pytest.fixture(scope="module")
def cube(mini) -> xr.DataArray:
    return rg.raster(BOX, 0.02, model=mini, betas=(0, 0.5), chunks=16)


def lines(cube: xr.DataArray) -> dict[str, str]:
    heading, *rows = repr(cube.rangegeo).splitlines()
    assert heading.startswith("rangegeo cube (")
    assert all(re.match(r"  \w+ +\S", row) for row in rows)
    return {row.split()[0]: row.split(maxsplit=1)[1] for row in rows}


def test_it_tells_the_story(cube):
    assert lines(cube) == {
        "model": f"RANGE+ from satclip-mini.ckpt {cube.attrs['encoder_sha256'][:8]}, "
        f"range_db_mini.npz {cube.attrs['database_sha256'][:8]}",
        "betas": "0, 0.5",
        "bands": "40: visual_00 to location_15",
        "grid": "75 x 75 pixels of 0.02°",
        "crs": "EPSG:4326",
        "bbox": "5, 44, 6.5, 45.5",
        "values": "interpolated, tolerance 1e-05",
        "size": "1.8 MB of float32, computed when used, in 25 chunks",
    }


def test_nothing_is_computed_for_it(mini, cube):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        assert repr(cube.rangegeo)
        assert cube.rangegeo._repr_html_()
    world = rg.raster((-180, -90, 180, 90), 0.001, model=mini, chunks=None)
    assert lines(world)["size"] == "10.4 TB of float32, computed when used, slice by slice"


def test_a_stored_cube_says_what_was_measured(cube, tmp_path):
    smooth = rg.raster(BOX, 0.02, betas=0.5, bands="visual")
    smooth.rangegeo.to_zarr(tmp_path / "a.zarr")
    stored = rg.open_cube(tmp_path / "a.zarr")
    assert re.fullmatch(
        r"interpolated, tolerance 1e-05, measured error \d\.\de-\d\d at \d+ pixels", lines(stored)["values"]
    )
    assert lines(stored.compute())["size"].endswith("in memory")
    assert lines(rg.raster(BOX, 0.5, model="RANGE+"))["values"] == "every pixel evaluated"


@pytest.mark.parametrize(
    ("res", "crs", "grid", "name"),
    [
        (3000, "EPSG:3035", "pixels of 3000 m", "EPSG:3035"),
        ((3000, 2000), "EPSG:32632", "pixels of 3000 x 2000 m", "EPSG:32632"),
        (10_000, "EPSG:2225", "pixels of 10000 US survey foot", "EPSG:2225"),
        (50_000, "+proj=laea +lat_0=45 +lon_0=5 +type=crs", "pixels of 50000 m", "Lambert Azimuthal Equal Area"),
    ],
)
def test_units_and_names_of_any_crs(mini, res, crs, grid, name):
    bbox = (-122, 38, -121, 39) if crs == "EPSG:2225" else BOX
    found = lines(rg.raster(bbox, res, model=mini, crs=crs))
    assert found["grid"].endswith(grid)
    assert found["crs"] == name


def test_slices_and_strangers(cube):
    part = lines(cube.isel(beta=1, band=[3, 30], x=slice(10)).compute())
    assert (part["betas"], part["bands"]) == ("0.5", "2: visual_03, location_06")
    assert part["bbox"] == "5, 44, 5.2, 45.5"
    bare = xr.DataArray(np.zeros((3, 2, 2), np.float32), dims=("band", "y", "x"))
    without = "the cube has no grid with a CRS"
    assert lines(bare) == {
        "bands": "3: band_1, band_2, band_3",
        "grid": without,
        "size": "48 bytes of float32, in memory",
    }
    layout = rg.raster(BOX, 0.1, layout="components")
    assert "S, G and q side by side" in lines(layout)["model"]


def test_a_notebook_has_the_same_as_a_table(cube):
    page = cube.assign_attrs(model="<b>&").rangegeo._repr_html_()
    assert page.count("<tr>") == len(lines(cube))
    assert "&lt;b&gt;&amp; from" in page
    assert "<b>&" not in page
