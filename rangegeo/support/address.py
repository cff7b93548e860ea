"""Places in buckets and on web servers, with the methods of a `Path` that rangegeo uses.

An `Address` names an object, or all objects below a prefix. It holds the options that its server needs, among them
secrets: they travel with it to other processes, and no message shows them. `obstore` talks to the server.
"""

from __future__ import annotations

import fnmatch
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from rangegeo.errors import RangegeoError, UsageError, argument
from rangegeo.support.faults import clear_faults, without_values
from rangegeo.support.optional import import_optional

# The class of obstore for each way to address an object.
STORES = {
    "s3": "S3Store",
    "gs": "GCSStore",
    "az": "AzureStore",
    "https": "HTTPStore",
    "http": "HTTPStore",
    "memory": "MemoryStore",
}
READ_ONLY = ("https", "http")
BUCKETS = "s3://, gs:// or az://"
URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://(.*)", re.DOTALL)
# Options of the client, see obstore.store.ClientConfig; all others are options of a kind of store.
CLIENT = (
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "http1_only",
    "http2_only",
    "pool_idle_timeout",
    "pool_max_idle_per_host",
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
    "timeout",
    "user_agent",
)
TIMEOUTS = {"connect_timeout": "5s", "timeout": "60s"}  # unless the options say others
RETRIES, RETRY_SECONDS, LONGEST_PAUSE = 6, 60, 5  # a request is repeated so often, within so many seconds
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
_MEMORY: dict[str, Any] = {}  # the stores of memory://, by their names


class ChangedMeanwhile(Exception):
    """Another one has made or changed an object."""


