"""Whole chunks of a Zarr array in a folder, encoded and written directly.

zarr's own way to the same files hands each chunk to several threads in turn, which takes as long again as the encoding.
This is for the codecs that cubes are written with. Other arrays, other stores, and chunks at the edge of an array, are
zarr's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr
from numcodecs import Blosc
from zarr.codecs import BloscCodec, BytesCodec
from zarr.storage import LocalStore

from rangegeo.stores.drafts import HALF_WRITTEN
from rangegeo.stores.journal import ChecksumStore, checksum
from rangegeo.stores.zarr_options import SHUFFLES_OF_FORMAT_2


@dataclass(frozen=True, slots=True)
class Chunks:
    """The chunks of one array.

    Attributes:
        root: folder of the store.
        shape: of a chunk.
        dtype: of its values.
        codec: that compresses it; None if nothing does.
    """

    root: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    codec: Blosc | None

    @classmethod
    def of(cls, array: zarr.Array) -> Chunks | None:
        """The chunks of an array in a `ChecksumStore`; None if zarr has to write them."""
        store = array.store_path.store
        folder = store._store if isinstance(store, ChecksumStore) else store
        if not isinstance(folder, LocalStore) or array.shards or array.filters or len(array.compressors) > 1:
            return None
        if array.metadata.zarr_format == 3:
            serializer = array.serializer
            plain = isinstance(serializer, BytesCodec) and getattr(serializer.endian, "value", "little") == "little"
        else:
            plain = array.order == "C"
        codecs = [_codec(compressor) for compressor in array.compressors]
        if not plain or None in codecs or array.dtype.newbyteorder("<") != array.dtype:
            return None
        return cls(folder.root, array.chunks, array.dtype, codecs[0] if codecs else None)

    def write(self, key: str, values: np.ndarray) -> int | None:
        """Write a chunk, whose file gets its name when it is complete.

        Args:
            key: of the chunk in the store.
        Returns:
            The CRC32C of what is stored; None if the chunk is at the edge, and nothing was written.
        """
        if values.shape != self.shape:
            return None
        values = np.ascontiguousarray(values, self.dtype)
        stored = values.tobytes() if self.codec is None else bytes(self.codec.encode(values))
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f"{path.name}.{os.getpid()}{HALF_WRITTEN}")
        try:
            half.write_bytes(stored)
            half.replace(path)
        except BaseException:
            half.unlink(missing_ok=True)
            raise
        return checksum(stored)


def _codec(compressor: object) -> Blosc | None:
    """Blosc as zarr calls it; None for another codec."""
    if isinstance(compressor, BloscCodec):
        shuffle = SHUFFLES_OF_FORMAT_2.get(compressor.shuffle.value) if compressor.shuffle else None
        if shuffle is None:
            return None
        return Blosc(compressor.cname.value, compressor.clevel, shuffle, compressor.blocksize)
    return compressor if isinstance(compressor, Blosc) else None
