"""Checks a Zarr store against the journal that it keeps, or, without one, whether it can be read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import Store
from zarr.storage import MemoryStore

from rangegeo.errors import CubeError
from rangegeo.grid.windows import Window, cut
from rangegeo.grid.zarr_store import checked_group, store_of
from rangegeo.schema.cube import NAME
from rangegeo.stores.arrays import block_keys, block_sides
from rangegeo.stores.checked import CORRUPT, MISSING, OF_OTHERS, Checked, Level, size_of
from rangegeo.stores.journal import DOCUMENTS, Entry, checksum
from rangegeo.stores.kept import KeptJournal, read_journal
from rangegeo.stores.objects import read_object, write_object
from rangegeo.stores.zarr import COMPLETE
from rangegeo.support.location import Location

OF_OTHER_VALUES = ("shape", "coordinates")  # what other programs change in metadata when they write other values
SHOWN = 3  # names of changed attributes in a message
NO_JOURNAL = (
    "it has no journal, because an earlier version or another program wrote it, or because the journal was deleted: "
    "only whether its chunks can be read was checked, and whether pixels have the values of the model"
)
DAMAGED_JOURNAL = "its journal is damaged, so that nothing can be compared with checksums"


def check_zarr(path: Location) -> Checked:
    """Look at every stored object of a cube.

    Raises:
        CubeError: it is no cube.
    """
    store = store_of(path)
    notes: list[str] = []
    changed: list[str] = []
    journal = None
    try:
        journal = read_journal(store)
        if journal is None:
            notes.append(NO_JOURNAL)
    except CubeError:
        changed.append(DAMAGED_JOURNAL)
    if journal is not None and (changed := list(_changed(store, journal))):
        levels = _unreadable(path, store, journal)
        return Checked(levels=levels, changed=changed, journal=journal, has_checksums=True, is_readable=False)
    group = checked_group(store, str(path), is_verified=True)
    try:
        arrays = [_array(store, name) for name in level_names(store, journal)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CubeError(f"{path} is not a readable Zarr store; expected a cube that rangegeo raster wrote") from error
    if not group.attrs.get(COMPLETE, True):
        changed.append("it says of itself that it is unfinished")
    names = level_names(store, journal)
    levels = [_level(store, number, array, names[number], journal) for number, array in enumerate(arrays)]
    is_own = journal is None or not _is_of_others(levels[0])
    if not is_own:
        changed.append(OF_OTHERS)
        for level in levels:
            level.faults.clear()
    has_checksums = journal is not None
    return Checked(
        levels=levels, changed=changed, notes=notes, journal=journal, has_checksums=has_checksums, is_own=is_own
    )


def _is_of_others(level: Level) -> bool:
    """Whether every block of several holds other values, which can be read: so much damage is none."""
    filled = [block for block in range(len(level.windows)) if _holds_any(level.has_data(block))]
    if len(filled) < 2 or any(level.faults.get(block) != CORRUPT for block in filled):
        return False
    return not any(_reading_fails(level.read, level.windows[block]) for block in filled)


def _holds_any(has_data: np.ndarray | None) -> bool:
    return has_data is not None and bool(has_data.any())


def put_back(path: Location) -> list[str]:
    """Write the metadata and the coordinates of a store again that are not as its journal knows them.

    Returns:
        Their keys.
    Raises:
        CubeError: another program has changed what the store holds. Nothing was changed.
    """
    store = store_of(path, read_only=False)
    try:
        journal = read_journal(store)
    except CubeError:
        return []
    lost = (
        {}
        if journal is None
        else {key: known for key, known in journal.objects.items() if _is_changed(store, key, known)}
    )
    for key, known in lost.items():
        if names := set(OF_OTHER_VALUES) & set(_changed_names(store, key, known)):
            told = f"{path} was changed by another program ({key}: {', '.join(sorted(names))}) and was left as it is"
            raise CubeError(f"{told}, because a repair would throw away what that wrote; make the cube again elsewhere")
    for key, known in lost.items():
        write_object(store, key, known)
    return list(lost)


def lost_objects(store: Store, journal: KeptJournal) -> list[str]:
    """The keys of metadata and coordinates that are missing or damaged, and not only changed by another program."""
    return [
        key
        for key, known in journal.objects.items()
        if _is_changed(store, key, known) and not _changed_names(store, key, known)
    ]


def level_names(store: Store, journal: KeptJournal | None) -> list[str]:
    """The paths of the groups of a store, the cube itself first."""
    if journal is not None:
        return list(journal.levels)
    attrs = zarr.open_group(store, mode="r", use_consolidated=False).attrs
    layout: list[Mapping[str, Any]] = attrs.get("multiscales", {}).get("layout", [])  # type: ignore[union-attr,assignment]
    return ["", *(str(level["asset"]) for level in layout[1:])]


def _array(store: Store, name: str) -> zarr.Array:
    """The array of a level."""
    array = zarr.open_group(store, path=name, mode="r", use_consolidated=False)[NAME]
    if not isinstance(array, zarr.Array) or array.ndim < 3:
        raise KeyError(NAME)
    return array


def _level(store: Store, number: int, array: zarr.Array, name: str, journal: KeptJournal | None) -> Level:
    """A level whose array can be opened."""
    rows, cols = (cut(length, side) for length, side in zip(array.shape[-2:], block_sides(array), strict=True))
    windows: list[Window] = list(product(rows, cols))
    read = partial(_read, array)
    if journal is None:
        faults = _in_threads(lambda window: _reading_fails(read, window), windows)
        return Level(number=number, windows=windows, faults=faults, read=read, has_data=lambda block: None)
    entries = journal.levels[name]

    def fault(window: Window) -> str | None:
        at = window[0].start, window[1].start
        if array.ndim != 4:
            return CORRUPT
        keys = [key.removeprefix(f"{name}/") for key in block_keys(array, *at)]
        return _fault(store, name, entries.get(at), keys)

    def has_data(block: int) -> np.ndarray | None:
        rows, cols = windows[block]
        entry = entries.get((rows.start, cols.start))
        return None if entry is None else entry.has_data(size_of(windows[block]))

    return Level(number=number, windows=windows, faults=_in_threads(fault, windows), read=read, has_data=has_data)


def _read(array: zarr.Array, window: Window) -> np.ndarray:
    """The stored values of a window, (layers, bands, h, w)."""
    part = np.asarray(array[..., window[0], window[1]])
    return part if part.ndim == 4 else part[None]


def _reading_fails(read: Any, window: Window) -> str | None:
    try:
        read(window)
    except Exception:  # damaged bytes raise whatever the decompressor raises
        return CORRUPT
    return None


def _fault(store: Store, name: str, entry: Entry | None, keys: list[str]) -> str | None:
    """What is wrong with the objects of a block; None if nothing is.

    Args:
        keys: of all objects that the block can have, below the group of its level.
    """
    if entry is None:
        return MISSING
    worst = None
    for key in {*keys, *entry.checksums}:
        stored, known = read_object(store, f"{name}/{key}".lstrip("/")), entry.checksums.get(key)
        if stored is None and known is not None:
            return MISSING
        if stored is not None and checksum(stored) != known:
            worst = CORRUPT
    return worst


def _unreadable(path: Location, store: Store, journal: KeptJournal) -> list[Level]:
    """The levels of a store whose metadata are damaged: its objects are compared with the journal all the same.

    The journal holds copies of the metadata, which say where the blocks lie.
    """
    copies = MemoryStore()
    for key, known in journal.objects.items():
        write_object(copies, key, known)
    checked_group(copies, f"what the journal of {path} knows", is_verified=True)
    levels = [_level(store, number, _array(copies, name), name, journal) for number, name in enumerate(journal.levels)]
    return [replace(level, read=_no_values, has_data=lambda block: None) for level in levels]


def _no_values(window: Window) -> np.ndarray:
    raise CubeError("the metadata of this store are damaged")


def _in_threads(fault: Any, windows: list[Window]) -> dict[int, str]:
    """The faults of blocks, by their numbers."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return {number: found for number, found in enumerate(pool.map(fault, windows)) if found}


