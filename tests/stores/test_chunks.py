"""Chunks that are written directly are, byte for byte, those that zarr writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, BytesCodec, ZstdCodec

from rangegeo.grid.zarr_store import store_of
from rangegeo.stores.chunks import Chunks
from rangegeo.stores.journal import ChecksumStore, checksum
from rangegeo.stores.zarr_options import ZarrOptions

SHAPE, CHUNKS = (2, 7, 40, 40), (1, 3, 16, 16)
FULL = (slice(1, 2), slice(3, 6), slice(16, 32), slice(0, 16))
DTYPES = ("float32", "float16", "int16", "int8")


def values_of(dtype: str) -> np.ndarray:
    smooth = 100 * np.sin(np.arange(np.prod(CHUNKS)) / 50).reshape(CHUNKS)
    return smooth.astype(dtype)


def made(folder: Path, zarr_format: int, dtype: str = "float32", **options: object) -> zarr.Array:
    store = ChecksumStore(store_of(folder, read_only=False))
    zarr.create_group(store, zarr_format=zarr_format)
    given = {"shape": SHAPE, "chunks": CHUNKS, "dtype": dtype, "zarr_format": zarr_format} | options
    given.setdefault("compressors", ZarrOptions().compressor(zarr_format))
    return zarr.create_array(store, name="embedding", **given)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "options",
    [
        ZarrOptions(),
        ZarrOptions(compress="zstd", level=1),
        ZarrOptions(compress="zlib", level=3, shuffle="bitshuffle"),
        ZarrOptions(compress="blosclz", level=9, shuffle="noshuffle"),
        ZarrOptions(compress=None),
    ],
    ids=str,
)
def test_they_are_those_of_zarr(tmp_path, zarr_format, dtype, options):
    values, compressor = values_of(dtype), options.compressor(zarr_format)
    arrays = [made(tmp_path / name, zarr_format, dtype, compressors=compressor) for name in "ab"]
    arrays[0][FULL] = values
    key = f"embedding/{arrays[0].metadata.encode_chunk_key((1, 1, 1, 0))}"
    chunks = Chunks.of(arrays[1])
    assert chunks is not None
    known = chunks.write(key, values)
    written = [(tmp_path / name / key).read_bytes() for name in "ab"]
    assert written[0] == written[1]
    assert known == checksum(written[1]) == arrays[0].store_path.store.taken([key])[key]
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "b", mode="r")["embedding"][FULL], values)
    assert not list((tmp_path / "b").rglob("*.partial"))


def test_a_chunk_at_the_edge_is_left_to_zarr(tmp_path):
    chunks = Chunks.of(made(tmp_path / "a", 3))
    assert chunks is not None
    assert chunks.write("embedding/c/0/0/0/2", np.zeros((1, 3, 16, 8), np.float32)) is None
    assert not (tmp_path / "a/embedding/c").exists()


def test_values_that_lie_apart_in_memory(tmp_path):
    array = made(tmp_path / "a", 3)
    chunks, values = Chunks.of(array), values_of("float32").transpose(0, 1, 3, 2)
    assert chunks is not None
    chunks.write("embedding/c/1/1/1/0", values)
    np.testing.assert_array_equal(array[FULL], values)


@pytest.mark.parametrize(
    ("zarr_format", "options"),
    [
        (3, {"shards": (2, 9, 32, 32)}),
        (3, {"compressors": ZstdCodec()}),
        (3, {"compressors": [BloscCodec(), ZstdCodec()]}),
        (3, {"serializer": BytesCodec(endian="big")}),
        (2, {"dtype": ">f4"}),
        (2, {"order": "F"}),
    ],
    ids=["shards", "another codec", "two codecs", "big endian", "big endian, format 2", "another order"],
)
def test_other_arrays_are_left_to_zarr(tmp_path, zarr_format, options):
    assert Chunks.of(made(tmp_path / "a", zarr_format, **options)) is None


def test_other_stores_are_left_to_zarr():
    group = zarr.create_group(ChecksumStore(zarr.storage.MemoryStore()))
    given = {"shape": SHAPE, "chunks": CHUNKS, "dtype": "float32", "compressors": ZarrOptions().compressor(3)}
    assert Chunks.of(group.create_array("embedding", **given)) is None


def test_a_chunk_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    chunks = Chunks.of(made(tmp_path / "a", 3))
    assert chunks is not None

    def full(self: Path, stored: bytes) -> int:
        with self.open("wb") as file:
            file.write(stored[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        chunks.write("embedding/c/1/1/1/0", values_of("float32"))
    assert not [path for path in (tmp_path / "a/embedding/c").rglob("*") if path.is_file()]
