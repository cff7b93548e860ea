"""Destinations are refused before any work; formats go by name or suffix; arrays that are no cubes are refused."""

from __future__ import annotations

import os
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterable
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from dask.delayed import Delayed
from writing import listing

from rangegeo.errors import OutputError, UsageError
from rangegeo.schema.cube import as_4d
from rangegeo.stores.blocks import Written, is_empty, write_blocks
from rangegeo.stores.formats import FORMATS, choose_format
from rangegeo.stores.geotiff import check_outputs, write_geotiff
from rangegeo.stores.journal import Entry, Journal
from rangegeo.stores.zarr import check_store, write_zarr
from rangegeo.support.destination import check_destination

WRITERS = [(write_zarr, "a.zarr"), (write_geotiff, "a.tif")]


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_missing_folder_is_refused(broken, tmp_path, write, name):
    with pytest.raises(OutputError) as caught:
        write(broken, tmp_path / "none" / name)
    folder = tmp_path / "none"
    assert str(caught.value) == f"the folder {folder} does not exist; make it first: os.makedirs({str(folder)!r})"
    assert listing(tmp_path) == {}


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_file_in_place_of_the_folder_is_refused(broken, tmp_path, write, name):
    (tmp_path / "none").write_text("a file")
    with pytest.raises(OutputError, match=r"none is a file, so nothing can lie in it; give another path$"):
        write(broken, tmp_path / "none" / name)


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_closed_folder_is_refused(broken, tmp_path, monkeypatch, write, name):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(OutputError) as caught:
        write(broken, tmp_path / name)
    said = f"the folder {tmp_path} cannot be written to; give another "
    assert (str(caught.value), caught.value.for_shell()) == (f"{said}path", f"{said}-o")


@pytest.mark.parametrize(("write", "name"), WRITERS)
@pytest.mark.parametrize("overwrite", [True, False])
def test_too_little_disk_is_refused(broken, tmp_path, monkeypatch, write, name, overwrite):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(OutputError) as caught:
        write(broken, tmp_path / name, overwrite=overwrite)
    assert " may need " in str(caught.value)
    free = f" but {tmp_path} has 1.0 kB free; take fewer pixels, bands or betas, "
    assert f"{free}or write to another disk with path" in str(caught.value)
    assert f"{free}or write to another disk with -o" in caught.value.for_shell()
    assert listing(tmp_path) == {}


def test_the_room_that_is_asked_for(cube, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("rangegeo.stores.geotiff.check_destination", lambda path, size, **_: asked.append(size))
    monkeypatch.setattr("rangegeo.stores.zarr.check_destination", lambda path, size, **_: asked.append(size))
    for dtype, share in (("float32", 1), ("int16", 2), ("float16", 2), ("int8", 4)):
        asked.clear()
        check_store(cube, tmp_path / "a.zarr", overwrite=False, dtype=dtype)
        check_outputs(cube, tmp_path / "a.tif", overwrite=False, dtype=dtype)
        assert asked[0] == cube.nbytes / share
        assert 3 < max(asked[1:]) * share / cube.nbytes < 4  # the values, a draft and a finished file, side by side


def test_a_destination_in_the_current_folder_is_fine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_destination(Path("a.tif"), 10, overwrite=False)


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("a.zarr", "zarr"),
        ("a.tif", "cog"),
        ("a.tiff", "cog"),
        ("A.TIF", "cog"),
        ("b.c.zarr", "zarr"),
        ("a.ZARR", "zarr"),
    ],
)
def test_the_suffix_chooses_the_format(name, chosen):
    assert choose_format(Path(name), None) is FORMATS[chosen]


@pytest.mark.parametrize("name", ["zarr", "cog", "gtiff"])
def test_a_named_format_wins(name):
    assert choose_format(Path("a.anything"), name) is FORMATS[name]


@pytest.mark.parametrize("name", ["a", "a.nc", "a.tif.gz", "zarr", ".tif"])
def test_other_suffixes_are_refused(name):
    with pytest.raises(UsageError) as caught:
        choose_format(Path(name), None)
    said = f"must end in .zarr, .tif or .tiff, got {name!r}; or say"
    assert str(caught.value) == f'path {said} format="zarr", cog or gtiff'
    assert caught.value.for_shell() == f"-o {said} --format zarr, cog or gtiff"


@pytest.mark.parametrize(("suffix", "name"), [(".tif", "zarr"), (".zarr", "cog"), (".zarr", "gtiff")])
def test_a_name_and_a_suffix_must_agree(suffix, name):
    with pytest.raises(UsageError) as caught:
        choose_format(Path(f"a{suffix}"), name)
    assert str(caught.value) == (
        f'format="{name}" does not go with path="a{suffix}"; leave format out, or give another path'
    )
    assert caught.value.for_shell() == (
        f"--format {name} does not go with -o a{suffix}; leave --format out, or give another -o"
    )


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_an_array_that_is_no_cube_is_refused(cube, tmp_path, write, name):
    for other in (cube.isel(band=0), cube.transpose("y", "x", "band", "beta")):
        with pytest.raises(UsageError, match=r"a cube must have dims \(beta, band, y, x\) or \(band, y, x\), got \("):
            write(other, tmp_path / name)
        assert listing(tmp_path) == {}


def test_a_cube_without_beta_gets_one_without_a_name(cube):
    assert as_4d(cube) is cube
    four = as_4d(cube.isel(beta=0, drop=True))
    assert four.dims == cube.dims
    assert "beta" not in four.coords


class Counting:
    """Measures the row and the column of every block of an array."""

    def __init__(self, values: da.Array) -> None:
        self.values = values

    def of_block(self, row: int, col: int) -> Delayed:
        return dask.delayed({"part": {"number": row * 10 + col}})

    @staticmethod
    def facts(measured: Iterable) -> dict[str, str | int | float]:
        return {"measured": sum(part["part"]["number"] for part in measured)}


