"""Names are exchanged in one step where the system can do it, and files reach the disk."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rangegeo.support import filesystem
from rangegeo.support.filesystem import flush, swap
from rangegeo.support.unfinished import claimed, exchange, hidden_folder


@pytest.fixture
def old_and_new(tmp_path) -> tuple[Path, Path]:
    """Two folders, each with a file."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(name)
    return tmp_path / "old", tmp_path / "new"


@pytest.mark.skipif(sys.platform != "linux", reason="the call is of Linux")
def test_two_names_are_exchanged(old_and_new):
    old, new = old_and_new
    assert swap(new, old)
    assert ((old / "new.txt").read_text(), (new / "old.txt").read_text()) == ("new", "old")


def test_what_cannot_be_exchanged_is_left_as_it_is(old_and_new, tmp_path):
    old, _ = old_and_new
    assert not swap(tmp_path / "missing", old)
    assert (old / "old.txt").read_text() == "old"


def test_other_systems_say_that_they_cannot(old_and_new, monkeypatch):
    synced: list[None] = []
    monkeypatch.setattr(filesystem, "_libc", lambda: None)
    monkeypatch.setattr(os, "sync", lambda: synced.append(None), raising=False)
    old, new = old_and_new
    assert not swap(new, old)
    flush(old)
    assert synced == [None]
    assert (old / "old.txt").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the call is of Linux")
def test_only_one_file_system_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sync", lambda: pytest.fail("every disk of the machine was waited for"))
    flush(tmp_path)


@pytest.mark.parametrize("can_swap", [True, False])
def test_an_old_folder_has_its_name_until_the_new_one_has_it(tmp_path, monkeypatch, can_swap):
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / "old.txt").touch()
    if not can_swap:
        monkeypatch.setattr("rangegeo.support.unfinished.swap", lambda *_: False)
    with claimed(path) as folder:
        (folder / "draft").mkdir()
        (folder / "draft" / "new.txt").touch()
        exchange(folder / "draft", path, folder)
        assert [file.name for file in path.iterdir()] == ["new.txt"]
        assert [file.name for file in folder.rglob("*.txt")] == ["old.txt"]
    # Here the run is killed: nothing was removed. The next one removes it, because the output is complete.
    assert hidden_folder(path).is_dir()
    with claimed(path) as folder:
        assert not list(folder.rglob("*.txt"))
    assert not hidden_folder(path).exists()
    assert [file.name for file in path.iterdir()] == ["new.txt"]
