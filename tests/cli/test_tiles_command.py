"""`rangegeo raster --tiles`, as it is typed."""

from __future__ import annotations

import pytest

import rangegeo as rg


def test_a_folder_is_written_and_its_vrts_are_told(raster):
    ran = raster("--res", "0.02", "--bands", "1-3", "--beta", "0,1", "--tiles", "32", "--stac", "-o", "alps/")
    assert ran.code == 0, ran.err
    assert ran.out.split() == ["alps/alps_beta0.vrt", "alps/alps_beta1.vrt", "alps/collection.json"]
    assert rg.open_cube("alps/alps_beta1.vrt").shape == (3, 50, 50)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--tiles 100 -o alps", "--tiles must be a multiple of 16 pixels, got 100; for example --tiles 1024"),
        ("--tiles 16 -o alps.zarr", "--tiles writes a folder, got -o alps.zarr; leave out the suffix: -o alps"),
        ("--tiles 16 --format cog -o alps", "--tiles writes a folder of Cloud Optimized GeoTIFFs; leave out --format"),
        ("--tiles 16 --extend -o alps", "--tiles writes a folder of Cloud Optimized GeoTIFFs; leave out --extend"),
        ("--tiles 16 --zarr-format 2 -o alps", "--zarr-format is for .zarr; leave it out"),
    ],
)
def test_bad_lines_are_refused_in_one_line(raster, folder, typed, said):
    ran = raster(*typed.split())
    assert ran.code == 2
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not list(folder.iterdir())
