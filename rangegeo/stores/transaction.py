"""A finished store into a repository of Icechunk, in one transaction."""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import PurePosixPath
from typing import Any

from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from rangegeo.support.address import Address
from rangegeo.support.location import Location
from rangegeo.support.repository import Repository
from rangegeo.support.unfinished import TRANSACTION

AT_ONCE = 16  # objects that are copied at the same time
STORED = re.compile(r"(.*/)?(zarr\.json|c(/\d+)*)")  # the keys of a store of format 3


def commit_store(finished: Location, repository: Repository, folder: Location) -> None:
    """Let a repository show a finished store, and nothing else. Earlier states are kept.

    Args:
        finished: a Zarr store of format 3, in `folder`.
        folder: claimed for the repository. The name of the transaction is noted there, so that a run that is killed
            after it is known to have ended.
    Raises:
        OutputError: another program has committed meanwhile. Nothing of the store is visible then.
    """
    mark = uuid.uuid4().hex
    (folder / TRANSACTION).write_text(mark, encoding="utf-8")
    with repository.transaction(mark) as store:
        sync(_copy(finished, store))


async def _copy(finished: Location, store: Any) -> None:
    """Put all objects of a store in the place of what is in a transaction, metadata first."""
    buffer, room = default_buffer_prototype().buffer, asyncio.Semaphore(AT_ONCE)

    async def put(key: str) -> None:
        async with room:
            await store.set(key, buffer.from_bytes(await asyncio.to_thread((finished / key).read_bytes)))

    keys = [key for key in _keys_of(finished) if STORED.fullmatch(key)]  # a killed run may have left parts of files
    documents = sorted((key for key in keys if key.endswith("zarr.json")), key=lambda key: key.count("/"))
    await store.clear()
    for key in documents:  # a group before what is in it, and an array before its chunks
        await put(key)
    await asyncio.gather(*(put(key) for key in sorted(set(keys) - set(documents))))


def _keys_of(finished: Location) -> list[str]:
    """The keys of a store, wherever it lies."""
    if isinstance(finished, Address):
        return [key[len(finished.key) + 1 :] for key in finished.all_keys()]
    return [str(PurePosixPath(file.relative_to(finished))) for file in finished.rglob("*") if file.is_file()]
