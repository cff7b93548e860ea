"""Outputs that get their final name only when they are complete.

Until then they lie in a hidden folder beside the output, `.NAME-unfinished`. A lock in it keeps other writers of the
same output out. What a killed run left there is found by the next run: an old output that was moved away is put back,
and the rest is removed, unless `rangegeo.stores.drafts` continues it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout

from rangegeo.errors import OutputError, argument
from rangegeo.support.address import Address
from rangegeo.support.filesystem import flush, swap
from rangegeo.support.held import check_held, held
from rangegeo.support.location import Location
from rangegeo.support.moves import move_store, upload
from rangegeo.support.repository import Repository

LOCK = "lock"  # the file in the hidden folder that is locked
REPLACED = "replaced"  # the old output, between its removal and the arrival of the new one
TRANSACTION = "transaction"  # the mark of the transaction by which a repository is about to get the output
ARRIVING = "arriving"  # the inode of a folder that is about to get its final name
LONGEST_NAME = 255  # bytes of a file name, on the usual file systems
TRIES = 100  # to lock a folder that other processes remove meanwhile


def hidden_folder(path: Location) -> Location:
    """The folder for the unfinished files of an output, or the prefix of its unfinished objects.

    It lies beside `path`. If `path` is a symbolic link, it lies beside the file that the link leads to: the room on
    that disk counts. That of a repository of Icechunk lies beside the whole repository.
    """
    if isinstance(path, Repository):
        return hidden_folder(path.place)
    target = path.resolve()
    name = f".{target.name}-unfinished"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()}-unfinished"
    return target.parent / name


@contextmanager
def claimed(path: Location) -> Iterator[Location]:
    """A context in which no other process or thread writes this output, with the folder for its unfinished files.

    Others are kept out only where the file system has locks. The folder may hold files of an earlier run. In the end it
    is removed if nothing is left in it.

    Raises:
        OutputError: another process or thread is writing this output.
    """
    if isinstance(path, Repository):
        with claimed(path.place) as folder:
            mark = folder / TRANSACTION
            if mark.is_file() and mark.read_text(encoding="utf-8") == path.last_run():
                empty(folder)  # of a run that was killed after its transaction
            yield folder
        return
    folder = hidden_folder(path)
    if isinstance(folder, Address):
        assert isinstance(path, Address)
        with held(folder / LOCK, path):
            yield folder
        return
    assert isinstance(path, Path)
    lock = _locked(folder, path)
    try:
        _settle(path.resolve(), folder)
        yield folder
    finally:
        left = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
        if left == {LOCK}:
            with suppress(OSError):  # of systems that do not remove open files, and of others that just came
                (folder / LOCK).unlink()
                folder.rmdir()
        lock.release()


@contextmanager
def unfinished_folder(path: Location) -> Iterator[Path]:
    """A context with an empty folder of this machine for the unfinished files of an output. In the end it is removed.

    Raises:
        OutputError: another process or thread is writing this output.
    """
    with claimed(path) as folder:
        if isinstance(folder, Address):
            with TemporaryDirectory(prefix="rangegeo-") as near:
                yield Path(near)
            return
        empty(folder)
        try:
            yield folder
        finally:
            empty(folder)


@contextmanager
def unfinished(path: Location) -> Iterator[Path]:
    """A context with a path to write to. If it ends without an error, the file there replaces `path`."""
    with unfinished_folder(path) as folder:
        draft = folder / path.name
        yield draft
        if draft.exists():
            commit(draft, path)


def empty(folder: Location) -> None:
    """Remove what lies in a claimed folder, but not its lock."""
    if isinstance(folder, Address):
        folder.delete([key for key in folder.all_keys() if key != (folder / LOCK).key])
        return
    for entry in folder.iterdir():
        if entry.name == LOCK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def commit(finished: Path, path: Location) -> None:
    """Give a finished file its name in one step. A symbolic link stays one, and the file that it names is replaced."""
    if isinstance(path, Address):
        upload(finished, path)
        return
    target = path.resolve()
    if target.exists():
        flush(finished)  # or a power failure could take the old file, and bring only a part of the new one
    try:
        os.replace(finished, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        near = hidden_folder(target)  # it was made on another disk
        assert isinstance(near, Path)
        near.mkdir(exist_ok=True)
        copy = near / f"copy-of-{target.name}"
        shutil.copyfile(finished, copy)
        os.replace(copy, target)
        finished.unlink()
        with suppress(OSError):  # it holds other files too
            near.rmdir()


def still_claimed(folder: Location) -> None:
    """Look again, before anything gets its name, whether this process still holds a claimed folder.

    Raises:
        OutputError: it gave no sign of life for too long, and another run has taken over.
    """
    if isinstance(folder, Address):
        check_held(folder / LOCK)


def exchange(finished: Location, path: Location, folder: Location) -> None:
    """Give a finished folder its name. If another folder had this name, it lies in `folder` then.

    Where the system can do it, both names are exchanged in one step. Elsewhere the old folder is moved away first, and
    moved back if the new one cannot take its place. In a bucket objects are copied and removed one by one, see
    `rangegeo.support.moves.move_store`.

    Args:
        finished: the new folder, in `folder`.
        path: its final name.
        folder: claimed for `path`.
    """
    if isinstance(path, Address):
        assert isinstance(finished, Address)
        assert isinstance(folder, Address)
        move_store(finished, path, folder)
        return
    assert isinstance(finished, Path)
    assert isinstance(folder, Path)
    target, replaced = path.resolve(), folder / REPLACED
    (folder / ARRIVING).write_text(str(finished.stat().st_ino), encoding="utf-8")
    if not target.exists():
        finished.rename(target)
        return
    flush(folder)  # or a power failure could take the old output, and bring only a part of the new one
    if swap(finished, target):
        return
    target.rename(replaced)
    try:
        finished.rename(target)
    except BaseException:
        replaced.rename(target)
        raise


def _locked(folder: Path, path: Path) -> FileLock:
    """The lock of a folder, which is made. The file may be removed by its last owner, so another look is needed."""
    for _ in range(TRIES):
        lock = FileLock(folder / LOCK)
        try:
            _make(folder)
            (folder / LOCK).touch()
            before = (folder / LOCK).stat().st_ino
            lock.acquire(timeout=0)
            if (folder / LOCK).stat().st_ino == before:
                return lock
        except NotImplementedError:  # there are no locks on this file system
            return lock
        except Timeout:
            break
        except FileNotFoundError:
            if not folder.parent.is_dir():
                raise
        lock.release()
    raise OutputError(
        f"{path} is being written by another process; wait until that is done, or give another {argument('out')}"
    )


def _make(folder: Path) -> None:
    """Make a hidden folder.

    Raises:
        OutputError: no folder can be made there, as in /proc. OSError: the folder around it is gone, or the disk is
            full.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        if not folder.parent.is_dir() or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG):
            raise
        raise OutputError(
            f"the folder {folder.parent} cannot be written to: {error.strerror}; give another {argument('out')}"
        ) from error


def _settle(target: Path, folder: Path) -> None:
    """End what a killed run had begun: give an old output its name again, or remove what a complete output left."""
    replaced = folder / REPLACED
    if replaced.exists() and not target.exists():
        replaced.rename(target)
    with suppress(OSError, ValueError):  # the run was killed before, or a disk without room has no number
        if target.stat().st_ino == int((folder / ARRIVING).read_text(encoding="utf-8")):
            empty(folder)
