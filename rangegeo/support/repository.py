"""Repositories of Icechunk: Zarr stores that change in whole transactions only, and keep all their earlier states.

A `Repository` is an address like those of buckets, so cubes are read from it in the same way. It is written in
one step: a finished store is copied into a transaction, which is then committed. Nobody sees anything of it before.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from rangegeo.errors import OutputError, UsageError, argument
from rangegeo.support.address import URL, Address, endpoints
from rangegeo.support.faults import read_fault
from rangegeo.support.optional import import_optional
from rangegeo.support.paths import local_path

SCHEMES = ("icechunk", "icechunk+s3")
BRANCH = "main"
SNAPSHOT = "snapshot"  # the option that names an earlier state
MARK = "rangegeo_run"  # names the run in what is kept of its transaction
CAUSE = re.compile(r"^\s*[|`]->\s*(.+)$", re.MULTILINE)  # in the text of an error; the first cause is the last line
LOGS = "ICECHUNK_LOG"  # the variable by which users choose what Icechunk logs
# What obstore and Icechunk call the same option of S3.
NAMES = {
    "region": "region",
    "endpoint": "endpoint_url",
    "endpoint_url": "endpoint_url",
    "access_key_id": "access_key_id",
    "secret_access_key": "secret_access_key",
    "session_token": "session_token",
    "token": "session_token",
}
FLAGS = {"skip_signature": "anonymous", "allow_http": "allow_http"}  # the same for options that are true or false


class Repository(Address):
    """A repository, or an object or a prefix of the Zarr store in it.

    Its `root` is the repository, such as "icechunk:///data/alps" or "icechunk+s3://bucket/alps". Its `key` lies within
    the store, and is empty for the store itself. Among its `options`, "snapshot" names an earlier state.
    """

    __slots__ = ()

    @classmethod
    def of(cls, url: str, options: Mapping[str, str] | None = None) -> Repository:
        """The repository that a user typed.

        Raises:
            UsageError: it cannot be used.
        """
        scheme, rest = URL.fullmatch(url).groups()  # type: ignore[union-attr]
        scheme, given = scheme.lower(), dict(options or {})
        if scheme == "icechunk":
            other = sorted(set(given) - {SNAPSHOT})
            if other:
                raise UsageError(f"icechunk:// takes no {argument('storage_options')} {other[0]}; leave it out")
            if not rest.strip("/"):
                raise UsageError(f"{url} names no folder; an address is such as icechunk:///data/alps")
            where = str(local_path(rest).absolute())
        else:
            bucket = Address.of(f"s3://{rest}", given)
            if not bucket.key:
                raise UsageError(f"{url} is a whole bucket; give a prefix too, such as {scheme}://bucket/alps")
            where = f"{bucket.root.removeprefix('s3://')}/{bucket.key}"
        return cls(f"{scheme}://{where}", "", tuple(sorted(given.items())))

    # ------------------------------------------------------------------------------------------- names

    def __str__(self) -> str:
        return f"{self.root}/{self.key}" if self.key else self.root

    def __reduce__(self) -> tuple[type[Address], tuple[object, ...]]:
        return Repository, (self.root, self.key, self.options, self.listed)

    @property
    def place(self) -> Path | Address:
        """Where the repository lies: a folder of this machine, or a prefix in a bucket."""
        where = self.root.partition("://")[2]
        if self.scheme == "icechunk":
            return Path(where)
        return Address.of(f"s3://{where}", {name: value for name, value in self.options if name != SNAPSHOT})

    @property
    def name(self) -> str:
        return self._path.name if self.key else self.place.name

    @property
    def stem(self) -> str:
        return self._path.stem if self.key else self.place.stem

    @property
    def suffix(self) -> str:
        """Of the store itself that of Zarr, whatever the repository is called."""
        return self._path.suffix if self.key else ".zarr"

    @property
    def is_writable(self) -> bool:
        return True

    def with_name(self, name: str) -> Any:
        """Of the store itself, a place beside the repository."""
        return self.parent / name if self.key else self.place.with_name(name)

    # ------------------------------------------------------------------------------------------- looking

    def is_repository(self) -> bool:
        """Whether there is a repository, which may show nothing yet."""
        place = self.place
        if isinstance(place, Path) and not place.is_dir():  # Icechunk would make it
            return False
        with self.clear_faults():
            return _icechunk().Repository.exists(_storage(self.root, self._access))

    def snapshot(self) -> str | None:
        """The name of the state that is read, by default the latest one; None if there is no repository."""
        given = dict(self.options).get(SNAPSHOT)
        if given is not None or not self.is_repository():
            return given
        with self.clear_faults():
            return _opened(self.root, self._access).lookup_branch(BRANCH)

    tag = snapshot

    def pinned(self) -> Repository:
        """The same as it is now, whatever is committed later.

        Raises:
            FileNotFoundError: there is no repository.
        """
        found = self.snapshot()
        if found is None:
            raise FileNotFoundError(str(self))
        return replace(self, options=tuple(sorted({**dict(self.options), SNAPSHOT: found}.items())))

    def store(self) -> Any:
        """The store of zarr with this state; None if there is no repository.

        Raises:
            RemoteError: there is no such state, or the bucket cannot be used.
        """
        found = self.snapshot()
        if found is None or not self.is_repository():
            return None
        with self.clear_faults():
            repository = _opened(self.root, self._access)
            try:
                return repository.readonly_session(snapshot_id=found).store
            except _icechunk().IcechunkError as error:
                if "snapshot" not in str(error):
                    raise
                given = argument("storage_options", {SNAPSHOT: found})
                raise UsageError(f"{self.root} has no earlier state {found}; leave out {given}") from error

    def is_file(self) -> bool:
        if not self.key:
            return False
        return self.key in self.listed if self.listed is not None else self._call("exists", self.key) is True

    def exists(self) -> bool:
        """Whether there is an object, or a prefix. A repository that shows nothing yet does not count."""
        return self.is_file() or self.is_dir()

    def all_keys(self) -> Iterator[str]:
        below = f"{self.key}/" if self.key else ""
        found = self._keys(below) if self.listed is None else self.listed
        return (key for key in found if key.startswith(below))

    def iterdir(self) -> Iterator[Address]:
        below = len(f"{self.key}/" if self.key else "")
        return (self / name for name in sorted({key[below:].split("/")[0] for key in self.all_keys()}))

    def read_bytes(self) -> bytes:
        found = self._call("get", self.key, _AS_BYTES)
        if found is None:
            raise FileNotFoundError(str(self))
        return found

    def client(self) -> Any:
        raise TypeError(f"{self} is no bucket")

    @contextmanager
    def clear_faults(self) -> Iterator[None]:
        """A context in which errors of Icechunk become one line that says what to do."""
        try:
            yield
        except _icechunk().IcechunkError as error:
            place = self.place
            root = place.root if isinstance(place, Address) else self.root
            causes = CAUSE.findall(str(error)) or [str(error)]
            raise read_fault(" ".join(reversed(causes)), root, "s3") from error

    # ------------------------------------------------------------------------------------------- writing

    def last_run(self) -> str | None:
        """The mark of the run that committed the latest state; None if that was another program."""
        if not self.is_repository():
            return None
        with self.clear_faults():
            latest = next(iter(_opened(self.root, self._access).ancestry(branch=BRANCH)))
            return latest.metadata.get(MARK)

    @contextmanager
    def transaction(self, mark: str) -> Iterator[Any]:
        """A context with a store of zarr, which is committed in the end. Nobody sees it before.

        Earlier states are kept. A repository that is not there is made.

        Args:
            mark: names the run.
        Raises:
            OutputError: another program has committed meanwhile. Nothing of the store is visible then.
        """
        with self.clear_faults():
            if not self.is_repository():
                _icechunk().Repository.create(_storage(self.root, self._access))
            session = _opened(self.root, self._access).writable_session(BRANCH)
            yield session.store
            try:
                session.commit("written by rangegeo", metadata={MARK: mark})
            except _icechunk().ConflictError as error:
                raise OutputError(
                    f"another program has committed to {self} meanwhile, and nothing of this run is visible in it"
                ) from error

    @property
    def _access(self) -> tuple[tuple[str, str], ...]:
        """The options without the name of a state."""
        return tuple(pair for pair in self.options if pair[0] != SNAPSHOT)

    def _call(self, method: str, *given: object) -> Any:
        """What a method of the store of zarr gives; None if there is no repository, or no such key in format 3."""
        store = self.store()
        if store is None:
            return None

        async def call() -> Any:
            try:
                return await getattr(store, method)(*given)
            except KeyError:
                return None

        with self.clear_faults():
            return _waited_for(call())

    def _keys(self, prefix: str) -> list[str]:
        """All keys that begin with a prefix."""
        store = self.store()

        async def collect() -> list[str]:
            return [] if store is None else [key async for key in store.list_prefix(prefix)]

        with self.clear_faults():
            return _waited_for(collect())


class _AsBytes:
    """Tells a store of zarr to give the content of objects as bytes."""

    def __init__(self) -> None:
        self.buffer, self.from_bytes = self, bytes


_AS_BYTES = _AsBytes()


def _waited_for(call: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns. It runs in another thread, because this one may have a loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, call).result()


def _icechunk() -> ModuleType:
    """The package. What it logs by itself are errors only, unless users have chosen otherwise.

    Raises:
        MissingPackage: it is not installed.
    """
    package = import_optional("icechunk", "icechunk://")
    if LOGS not in os.environ:
        package.set_logs_filter("error")
    return package


@lru_cache(maxsize=64)
def _opened(root: str, access: tuple[tuple[str, str], ...]) -> Any:
    """A repository that exists."""
    return _icechunk().Repository.open(_storage(root, access))


def _storage(root: str, access: tuple[tuple[str, str], ...]) -> Any:
    """Where Icechunk keeps a repository.

    Raises:
        UsageError: there is an option that it does not have.
    """
    scheme, _, where = root.partition("://")
    if scheme == "icechunk":
        return _icechunk().local_filesystem_storage(where)
    bucket, _, prefix = where.partition("/")
    given: dict[str, Any] = {}
    for name, value in access:
        short = name.removeprefix("aws_")
        if short not in NAMES and short not in FLAGS:
            expected = ", ".join([*NAMES, *FLAGS, SNAPSHOT])
            raise UsageError(f"{argument('storage_options')} {name} is not for icechunk+s3://; expected {expected}")
        given[NAMES.get(short) or FLAGS[short]] = value == "true" if short in FLAGS else value
    server = next(iter(endpoints(dict(access))), None)
    if server is not None:  # servers other than Amazon's name buckets in the path
        given |= {"endpoint_url": server, "force_path_style": True}
        given.setdefault("allow_http", server.startswith("http://"))
    return _icechunk().s3_storage(bucket=bucket, prefix=prefix, **given)
