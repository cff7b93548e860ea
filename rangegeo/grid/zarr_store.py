"""Zarr stores of strangers: what their metadata say is checked before any of their chunks is decoded.

A codec turns bytes of a store into values, so it is a program that the store chooses. `pickle` runs any code. So only
codecs that are known to do nothing but to decode are let through, and only chunks and labels that fit into memory.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import zarr
from zarr.abc.store import Store
from zarr.storage import LocalStore

from rangegeo.errors import CubeError
from rangegeo.grid.bucket import BucketStore
from rangegeo.grid.claimed import LONGEST_AXIS, check_claim
from rangegeo.grid.store_damage import PARTS, damage, mending
from rangegeo.grid.texts import check_texts
from rangegeo.support.address import Address
from rangegeo.support.damaged import reading
from rangegeo.support.location import Location
from rangegeo.support.text import human_bytes

# Names of codecs: those of Zarr 3, and those of numcodecs, which Zarr 2 uses and Zarr 3 calls "numcodecs.NAME".
CODECS = (
    {"bytes", "transpose", "sharding_indexed", "blosc", "zstd", "gzip", "crc32c", "vlen-utf8", "vlen-bytes"}
    | {"zlib", "lz4", "shuffle", "delta", "bitround", "quantize", "fixedscaleoffset", "packbits", "astype"}
    | {"crc32", "adler32", "fletcher32", "jenkins_lookup3", "zfpy", "pcodec"}
)
LARGEST_CHUNK = 2**31  # bytes; no codec of Blosc holds more
LARGEST_ARRAY = (
    8 * LONGEST_AXIS
)  # bytes of an array beside the cube, such as the labels of an axis; they are read whole
DEEPEST = 16  # codecs within codecs, and groups within groups
LOST = re.compile(r"Object at (\S+) is not recognized")  # zarr's warning of a folder without metadata
EXPECTED = "expected a cube that rangegeo raster wrote"


def checked_group(
    store: Store, name: str, expected: str = EXPECTED, *, is_cube: bool = True, is_verified: bool = False
) -> zarr.Group:
    """The group of a store, if all its arrays can be read without harm.

    Args:
        store: a store of zarr. Only its metadata are read.
        name: what it is called in messages.
        expected: what messages say was expected.
        is_cube: whether a cube is wanted. Then no array may be larger than a cube can be.
        is_verified: whether it is just being verified, so that no message says to do that.
    Raises:
        CubeError: its metadata are damaged, or an array has a codec that is not known to be harmless, or chunks or
            labels that would fill the memory.
    """
    with readable(name, expected, store, is_verified=is_verified), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        group = zarr.open_group(store, mode="r", use_consolidated=consolidated(store))
        for path, node in group.members(max_depth=DEEPEST):
            if isinstance(node, zarr.Array):
                called = f"the array {path!r} of {name}"
                check_array(node, called)
                if node.ndim < 2:
                    check_texts(node, called)
                if is_cube and node.ndim > 2:
                    check_claim(called, node.shape, node.chunks, node.dtype.itemsize)
    lost = {found[1] for warning in said if (found := LOST.match(str(warning.message)))} & set(PARTS)
    if lost:
        remedy = mending(store, name, is_verified=is_verified)
        raise CubeError(f"the array {min(lost)!r} of {name} has lost its metadata; {remedy}")
    return group


def arrays_of(group: zarr.Group) -> dict[str, zarr.Array]:
    """The arrays right in a group, by their names; zarr's warnings of other files in it are not shown."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", LOST.pattern)
        return dict(group.arrays())


def store_of(place: Location, *, read_only: bool = True) -> Store:
    """The Zarr store at a path, or at an address.

    Nothing but a store is given to zarr, which takes names with "::" or "://" for addresses.
    """
    if isinstance(place, Address):
        return BucketStore(place, read_only=read_only)
    return LocalStore(place.absolute(), read_only=read_only)


def consolidated(store: Store) -> bool | None:
    """Whether the copy of all metadata in one object is read; None if zarr is to look for it.

    A web server lists nothing, so it needs the copy. Elsewhere the metadata themselves count.
    """
    return False if store.supports_listing else None


@contextmanager
def readable(
    name: str, expected: str = EXPECTED, store: Store | None = None, *, is_verified: bool = False
) -> Iterator[None]:
    """A context in which a store is opened: whatever its damage makes zarr or xarray raise becomes a CubeError.

    They also warn of what they then refuse, and of types that Zarr 3 does not specify. Nobody needs to hear that.

    Args:
        name: what the store is called in messages.
        expected: what messages say was expected.
        store: where to look for what is damaged; None for messages that do not say it.
        is_verified: as in `checked_group`.
    """
    try:
        with reading(f"{name} is not a readable Zarr store", CubeError, expected), warnings.catch_warnings():
            for message in (
                "Object at",
                ".*does not have a Zarr V3 specification",
                "Numcodecs codecs",
                "Variable\\(s\\) referenced",
            ):
                warnings.filterwarnings("ignore", message)
            try:
                yield
            except zarr.errors.GroupNotFoundError as error:
                raise CubeError(f"{name} is not a readable Zarr store; {expected}") from error
    except CubeError as error:
        fault = error.__cause__  # none if the store can be opened, and is refused
        told = None if store is None or fault is None else damage(store, name, fault, is_verified=is_verified)
        if told is None:
            raise
        raise CubeError(told) from error


def check_array(array: zarr.Array, name: str) -> None:
    """Refuse an array that cannot be read without harm; `name` is what messages call it.

    Raises:
        CubeError: its codecs, its chunks or its length are refused.
    """
    unknown = sorted(set(_codecs(array.metadata.to_dict())) - CODECS)
    if unknown:
        raise CubeError(
            f"{name} has the codec {', '.join(unknown)}, which rangegeo does not run for files of others, because it "
            "may execute code; write the store again with another one, such as zstd"
        )
    size = max(1, array.dtype.itemsize)
    chunk = math.prod(array.chunks) * size
    if chunk > LARGEST_CHUNK:
        raise CubeError(
            f"{name} has chunks of {human_bytes(chunk)}, and at most {human_bytes(LARGEST_CHUNK)} can be read at once; "
            "write the store again with smaller chunks"
        )
    whole = math.prod(array.shape) * size
    if array.ndim < 2 and whole > LARGEST_ARRAY:
        raise CubeError(f"{name} has {human_bytes(whole)}, and no axis of a cube has so many; {EXPECTED}")


def _codecs(described: Mapping[str, Any], depth: int = 0) -> Iterable[str]:
    """The names of the codecs of an array, also of those within others, as its metadata describe it."""
    if depth > DEEPEST:
        yield f"{DEEPEST} codecs within each other"
        return
    parts = [described.get(key) for key in ("compressor", "filters", "codecs", "index_codecs", "serializer")]
    for part in parts:
        for codec in part if isinstance(part, list | tuple) else [part]:
            if codec is None:
                continue
            told = codec if isinstance(codec, Mapping) else _described(codec)
            yield str(told.get("id", told.get("name", "without a name"))).removeprefix("numcodecs.")
            inner = told.get("configuration")
            if isinstance(inner, Mapping):
                yield from _codecs(inner, depth + 1)


def _described(codec: Any) -> Mapping[str, Any]:
    """A codec of zarr or of numcodecs as its metadata describe it."""
    described: Mapping[str, Any] = codec.to_dict() if hasattr(codec, "to_dict") else codec.get_config()
    return described
