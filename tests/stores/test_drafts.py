"""An output that was interrupted is continued, or refused, or started again; nothing is lost and nothing is left."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import rasterio
import xarray as xr
import zarr
from writing import BrokenBlock, listing

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.errors import OutputError
from rangegeo.stores.geotiff import write_geotiff
from rangegeo.stores.quantise import Storage, fit_storage
from rangegeo.stores.zarr import write_zarr
from rangegeo.support.unfinished import claimed, hidden_folder

WRITERS = [(write_zarr, "a.zarr"), (write_geotiff, "a.tif")]


class Flaky:
    """Blocks of a cube that are counted; from a certain one on they cannot be computed.

    Attributes:
        most: the number of blocks that can be computed; None for all.
        computed: the places of the blocks that were computed, in order.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        self.computed: list[tuple[int, ...]] = []

    def __call__(self, block: np.ndarray, block_info: dict) -> np.ndarray:
        at = tuple(block_info[0]["chunk-location"][2:])
        if len(self.computed) == self.most:
            raise BrokenBlock(f"block {at}")
        self.computed.append(at)
        return block

    def __dask_tokenize__(self) -> str:
        return "the same values, whether they fail or not"


@pytest.fixture
def flaky() -> Flaky:
    return Flaky()


@pytest.fixture
def watched(cube, flaky) -> xr.DataArray:
    """The cube: 3 rows of 4 blocks, the last of which has no data."""
    values = cube.values.copy()
    values[:, :, 32:, 48:] = np.nan
    data = da.from_array(values, chunks=cube.chunks, name="values-of-this-test")
    return cube.copy(data=data.map_blocks(flaky, dtype=np.float32, meta=np.empty((0, 0, 0, 0), np.float32)))


def values_at(folder: Path, name: str) -> np.ndarray:
    """The values of all outputs of a run."""
    if name.endswith(".zarr"):
        return rg.open_cube(folder / name).values
    return np.stack([rg.open_cube(folder / f"a_beta{beta}.tif").values for beta in ("0", "0.5")])


def interrupted(write: Callable, watched: xr.DataArray, flaky: Flaky, path: Path, **options: object) -> None:
    """Write a cube in one thread, which stops after three blocks."""
    flaky.computed, flaky.most = [], 3
    with dask.config.set(num_workers=1), pytest.raises(BrokenBlock):
        write(watched, path, **options)
    flaky.most = None


@pytest.mark.parametrize(("write", "name"), WRITERS)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_goes_on_where_it_was_interrupted(watched, flaky, tmp_path, write, name, overwrite):
    (tmp_path / "once").mkdir()
    write(watched, tmp_path / "once" / name)
    if overwrite:
        write(watched * 2, tmp_path / name)
    interrupted(write, watched, flaky, tmp_path / name, overwrite=overwrite)
    done, flaky.computed = set(flaky.computed), []
    assert len(done) == 3
    write(watched, tmp_path / name, resume=True, overwrite=overwrite)
    assert not set(flaky.computed) & done
    assert len(flaky.computed) == 12 - 3
    assert listing(tmp_path / "once").keys() == {key for key in listing(tmp_path) if not key.startswith("once/")}
    np.testing.assert_array_equal(values_at(tmp_path, name), values_at(tmp_path / "once", name))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_what_was_left_is_never_thrown_away_silently(watched, flaky, tmp_path, write, name):
    interrupted(write, watched, flaky, tmp_path / name)
    before = listing(tmp_path)
    with pytest.raises(OutputError) as caught:
        write(watched, tmp_path / name)
    said = f"an interrupted run left 3 blocks of {tmp_path / name}; add "
    assert str(caught.value) == f"{said}resume=True to continue it, or add overwrite=True to start again"
    assert caught.value.for_shell() == f"{said}--resume to continue it, or add --overwrite to start again"
    assert listing(tmp_path) == before
    write(watched, tmp_path / name, overwrite=True)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(("write", "name"), WRITERS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cube: cube.isel(beta=[0]), "betas [0.0, 0.5] there, [0.0] here"),
        (lambda cube: cube.isel(band=slice(1, None)), "other bands"),
        (lambda cube: cube.isel(x=slice(32)), "other pixels"),
        (lambda cube: cube.assign_attrs(model="SatCLIP"), "model RANGE+ there, SatCLIP here"),
        (lambda cube: cube * 2, "other values"),
    ],
)
def test_another_request_is_refused_and_says_what_differs(watched, flaky, tmp_path, write, name, change, said):
    interrupted(write, watched, flaky, tmp_path / name)
    before = listing(tmp_path)
    with pytest.raises(OutputError) as caught:
        write(change(watched), tmp_path / name, resume=True)
    assert f"of {tmp_path / name} is of another request: {said}" in str(caught.value)
    assert str(caught.value).endswith("; repeat the same one, or give overwrite=True and not resume to start again")
    assert listing(tmp_path) == before


