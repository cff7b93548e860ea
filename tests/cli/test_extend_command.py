"""`rangegeo raster --extend`, as it is typed."""

from __future__ import annotations

import numpy as np
import pytest

import rangegeo as rg


@pytest.fixture
def store(raster):
    assert raster("-o", "a.zarr").code == 0


def test_a_store_grows_and_says_so(store, raster):
    ran = raster("--bbox", "6,44,8,45", "--extend", "-o", "a.zarr")
    assert (ran.code, ran.out) == (0, "a.zarr\n")
    assert "a.zarr grows to 12 x 4 pixels; its values are copied" in ran.err
    grown = rg.open_cube("a.zarr")
    assert grown.shape[2:] == (4, 12)
    assert not np.isnan(grown).any()
    assert " && " in grown.rangegeo.facts["command"]


def test_the_same_command_again_changes_nothing(store, raster):
    for _ in range(2):
        ran = raster("--bbox", "6,44,8,45", "--extend", "--resume", "-o", "a.zarr")
        assert (ran.code, ran.out) == (0, "a.zarr\n")
    assert "a.zarr has all pixels of this part already" in ran.err


def test_gaps_are_told(store, raster):
    ran = raster("--bbox", "7,45,8,46", "--extend", "-o", "a.zarr")
    assert "67% of the pixels lie in neither part and are nodata" in ran.err


def test_a_dry_run_changes_nothing(store, raster, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ran = raster("--bbox", "7,45,8,46", "--extend", "--dry-run", "-o", "a.zarr")
    assert ran.code == 0
    assert "a.zarr grows to 12 x 8 pixels; its values are copied, 1 block to write" in ran.err
    assert "67% of the pixels lie in neither part" in ran.err
    assert "--overwrite" not in ran.err
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_components_are_taken_from_the_store(raster):
    raster("--pca", "2", "-o", "p.zarr")
    assert raster("--bbox", "6,44,8,45", "--pca", "2", "--extend", "-o", "p.zarr").code == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--extend -o b.zarr", "b.zarr does not exist, so it cannot grow; leave out --extend to make it"),
        ("--extend -o a.tif", "--extend is for .zarr; write another file, and join both: rangegeo mosaic"),
        ("--extend --overviews -o a.zarr", "a store that grows keeps what it has; leave out --overviews"),
        ("--extend --chunks 64 -o a.zarr", "a store that grows keeps what it has; leave out --chunks"),
        ("--extend --dtype int8 -o a.zarr", "a.zarr is float32, got --dtype int8; type --dtype float32"),
        ("--extend --bands 1-3 -o a.zarr", "a.zarr and the new part differ in bands: 40 (visual_00, visual_01, visual"),
        ("--extend --bbox 6.1,44,7,45 -o a.zarr", "the pixels of the new part lie between those of a.zarr; make both"),
    ],
)
def test_bad_lines_are_refused_in_one_line(store, raster, folder, typed, said):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ran = raster("--bbox", "6,44,7,45", *typed.split())
    assert ran.code in (1, 2)
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
