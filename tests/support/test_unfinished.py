"""Files that get their name when they are complete, and leave nothing behind when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rangegeo.errors import OutputError
from rangegeo.support.unfinished import unfinished, unfinished_folder


def test_a_complete_file_gets_its_name(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with unfinished(path) as draft:
        draft.write_text("after")
        (draft.parent / "helper").touch()
        assert path.read_text() == "before"
        assert draft.parent.parent == tmp_path
        assert draft.parent.name == ".a.txt-unfinished"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_keeps_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError), unfinished(path) as draft:
        draft.write_text("half, then a surrogate \udc00", encoding="utf-8")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_written_replaces_nothing(tmp_path):
    with unfinished(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_several_files_is_removed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with unfinished_folder(Path("a.tif")) as folder:
        (folder / "b.tif").touch()
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_holds_files_too(tmp_path, monkeypatch):
    def refuse(self: object, **_: object) -> None:
        raise NotImplementedError("use SoftFileLock instead")

    monkeypatch.setattr("rangegeo.support.unfinished.FileLock.acquire", refuse)
    with unfinished(tmp_path / "a.txt") as draft:
        draft.write_text("after")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is of Linux")
def test_a_folder_in_which_nothing_can_be_made_is_named():
    said = r"^the folder /proc cannot be written to: No such file or directory; give another path$"
    with pytest.raises(OutputError, match=said), unfinished(Path("/proc/a.csv")):
        pass