def test_another_dtype_is_another_request(watched, flaky, tmp_path):
    interrupted(write_zarr, watched, flaky, tmp_path / "a.zarr")
    with pytest.raises(OutputError, match="dtype float32 there, float16 here"):
        write_zarr(watched, tmp_path / "a.zarr", storage=Storage(dtype="float16"), resume=True)
    with pytest.raises(OutputError, match="format Zarr 3 there, Zarr 2 here"):
        write_zarr(watched, tmp_path / "a.zarr", zarr_format=2, resume=True)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_steps_are_read_and_not_fitted_again(watched, flaky, tmp_path, dtype):
    within = da.linspace(-9, 9, 160, chunks=160).reshape(2, 5, 4, 4)
    storage = fit_storage(dtype, watched["band_name"].values, lambda: within, one_scale=True)
    interrupted(write_zarr, watched, flaky, tmp_path / "a.zarr", storage=storage)
    flaky.computed.clear()
    watched.rangegeo.to_zarr(tmp_path / "a.zarr", dtype=dtype, resume=True)
    assert len(flaky.computed) == 12 - 3  # a fit would compute all blocks
    array = zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r")
    assert array.attrs["scale_factor"] == storage.scale[0, 0]


def test_other_integers_are_another_request(watched, flaky, tmp_path):
    """Also where the arguments of Python say it, and where the steps alone differ."""
    within = da.linspace(-9, 9, 160, chunks=160).reshape(2, 5, 4, 4)
    names = watched["band_name"].values
    storage = fit_storage("int16", names, lambda: within, one_scale=True)
    interrupted(write_zarr, watched, flaky, tmp_path / "a.zarr", storage=storage)
    before = listing(tmp_path)
    with pytest.raises(OutputError, match="dtype int16 there, int8 here"):
        watched.rangegeo.to_zarr(tmp_path / "a.zarr", dtype="int8", resume=True)
    with pytest.raises(OutputError, match="dtype int16 there, float32 here"):
        watched.rangegeo.to_zarr(tmp_path / "a.zarr", resume=True)
    other = fit_storage("int16", names, lambda: within * 2, one_scale=True)
    with pytest.raises(OutputError, match="of another request: other steps"):
        write_zarr(watched, tmp_path / "a.zarr", storage=other, resume=True)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("damage", ["lost", "cut short", "one bit"])
@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_damaged_blocks_are_written_again(watched, flaky, tmp_path, write, name, damage):
    """The power failed: the journal arrived on the disk, and a chunk did not."""
    interrupted(write, watched, flaky, tmp_path / name)
    row, col = flaky.computed[1]
    chunk = hidden_folder(tmp_path / name) / "draft.zarr" / "embedding" / "c" / "0" / "0" / str(row) / str(col)
    data = chunk.read_bytes()
    if damage == "lost":
        chunk.unlink()
    else:
        chunk.write_bytes(data[:-5] if damage == "cut short" else bytes([data[0] ^ 1]) + data[1:])
    flaky.computed.clear()
    write(watched, tmp_path / name, resume=True)
    assert (row, col) in flaky.computed
    assert len(flaky.computed) == 12 - 2
    np.testing.assert_array_equal(values_at(tmp_path, name), watched.values)


def test_a_damaged_entry_counts_for_nothing(watched, flaky, tmp_path):
    interrupted(write_zarr, watched, flaky, tmp_path / "a.zarr")
    for number, entry in enumerate(sorted((hidden_folder(tmp_path / "a.zarr") / "journal" / "cube").glob("*.json"))):
        entry.write_text(["", "{", '{"loss": null}'][number])
    flaky.computed.clear()
    write_zarr(watched, tmp_path / "a.zarr", resume=True)
    assert len(flaky.computed) == 12
    np.testing.assert_array_equal(values_at(tmp_path, "a.zarr"), watched.values)


def test_resume_without_anything_left_is_a_run_as_usual(watched, tmp_path):
    write_zarr(watched, tmp_path / "a.zarr", resume=True)
    np.testing.assert_array_equal(values_at(tmp_path, "a.zarr"), watched.values)


def test_files_that_were_finished_are_no_obstacle(watched, flaky, tmp_path, monkeypatch):
    """The run stops between the names of its files."""
    commit = rg.stores.drafts.commit
    named = []

    def stop(finished: Path, path: Path) -> None:
        if len(named) == 4:
            raise KeyboardInterrupt
        named.append(path.name)
        commit(finished, path)

    monkeypatch.setattr("rangegeo.stores.drafts.commit", stop)
    with pytest.raises(KeyboardInterrupt):
        write_geotiff(watched, tmp_path / "a.tif")
    monkeypatch.undo()
    flaky.computed.clear()
    write_geotiff(watched, tmp_path / "a.tif", resume=True)
    assert flaky.computed == []
    np.testing.assert_array_equal(values_at(tmp_path, "a.tif"), watched.values)
    assert len(list(tmp_path.iterdir())) == 6


