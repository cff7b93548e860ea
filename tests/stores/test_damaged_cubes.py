"""Cubes that are damaged or unfinished: what is said names what is damaged, and what is to be typed mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from writing import BrokenBlock

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.errors import CubeError
from rangegeo.grid.like import geobox_like
from rangegeo.reports.describe import describe
from rangegeo.support.location import located

MEND = r'run rangegeo\.verify\(".*a\.zarr", repair=True\)$'
# What is done to a store, and what is said of it.
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "group of nothing": (lambda path: (path / "zarr.json").write_text(""), "damaged: zarr.json holds no metadata; "),
    "no group": (lambda path: (path / "zarr.json").unlink(), r"damaged: its metadata, .* are not there; "),
    "half of an axis": (lambda path: (path / "x/zarr.json").write_text('{"a":'), "x/zarr.json holds no metadata; "),
    "null": (lambda path: (path / "embedding/zarr.json").write_text("null"), "embedding/zarr.json holds no metadata; "),
    "no axis": (lambda path: (path / "y/zarr.json").unlink(), "the array 'y' of .* has lost its metadata; "),
    "no labels": (lambda path: shutil.rmtree(path / "y/c"), "the labels of y in .* are damaged; "),
    "labels of noise": (lambda path: (path / "x/c/0").write_bytes(b"zz"), r"a\.zarr is damaged \(.*\); "),
}


@pytest.fixture
def store(cube, tmp_path) -> Path:
    return cube.rangegeo.to_zarr(tmp_path / "a.zarr")[0]


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_store_is_told_with_what_mends_it(store, case):
    damage, said = DAMAGES[case]
    damage(store)
    for reading in (rg.open_cube, describe, geobox_like):
        if reading is geobox_like and case in ("no group", "no labels", "labels of noise"):
            continue  # to it, the folder is no store, or a grid that it refuses for its own reasons
        with pytest.raises(CubeError, match=said + MEND):
            reading(store)
    assert rg.verify(store, repair=True).sound
    rg.open_cube(store)


def test_a_damaged_store_without_a_journal_is_made_again(store):
    shutil.rmtree(store / "journal")
    (store / "x" / "zarr.json").write_text("")
    for reading in (rg.open_cube, rg.verify):
        with pytest.raises(CubeError, match=r"a\.zarr is damaged: x/zarr\.json .*; make the store again$"):
            reading(store)


def test_a_damaged_journal_is_no_remedy(store):
    (store / "journal" / "entries" / "c" / "0").write_bytes(b"zz")
    (store / "x" / "zarr.json").write_text("")
    with pytest.raises(CubeError, match=r"x/zarr\.json holds no metadata; make the store again$"):
        rg.verify(store)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_an_array_within_a_cube(cube, tmp_path, zarr_format):
    (path,) = cube.rangegeo.to_zarr(tmp_path / "a.zarr", zarr_format=zarr_format)
    for reading in (rg.open_cube, rg.verify):
        with pytest.raises(CubeError, match=rf"is a single array, .*; give the cube that it belongs to: {path}$"):
            reading(path / "embedding")


def test_an_array_within_a_cube_in_a_bucket(cube, s3, bucket):
    (path,) = cube.rangegeo.to_zarr(f"{bucket}/a.zarr", storage_options=s3.options)
    with pytest.raises(CubeError, match=rf"embedding is a single array, .*; give the cube that it belongs to: {path}$"):
        rg.open_cube(f"{path}/embedding", storage_options=s3.options)


def test_a_geotiff_that_has_lost_its_tags_is_not_called_foreign(cube, tmp_path):
    path = cube.isel(beta=[0]).rangegeo.to_geotiff(tmp_path / "a.tif")[0]
    content = bytearray(path.read_bytes())
    path.write_bytes(content[:200] + b"\xff" * 60 + content[260:])
    for reading in (rg.open_cube, rg.verify):
        with pytest.raises(CubeError, match=r"a\.tif is damaged: it was written by rangegeo, .*; make it again$"):
            reading(path)
    path.write_bytes(b"\xff" * 60 + content[60:])
    with pytest.raises(CubeError, match=r"is not a readable GeoTIFF; .*; if it was one, make it again$"):
        rg.open_cube(path)


@pytest.mark.parametrize("name", ["a.zarr", "a.tif"])
def test_an_unfinished_cube_of_this_machine_is_told(broken, tmp_path, name):
    path = tmp_path / name
    with pytest.raises(BrokenBlock):
        broken.isel(beta=[0]).rangegeo.to_zarr(path) if name == "a.zarr" else broken.isel(beta=[0]).rangegeo.to_geotiff(
            path
        )
    for reading in (rg.open_cube, describe, rg.verify):
        with pytest.raises(CubeError, match=rf"{name} is unfinished, .*; repeat the command .* with resume=True$"):
            reading(path)


def test_an_unfinished_cube_in_a_bucket_is_told(broken, s3, bucket):
    with pytest.raises(BrokenBlock):
        broken.rangegeo.to_zarr(f"{bucket}/a.zarr", storage_options=s3.options)
    for reading in (rg.open_cube, describe, rg.verify):
        with pytest.raises(CubeError, match=r"a\.zarr is unfinished, .*; repeat the command .* with resume=True$"):
            reading(located(f"{bucket}/a.zarr", s3.options))
