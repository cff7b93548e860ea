"""The embedded model's files are shipped, their hashes are listed, and they are checked before they are used."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rangegeo.errors import WeightsError
from rangegeo.weights import demo
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.demo import DATABASE, ENCODER, demo_file


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    """Two small files in place of the shipped ones, beside a copy of the listed hashes."""
    for name in (ENCODER, DATABASE):
        (tmp_path / name).write_bytes(f"the {name}".encode())
    sums = "".join(f"{file_sha256(tmp_path / name)}  {name}\n" for name in (DATABASE, ENCODER))
    (tmp_path / "SHA256SUMS").write_text(sums)
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    demo_file.cache_clear()
    yield tmp_path
    demo_file.cache_clear()


@pytest.mark.parametrize("name", [ENCODER, DATABASE])
def test_the_shipped_files_are_the_listed_ones(name):
    demo_file.cache_clear()
    assert demo_file(name) == demo.FOLDER / name
    assert demo_file(name).stat().st_size < 20e6


def test_a_file_as_listed_is_given(copy):
    assert demo_file(ENCODER) == copy / ENCODER


@pytest.mark.parametrize("name", [ENCODER, DATABASE])
@pytest.mark.parametrize("damage", ["missing", "cut", "one bit", "swapped"])
def test_another_file_is_refused(copy, name, damage):
    path = copy / name
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "one bit":
        content[3] ^= 1
        path.write_bytes(content)
    else:
        shutil.copy(copy / ({ENCODER, DATABASE} - {name}).pop(), path)
    with pytest.raises(WeightsError) as caught:
        demo_file(name)
    assert str(caught.value) == (
        f"the embedded {name} is missing or damaged; restore it in the clone of rangegeo: "
        "git checkout rangegeo/weights/demo && pip install -e ."
    )


def test_missing_hashes_are_refused_too(copy):
    (copy / "SHA256SUMS").unlink()
    with pytest.raises(WeightsError, match="is missing or damaged; restore it"):
        demo_file(ENCODER)