def test_a_file_that_came_meanwhile_is_not_replaced(watched, tmp_path, monkeypatch):
    finish = rg.stores.zarr._finish

    def intrude(*arguments: object) -> None:
        finish(*arguments)
        (tmp_path / "a.zarr").mkdir()
        (tmp_path / "a.zarr" / "thesis.txt").write_text("precious")

    monkeypatch.setattr("rangegeo.stores.zarr._finish", intrude)
    with pytest.raises(OutputError, match=r"a\.zarr exists and was left as it is"):
        write_zarr(watched, tmp_path / "a.zarr")
    assert (tmp_path / "a.zarr" / "thesis.txt").read_text() == "precious"


def test_a_file_that_came_into_the_old_store_meanwhile_is_not_removed(watched, tmp_path, monkeypatch):
    write_zarr(watched, tmp_path / "a.zarr")
    finish = rg.stores.zarr._finish

    def intrude(*arguments: object) -> None:
        finish(*arguments)
        (tmp_path / "a.zarr" / "notes.txt").write_text("precious")

    monkeypatch.setattr("rangegeo.stores.zarr._finish", intrude)
    with pytest.raises(OutputError, match=r"holds files that are no part of its store \(notes\.txt\)"):
        write_zarr(watched * 2, tmp_path / "a.zarr", overwrite=True)
    assert (tmp_path / "a.zarr" / "notes.txt").read_text() == "precious"
    array = zarr.open_array(tmp_path / "a.zarr" / "embedding", mode="r")
    np.testing.assert_array_equal(array[:], watched.values)


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_second_writer_is_refused(watched, tmp_path, write, name):
    inside, leave = threading.Event(), threading.Event()

    def wait(block: np.ndarray) -> np.ndarray:
        inside.set()
        assert leave.wait(60)
        return block

    slow = watched.copy(data=watched.data.map_blocks(wait, dtype=np.float32, meta=np.empty((0,) * 4, np.float32)))
    first = threading.Thread(target=write, args=(slow, tmp_path / name))
    first.start()
    assert inside.wait(60)
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(OutputError) as caught:
            write(watched, tmp_path / name, **options)
        said = f"{tmp_path / name} is being written by another process; wait until that is done, or give another "
        assert (str(caught.value), caught.value.for_shell()) == (f"{said}path", f"{said}-o")
    leave.set()
    first.join()
    np.testing.assert_array_equal(values_at(tmp_path, name), watched.values)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_one_file_is_not_written_under_two_names(watched, tmp_path):
    """`a.tif` of two betas has a file that another run may call `-o a_beta0.tif`."""
    with claimed(tmp_path / "a_beta0.tif"), pytest.raises(OutputError, match=r"a_beta0\.tif is being written"):
        write_geotiff(watched, tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())


def test_an_old_store_that_a_killed_run_moved_away_is_put_back(watched, tmp_path):
    write_zarr(watched, tmp_path / "a.zarr")
    hidden = hidden_folder(tmp_path / "a.zarr")
    hidden.mkdir()
    os.rename(tmp_path / "a.zarr", hidden / "replaced")
    with pytest.raises(OutputError, match=r"a\.zarr exists and was left as it is"):
        write_zarr(watched * 2, tmp_path / "a.zarr")
    np.testing.assert_array_equal(values_at(tmp_path, "a.zarr"), watched.values)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_what_a_killed_process_left_half_written_is_no_part_of_the_store(watched, flaky, tmp_path):
    interrupted(write_zarr, watched, flaky, tmp_path / "a.zarr")
    chunks = hidden_folder(tmp_path / "a.zarr") / "draft.zarr" / "embedding" / "c"
    assert chunks.is_dir()
    (chunks / "1.0123456789abcdef.partial").write_bytes(b"half")  # as zarr names it
    write_zarr(watched, tmp_path / "a.zarr", resume=True)
    assert not list(tmp_path.rglob("*.partial"))
    write_zarr(watched, tmp_path / "a.zarr", overwrite=True)


def test_the_draft_of_a_linked_output_lies_beside_its_target(watched, flaky, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "a.zarr").symlink_to(tmp_path / "disk" / "b.zarr")
    interrupted(write_zarr, watched, flaky, tmp_path / "a.zarr")
    assert [path.name for path in (tmp_path / "disk").iterdir()] == [".b.zarr-unfinished"]
    write_zarr(watched, tmp_path / "a.zarr", resume=True)
    assert (tmp_path / "a.zarr").is_symlink()
    np.testing.assert_array_equal(values_at(tmp_path, "a.zarr"), watched.values)


def test_the_request_is_json_that_people_can_read(watched, flaky, tmp_path):
    interrupted(write_geotiff, watched, flaky, tmp_path / "a.tif")
    told = json.loads((hidden_folder(tmp_path / "a.tif") / "request.json").read_text())["request"]
    assert told["betas"] == [0.0, 0.5]
    assert told["model"] == "RANGE+"
    assert rasterio.crs.CRS.from_wkt(told["CRS"]) == rasterio.crs.CRS.from_epsg(4326)
