"""The journal that a finished Zarr store keeps, by which `rangegeo verify` finds what was lost or changed since.

It is an array of bytes in a group of its own, `journal`, so readers of the cube do not meet it: xarray opens the arrays
of the root group, and the consolidated metadata, which GDAL reads, do not list it. The bytes are one JSON text in one
chunk, with room to spare, so that a repair replaces it in one step.

It speaks of stored bytes alone. Whoever copies the cube through xarray, or computes another from it, leaves it behind.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

import numpy as np
import zarr
from zarr.abc.store import Store

from rangegeo.errors import CubeError
from rangegeo.grid.zarr_store import arrays_of, check_array
from rangegeo.schema.cube import NAME
from rangegeo.stores.journal import DOCUMENTS, Entry, checksum
from rangegeo.stores.objects import keys_below, read_object

GROUP, ENTRIES = "journal", "entries"  # the group and its array
VERSION = 1
SAFE = re.compile(r"(?!.*(^|/)\.\.?(/|$))[\w.-]+(/[\w.-]+)*")  # keys that stay within the store
SMALLEST = 4096  # bytes of the array
Blocks: TypeAlias = Mapping[tuple[int, int], Entry]  # by first row and first column


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptJournal:
    """What is known of a finished store.

    Attributes:
        levels: the entries of the blocks of each level, by the path of its group; "" is the cube itself. The keys of
            objects begin below that group.
        objects: copies of all other objects, by their keys: metadata and coordinates.
    """

    levels: Mapping[str, Blocks]
    objects: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def keep_journal(store: Store, levels: Mapping[str, Blocks]) -> None:
    """Write the journal of a finished store, in the place of an older one, with copies of its small objects.

    Args:
        levels: as in `KeptJournal`.
    """
    objects = {key: read_object(store, key) for key in small_objects(store, levels)}
    _write(store, levels, {key: stored for key, stored in objects.items() if stored is not None})


def _write(store: Store, levels: Mapping[str, Blocks], objects: Mapping[str, bytes]) -> None:
    """Write what `KeptJournal` holds."""
    told = {
        "version": VERSION,
        "levels": {
            name: [{"top": top, "left": left, **asdict(entry)} for (top, left), entry in sorted(blocks.items())]
            for name, blocks in levels.items()
        },
        "objects": {key: b64encode(stored).decode() for key, stored in objects.items()},
    }
    body = json.dumps(told, separators=(",", ":")).encode()
    text = np.frombuffer(json.dumps({"crc32c": checksum(body), "bytes": len(body)}).encode() + b"\n" + body, np.uint8)
    array = _array_for(store, len(text))
    padded = np.zeros(array.shape, np.uint8)
    padded[: len(text)] = text
    array[:] = padded


def read_journal(store: Store) -> KeptJournal | None:
    """The journal of a store; None if it has none.

    Raises:
        CubeError: it is damaged.
    """
    if all(read_object(store, f"{GROUP}/{name}") is None for name in DOCUMENTS):
        return None
    try:
        array = zarr.open_array(store, path=f"{GROUP}/{ENTRIES}", mode="r")
        check_array(array, "its journal")
        head, _, rest = np.asarray(array[:]).tobytes().partition(b"\n")
        body = rest[: json.loads(head)["bytes"]]
        if checksum(body) != json.loads(head)["crc32c"]:
            raise ValueError
        told = json.loads(body)
        levels = {
            name: {(one.pop("top"), one.pop("left")): Entry.of(one) for one in blocks}
            for name, blocks in told["levels"].items()
        }
        _check_keys([*levels, *told["objects"]], levels)
        return KeptJournal(levels=levels, objects={key: b64decode(part) for key, part in told["objects"].items()})
    except Exception as error:  # damaged bytes raise whatever the decompressor raises
        raise CubeError("its journal is damaged") from error


def _check_keys(keys: list[str], levels: Mapping[str, Blocks]) -> None:
    """Refuse keys that lead out of the store, which a stranger may have written.

    Raises:
        ValueError: there is one.
    """
    every = [*keys, *(key for blocks in levels.values() for entry in blocks.values() for key in entry.checksums)]
    if any(key and not SAFE.fullmatch(key) for key in every):
        raise ValueError


def drop_journal(store: Store) -> None:
    """Remove the journal of a store, if it has one."""
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    if GROUP in group:
        del group[GROUP]


def small_objects(store: Store, levels: Mapping[str, Blocks]) -> list[str]:
    """The keys of all objects of a store but for the chunks of its cubes and the journal, as far as they are there."""
    keys: list[str] = []
    for name in levels:
        group = zarr.open_group(store, path=name, mode="r", use_consolidated=False)
        below = f"{name}/" if name else ""
        nodes = [below, f"{below}{NAME}/"]
        keys += [f"{node}{document}" for node in nodes for document in DOCUMENTS]
        for array in sorted(set(arrays_of(group)) - {NAME}):
            keys += keys_below(store, f"{below}{array}/")
    return [key for key in keys if read_object(store, key) is not None]


def _array_for(store: Store, nbytes: int) -> zarr.Array:
    """The array of the journal with room for so many bytes; the one that is there, if it has room."""
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    found = group.get(f"{GROUP}/{ENTRIES}")
    if isinstance(found, zarr.Array) and found.size >= nbytes:
        return found
    drop_journal(store)
    size = max(SMALLEST, 2 ** (nbytes - 1).bit_length())
    axis = (
        {"dimension_names": ["byte"]}
        if group.metadata.zarr_format == 3
        else {"attributes": {"_ARRAY_DIMENSIONS": ["byte"]}}
    )
    return group.create_group(GROUP).create_array(
        ENTRIES, shape=(size,), chunks=(size,), dtype="uint8", fill_value=0, **axis
    )
