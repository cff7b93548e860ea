"""Finished outputs to their final place in a bucket, where nothing can be renamed.

Objects are copied by the server itself. The objects that make a store readable come last, so a store that is only
partly there does not open. What is to be done is noted first: a run that is killed on the way can be finished.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rangegeo.support.address import Address, read_json

REPLACED = "replaced.json"  # the object in a draft that lists the keys of the old output
AT_ONCE = 32  # requests


def upload(file: Path, address: Address) -> None:
    """Write a file of this machine to an object, which is there whole or not at all."""
    with address.clear_faults():
        address.client().put(address.key, file)


def download(address: Address, file: Path) -> None:
    """Write an object to a file of this machine."""
    with address.clear_faults(), file.open("wb") as out:
        for part in address.client().get(address.key).stream(min_chunk_size=8 * 2**20):
            out.write(bytes(part))


def move_store(draft: Address, output: Address, folder: Address) -> None:
    """Copy a finished store to its final place. The store that was there is removed, when the new one is complete.

    The old store cannot be opened from its first change on, and the new one not before its last object is there. It may
    be called again after it was interrupted, and does the rest.

    Args:
        draft: the finished store.
        output: its final place.
        folder: the claimed prefix, which keeps the note of what is to be removed.
    """
    new = [key[len(draft.key) + 1 :] for key in draft.all_keys()]
    old = read_json(folder / REPLACED)
    if old is None:
        old = [key[len(output.key) + 1 :] for key in output.all_keys()]
        (folder / REPLACED).write_text(json.dumps(old), encoding="utf-8")
    opening = sorted((key for key in new if "/" not in key), key=_opens)
    _remove(output, (key for key in old if "/" not in key))
    _in_parallel(lambda key: _copy(draft / key, output / key), (key for key in new if "/" in key))
    _remove(output, set(old) - set(new))
    for key in opening:
        _copy(draft / key, output / key)


def _opens(key: str) -> bool:
    """Whether readers look for this object first; it comes last."""
    return key in ("zarr.json", ".zgroup")


def _remove(output: Address, keys: Iterable[str]) -> None:
    output.delete([f"{output.key}/{key}" for key in keys])


def _copy(source: Address, target: Address) -> None:
    with source.clear_faults():
        source.client().copy(source.key, target.key)


def _in_parallel(call: Callable[[str], None], keys: Iterable[str]) -> None:
    with ThreadPoolExecutor(min(AT_ONCE, 4 * (os.cpu_count() or 1))) as pool:
        for _ in pool.map(call, keys):
            pass
