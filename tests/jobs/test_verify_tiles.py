"""Folders of tiles are verified as a whole and tile by tile, and what is damaged or missing is made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.verifying import Kind, verify, written

ALPS = Path("alps")
TILE = ALPS / "tiles/alps_r1_c1.tif"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder of 2 x 2 tiles, of 50 x 50 pixels."""
    folder = tmp_path_factory.mktemp("whole")
    return written(Kind(output={"tiles": 32, "creation_options": {"BLOCKSIZE": "16"}}), folder / "alps")


@pytest.fixture
def alps(whole, folder) -> Path:
    """A copy of it, in the current folder."""
    return Path(shutil.copytree(whole, ALPS))


def files() -> set[str]:
    return {str(path.relative_to(ALPS)) for path in ALPS.rglob("*")}


def damage(path: Path) -> None:
    """Overwrite the middle of a file, where values lie."""
    with path.open("r+b") as raw:
        raw.seek(path.stat().st_size * 3 // 4)
        raw.write(b"\xff" * 200)


def test_nothing_lies_beside_a_tile(alps):
    before = files()
    report = verify(TILE)
    assert (report.sound, report.notes) == (True, ())
    assert verify(TILE, repair=True).sound
    assert files() == before
    damage(TILE)
    assert not verify(TILE).sound
    assert verify(TILE, repair=True).sound
    assert (verify(TILE).notes, files()) == ((), before)
