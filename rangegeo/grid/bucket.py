"""A prefix of a bucket, or a repository of Icechunk, as a Zarr store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import ObjectStore

from rangegeo.support.address import Address
from rangegeo.support.repository import SNAPSHOT, Repository

HELD_BYTES = 64_000_000  # of whole objects of a web server that gives no parts of them


class BucketStore(Store):
    """All objects below a prefix of a bucket, as a Zarr store.

    It travels to other processes as its address, and errors of the server become one line. A repository of Icechunk is
    only read, and stays as it was when it was opened. Of a web server that gives no parts of objects, whole objects are
    read, and some are held.

    Attributes:
        address: the prefix.
    """

    def __init__(self, address: Address, *, read_only: bool = False) -> None:
        super().__init__(read_only=read_only or address.read_only)
        self._store: Store
        if isinstance(address, Repository):
            address = address.pinned()
            self._store = address.store()
        else:
            self._store = ObjectStore(address.client(), read_only=self.read_only)
        self.address = address
        self._whole: OrderedDict[str, Buffer] | None = None  # objects that are held; None if the server gives parts
        self._is_open = True

    def __reduce__(self) -> tuple[Callable[..., BucketStore], tuple[Address, bool]]:
        return _bucket_store, (self.address, self.read_only)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BucketStore) and (self.address, self.read_only) == (other.address, other.read_only)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return str(self.address)

    def __repr__(self) -> str:
        return f"BucketStore({str(self.address)!r})"

    def __dask_tokenize__(self) -> tuple[str, str, str | None]:
        return "rangegeo.BucketStore", str(self.address), dict(self.address.options).get(SNAPSHOT)

    def with_read_only(self, read_only: bool = False) -> BucketStore:
        return BucketStore(self.address, read_only=read_only)

    def _key(self, key: str) -> str:
        return str((self.address / key).key) if key else self.address.key

    @property
    def supports_writes(self) -> bool:
        return not self.read_only

    @property
    def supports_deletes(self) -> bool:
        return not self.read_only

    @property
    def supports_listing(self) -> bool:
        return not self.address.read_only  # a web server lists nothing

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        with self.address.clear_faults():
            if byte_range is None or self._whole is None:
                try:
                    return await self._store.get(self._key(key), prototype, byte_range)
                except Exception as error:
                    if byte_range is None or not _gives_no_parts(error):
                        raise
            return await self._part_of_whole(self._key(key), prototype, byte_range)

    async def _part_of_whole(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest) -> Buffer | None:
        """A part of an object, from the whole object."""
        if self._whole is None:
            self._whole = OrderedDict()
        found = self._whole.pop(key, None)
        if found is None:
            found = await self._store.get(key, prototype)
        if found is None:
            return None
        self._whole[key] = found
        while len(self._whole) > 1 and sum(map(len, self._whole.values())) > HELD_BYTES:
            self._whole.popitem(last=False)
        return found[_slice(byte_range, len(found))]

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        return [await self.get(key, prototype, part) for key, part in key_ranges]

    async def exists(self, key: str) -> bool:
        with self.address.clear_faults():
            return await self._store.exists(self._key(key))

    async def set(self, key: str, value: Buffer) -> None:
        self._check_writable()
        with self.address.clear_faults():
            await self._store.set(self._key(key), value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        if not await self.exists(key):
            await self.set(key, value)

    async def delete(self, key: str) -> None:
        self._check_writable()
        with self.address.clear_faults():
            await self._store.delete(self._key(key))

    async def list(self) -> AsyncIterator[str]:
        async for key in self.list_prefix(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        with self.address.clear_faults():
            async for key in self._store.list_prefix(self._key(prefix)):
                yield key[len(self._key("")) + bool(self._key("")) :]

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        with self.address.clear_faults():
            async for name in self._store.list_dir(self._key(prefix.rstrip("/"))):
                yield name


def _gives_no_parts(error: Exception) -> bool:
    """Whether a web server has answered with a whole object when it was asked for a part, as some may."""
    return type(error).__name__ == "NotSupportedError" and "Range request not supported" in str(error)


def _slice(part: ByteRequest, size: int) -> slice:
    """Where a part of an object of `size` bytes lies in it."""
    if isinstance(part, RangeByteRequest):
        return slice(part.start, part.end)
    if isinstance(part, OffsetByteRequest):
        return slice(part.offset, size)
    assert isinstance(part, SuffixByteRequest)
    return slice(max(0, size - part.suffix), size)


def _bucket_store(address: Address, read_only: bool) -> BucketStore:
    return BucketStore(address, read_only=read_only)
