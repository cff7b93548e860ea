"""Arrays of drafts: how blocks of a cube are stored in a Zarr array, with a checksum for each stored object."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Protocol

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import BloscCodec

from rangegeo.grid.windows import cut
from rangegeo.grid.zarr_store import store_of
from rangegeo.schema.cube import NAME
from rangegeo.stores.blocks import BlockWriter, Written, is_empty
from rangegeo.stores.chunks import Chunks
from rangegeo.stores.drafts import Draft
from rangegeo.stores.journal import BlindStore, ChecksumStore, Entry, objects_are_sound, packed
from rangegeo.stores.quantise import Storage
from rangegeo.support.location import Location, listing


class Taking(Protocol):
    """Takes blocks over from another store, see `rangegeo.stores.carried.Carried`."""

    def take(self, draft: Draft, array: zarr.Array) -> Mapping[tuple[int, int], Entry]:
        """Put the blocks into the array of a draft; returns their entries."""


CHUNK_BYTES = 4 * 2**20  # the largest stored chunk, which holds one beta and as many bands as fit


def block_writing(
    cube: xr.DataArray,
    array: zarr.Array,
    storage: Storage,
    draft: Draft,
    carried: Taking | None = None,
) -> Written:
    """How the blocks of a cube are written to an array of a draft, but for those that an earlier run wrote.

    Args:
        cube: (beta, band, y, x).
        array: whose chunks no two blocks share, in a `ChecksumStore`.
        carried: takes blocks over from another store first.
    """
    journal, root = draft.journal(), listing(draft.store) if draft.continued else draft.store
    taken = {} if carried is None else dict(carried.take(draft, array))

    def is_sound(top: int, left: int, entry: Entry) -> bool:
        return (top, left) not in taken and objects_are_sound(root, entry)

    done = taken | (journal.done(is_sound) if draft.continued else {})
    write, itemsize = block_writer(array, storage), array.dtype.itemsize
    return Written(cube=cube, write=write, journal=journal, done=done, itemsize=itemsize)


def draft_array(cube: xr.DataArray, draft: Draft, storage: Storage) -> zarr.Array:
    """The array of a draft that is no store yet, such as that of GeoTIFFs; made if an earlier run has not made it.

    Args:
        cube: (beta, band, y, x), in even chunks.
    """
    if not draft.continued:
        zarr.create_array(
            store_of(draft.store, read_only=False),
            name=NAME,
            shape=cube.shape,
            chunks=stored_chunks(cube, storage.dtype),
            dtype=storage.dtype,
            fill_value=np.dtype(storage.dtype).type(storage.nodata),
            compressors=BloscCodec(cname="lz4", clevel=1, shuffle="shuffle"),
        )
    return array_to_write(draft.store)


def block_writer(array: zarr.Array, storage: Storage) -> BlockWriter:
    """A function that writes blocks of a cube to its array."""
    store, whole = array.store_path.store, Chunks.of(array)
    assert isinstance(store, ChecksumStore)

    def write(block: np.ndarray, top: int, left: int) -> Entry:
        if is_empty(block):  # chunks that are not stored are read as NaN
            return Entry()
        _, _, height, width = block.shape
        stored, loss = storage.encode(block)
        keys = block_keys(array, top, left)
        checksums: dict[str, int] = {}
        # chunk by chunk: of several at once zarr makes copies first
        for key, (betas, bands) in zip(keys, product(*map(cut, stored.shape, _sides(array)[:2])), strict=True):
            values = stored[betas, bands]
            known = None if whole is None else whole.write(key, values)
            if known is None:
                array[betas, bands, top : top + height, left : left + width] = values
            else:
                checksums[key] = known
        valid = packed(~np.isnan(block[0, 0]))
        return Entry(loss=loss, checksums=checksums | store.taken(keys), valid=valid)

    return write


def block_sides(array: zarr.Array) -> tuple[int, int]:
    """The rows and the columns of the blocks whose objects no other block shares."""
    *_, rows, cols = _sides(array)
    return rows, cols


def _sides(array: zarr.Array) -> tuple[int, ...]:
    """The shape of what is stored as one object."""
    return array.shards or array.chunks


def block_keys(array: zarr.Array, top: int, left: int) -> list[str]:
    """The keys of the objects that hold the block of pixels whose first row and column are `top` and `left`."""
    betas, bands, rows, cols = _sides(array)
    grid = product(range(-(-array.shape[0] // betas)), range(-(-array.shape[1] // bands)))
    return [
        f"{array.path}/{array.metadata.encode_chunk_key((*at, top // rows, left // cols))}".lstrip("/") for at in grid
    ]


def array_to_write(root: Location, *, anew: bool = False) -> zarr.Array:
    """An array that notes the checksums of what is written to it.

    Every chunk is stored. zarr would compare each with the fill value first, which takes as long as half of the
    compression; `block_writer` leaves out blocks without data.

    Args:
        root: its group.
        anew: whether its chunks are written as if there were none yet, because what is there may be damaged.
    """
    kind = BlindStore if anew else ChecksumStore
    with zarr.config.set({"array.write_empty_chunks": True}):
        array = zarr.open_group(kind(store_of(root, read_only=False)), mode="r+", use_consolidated=False)[NAME]
    assert isinstance(array, zarr.Array)
    return array


def evenly_chunked(cube: xr.DataArray) -> xr.DataArray:
    """The cube in blocks of one size along y and x, of which only the last ones may be smaller.

    Two blocks must never share a stored chunk, because they are written at the same time.
    """
    if cube.chunks is None:
        return cube
    sides = dict(cube.sizes) | {axis: max(cube.chunksizes[axis]) for axis in ("y", "x")}
    even = all(set(cube.chunksizes[axis][:-1]) <= {side} for axis, side in sides.items())
    return cube if even else cube.chunk(sides)


def stored_chunks(cube: xr.DataArray, dtype: str) -> tuple[int, int, int, int]:
    """The shape of a stored chunk: one beta, the bands that fit, and the rows and columns of a block of the cube."""
    rows, cols = (sizes[0] for sizes in cube.chunks[2:]) if cube.chunks else (cube.sizes["y"], cube.sizes["x"])
    bands = max(1, CHUNK_BYTES // (rows * cols * np.dtype(dtype).itemsize))
    return 1, min(bands, cube.sizes["band"]), rows, cols
