"""Planets are verified: their chunks by checksums, and some places against the model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import zarr

import rangegeo as rg
from rangegeo.errors import UsageError
from rangegeo.jobs import verify
from tests.helpers.planets import write_planet


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A planet of a model without weights."""
    return rg.build_planet(tmp_path_factory.mktemp("planet") / "a.zarr", "Cartesian_3D", bbox=(1, 1, 8, 2))


@pytest.fixture
def path(built, tmp_path) -> Path:
    return shutil.copytree(built, tmp_path / "a.zarr")


def test_a_sound_planet(path):
    report = verify.verify(path, pixels=20)
    assert report.sound
    assert (report.tiles, report.places, report.notes) == (2, 20, ())
    assert 0 < report.error <= 1
    assert str(report.summary).startswith(f"{path}: sound, 2 tiles, 20 places evaluated again, off by at most")
    assert json.loads(json.dumps(report.facts))["sound"] is True
    assert verify.verify(path, pixels=0).places == 0


def test_a_damaged_chunk_and_a_lost_one(path):
    shard = path / "parts/location/c/0/0/0"
    content = bytearray(shard.read_bytes())
    content[30] ^= 255
    shard.write_bytes(content)
    report = verify.verify(path)
    assert report.faults == ("tile 0 of location: a checksum does not fit",)
    assert str(report.summary) == f"{path} is not sound, 1 fault; copy or build the planet again"
    assert list(report.lines()) == [f"{path}: tile 0 of location: a checksum does not fit"]
    shard.unlink()
    assert [fault.split(": ")[1] for fault in verify.verify(path).faults] == ["c/0/0/0 is not there"] * 2


def test_values_that_are_not_those_of_the_model(path):
    zarr.open_array(path / "tiles/step", mode="r+")[0] *= 1.1
    report = verify.verify(path, pixels=20)
    assert not report.sound
    assert report.error > 1
    assert "of location: off by" in report.faults[0]


def test_a_model_that_is_not_here_is_a_note(tmp_path):
    report = verify.verify(write_planet(tmp_path / "a.zarr", count=9))
    assert report.sound
    assert "its values were not compared with the model RANGE+ (encoder.ckpt and database.npz)" in str(report.notes[0])


def test_a_planet_is_not_mended(path):
    with pytest.raises(UsageError, match=r"a planet is not mended in place; leave out repair=True, and copy it again"):
        verify.verify(path, repair=True)
