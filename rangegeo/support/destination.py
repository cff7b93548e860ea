"""Checks of an output path, made before any work starts."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from rangegeo.errors import OutputError, UsageError, argument, either
from rangegeo.support.address import BUCKETS, Address
from rangegeo.support.disk import free_bytes
from rangegeo.support.location import Location, check_local
from rangegeo.support.paths import check_name
from rangegeo.support.repository import SNAPSHOT, Repository
from rangegeo.support.text import human_bytes

STORE_FILES = ("zarr.json", ".zgroup")  # a folder with one of these is a Zarr store
STDOUT = "-"  # the path that stands for standard output


def check_destination(
    path: Location,
    nbytes: int,
    *,
    overwrite: bool,
    smaller: str = "take fewer pixels, bands or betas",
    other: str = f"another {argument('out')}",
    store: bool = False,
) -> None:
    """Refuse an output path that cannot be written.

    Args:
        path: the file or folder to be written; or an object or a prefix in a bucket, where there is always room.
        nbytes: the number of bytes that it may need.
        overwrite: whether an existing output may be replaced.
        smaller: how to make the output smaller, for the message about a full disk.
        other: how to give another path, for messages.
        store: whether it is a Zarr store, which is a folder and replaces nothing but a store; else it is a file.
    Raises:
        OutputError: the output has an impossible name, exists or is something else, its folder is missing or cannot be
            written to, or the disk is too full.
    """
    if isinstance(path, Repository):
        _check_repository(path, nbytes, overwrite=overwrite, smaller=smaller, other=other)
        return
    if isinstance(path, Address):
        _check_address(path, overwrite=overwrite, other=other, store=store)
        return
    check_local(path)
    check_name(path, other=other.removeprefix("another "))
    target = Path(os.path.realpath(path))  # of a symbolic link, where the data will be
    if any(part.is_symlink() for part in (target, *target.parents)):
        raise OutputError(f"{path} is a symbolic link that leads back to itself; give {other}")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OutputError(f"{path} is a device or a pipe, which no file can replace; give {other}")
    if path.exists() and (not any((path / name).exists() for name in STORE_FILES) if store else path.is_dir()):
        what = "is not a Zarr store" if store else "is a folder"
        raise OutputError(f"{path} {what} and was left as it is; give {other}")
    if path.exists() and not overwrite:
        replace = f"add {argument('overwrite', True)} to replace it"
        raise OutputError(f"{path} exists and was left as it is; {replace}, or give {other}")
    folder = target.parent
    if not folder.is_dir():
        file = next((parent for parent in (folder, *folder.parents) if parent.is_file()), None)
        if file is not None:
            raise OutputError(f"{file} is a file, so nothing can lie in it; give {other}")
        make = either(f"mkdir -p {shlex.quote(str(folder))}", f"os.makedirs({str(folder)!r})")
        raise OutputError(f"the folder {folder} does not exist; make it first: {make}")
    _check_folder(path, folder, nbytes, smaller=smaller, other=other)


def _check_folder(path: Location, folder: Path, nbytes: int, *, smaller: str, other: str) -> None:
    """Refuse a folder that exists and cannot take the output."""
    if not os.access(folder, os.W_OK):
        raise OutputError(f"the folder {folder} cannot be written to; give {other}")
    free = free_bytes(folder)
    if nbytes > free:
        raise OutputError(
            f"{path} may need {human_bytes(nbytes)} but {folder} has {human_bytes(free)} free; "
            f"{smaller}, or write to another disk with {argument('out')}"
        )


def _check_address(path: Address, *, overwrite: bool, other: str, store: bool) -> None:
    """Refuse an address that cannot be written. Of a store, `rangegeo.stores.owned` looks at what is there already.

    Raises:
        OutputError: it is on a web server, or there is something already. RemoteError: the bucket cannot be used.
    """
    if path.read_only:
        raise OutputError(f"{path.root} is a web server, which is only read; write to {BUCKETS}, or give {other}")
    if not path.key:
        raise OutputError(f"{path.root} is a whole bucket; give {other}, such as {path.root}/alps.zarr")
    is_object, is_prefix = path.is_file(), path.is_dir()
    if is_object if store else is_prefix:
        what = "is an object and no Zarr store" if store else "holds other objects"
        raise OutputError(f"{path} {what} and was left as it is; give {other}")
    if (is_object or is_prefix) and not overwrite:
        replace = f"add {argument('overwrite', True)} to replace it"
        raise OutputError(f"{path} exists and was left as it is; {replace}, or give {other}")


def _check_repository(path: Repository, nbytes: int, *, overwrite: bool, smaller: str, other: str) -> None:
    """Refuse a repository of Icechunk that cannot be written. A new store lies beside it until it is copied into it.

    Raises:
        UsageError: it is an earlier state. OutputError: there is something else, or a cube already.
    """
    place = path.place
    if SNAPSHOT in dict(path.options):
        earlier = argument("storage_options", {SNAPSHOT: dict(path.options)[SNAPSHOT]})
        raise UsageError(f"an earlier state of {path} is only read; leave out {earlier}")
    if not path.is_repository():
        if place.exists():
            raise OutputError(f"{place} is no repository of Icechunk and was left as it is; give {other}")
        check_destination(place, 2 * nbytes, overwrite=False, smaller=smaller, other=other, store=True)
        return
    if path.exists() and not overwrite:
        replace = f"add {argument('overwrite', True)} to replace it"
        raise OutputError(f"{path} exists and was left as it is; {replace}, or give {other}")
    if isinstance(place, Path):
        _check_folder(path, Path(os.path.realpath(place)).parent, 2 * nbytes, smaller=smaller, other=other)