def _changed(store: Store, journal: KeptJournal) -> Iterator[str]:
    """What of the metadata and of the coordinates is not as it was written, one text each."""
    for key, known in journal.objects.items():
        if not _is_changed(store, key, known):
            continue
        names = _changed_names(store, key, known)
        named = f": {', '.join(names[:SHOWN])}{' …' if len(names) > SHOWN else ''}" if names else ""
        yield f"{key} is {'missing' if read_object(store, key) is None else 'changed'}{named}"


def _is_changed(store: Store, key: str, known: bytes) -> bool:
    """Whether an object is not as it was written. Of metadata, what others have added does not count."""
    stored = read_object(store, key)
    if stored is None or stored == known:
        return stored is None
    return _document(key, stored) is None or bool(_changed_names(store, key, known))


def _changed_names(store: Store, key: str, known: bytes) -> list[str]:
    """The names in a metadata document that are not as they were written; none if it is none, or cannot be read."""
    now, before = _document(key, read_object(store, key)), _document(key, known)
    return [] if now is None or before is None else list(_differing(before, now))


def _document(key: str, stored: bytes | None) -> dict[str, Any] | None:
    """A metadata document; None for other objects, and if it is missing or damaged."""
    if stored is None or key.rpartition("/")[2] not in DOCUMENTS:
        return None
    try:
        told = json.loads(stored)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _differing(known: Any, now: Any, name: str = "") -> Iterator[str]:
    """The names of what a document held and no longer holds."""
    if isinstance(known, dict) and isinstance(now, dict):
        for key, value in known.items():
            if key in now:
                yield from _differing(value, now[key], key)
            elif key != "consolidated_metadata":  # which zarr drops when a user adds an attribute
                yield key
    elif known != now and not (known != known and now != now):
        yield name
