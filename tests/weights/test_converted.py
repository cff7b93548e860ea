"""The cache of converted files: a file is converted once, and again when it changes; a bad cache only costs time."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rangegeo.errors import WeightsError
from rangegeo.support import unfinished as drafts
from rangegeo.weights import cache as files
from rangegeo.weights import converted as stored
from rangegeo.weights.cache import cache_folder, stored_path
from rangegeo.weights.converted import Stored, read_safetensors, stored_form


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("RANGEGEO_CACHE", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "weights.ckpt"
    path.write_text("3")
    return path


class Conversion:
    """Reads a number from a text file, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, path: Path) -> Stored:
        self.calls += 1
        number = float(path.read_text())
        tensors = {"a": torch.full((3, 4), number), "b": torch.arange(6, dtype=torch.float64).view(2, 3).T}
        return Stored(tensors, {"sha256": files.file_sha256(path), "settings": {"depth": 2}})


@pytest.fixture
def convert() -> Conversion:
    return Conversion()


def made(cache: Path) -> list[Path]:
    """Everything in the cache except the locks, which stay."""
    return [path for path in cache.iterdir() if path.name != stored.LOCKS]


def assert_same(one: Stored, other: Stored) -> None:
    assert one.facts == other.facts
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert tensor.dtype == other.tensors[name].dtype
        assert torch.equal(tensor, other.tensors[name])


def test_the_second_load_maps_the_cached_file_and_is_equal(cache, source, convert):
    first = stored_form(source, "kind", convert)
    second = stored_form(source, "kind", convert)
    assert convert.calls == 1
    assert_same(first, convert(source))
    assert_same(second, convert(source))
    (file,) = made(cache)
    assert file.name.startswith("kind-weights-")
    assert file.suffix == ".safetensors"


def test_another_kind_or_place_of_a_file_is_converted_apart(cache, source, convert, tmp_path):
    stored_form(source, "kind", convert)
    stored_form(source, "other", convert)
    (tmp_path / "elsewhere").mkdir()
    copy = tmp_path / "elsewhere" / "weights.ckpt"
    copy.write_text("4")
    assert stored_form(copy, "kind", convert).tensors["a"][0, 0] == 4
    assert convert.calls == 3
    assert len(made(cache)) == 3


def test_a_changed_source_is_converted_again(cache, source, convert):
    stored_form(source, "kind", convert)
    source.write_text("5")
    os.utime(source, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns + 1000))
    assert stored_form(source, "kind", convert).tensors["a"][0, 0] == 5
    assert convert.calls == 2


def test_a_source_of_the_same_age_but_another_size_is_converted_again(cache, source, convert):
    before = source.stat().st_mtime_ns
    stored_form(source, "kind", convert)
    source.write_text("55")
    os.utime(source, ns=(before, before))
    assert stored_form(source, "kind", convert).tensors["a"][0, 0] == 55


def test_a_new_format_is_converted_again(cache, source, convert, monkeypatch):
    stored_form(source, "kind", convert)
    monkeypatch.setattr(files, "FORMAT", files.FORMAT + 1)
    stored_form(source, "kind", convert)
    assert convert.calls == 2


@pytest.mark.parametrize("damage", [b"", b"half a file", None])
def test_a_damaged_cache_file_is_made_again(cache, source, convert, damage):
    stored_form(source, "kind", convert)
    (file,) = made(cache)
    good = file.read_bytes()
    file.write_bytes(good[:-5] if damage is None else damage)
    assert_same(stored_form(source, "kind", convert), convert(source))
    assert file.read_bytes() == good
    assert convert.calls == 3  # once, once again, and once by this test


