"""`rangegeo mosaic`, as it is typed."""

from __future__ import annotations

import numpy as np
import pytest

import rangegeo as rg


@pytest.fixture
def parts(raster):
    raster("--bbox", "5,44,6,45", "-o", "west.zarr")
    raster("--bbox", "7,44,8,45", "-o", "east.tif")


def test_cubes_are_joined_and_told(parts, rangegeo):
    ran = rangegeo("mosaic", "west.zarr", "east.tif", "-o", "both.zarr")
    assert (ran.code, ran.out) == (0, "both.zarr\n")
    assert "both.zarr: 1 beta, 40 bands, 12 x 4 pixels of float32" in ran.err
    both = rg.open_cube("both.zarr")
    assert both.rangegeo.facts["command"].startswith("rangegeo ")
    assert np.isnan(both.sel(x=slice(6, 7))).all()
    assert not np.isnan(both.sel(x=slice(7, 8))).any()


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("mosaic -o both.zarr", 2, "Missing argument 'CUBE...'"),
        ("mosaic west.zarr", 2, "Missing option '-o'"),
        ("mosaic west.zarr none.tif -o both.zarr", 1, "none.tif does not exist; expected a cube"),
        ("mosaic west.zarr -o both", 2, "-o must end in .zarr, .tif or .tiff"),
        ("mosaic west.zarr -o west.zarr", 1, "west.zarr exists and was left as it is; add --overwrite"),
        (
            "mosaic west.zarr -o west.zarr --overwrite",
            2,
            "west.zarr is one of the cubes that are joined; give another -o",
        ),
        ("mosaic west.zarr -o both.zarr --co NONE=1", 2, "--co NONE is no option of a Zarr store"),
    ],
)
def test_bad_lines_are_refused_in_one_line(parts, rangegeo, folder, typed, code, said):
    before = sorted(path.name for path in folder.iterdir())
    ran = rangegeo(*typed.split())
    assert ran.code == code
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert sorted(path.name for path in folder.iterdir()) == before
