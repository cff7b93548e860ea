"""Runs to buckets that end in the middle: what they left is continued, and no half store opens."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from helpers.buckets import Gate
from oracles.golden import GOLDEN

import rangegeo as rg
import rangegeo.accessor
from rangegeo.errors import CubeError, OutputError, RemoteError
from rangegeo.support import address as addresses
from rangegeo.support import moves
from rangegeo.support.address import Address

# Run a command line that ends itself, without any warning, after so many blocks.
PROGRAM = """
import os, signal, sys
from rangegeo.cli.main import run
from rangegeo.stores.journal import Journal
left, write = int(sys.argv.pop(1)), Journal.write
def write_and_count(self, *entry):
    global left
    write(self, *entry)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)  # the system takes it away without a word
Journal.write = write_and_count
sys.exit(run(sys.argv[1:]))
"""


def content(place: str, s3) -> dict[str, bytes]:
    """All objects of a bucket."""
    return {
        key: Address.of(f"{place}/{key}", s3.options).read_bytes() for key in Address.of(place, s3.options).all_keys()
    }


@pytest.mark.parametrize("name", ["a.zarr", "a.tif"])
def test_a_killed_run_is_continued_and_equal(s3, bucket, monkeypatch, name):
    mini = ("--weights", str(GOLDEN / "satclip-mini.ckpt"), "--db", str(GOLDEN / "range_db_mini.npz"))
    words = ["raster", "--bbox", "5,44,6,45", "--res", "0.02", "--chunks", "16", *mini, "--bands", "1-4"]
    words += ["--storage", f"endpoint={s3.options['endpoint']}", "-q", "--threads", "1"]
    words += ["-o", f"{bucket}/{name}"]
    for variable, value in s3.environment.items():
        monkeypatch.setenv(variable, value)
    killed = subprocess.run([sys.executable, "-c", PROGRAM, "5", *words], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    def typed(*more: str) -> subprocess.CompletedProcess:
        """A process of its own, as the killed one was: what a process did before changes the last digits."""
        command = [sys.executable, "-m", "rangegeo", *words, *more]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert not Address.of(f"{bucket}/{name}", s3.options).exists()
    again = typed()
    assert again.returncode == 1
    said = rf"interrupted run left \d+ blocks of {bucket}/{name}; add --resume to continue it"
    assert re.search(said, again.stderr)  # five, and those that were being written
    done = typed("--resume")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{bucket}/{name}\n", "")
    resumed = content(bucket, s3)
    assert all(key.startswith(("a.zarr/", "a.", "a_rgb")) for key in resumed)
    assert not any(s3.options["secret_access_key"].encode() in stored for stored in resumed.values())
    Address.of(bucket, s3.options).delete(list(resumed))
    assert typed().returncode == 0
    assert resumed == content(bucket, s3)


def stop_after(monkeypatch, name: str, count: int) -> None:
    """Let a step of the move to the final place fail after so many calls."""
    step, calls = getattr(moves, name), []

    def stopping(*given: object) -> None:
        calls.append(given)
        if len(calls) > count:
            raise KeyboardInterrupt
        step(*given)

    monkeypatch.setattr(moves, name, stopping)


@pytest.mark.parametrize(("step", "count"), [("_remove", 0), ("_copy", 0), ("_copy", 9), ("_remove", 1), ("_copy", 27)])
@pytest.mark.parametrize("then", ["resume", "overwrite"])
def test_a_move_that_was_interrupted_is_finished(cube, step, count, then):
    follow_an_interrupted_move(cube, f"memory://move-{step}-{count}-{then}", {}, step, count, then)


def test_a_move_on_a_server_that_was_interrupted_is_finished(cube, s3, bucket):
    follow_an_interrupted_move(cube, bucket, s3.options, "_copy", 9, "resume")


def follow_an_interrupted_move(cube, url: str, access: dict[str, str], step: str, count: int, then: str) -> None:
    path = f"{url}/a.zarr"
    (-cube).rangegeo.to_zarr(path, storage_options=access, zarr_format=2)
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, step, count)
        with pytest.raises(KeyboardInterrupt):
            cube.rangegeo.to_zarr(path, storage_options=access, overwrite=True)
    try:
        opened = rg.open_cube(path, storage_options=access)
    except CubeError:
        assert count or step == "_copy"
    else:
        np.testing.assert_array_equal(opened.values, -cube.values)
        assert (step, count) == ("_remove", 0)
    with pytest.raises(OutputError, match="add resume=True"):
        cube.rangegeo.to_zarr(path, storage_options=access)
    cube.rangegeo.to_zarr(path, storage_options=access, **{then: True})
    keys = set(Address.of(url, access).all_keys())
    (fresh,) = cube.rangegeo.to_zarr("memory://fresh/a.zarr", overwrite=True)
    assert keys == set(fresh.parent.all_keys())
    xr.testing.assert_identical(rg.open_cube(path, storage_options=access).compute(), rg.open_cube(fresh).compute())


def test_a_server_that_goes_away_ends_a_run_in_a_line_and_the_draft_is_kept(cube, s3, bucket, monkeypatch):
    monkeypatch.setattr(addresses, "RETRIES", 0)
    way = Gate(s3.port)
    access = s3.options | {"endpoint": f"http://127.0.0.1:{way.port}"}
    blocks, kept_then = [], []

    def kept() -> list[str]:
        draft = Address.of(f"{bucket}/.a.zarr-unfinished/journal", s3.options)
        return sorted(draft.all_keys())

    def count(block):
        if block.size:
            blocks.append(block)
            if len(blocks) == 6 and not kept_then:
                way.close()
                kept_then.extend(kept())
        return block

    counted = cube.copy(data=cube.data.map_blocks(count, dtype=cube.dtype, name="counted", token="counted"))
    with pytest.raises(RemoteError, match=f"^{bucket} cannot be reached; check .* and try again") as caught:
        counted.rangegeo.to_zarr(f"{bucket}/a.zarr", storage_options=access)
    assert caught.value.__notes__ == ["what was written is kept; add resume=True to continue"]
    before = kept()
    with pytest.raises(RemoteError, match="cannot be reached"):
        rg.open_cube(f"{bucket}/a.zarr", storage_options=access)
    way.open()
    assert kept() == before
    blocks.clear()
    counted.rangegeo.to_zarr(f"{bucket}/a.zarr", storage_options=access, resume=True)
    assert 0 < len(blocks) <= 12 - len(before)
    np.testing.assert_array_equal(rg.open_cube(f"{bucket}/a.zarr", storage_options=access).values, cube.values)
    assert all(key.startswith("a.zarr/") for key in Address.of(bucket, s3.options).all_keys())
    way.close()