@dataclass(frozen=True, slots=True)
class Address:
    """An object in a bucket, or all objects whose keys begin with a prefix and a slash.

    Attributes:
        root: the scheme and the bucket, such as "s3://bucket".
        key: the key of the object, or the prefix; without a slash at either end.
        options: names and values that the server needs.
        listed: the keys below a prefix, if they were listed once; see `listing`.
    """

    root: str
    key: str
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    listed: frozenset[str] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, url: str, options: Mapping[str, str] | None = None) -> Address:
        """The address that a user typed.

        Args:
            url: such as "s3://bucket/alps.zarr".
            options: names and values, as obstore takes them.
        Raises:
            UsageError: it cannot be used; the message shows no secrets.
        """
        scheme, rest = URL.fullmatch(url).groups()  # type: ignore[union-attr]
        scheme = scheme.lower()
        if "@" in rest.split("/")[0]:
            raise UsageError(
                f"the address {scheme}://… holds a name or a password, which would be kept in files and histories; "
                f"leave it out, and give it as {argument('storage_options')} or in the environment"
            )
        if "?" in rest or "#" in rest:
            raise UsageError(
                f"the address {without_values(url)} must end before ? or #; give what follows as "
                f"{argument('storage_options')}"
            )
        bucket, _, key = rest.partition("/")
        parts = [part for part in key.split("/") if part]
        if not bucket or ".." in parts or "." in parts:
            example = f"{scheme}://bucket/alps.zarr"
            raise UsageError(f"{url} names no bucket; an address is such as {example}")
        return cls(f"{scheme}://{bucket}", "/".join(parts), tuple(sorted((options or {}).items())))

    # ------------------------------------------------------------------------------------------- names

    def __str__(self) -> str:
        return f"{self.root}/{self.key}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[type[Address], tuple[object, ...]]:
        if self.scheme == "memory":
            raise UsageError(f"{self} is memory of this process, and workers are other ones; give a path or a bucket")
        return Address, (self.root, self.key, self.options, self.listed)

    def __deepcopy__(self, memo: object) -> Address:
        return self

    def __truediv__(self, name: str | PurePosixPath) -> Address:
        return replace(self, key=str(PurePosixPath(self.key) / name))

    @property
    def scheme(self) -> str:
        return self.root.partition("://")[0]

    @property
    def name(self) -> str:
        return self._path.name

    @property
    def stem(self) -> str:
        return self._path.stem

    @property
    def suffix(self) -> str:
        return self._path.suffix

    @property
    def parent(self) -> Address:
        return replace(self, key="" if str(self._path.parent) == "." else str(self._path.parent))

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.root, *self._path.parts)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written there."""
        return self.scheme in READ_ONLY

    @property
    def is_writable(self) -> bool:
        """Whether something can be written under this name; it may be there already."""
        return bool(self.key) and not self.read_only

    def with_name(self, name: str) -> Address:
        return self.parent / name

    def with_suffix(self, suffix: str) -> Address:
        return replace(self, key=str(self._path.with_suffix(suffix)))

    def relative_to(self, other: Address) -> PurePosixPath:
        return self._path.relative_to(other._path)

    def resolve(self) -> Address:
        """The same address: there are no links."""
        return self

    absolute = resolve

    @property
    def _path(self) -> PurePosixPath:
        return PurePosixPath(self.key)

    # ------------------------------------------------------------------------------------------- looking

    def is_file(self) -> bool:
        """Whether there is an object of this key."""
        if self.listed is not None:
            return self.key in self.listed
        try:
            with self.clear_faults():
                self.client().head(self.key)
        except FileNotFoundError:
            return False
        return True

    def tag(self) -> str | None:
        """What the server calls this version of the object; None if there is none, or if it does not say."""
        try:
            with self.clear_faults():
                return self.client().head(self.key).get("e_tag")
        except FileNotFoundError:
            return None

    def is_dir(self) -> bool:
        """Whether there are objects below this prefix. A web server does not tell; nothing is a folder there."""
        return not self.read_only and next(self.all_keys(), None) is not None

    def exists(self) -> bool:
        return bool(self.key) and (self.is_file() or self.is_dir())

    def is_symlink(self) -> bool:
        return False

    def all_keys(self) -> Iterator[str]:
        """The keys of all objects below this prefix."""
        if self.listed is not None:
            yield from (key for key in self.listed if key.startswith(f"{self.key}/"))
            return
        with self.clear_faults():
            for part in self.client().list(self.key or None):
                yield from (one["path"] for one in part)

    def listing(self) -> Address:
        """The same address, which has listed all its keys now and answers from that list about all below it."""
        return replace(self, listed=frozenset(self.all_keys()))

    def iterdir(self) -> Iterator[Address]:
        """The objects and the prefixes right below this prefix."""
        if self.listed is not None:
            below = {key[len(self.key) + 1 :].split("/")[0] for key in self.all_keys()}
            yield from (self / name for name in sorted(below))
            return
        with self.clear_faults():
            found = self.client().list_with_delimiter(self.key or None)
        for key in [*found["common_prefixes"], *(one["path"] for one in found["objects"])]:
            yield replace(self, key=key)

    def glob(self, pattern: str) -> Iterator[Address]:
        """The objects right below this prefix whose names match; * stands for any letters."""
        return (one for one in self.iterdir() if fnmatch.fnmatchcase(one.name, pattern))

    # ------------------------------------------------------------------------------------------- reading and writing

    def read_bytes(self) -> bytes:
        """Raises FileNotFoundError if there is no such object."""
        with self.clear_faults():
            return bytes(self.client().get(self.key).bytes())

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes) -> None:
        """Write an object. It is there whole, or not at all."""
        with self.clear_faults():
            self.client().put(self.key, content)

    def write_if(self, content: bytes, mode: Any) -> str:
        """Write an object on a condition; returns the tag that the server gives it.

        Args:
            mode: "create" if there must be none yet, {"e_tag": tag} if it must still have this tag, or "overwrite".
        Raises:
            ChangedMeanwhile: the condition is not met. NotImplementedError: the server knows no conditions.
        """
        with self.clear_faults():
            from obstore import exceptions

            try:
                return self.client().put(self.key, content, mode=mode)["e_tag"]
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
                raise ChangedMeanwhile(str(self)) from None
            except (exceptions.NotSupportedError, exceptions.GenericError) as error:
                if isinstance(error, exceptions.GenericError) and "501" not in str(error):
                    raise
                raise NotImplementedError(str(self)) from None

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        self.write_bytes(text.encode(encoding))

    def unlink(self, missing_ok: bool = True) -> None:
        self.delete([self.key])

    def delete(self, keys: list[str]) -> None:
        """Remove objects of this bucket; those that are gone already are no fault."""
        with self.clear_faults():
            for start in range(0, len(keys), 1000):  # as many as S3 takes at a time
                try:
                    self.client().delete(keys[start : start + 1000])
                except FileNotFoundError:  # not every server takes that lightly
                    for key in keys[start : start + 1000]:
                        _delete_one(self.client(), key)

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a prefix is there as soon as it has an object."""

    # ------------------------------------------------------------------------------------------- the server

    def client(self) -> Any:
        """The store of obstore for the whole bucket.

        Raises:
            UsageError: an option is unknown or has an impossible value. MissingPackage: obstore is not installed.
        """
        return _client(self.root, self.options)

    def clear_faults(self) -> Any:
        """A context in which errors of the server become one line that says what to do."""
        return clear_faults(self.root, self.scheme)


