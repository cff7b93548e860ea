"""Chunks of a part of a planet in a folder, decoded directly: zarr's own way to the same values takes three times as
long. This is for the codecs that planets are written with; a store with others is read with zarr.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import zarr
from numcodecs import blosc

CHECKSUM = 4  # bytes of a CRC32C at the end of a chunk and of an index
ABSENT = 2**64 - 1  # offset of a chunk that is not stored
HEADER = struct.Struct("<4B3I")  # of Blosc: versions, flags, size of an item; bytes, size of a block, compressed bytes


@dataclass(frozen=True, slots=True)
class Shards:
    """The shards of one array (tile, coefficient, band).

    Attributes:
        folder: of the array.
        array: as zarr opened it.
        dtype: of its values.
        tiles: of a shard.
        bands: of a chunk.
        chunks: of a shard, along tiles and along bands.
        checked: whether chunks end with a CRC32C.
    """

    folder: Path
    array: zarr.Array
    dtype: np.dtype
    tiles: int
    bands: int
    chunks: tuple[int, int]
    checked: bool

    @classmethod
    def of(cls, folder: Path, array: zarr.Array) -> Shards | None:
        """The shards of an array; None if it is stored in another way."""
        told = array.metadata.to_dict()
        outer = _names(told.get("codecs"))
        if list(outer) != ["sharding_indexed"] or array.shards is None:
            return None
        how = outer["sharding_indexed"]
        inner, index = _names(how.get("codecs")), _names(how.get("index_codecs"))
        plain = list(inner)[:2] == ["bytes", "blosc"] and set(inner) <= {"bytes", "blosc", "crc32c"}
        little = all(codecs.get("bytes", {}).get("endian") == "little" for codecs in (inner, index))
        indexed = list(index) == ["bytes", "crc32c"] and how.get("index_location", "end") == "end"
        whole = array.chunks[:2] == (1, array.shape[1]) and array.shards[1] == array.shape[1]
        one = array.shards[2] >= array.shape[2] and array.metadata.fill_value == 0
        if not (plain and little and indexed and whole and one):
            return None
        tiles, bands = array.shards[0], array.chunks[2]
        return cls(folder, array, array.dtype, tiles, bands, (tiles, -(-array.shards[2] // bands)), "crc32c" in inner)

    def read(self, tile: int, rows: int, first: int, last: int) -> np.ndarray:
        """(rows, last - first) coefficients of a tile: the first rows, bands from `first` up to before `last`.

        Raises:
            ValueError, OSError: a chunk is damaged.
        """
        shard, within = divmod(tile, self.tiles)
        start, stop = first // self.bands, -(-last // self.bands)
        path = self.folder / self.array.metadata.encode_chunk_key((shard, 0, 0))
        out = np.zeros((rows, (stop - start) * self.bands), self.dtype)
        try:
            with path.open("rb") as file:
                index = _index(path, self.chunks, path.stat().st_mtime_ns)
                for place in range(start, stop):
                    at, size = (int(number) for number in index[within, place])
                    if at != ABSENT:
                        file.seek(at)
                        here = slice((place - start) * self.bands, (place - start + 1) * self.bands)
                        out[:, here] = self._decoded(file.read(size), size)[:rows]
        except FileNotFoundError:  # a shard without a chunk is not stored
            return out[:, : last - first]
        return out[:, first - start * self.bands : last - start * self.bands]

    def _decoded(self, stored: bytes, size: int) -> np.ndarray:
        """(coefficients, bands) of a stored chunk."""
        if len(stored) != size:
            raise ValueError("a chunk is cut off")
        if self.checked:
            stored = _verified(stored)
        expected = self.array.shape[1] * self.bands * self.dtype.itemsize
        if len(stored) < HEADER.size or HEADER.unpack_from(stored)[4] != expected:
            raise ValueError("a chunk has another size")
        values = np.frombuffer(blosc.decompress(stored), self.dtype)
        return values.reshape(-1, self.bands)


def _names(codecs: Any) -> dict[str, Mapping[str, Any]]:
    """The configurations of codecs, by their names; empty if they are not what Zarr 3 has."""
    if not isinstance(codecs, list | tuple) or not all(isinstance(codec, Mapping) for codec in codecs):
        return {}
    return {str(codec.get("name")): codec.get("configuration") or {} for codec in codecs}


def _verified(stored: bytes) -> bytes:
    """What a CRC32C at the end belongs to.

    Raises:
        ValueError: it does not belong to it.
    """
    content, checksum = stored[:-CHECKSUM], stored[-CHECKSUM:]
    if google_crc32c.value(content) != int.from_bytes(checksum, "little"):
        raise ValueError("a checksum does not fit")
    return content


@lru_cache(maxsize=1024)
def _index(path: Path, chunks: tuple[int, int], changed: int) -> np.ndarray:
    """(tiles, bands, 2) where the chunks of a shard lie, and their bytes.

    Args:
        chunks: of the shard.
        changed: when the shard was changed; another time is another index.
    """
    size = 16 * math.prod(chunks) + CHECKSUM
    with path.open("rb") as file:
        file.seek(0, 2)
        if file.tell() < size:
            raise ValueError("a shard is cut off")
        file.seek(-size, 2)
        return np.frombuffer(_verified(file.read(size)), "<u8").reshape(*chunks, 2)
