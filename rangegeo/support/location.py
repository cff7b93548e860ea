"""Where a cube lies: a path of this machine, or an address. `located` turns what users give into one of them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, TypeVar

from rangegeo.errors import UsageError, argument
from rangegeo.support.address import STORES, URL, Address
from rangegeo.support.faults import without_values
from rangegeo.support.paths import local_path
from rangegeo.support.repository import SCHEMES, Repository

Location: TypeAlias = Path | Address
Place = TypeVar("Place", Path, Address, Path | Address)  # either, and the result is of the same kind
# Addresses that were typed wrongly: one slash or the colon is missing, or a `Path` has lost a slash.
MISSPELLED = re.compile(rf"[a-z][a-z0-9+.-]+:/.*|({'|'.join(STORES)}|ftp|file)(:|//).*", re.IGNORECASE)
SUBDATASETS = ("NETCDF:", "HDF5:", "HDF4_SDS:", "GPKG:", "GTIFF_DIR:")  # names of what lies in a file of this machine
COPY = "copy it here first, and give the copy"  # what to do with an address of a file that is read
KNOWN = "s3://, gs://, az://, https://, icechunk:// or memory://"


def located(given: str | os.PathLike[str] | Address, options: Mapping[str, str] | None = None) -> Location:
    """A path of this machine, or the address of an object.

    Args:
        given: what a user gave; a leading ~ is the home folder.
        options: names and values for an address, as obstore takes them.
    Raises:
        UsageError: it is an address that rangegeo does not know, or it is misspelled.
    """
    if isinstance(given, Address):
        return given
    text = os.fspath(given)
    if isinstance(given, str) and is_address(text):
        kind = Repository if text.lower().startswith(SCHEMES) else Address
        return kind.of(text, options)
    check_local(given, KNOWN)
    return local_path(given)


def is_address(text: str) -> bool:
    """Whether a text is an address that rangegeo reads or writes."""
    found = URL.fullmatch(text)
    return found is not None and found[1].lower() in (*STORES, *SCHEMES)


def check_local(given: str | os.PathLike[str], known: str = "", *, remedy: str = "give a path") -> None:
    """Refuse a path that looks like an address, so that it does not become a folder of that name.

    Args:
        given: what a user gave where a path of this machine is wanted.
        known: the beginnings of addresses that may be given there; empty if none may.
        remedy: what to do if none may.
    Raises:
        UsageError: it looks like an address, and neither it nor its folder is on this machine.
    """
    text = os.fspath(given)
    found = URL.fullmatch(text)
    if not (found or MISSPELLED.fullmatch(text)) or (known and not found and text.upper().startswith(SUBDATASETS)):
        return
    path = local_path(text)
    if not (found and isinstance(given, str)) and (path.exists() or path.parent.exists()):
        return
    shown = re.sub("//[^/]*@", "//…@", without_values(text))
    if not known:
        raise UsageError(f"{shown} is an address, and only files of this machine can be used here; {remedy}")
    if isinstance(given, Path) and text.split(":")[0] in (*STORES, *SCHEMES):
        raise UsageError(f"{shown} has lost a slash, for it is a Path; give the address as text")
    raise UsageError(f"{shown} is no address that rangegeo knows; expected {known}, or a path of this machine")


def checked_options(options: Mapping[str, object] | None) -> dict[str, str]:
    """Options of addresses as texts.

    Raises:
        UsageError: they are no dictionary of texts, numbers and booleans.
    """
    if options is None:
        return {}
    good = (str, int, float, bool)
    if not isinstance(options, Mapping) or not all(
        isinstance(name, str) and isinstance(value, good) for name, value in options.items()
    ):
        raise UsageError(
            f"{argument('storage_options')} must be a dictionary of names and texts, got {type(options).__name__}"
        )
    return {
        name.lower(): str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.items()
    }


def write_whole(path: Location, content: str | bytes) -> None:
    """Write a file that gets its name when it is complete. Other processes may write to the same name."""
    written = content.encode("utf-8") if isinstance(content, str) else content
    if isinstance(path, Address):
        path.write_bytes(written)
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(written)
    draft.replace(path)


def listing(path: Location) -> Location:
    """The same place. In a bucket all keys below it are listed now, so that looking at each costs no request."""
    return path.listing() if isinstance(path, Address) else path


def check_bucket(place: Address) -> None:
    """Look whether the bucket of an address is there. What a server says of an object does not tell.

    Raises:
        RemoteError: there is no such bucket.
    """
    where = place.place if isinstance(place, Repository) else place
    if isinstance(where, Address) and not where.read_only:
        next(replace(where, listed=None).all_keys(), None)


def remove_tree(path: Location) -> None:
    """Remove a folder and all in it, or all objects below a prefix. It need not exist."""
    if isinstance(path, Address):
        path.delete(list(path.all_keys()))
    else:
        shutil.rmtree(path, ignore_errors=True)
