"""The journal that a finished Zarr store keeps: what it holds, who meets it, and that damage to it is noticed."""

from __future__ import annotations

import shutil
import warnings
from contextlib import suppress

import numpy as np
import pytest
import xarray as xr
import zarr
from writing import listing

import rangegeo as rg
from rangegeo.errors import CubeError
from rangegeo.stores.journal import Entry, checksum, packed, unpacked
from rangegeo.stores.kept import ENTRIES, GROUP, _write, keep_journal, read_journal
from rangegeo.stores.objects import store_of
from rangegeo.stores.owned import check_replaceable
from rangegeo.stores.zarr import write_zarr

FORMATS = pytest.mark.parametrize("zarr_format", [2, 3])


@pytest.fixture
def half_empty(cube) -> xr.DataArray:
    """The cube without data in its lowest blocks, and in every second pixel of its first block."""
    values = cube.values.copy()
    values[:, :, 32:] = np.nan
    values[:, :, :16, :16:2] = np.nan
    return cube.copy(data=values).chunk(dict(zip(cube.dims, cube.data.chunksize, strict=True)))


@FORMATS
@pytest.mark.parametrize("options", [{}, {"SHARDS": "YES"}], ids=["chunks", "shards"])
def test_it_knows_every_object_of_every_block(half_empty, tmp_path, zarr_format, options):
    if options and zarr_format == 2:
        pytest.skip("format 2 has no shards")
    path = tmp_path / "a.zarr"
    write_zarr(half_empty, path, zarr_format=zarr_format, creation_options=options)
    journal = read_journal(store_of(path))
    blocks = journal.levels[""]
    assert set(blocks) == {(top, left) for top in (0, 16, 32) for left in (0, 16, 32, 48)}
    known = {key: crc for entry in blocks.values() for key, crc in entry.checksums.items()}
    stored = {key: data for key, data in listing(path).items() if not key.startswith(GROUP)}
    assert known == {key: checksum(stored[key]) for key in known}
    assert set(known) | set(journal.objects) == set(stored)
    assert all(stored[key] == data for key, data in journal.objects.items())
    assert not blocks[32, 0].checksums
    assert not blocks[32, 0].has_data((8, 16)).any()
    assert blocks[0, 16].has_data((16, 16)).all()
    np.testing.assert_array_equal(blocks[0, 0].has_data((16, 16)), np.tile([False, True], (16, 8)))


@FORMATS
def test_other_readers_do_not_meet_it(cube, tmp_path, zarr_format):
    path = tmp_path / "a.zarr"
    write_zarr(cube, path, zarr_format=zarr_format)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for consolidated in (True, False):
            assert list(xr.open_zarr(path, consolidated=consolidated).data_vars) == ["embedding"]
            members = dict(zarr.open_group(path, mode="r", use_consolidated=consolidated).members())
            assert (GROUP in members) != consolidated
        assert "byte" not in xr.open_zarr(path, consolidated=False).dims
    check_replaceable(path)
    write_zarr(cube, path, zarr_format=zarr_format, overwrite=True)


@FORMATS
def test_copies_and_results_do_not_have_it(cube, tmp_path, zarr_format):
    write_zarr(cube, tmp_path / "a.zarr", zarr_format=zarr_format)
    opened = xr.open_zarr(tmp_path / "a.zarr")
    opened.to_zarr(tmp_path / "copy.zarr", zarr_format=zarr_format, consolidated=False)
    (opened * 2).to_zarr(tmp_path / "twice.zarr", zarr_format=zarr_format, consolidated=False)
    assert read_journal(store_of(tmp_path / "copy.zarr")) is None
    assert read_journal(store_of(tmp_path / "twice.zarr")) is None
    (opened * 2).load().to_zarr(tmp_path / "a.zarr", mode="w", zarr_format=zarr_format, consolidated=False)
    assert read_journal(store_of(tmp_path / "a.zarr")) is None


