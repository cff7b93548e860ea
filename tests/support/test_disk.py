"""Room is asked of each disk for all that will be written to it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from rangegeo.errors import DownloadError
from rangegeo.support import disk as room
from rangegeo.support.disk import check_room


@pytest.fixture
def free(monkeypatch) -> None:
    """Every disk has 1000 bytes free."""
    usage = shutil.disk_usage(".")._replace(free=1000)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: usage)


@pytest.fixture
def disks(monkeypatch, tmp_path) -> tuple[Path, Path]:
    """Two folders on disks of their own."""
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
    look = Path.stat

    def stat(path: Path, **how: bool) -> os.stat_result:
        fields = list(look(path, **how))
        fields[2] = int("two" in path.parts)  # st_dev
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "stat", stat)
    return folders


def test_folders_on_one_disk_share_its_room(free, tmp_path):
    check_room([(tmp_path, 600), (tmp_path / "not" / "there" / "yet", 400)])
    with pytest.raises(
        DownloadError, match=r"up to 1\.0 kB are needed but the disk of .* has 1\.0 kB free; make room, or"
    ):
        check_room([(tmp_path, 600), (tmp_path / "not" / "there" / "yet", 401)])


def test_folders_on_two_disks_do_not(free, disks):
    one, two = disks
    check_room([(one, 1000), (two, 1000)])
    with pytest.raises(DownloadError, match=rf"the disk of {two} has"):
        check_room([(one, 1000), (two, 700), (two / "deeper", 700)])


def test_nothing_needs_no_room(free):
    check_room([])


def test_a_relative_folder_is_on_the_disk_of_the_current_one(free, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    check_room([(Path("not/there"), 1000)])
