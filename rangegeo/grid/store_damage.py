"""What is wrong with a Zarr store that cannot be opened, in words that name the object, and what to do about it."""

from __future__ import annotations

import json
import shlex
from typing import Any

from zarr.abc.store import Store
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from rangegeo.errors import either, first_line

PARTS = ("embedding", "x", "y", "band", "band_name", "beta", "spatial_ref")  # arrays of a cube
DOCUMENTS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")  # of a group or an array
JOURNAL = "journal"  # the group of what `rangegeo verify` compares a store with


def damage(store: Store, name: str, fault: BaseException, *, is_verified: bool = False) -> str | None:
    """What to say of a store that cannot be opened; None if nothing more is known than the fault.

    Args:
        name: what the store is called in messages.
        fault: what was raised when it was opened.
        is_verified: whether it is just being verified, so that the advice is another one.
    """
    own = {key: told for key in DOCUMENTS if (told := _content(store, key)) is not None}
    if ".zarray" in own or (_as_json(own.get("zarr.json", b"")) or {}).get("node_type") == "array":
        around = name.rpartition("/")[0] or "the folder around it"
        return f"{name} is a single array, and a cube holds several; give the cube that it belongs to: {around}"
    keys = (f"{part}/{document}" for part in PARTS for document in DOCUMENTS)
    stored = own | {key: told for key in keys if (told := _content(store, key)) is not None}
    broken = next((key for key, told in stored.items() if _as_json(told) is None), None)
    remedy = mending(store, name, is_verified=is_verified)
    if broken is not None:
        return f"{name} is damaged: {broken} holds no metadata; {remedy}"
    if not keeps_journal(store):
        return None
    if not {"zarr.json", ".zgroup"} & own.keys():
        return f"{name} is damaged: its metadata, zarr.json or .zgroup, are not there; {remedy}"
    return f"{name} is damaged ({first_line(fault).rstrip('.;')}); {remedy}"


def mending(store: Store, name: str, *, is_verified: bool = False) -> str:
    """What to do about a store that is damaged; `is_verified` as in `damage`."""
    if is_verified or not keeps_journal(store):
        return "make the store again"
    return either(f"run rangegeo verify {shlex.quote(name)} --repair", f'run rangegeo.verify("{name}", repair=True)')


def keeps_journal(store: Store) -> bool:
    """Whether a store has a journal, which may be damaged too."""
    return any(_content(store, f"{JOURNAL}/{document}") is not None for document in DOCUMENTS)


def _content(store: Store, key: str) -> bytes | None:
    """The bytes of an object; None if there is none."""
    found = sync(store.get(key, default_buffer_prototype()))
    return None if found is None else found.to_bytes()


def _as_json(content: bytes) -> dict[str, Any] | None:
    """The document that bytes hold; None if they hold none."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