def no_space(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("obstacle", ["no cache folder", "no lock", "full disk", "no rename"])
def test_a_cache_that_cannot_be_written_costs_nothing_but_time(cache, source, convert, monkeypatch, obstacle):
    if obstacle == "no cache folder":
        cache.parent.mkdir()
        cache.write_text("a file where the folder should be")
    elif obstacle == "no lock":
        monkeypatch.setattr(drafts, "FileLock", no_space)
    elif obstacle == "full disk":
        monkeypatch.setattr(stored, "save_file", no_space)
    else:
        monkeypatch.setattr(drafts.os, "replace", no_space)
    assert_same(stored_form(source, "kind", convert), convert(source))
    assert_same(stored_form(source, "kind", convert), convert(source))
    assert convert.calls == 4
    if obstacle != "no cache folder":
        assert made(cache) == []  # nothing unfinished is left


def test_no_process_ever_sees_half_a_file(cache, source, convert, monkeypatch):
    """A complete file is renamed to the final name."""
    seen = []
    rename = os.replace

    def watched(unfinished: str, final: Path) -> None:
        seen.append((final.exists(), read_safetensors(Path(unfinished)).facts["settings"]))
        rename(unfinished, final)

    monkeypatch.setattr(drafts.os, "replace", watched)
    stored_form(source, "kind", convert)
    assert seen == [(False, {"depth": 2})]
    assert [path.name.startswith(".") for path in made(cache)] == [False]


def test_threads_that_convert_at_once_all_get_the_right_thing(cache, source, convert):
    found: list[Stored] = []
    start = threading.Barrier(4)

    def load() -> None:
        start.wait()
        found.append(stored_form(source, "kind", convert))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert convert.calls == 1
    for one in found:
        assert_same(one, convert(source))
    assert len(made(cache)) == 1


def test_what_a_killed_process_left_is_removed(cache, source, convert):
    name = stored_path(source, "kind").name
    half = cache / f".{name}-k1ll3d"
    folder = cache / f".{name}-unfinished-k1ll3d"
    other = cache / ".other-file.safetensors-unfinished-k1ll3d"
    for path in (folder, other):
        path.mkdir(parents=True)
    for path in (half, folder / name, other / "other-file.safetensors"):
        path.write_bytes(b"half")
    stored_form(source, "kind", convert)
    assert not half.exists()
    assert not folder.exists()
    assert (other / "other-file.safetensors").exists()  # belongs to another conversion, which may still run


def test_a_file_system_without_locks_costs_a_conversion_more(cache, source, convert, monkeypatch):
    def refuse(self: object, **_: object) -> None:
        raise NotImplementedError("use SoftFileLock instead")

    monkeypatch.setattr(stored.FileLock, "acquire", refuse)
    assert_same(stored_form(source, "kind", convert), convert(source))


def test_the_name_of_the_converted_form_is_known_beforehand(cache, source, convert):
    expected = stored_path(source, "kind")
    assert not expected.exists()
    stored_form(source, "kind", convert)
    assert made(cache) == [expected]


@pytest.mark.parametrize("place", ["tensors", "header", "end"])
def test_damage_is_found(cache, source, convert, place):
    stored_form(source, "kind", convert)
    (file,) = made(cache)
    assert stored.is_whole(file)
    good = file.read_bytes()
    bad = bytearray(good)
    if place == "tensors":
        bad[-1] ^= 1
    elif place == "header":
        bad[8] ^= 1
    else:
        bad = bad[:-1]
    file.write_bytes(bad)
    assert not stored.is_whole(file)
    file.unlink()
    assert not stored.is_whole(file)


def test_a_file_from_elsewhere_is_not_known_to_be_whole(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "a.safetensors")
    assert not stored.is_whole(tmp_path / "a.safetensors")


def test_an_error_of_the_conversion_passes_through_and_is_not_cached(cache, source):
    def refuse(path: Path) -> Stored:
        raise WeightsError(f"{path} is bad")

    for _ in range(2):
        with pytest.raises(WeightsError, match="is bad"):
            stored_form(source, "kind", refuse)
    assert made(cache) == []


def test_tensors_are_mapped_not_copied(cache, source, convert):
    """The tensor is a view of the cached file, so it changes with the bytes of the file."""
    stored_form(source, "kind", convert)
    mapped = stored_form(source, "kind", convert).tensors["a"]
    (file,) = made(cache)
    content = file.read_bytes()
    place = content.index(mapped.numpy().tobytes())
    with file.open("r+b") as handle:
        handle.seek(place)
        handle.write(torch.tensor(7.0).numpy().tobytes())
    assert mapped[0, 0] == 7.0


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("RANGEGEO_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("RANGEGEO_CACHE")
    assert cache_folder().name == "rangegeo"


@pytest.mark.parametrize(
    ("metadata", "facts"),
    [(None, {}), ({"le_type": "x"}, {"le_type": "x"}), ({"facts": json.dumps({"rows": 3})}, {"rows": 3})],
)
def test_metadata_become_facts(tmp_path, metadata, facts):
    save_file({"a": torch.zeros(2)}, tmp_path / "a.safetensors", metadata=metadata)
    assert read_safetensors(tmp_path / "a.safetensors").facts == facts


@pytest.mark.parametrize(
    "prepare", [lambda path: path.write_bytes(b"{}"), lambda path: None, lambda path: path.mkdir()]
)
def test_what_is_no_safetensors_file_is_refused_in_one_line(tmp_path, prepare: Callable[[Path], None]):
    path = tmp_path / "a.safetensors"
    prepare(path)
    with pytest.raises(WeightsError, match=r"a\.safetensors is not a readable safetensors file \(.+\)") as caught:
        read_safetensors(path)
    assert "\n" not in str(caught.value)
