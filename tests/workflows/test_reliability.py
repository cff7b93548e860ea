"""Disturbed runs survive, one trial of each kind but a killed worker, which `tests/jobs` tries; the checks can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")
FOLDER = Path(__file__).parents[2] / "workflows" / "reliability"
sys.path.insert(0, str(FOLDER))

from runs import Failed, check_equal, check_one_line, check_visible, hidden  # noqa: E402


@pytest.mark.parametrize(
    "kind",
    [
        "zarr-killed",
        "tif-replaced",
        "cluster-killed",
        "server-stopped",
        "tif-two-writers",
        pytest.param("zarr-disk-full", marks=AS_ROOT),
    ],
)
def test_a_disturbed_run_survives(kind):
    command = [sys.executable, FOLDER / "run.py", "--times", "1", "--only", kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"{kind:17}   1 of 1 survived" in done.stdout


def test_a_lost_file_and_a_changed_one_are_noticed(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    check_equal(tmp_path, {"a": b"1"})
    for expected in ({"a": b"2"}, {"a": b"1", "b": b"1"}, {}):
        with pytest.raises(Failed, match="files differ from those of an undisturbed run"):
            check_equal(tmp_path, expected)


def test_an_output_that_is_neither_old_nor_new_is_noticed(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").write_bytes(b"new")
    (tmp_path / ".a.zarr-unfinished").mkdir()
    assert hidden(tmp_path) == [".a.zarr-unfinished"]
    new, old = {"a.zarr/zarr.json": b"new"}, {"a.zarr/zarr.json": b"old"}
    check_visible(tmp_path, new, old)
    check_visible(tmp_path, old, new)
    for half in ({**new, "a.zarr/0": b"1"}, {}):
        with pytest.raises(Failed, match=r"a\.zarr is neither the old output nor the new one"):
            check_visible(tmp_path, half, old)
    (tmp_path / "a.zarr" / "zarr.json").unlink()
    with pytest.raises(Failed):  # the old one is out of reach
        check_visible(tmp_path, new, old)


@pytest.mark.parametrize("said", ["", "Traceback (most recent call last):\nOSError: no room", "a line of another kind"])
def test_an_error_without_its_line_is_noticed(said):
    check_one_line("embedding\nrangegeo: no room; make some\n", "no room")
    with pytest.raises(Failed, match="expected one line with 'no room'"):
        check_one_line(said, "no room")
