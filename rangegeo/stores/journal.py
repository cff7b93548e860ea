"""The journal of an unfinished output: one small file for each block that is written, with what was measured there.

A run that is continued skips these blocks. A missing chunk proves nothing, because a block of nodata writes none, so
only the journal says what is done. It holds checksums of the stored bytes: a block whose bytes were lost or damaged, by
a power failure or a full disk, counts as not done.
"""

from __future__ import annotations

import json
import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import google_crc32c
import numpy as np
from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype
from zarr.storage import WrapperStore

from rangegeo.stores.quantise import Loss
from rangegeo.support.address import Address
from rangegeo.support.location import Location, write_whole

DOCUMENTS = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")  # names of metadata in a store
AT_ONCE = 16  # entries that are read at the same time, which matters in buckets
Measured = Mapping[str, Mapping[str, float]]  # what was measured, by the name of the patch where it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of a block that is written.

    Attributes:
        loss: what storing it cost; None if its dtype costs nothing, or if it has no data.
        checksums: CRC32C of each stored object of the block, by its key in the store.
        measured: what was measured in the patches it was interpolated from.
        valid: which of its pixels have data, as `packed` writes it; None if all have, or if it has no object at all.
    """

    loss: Loss | None = None
    checksums: Mapping[str, int] = field(default_factory=dict)
    measured: Measured = field(default_factory=dict)
    valid: str | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Entry:
        """An entry that `dataclasses.asdict` has made plain. Raises ValueError, KeyError or TypeError."""
        loss = None if told["loss"] is None else Loss(**told["loss"])
        checksums, measured = told["checksums"], told["measured"]
        return cls(loss=loss, checksums=checksums, measured=measured, valid=told.get("valid"))

    def has_data(self, shape: tuple[int, int]) -> np.ndarray:
        """Which pixels of the block have data: (h, w) bool."""
        if self.valid is not None:
            return unpacked(self.valid, shape)
        return np.full(shape, bool(self.checksums))


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """The entries of one array, by the first row and the first column of their blocks.

    Attributes:
        folder: where they lie, one file each.
    """

    folder: Location

    def write(self, top: int, left: int, entry: Entry) -> None:
        """Add an entry. Its file gets its name when it is complete."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / f"{top}-{left}.json", json.dumps(asdict(entry)))

    def read(self) -> dict[tuple[int, int], Entry]:
        """All entries; damaged ones are left out."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            read = list(pool.map(_read, self.folder.glob("*.json")))
        return dict(one for one in read if one is not None)

    def done(self, is_sound: Callable[[int, int, Entry], bool]) -> dict[tuple[int, int], Entry]:
        """The entries of blocks that need not be written again.

        Args:
            is_sound: whether the stored bytes of a block are there and undamaged, given its first row, its first column
                and its entry. Called from several threads.
        """
        entries = self.read()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            sound = list(pool.map(lambda at: is_sound(at[0], at[1], entries[at]), entries))
        return {at: entry for (at, entry), good in zip(entries.items(), sound, strict=True) if good}


def _read(path: Location) -> tuple[tuple[int, int], Entry] | None:
    """The block of an entry, and the entry; None if it is damaged."""
    top, left = (int(number) for number in path.stem.split("-"))
    try:
        return (top, left), Entry.of(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError):  # the disk was full, or the power failed
        return None


def objects_are_sound(root: Location, entry: Entry) -> bool:
    """Whether all objects of a block are in the store at `root` and have their checksums.

    A bucket keeps an object whole or not at all, so its listing is enough there.
    """
    if isinstance(root, Address):
        return all((root / key).is_file() for key in entry.checksums)
    try:
        return all(checksum((root / key).read_bytes()) == known for key, known in entry.checksums.items())
    except OSError:
        return False


def packed(valid: np.ndarray) -> str | None:
    """Which pixels (h, w) have data, as short text; None if all have."""
    return None if valid.all() else b64encode(zlib.compress(np.packbits(valid).tobytes())).decode()


def unpacked(text: str, shape: tuple[int, int]) -> np.ndarray:
    """Which pixels have data, from what `packed` has written: (h, w) bool."""
    length = -(-shape[0] * shape[1] // 8)
    bits = np.frombuffer(zlib.decompressobj().decompress(b64decode(text), length), np.uint8)
    return np.unpackbits(bits, count=shape[0] * shape[1]).astype(bool).reshape(shape)


def checksum(stored: bytes | np.ndarray) -> int:
    """CRC32C of bytes, or of an array of them."""
    return google_crc32c.value(stored)


class ChecksumStore(WrapperStore[Store]):
    """A store that notes the checksum of every object that is written to it.

    Attributes:
        checksums: CRC32C by key, of what this process wrote.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.checksums: dict[str, int] = {}

    def __reduce__(self) -> tuple[type[ChecksumStore], tuple[Store]]:
        return ChecksumStore, (self._store,)

    async def set(self, key: str, value: Buffer) -> None:
        await super().set(key, value)
        self.checksums[key] = checksum(value.as_numpy_array())

    def taken(self, keys: Iterable[str]) -> dict[str, int]:
        """The checksums of these keys, as far as something was written, which are forgotten here."""
        return {key: self.checksums.pop(key) for key in keys if key in self.checksums}


class BlindStore(ChecksumStore):
    """A `ChecksumStore` that reads metadata only, so that damaged chunks are replaced and never read."""

    def __reduce__(self) -> tuple[type[BlindStore], tuple[Store]]:
        return BlindStore, (self._store,)

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        is_document = key.rpartition("/")[2] in DOCUMENTS
        return await super().get(key, prototype or default_buffer_prototype(), byte_range) if is_document else None
