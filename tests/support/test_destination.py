"""Output paths: what cannot be written is refused before any work, in the words of the shell and of Python."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from rangegeo.errors import OutputError
from rangegeo.support.destination import check_destination


def refused(path: Path, nbytes: int = 0, **more: str) -> OutputError:
    with pytest.raises(OutputError) as caught:
        check_destination(path, nbytes, overwrite=False, **more)
    return caught.value


def test_a_new_file_in_a_folder_with_room_is_taken(tmp_path):
    check_destination(tmp_path / "a.tif", 1, overwrite=False)


def test_a_relative_path_is_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_destination(Path("a.tif"), 1, overwrite=False)


def test_what_exists_is_replaced_only_on_request(tmp_path):
    path = tmp_path / "a.tif"
    path.touch()
    check_destination(path, 1, overwrite=True)
    error = refused(path)
    left = f"{path} exists and was left as it is; "
    assert str(error) == f"{left}add overwrite=True to replace it, or give another path"
    assert error.for_shell() == f"{left}add --overwrite to replace it, or give another -o"


def test_nothing_but_a_store_is_replaced_by_a_store_and_no_folder_by_a_file(tmp_path):
    folder, file = tmp_path / "folder", tmp_path / "a.txt"
    folder.mkdir()
    file.touch()
    for overwrite in (False, True):
        for path, store, what in (
            (folder, False, "a folder"),
            (folder, True, "not a Zarr store"),
            (file, True, "not a"),
        ):
            with pytest.raises(OutputError, match=rf"^{path} is {what}.* and was left as it is; give another path$"):
                check_destination(path, 1, overwrite=overwrite, store=store)
    (folder / "zarr.json").touch()
    check_destination(folder, 1, overwrite=True, store=True)


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_device_or_a_pipe_is_never_replaced(tmp_path, overwrite):
    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "link.tif").symlink_to("/dev/null")
    for path in (tmp_path / "pipe.tif", tmp_path / "link.tif", Path("/dev/null")):
        with pytest.raises(OutputError) as caught:
            check_destination(path, 0, overwrite=overwrite)
        told = f"{path} is a device or a pipe, which no file can replace; give another -o"
        assert caught.value.for_shell() == told


def test_a_symbolic_link_that_leads_to_itself_is_told(tmp_path):
    (tmp_path / "a.tif").symlink_to("b.tif")
    (tmp_path / "b.tif").symlink_to("a.tif")
    (tmp_path / "folder").symlink_to("folder")
    for path in (tmp_path / "a.tif", tmp_path / "folder" / "c.tif"):
        assert str(refused(path)) == f"{path} is a symbolic link that leads back to itself; give another path"


def test_a_symbolic_link_to_a_file_that_is_not_there_is_taken(tmp_path):
    (tmp_path / "a.tif").symlink_to("b.tif")
    check_destination(tmp_path / "a.tif", 1, overwrite=False)


def test_callers_name_the_argument_of_their_own_output(tmp_path):
    (tmp_path / "a.png").touch()
    said = refused(tmp_path / "a.png", other="--preview PICTURE.png").for_shell()
    assert said.endswith("add --overwrite to replace it, or give --preview PICTURE.png")


def test_a_folder_that_is_missing_is_named(tmp_path):
    folder = tmp_path / "none"
    error = refused(folder / "a.tif")
    assert str(error) == f"the folder {folder} does not exist; make it first: os.makedirs({str(folder)!r})"
    assert error.for_shell() == f"the folder {folder} does not exist; make it first: mkdir -p {folder}"


def test_a_file_where_a_folder_is_needed_is_named(tmp_path):
    (tmp_path / "a.txt").touch()
    for path in (tmp_path / "a.txt" / "b.tif", tmp_path / "a.txt" / "deep" / "b.tif"):
        assert str(refused(path)) == f"{tmp_path / 'a.txt'} is a file, so nothing can lie in it; give another path"


def test_a_folder_that_is_closed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, mode: False)
    error = refused(tmp_path / "a.tif")
    assert str(error) == f"the folder {tmp_path} cannot be written to; give another path"
    assert error.for_shell() == f"the folder {tmp_path} cannot be written to; give another -o"


def test_a_disk_that_is_too_full_is_refused(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    check_destination(tmp_path / "a.tif", 1000, overwrite=False)
    error = refused(tmp_path / "a.tif", 1001)
    needed = f"{tmp_path / 'a.tif'} may need 1.0 kB but {tmp_path} has 1.0 kB free; "
    assert str(error) == f"{needed}take fewer pixels, bands or betas, or write to another disk with path"
    assert error.for_shell() == (f"{needed}take fewer pixels, bands or betas, or write to another disk with -o")
    said = refused(tmp_path / "a.csv", 1001, smaller="take fewer bands")
    assert str(said).endswith("1.0 kB free; take fewer bands, or write to another disk with path")
