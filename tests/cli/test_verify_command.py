"""`rangegeo verify`: what it prints where, exit codes, JSON, and --repair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typed import MINI

FEW = ("--pixels", "50", *MINI)


@pytest.fixture
def store(rangegeo, raster) -> Path:
    assert raster("--res", "0.05", "--chunks", "16", "-o", "a.zarr").code == 0
    return Path("a.zarr")


def first_chunk(path: Path) -> Path:
    return next(file for file in sorted((path / "embedding").rglob("*")) if file.is_file() and file.suffix != ".json")


def test_a_sound_cube(rangegeo, store):
    done = rangegeo("verify", "a.zarr", *FEW)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("a.zarr: sound, 4 blocks, 50 pixels evaluated again, off by at most ")
    assert rangegeo("verify", "a.zarr", "-q", *FEW).out == ""
    facts = json.loads(rangegeo("verify", "a.zarr", "--json", *FEW).out, parse_constant=pytest.fail)
    assert (facts["sound"], facts["blocks"], facts["pixels"], facts["missing"]) == (True, 4, 50, [])


def test_a_damaged_cube(rangegeo, store):
    first_chunk(store).unlink()
    done = rangegeo("verify", "a.zarr", *FEW)
    assert done.code == 1
    assert done.out.startswith("a.zarr: 1 block missing: rows 0-15, columns 0-15 (5, ")
    assert done.err == "rangegeo: a.zarr is not sound, 1 of 4 blocks; add --repair to mend it\n"
    done = rangegeo("verify", "a.zarr", "--json", *FEW)
    assert done.code == 1
    assert json.loads(done.out)["missing"][0]["cols"] == [0, 16]
    done = rangegeo("verify", "a.zarr", "--repair", *FEW)
    assert done.code == 0
    assert "embedding: 1 of 1 block" in done.err
    assert done.out.startswith("a.zarr: 1 block evaluated again: rows 0-15")
    assert rangegeo("verify", "a.zarr", *FEW).code == 0


def test_several_cubes(rangegeo, raster, store):
    assert raster("-o", "b.zarr").code == 0
    first_chunk(store).write_bytes(b"")
    done = rangegeo("verify", "a.zarr", "b.zarr", *FEW)
    assert done.code == 1
    assert len(done.out.splitlines()) == 2
    assert set(json.loads(rangegeo("verify", "a.zarr", "b.zarr", "--json", *FEW).out)) == {"a.zarr", "b.zarr"}


def test_without_the_model_it_says_so(rangegeo, store):
    done = rangegeo("verify", "a.zarr")
    assert done.code == 0
    assert "give --weights PATH and --db PATH" in done.err
    assert done.out == "a.zarr: sound, 4 blocks\n"
    assert rangegeo("verify", "a.zarr", "--weights", "demo", "--db", "demo").code == 2
    assert rangegeo("verify", "a.zarr", "--pixels", "-1").code == 2
    assert rangegeo("verify").code == 2