def noting_shapes(shapes: list) -> Callable[[np.ndarray, int, int], Entry]:
    """A writer that writes nothing and notes the shapes of blocks."""

    def write(block: np.ndarray, top: int, left: int) -> Entry:
        shapes.append(block.shape)
        return Entry()

    return write


def test_every_block_is_written_once_at_its_place(cube):
    out = np.full(cube.shape, np.nan, np.float32)

    def write(block: np.ndarray, top: int, left: int) -> Entry:
        target = out[:, :, top : top + block.shape[2], left : left + block.shape[3]]
        assert np.isnan(target).all()
        target[:] = block
        return Entry(checksums={f"{top}/{left}": 1})

    facts, (told,) = write_blocks(Written(cube=cube, write=write))
    assert facts == {}
    assert [list(entry.checksums) for entry in told] == [
        [f"{top}/{left}"] for top in (0, 16, 32) for left in (0, 16, 32, 48)
    ]
    np.testing.assert_array_equal(out, cube.values)


def test_each_cube_that_is_written_along_is_told_of_apart(cube):
    half = cube.isel(x=slice(16), y=slice(24))

    def naming(name: str) -> Callable[[np.ndarray, int, int], Entry]:
        return lambda block, top, left: Entry(checksums={f"{name} {top} {left}": 1})

    facts, told = write_blocks(
        Written(cube=cube.isel(x=slice(32)), write=naming("cube")),
        Counting,
        also=[Written(cube=half, write=naming("half"))],
    )
    assert facts == {"measured": 0 + 1 + 10 + 11 + 20 + 21}
    assert [[name for entry in entries for name in entry.checksums] for entries in told] == [
        [f"cube {top} {left}" for top in (0, 16, 32) for left in (0, 16)],
        [f"half {top} 0" for top in (0, 16)],
    ]


def test_blocks_that_are_done_are_not_computed(cube, tmp_path):
    """Every block but one is done; its entry goes to the journal, the others are handed on."""
    written, journal = [], Journal(folder=tmp_path / "journal")
    done = {
        (top, left): Entry(measured={"part": {"number": top / 16 * 10 + left / 16}})
        for top in (0, 16, 32)
        for left in (0, 16, 32, 48)
        if (top, left) != (16, 32)
    }

    def write(block: np.ndarray, top: int, left: int) -> Entry:
        written.append((top, left))
        np.testing.assert_array_equal(block, cube.values[:, :, 16:32, 32:48])
        return Entry(checksums={"c": 7})

    facts, (entries,) = write_blocks(Written(cube=cube, write=write, journal=journal, done=done), Counting)
    assert written == [(16, 32)]
    assert facts == {"measured": sum(row * 10 + col for row in range(3) for col in range(4))}
    assert journal.read() == {(16, 32): Entry(checksums={"c": 7}, measured={"part": {"number": 12}})}
    assert entries == [*done.values(), *journal.read().values()]


def test_blocks_hold_all_bands_even_if_the_cube_does_not(cube):
    shapes = []
    write_blocks(Written(cube=cube.chunk(band=2, beta=1), write=noting_shapes(shapes)))
    assert {shape[:2] for shape in shapes} == {(2, 5)}


def test_a_cube_in_memory_is_one_block(cube):
    shapes = []
    write_blocks(Written(cube=cube.compute(), write=noting_shapes(shapes)))
    assert shapes == [cube.shape]
    assert isinstance(cube, xr.DataArray)


@pytest.mark.parametrize(
    ("block", "empty"),
    [
        (np.full((2, 3, 4, 5), np.nan, np.float32), True),
        (np.broadcast_to(np.float32(np.nan), (2, 3, 4, 5)), True),
        (np.broadcast_to(np.float32(0), (2, 3, 4, 5)), False),
        (np.zeros((2, 3, 4, 5), np.float32), False),
        (np.where(np.arange(120) == 119, np.float32(1), np.float32(np.nan)).reshape(2, 3, 4, 5), False),
        (np.where(np.arange(120) == 0, np.float32(1), np.float32(np.nan)).reshape(2, 3, 4, 5), False),
        (np.broadcast_to(np.where(np.arange(5) == 3, np.float32(1), np.float32(np.nan)), (2, 3, 4, 5)), False),
    ],
)
def test_an_empty_block_is_nan_throughout(block, empty):
    assert is_empty(block) is empty


def test_telling_an_empty_block_costs_no_memory():
    block = np.broadcast_to(np.float32(np.nan), (3, 1280, 4096, 4096))  # 257 GB
    assert is_empty(block)


def test_a_folder_of_the_name_of_a_geotiff_is_refused_and_left_alone(broken, tmp_path):
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(OutputError) as caught:
        write_geotiff(broken.isel(beta=[0]), tmp_path / "a.tif", overwrite=True)
    said = f"{tmp_path / 'a.tif'} is a folder and was left as it is; give another "
    assert (str(caught.value), caught.value.for_shell()) == (f"{said}path", f"{said}-o")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_nothing_is_written_once_the_caller_was_told_of_a_failure(make_cube):
    """Other threads may still hold blocks when the first one fails."""
    cube, told, late = make_cube(chunks=8), threading.Event(), []

    def write(block: np.ndarray, top: int, left: int) -> Entry:
        if (top, left) == (0, 0):
            raise RuntimeError("the first block")
        time.sleep(0.01)
        late.append(told.is_set())
        return Entry()

    with pytest.raises(RuntimeError, match="the first block"):
        write_blocks(Written(cube=cube, write=write), scheduler="threads", num_workers=4)
    told.set()
    time.sleep(0.2)
    assert not any(late)
