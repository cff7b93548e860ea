"""Stores of strangers: what their metadata ask for is refused before any chunk is decoded."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import zarr
from helpers.malice import Touch
from zarr.storage import LocalStore

import rangegeo as rg
from rangegeo.errors import CubeError
from rangegeo.grid.like import geobox_like
from rangegeo.grid.zarr_store import checked_group
from rangegeo.stores.opening import overview_count, stored_array


@pytest.fixture(scope="module")
def stores(mini, tmp_path_factory) -> Path:
    """A small cube in either format."""
    folder = tmp_path_factory.mktemp("stores")
    cube = rg.raster((5, 44, 6, 45), 0.25, model=mini, bands=(1, 2, 3))
    for number in (2, 3):
        cube.rangegeo.to_zarr(folder / f"{number}.zarr", zarr_format=number)
    return folder


@pytest.fixture(params=[2, 3])
def store(stores, tmp_path, request) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(stores / f"{request.param}.zarr", tmp_path / "a.zarr"))


@pytest.fixture
def with_pickle(stores, tmp_path) -> Path:
    """A store of format 2 whose coordinate x is a pickle that creates a file."""
    path = Path(shutil.copytree(stores / "2.zarr", tmp_path / "a.zarr"))
    told = json.loads((path / "x" / ".zarray").read_text())
    told |= {"filters": [{"id": "vlen-utf8"}, {"id": "pickle"}], "compressor": None, "dtype": "|O", "fill_value": ""}
    (path / "x" / ".zarray").write_text(json.dumps(told))
    (path / "x" / "0").write_bytes(pickle.dumps(Touch(tmp_path / "executed")))
    return path


OPENERS = {
    "open_cube": rg.open_cube,
    "like": geobox_like,
    "raster": lambda path: rg.raster(like=path, model="Theory", bands=(1,)),
    "engine": lambda path: rg.open_cube(path, chunks=None),
    "overviews": overview_count,
    "array": stored_array,
}


@pytest.mark.parametrize("opener", OPENERS)
def test_a_codec_that_may_execute_code_is_refused_wherever_a_store_is_opened(with_pickle, tmp_path, opener):
    with pytest.raises(CubeError) as caught:
        OPENERS[opener](with_pickle)
    assert f"the array 'x' of {with_pickle} has the codec pickle, which rangegeo does not run" in str(caught.value)
    assert not (tmp_path / "executed").exists()


def test_it_is_refused_before_numcodecs_could_refuse_it(with_pickle, tmp_path, monkeypatch):
    """As versions of numcodecs before 0.16.6 do not, which may be installed all the same."""
    monkeypatch.setitem(numcodecs.registry.codec_registry, "pickle", numcodecs.Pickle)
    with pytest.raises(CubeError, match="has the codec pickle"):
        rg.open_cube(with_pickle)
    assert not (tmp_path / "executed").exists()


def test_an_unknown_codec_within_shards_is_refused(tmp_path):
    zarr.create_array(LocalStore(tmp_path / "a.zarr" / "x"), shape=(8, 8), chunks=(2, 2), shards=(4, 4), dtype="f4")
    zarr.create_group(LocalStore(tmp_path / "a.zarr"), overwrite=False)
    assert checked_group(LocalStore(tmp_path / "a.zarr"), "a").nmembers() == 1
    path = tmp_path / "a.zarr" / "x" / "zarr.json"
    path.write_text(path.read_text().replace('"zstd"', '"numcodecs.bz2"'))
    with pytest.raises(CubeError, match="has the codec bz2"):
        checked_group(LocalStore(tmp_path / "a.zarr"), "a")


def edit(path: Path, **values: object) -> None:
    """Change the metadata of an array in either format."""
    file = path / ".zarray" if (path / ".zarray").exists() else path / "zarr.json"
    told = json.loads(file.read_text())
    if "chunks" in values and file.name == "zarr.json":
        told["chunk_grid"]["configuration"]["chunk_shape"] = values.pop("chunks")
    file.write_text(json.dumps(told | values))


def test_a_chunk_larger_than_any_memory_is_refused(store):
    edit(store / "x", chunks=[10**12])
    with pytest.raises(CubeError, match=r"the array 'x' of .* has chunks of 8\.0 TB, and at most 2\.1 GB can be read"):
        rg.open_cube(store)


def test_an_axis_longer_than_any_memory_is_refused(store):
    edit(store / "x", shape=[10**12], chunks=[1000])
    with pytest.raises(CubeError, match=r"the array 'x' of .* has 8\.0 TB, and no axis of a cube has so many"):
        rg.open_cube(store)


DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b"3", b"\xff\xfe", DEEP.encode()])
def test_metadata_that_are_none_are_one_line(store, content):
    for file in [file for file in store.rglob("*") if file.name in ("zarr.json", ".zgroup", ".zarray")]:
        whole = file.read_bytes()
        file.write_bytes(content)
        with pytest.raises(CubeError) as caught:
            rg.open_cube(store)
        assert str(store) in str(caught.value)
        assert "\n" not in str(caught.value)
        file.write_bytes(whole)
    assert rg.open_cube(store).shape[-3:] == (3, 4, 4)


@pytest.mark.parametrize("part", ["x", "y", "band", "band_name", "spatial_ref", "embedding"])
def test_an_array_that_has_lost_its_metadata_is_named(store, part):
    (
        next(iter((store / part).glob(".zarray")))
        if (store / part / ".zarray").exists()
        else store / part / "zarr.json"
    ).unlink()
    with pytest.raises(CubeError, match=f"the array '{part}' of {store} has lost its metadata"):
        rg.open_cube(store)


@pytest.mark.parametrize("part", ["x", "y", "band"])
def test_labels_whose_chunk_is_gone_are_named(store, part):
    for chunk in [file for file in (store / part).rglob("*") if file.is_file() and file.name.isdigit()]:
        chunk.unlink()
    with pytest.raises(CubeError, match=f"the labels of {part} in {store} are damaged"):
        rg.open_cube(store)


@pytest.mark.parametrize("part", ["x", "band_name"])
def test_a_chunk_that_is_cut_is_one_line(store, part):
    for chunk in [file for file in (store / part).rglob("*") if file.is_file() and file.name.isdigit()]:
        chunk.write_bytes(chunk.read_bytes()[:5])
    with pytest.raises(CubeError, match=rf"{store} is damaged \(.*\); run rangegeo\.verify"):
        rg.open_cube(store)


LIE = (2**31 - 1).to_bytes(4, "little") + b"\x01\x00\x00\x00a"  # it says that it holds two billion texts, and holds one


def text_array(path: Path, zarr_format: int, **options: object) -> zarr.Array:
    """A store with five labels of text, and their array."""
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    return group.create_array("band_name", data=np.array(["a"] * 5, dtype=np.dtypes.StringDType()), **options)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.filterwarnings("ignore:.*does not have a Zarr V3 specification")
def test_a_chunk_that_lies_about_its_texts_is_refused_before_it_is_decoded(tmp_path, zarr_format, compressed):
    codec = {2: numcodecs.GZip(), 3: zarr.codecs.GzipCodec()}[zarr_format]
    text_array(tmp_path / "a.zarr", zarr_format, compressors=codec if compressed else None)
    checked_group(LocalStore(tmp_path / "a.zarr"), "a.zarr")
    chunk = tmp_path / "a.zarr" / "band_name" / {2: "0", 3: "c/0"}[zarr_format]
    for lie in (LIE, b"\x05", (4).to_bytes(4, "little")):
        chunk.write_bytes(bytes(numcodecs.GZip().encode(lie)) if compressed else lie)
        with pytest.raises(CubeError, match=r"'band_name' of a\.zarr is damaged: a chunk does not hold the 5 texts"):
            checked_group(LocalStore(tmp_path / "a.zarr"), "a.zarr")
    chunk.write_bytes(b"no such bytes")
    with pytest.raises(CubeError):
        checked_group(LocalStore(tmp_path / "a.zarr"), "a.zarr")


@pytest.mark.filterwarnings("ignore:.*does not have a Zarr V3 specification")
def test_text_in_shards_is_refused(tmp_path):
    text_array(tmp_path / "a.zarr", 3, chunks=(5,), shards=(5,))
    with pytest.raises(CubeError, match=r"'band_name' of a\.zarr keeps text in shards, which rangegeo does not read"):
        checked_group(LocalStore(tmp_path / "a.zarr"), "a.zarr")


def test_harmless_codecs_are_let_through(tmp_path):
    group = zarr.create_group(LocalStore(tmp_path / "a.zarr"), zarr_format=2)
    filters = [numcodecs.Delta("f4"), numcodecs.BitRound(8)]
    group.create_array("x", shape=(8,), dtype="f4", filters=filters, compressors=numcodecs.Zlib())[:] = np.arange(8)
    assert checked_group(LocalStore(tmp_path / "a.zarr"), "a")["x"][3] == 3