def test_two_runs_keep_the_same(cube, tmp_path):
    for name in ("a.zarr", "b.zarr"):
        write_zarr(cube, tmp_path / name)
    assert listing(tmp_path / "a.zarr") == listing(tmp_path / "b.zarr")


@FORMATS
def test_damage_to_it_is_noticed(cube, tmp_path, zarr_format):
    path = tmp_path / "a.zarr"
    write_zarr(cube, path, zarr_format=zarr_format)
    known = read_journal(store_of(path))
    files = [file for file in (path / GROUP).rglob("*") if file.is_file()]
    noticed = set()
    for file in files:
        whole = file.read_bytes()
        for damaged in (whole[: len(whole) // 2], b"", whole[:40] + b"\x00" + whole[41:]):
            file.write_bytes(damaged)
            with suppress(CubeError):
                assert read_journal(store_of(path)) is not None
                continue
            noticed.add(file)
        file.write_bytes(whole)
    assert {
        path / GROUP / ENTRIES / name for name in (["c/0", "zarr.json"] if zarr_format == 3 else ["0", ".zarray"])
    } <= noticed
    chunk = path / GROUP / ENTRIES / ("c/0" if zarr_format == 3 else "0")
    whole = chunk.read_bytes()
    for at in range(0, len(whole), 97):
        chunk.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with suppress(CubeError):  # a bit of the padding, or of what no reader looks at
            assert read_journal(store_of(path)) == known
    chunk.write_bytes(whole)
    shutil.rmtree(path / GROUP)
    assert read_journal(store_of(path)) is None
    assert rg.open_cube(path).shape == cube.shape


def test_a_repair_replaces_it_in_one_step(cube, tmp_path):
    path = tmp_path / "a.zarr"
    write_zarr(cube, path)
    store = store_of(path, read_only=False)
    before = read_journal(store)
    others = {key: data for key, data in listing(path / GROUP).items() if key != f"{ENTRIES}/c/0"}
    keep_journal(store, {"": {at: entry for at, entry in before.levels[""].items() if at != (0, 0)}})
    assert set(read_journal(store).levels[""]) == set(before.levels[""]) - {(0, 0)}
    assert {key: data for key, data in listing(path / GROUP).items() if key != f"{ENTRIES}/c/0"} == others
    many = {(row, 0): before.levels[""][0, 0] for row in range(1000)}
    keep_journal(store, {"": many})
    assert len(read_journal(store).levels[""]) == 1000


@pytest.mark.parametrize("key", ["../b.txt", "x/../../b.txt", "/b.txt", "x//b", "..", "a\\b", "C:/b"])
def test_keys_that_lead_out_of_the_store_are_damage(cube, tmp_path, key):
    """A store of a stranger cannot make a repair write elsewhere."""
    write_zarr(cube, tmp_path / "a.zarr")
    store = store_of(tmp_path / "a.zarr", read_only=False)
    known = read_journal(store)
    entry = known.levels[""][0, 0]
    for levels in ({"": {(0, 0): Entry(checksums={key: 1})}}, {"": {(0, 0): entry}, key: {}}):
        _write(store, levels, {})
        with pytest.raises(CubeError, match="its journal is damaged"):
            read_journal(store)
    _write(store, {"": {(0, 0): entry}}, {key: b""})
    with pytest.raises(CubeError, match="its journal is damaged"):
        read_journal(store)
    _write(store, {"": {(0, 0): entry}}, {"x/zarr.json": b""})
    assert read_journal(store).objects == {"x/zarr.json": b""}


@pytest.mark.parametrize("shape", [(16, 16), (5, 7), (1, 1)])
def test_pixels_with_data_are_packed(shape):
    valid = np.random.default_rng(0).random(shape) < 0.5
    valid.flat[0] = False
    np.testing.assert_array_equal(unpacked(packed(valid), shape), valid)
    assert packed(np.ones(shape, bool)) is None