class Reader(io.RawIOBase):
    """The content of an object as a file, of which only what is asked for is read."""

    def __init__(self, address: Address) -> None:
        """Raises FileNotFoundError if there is no such object."""
        from obstore import open_reader

        with address.clear_faults():
            self._content = open_reader(address.client(), address.key)
        self._address = address

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()

    def read(self, size: int = -1) -> bytes:
        with self._address.clear_faults():
            return bytes(self._content.read(None if size < 0 else size))


class QuietReader(Reader):
    """The same for GDAL, which takes too few bytes for an error and cannot pass errors of Python on."""

    def read(self, size: int = -1) -> bytes:
        try:
            return super().read(size)
        except (RangegeoError, OSError):
            return b""


def _delete_one(client: Any, key: str) -> None:
    try:
        client.delete(key)
    except FileNotFoundError:
        return


@lru_cache(maxsize=64)
def _client(root: str, options: tuple[tuple[str, str], ...]) -> Any:
    """A client, made once in each process for all addresses of a bucket."""
    from datetime import timedelta

    scheme, _, name = root.partition("://")
    stores = import_optional("obstore.store", f"{scheme}://")
    if scheme == "memory":
        return _MEMORY.setdefault(name, stores.MemoryStore())
    client = dict(TIMEOUTS) | {key: value for key, value in options if key in CLIENT}
    config = {key: value for key, value in options if key not in CLIENT}
    if scheme == "http" or any(text.startswith("http://") for text in endpoints(config)):
        client.setdefault("allow_http", "true")  # it was typed as such
    more = {} if scheme in READ_ONLY else {"config": config}
    if scheme in READ_ONLY and config:
        raise UsageError(f"{root} takes no {argument('storage_options')} {next(iter(config))}; leave it out")
    pauses = {"max_backoff": timedelta(seconds=LONGEST_PAUSE), "init_backoff": timedelta(milliseconds=100), "base": 2}
    retries = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS), "backoff": pauses}
    with clear_faults(root, scheme, dict(options)):
        return getattr(stores, STORES[scheme]).from_url(root, client_options=client, retry_config=retries, **more)


def endpoints(config: Mapping[str, str]) -> list[str]:
    """The addresses of servers that the options and the environment name."""
    named = [value for key, value in config.items() if "endpoint" in key.lower()]
    return named or [os.environ[name] for name in ENDPOINTS if name in os.environ]


def read_json(path: Any) -> Any:
    """What a file or an object holds in JSON; None if there is none, or if it is damaged.

    Args:
        path: a Path or an Address.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
