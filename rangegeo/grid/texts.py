"""Labels of Zarr stores that are text: each chunk says how many texts it holds, which is checked before it is decoded.

The decoder of numcodecs makes room for as many texts as a chunk says, so eleven bytes could fill the memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import numcodecs
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from rangegeo.errors import CubeError

OF_TEXT = {"vlen-utf8", "vlen-bytes"}  # codecs that begin a chunk with the number of its texts
CHECKSUM = {"crc32c": 4}  # codecs that add bytes to the end of a chunk, and how many
REMEDY = "write the store again without shards"
COUNT = 4  # bytes of the number, a little-endian uint32


def check_texts(array: zarr.Array, name: str) -> None:
    """Refuse an array of text one of whose chunks says that it holds more or fewer texts than it has places.

    Args:
        array: whose codecs are known to be harmless; anything but text passes.
        name: what messages call it.
    Raises:
        CubeError: a chunk is damaged, or lies about its length.
    """
    described = array.metadata.to_dict()
    if array.shards is not None and any(codec in str(described) for codec in OF_TEXT):
        raise CubeError(
            f"{name} keeps text in shards, which rangegeo does not read; write the store again without them"
        )
    codecs = _names(described)
    if not OF_TEXT & {codec for codec, _ in codecs}:
        return
    places = math.prod(array.chunks)
    for at in product(*(range(-(-length // side)) for length, side in zip(array.shape, array.chunks, strict=True))):
        key = f"{array.path}/{array.metadata.encode_chunk_key(at)}".lstrip("/")
        stored = sync(array.store_path.store.get(key, default_buffer_prototype()))
        if stored is None:  # it holds the fill value
            continue
        texts = _unpacked(stored.to_bytes(), codecs)
        if len(texts) < COUNT or int.from_bytes(texts[:COUNT], "little") != places:
            raise CubeError(
                f"{name} is damaged: a chunk does not hold the {places:,} texts of its places; get it again"
            )


def _names(described: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The codecs of an array in the order of encoding: names and settings."""
    parts = described.get("codecs")
    if parts is None:  # format 2
        parts = [*(described.get("filters") or ()), described.get("compressor")]
    told = []
    for codec in parts:
        if codec is None:
            continue
        config = dict(codec) if isinstance(codec, Mapping) else codec.get_config()
        name = str(config.pop("id", config.get("name", ""))).removeprefix("numcodecs.")
        told.append((name, config.get("configuration", config)))
    return told


def _unpacked(stored: bytes, codecs: list[tuple[str, Mapping[str, Any]]]) -> bytes:
    """The bytes of a chunk before it was compressed.

    Raises:
        CubeError, ValueError: they cannot be unpacked.
    """
    for name, _ in reversed(codecs):
        if name in OF_TEXT:
            break
        if name in CHECKSUM:
            stored = stored[: -CHECKSUM[name]]
        else:
            stored = bytes(numcodecs.get_codec({"id": name}).decode(stored))
    return stored
