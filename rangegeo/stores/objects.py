"""The objects of a Zarr store, wherever it lies: read, written and listed by their keys."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import zarr
from zarr.abc.store import Store
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from rangegeo.grid.zarr_store import consolidated, store_of
from rangegeo.support.address import Address
from rangegeo.support.location import Location


def store_at(place: Location, *, read_only: bool = True) -> Path | Store:
    """The same in the form that xarray opens: of a folder its path, which datasets then name as their source."""
    if isinstance(place, Address) or "::" in str(place.absolute()):
        return store_of(place, read_only=read_only)
    return place


def open_group(place: Location, *, mode: Literal["r", "r+"] = "r") -> zarr.Group:
    """The group of a Zarr store that rangegeo wrote, or just writes."""
    store = store_of(place, read_only=mode == "r")
    return zarr.open_group(store, mode=mode, use_consolidated=consolidated(store))


def read_object(store: Store, key: str) -> bytes | None:
    """The bytes of an object; None if there is none."""
    found = sync(store.get(key, default_buffer_prototype()))
    return None if found is None else found.to_bytes()


def write_object(store: Store, key: str, stored: bytes) -> None:
    """Write an object in one step: a reader finds the old bytes or the new ones."""
    sync(store.set(key, default_buffer_prototype().buffer.from_bytes(stored)))


def delete_object(store: Store, key: str) -> None:
    """Delete an object, if it is there."""
    sync(store.delete(key))


def keys_below(store: Store, prefix: str) -> list[str]:
    """The keys of all objects below a prefix, in order."""

    async def collect() -> list[str]:
        return sorted([key async for key in store.list_prefix(prefix)])

    return sync(collect())
