"""Two system calls of Linux that Python does not offer. Other systems do without them."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

AT_FDCWD = -100  # of <fcntl.h>: relative paths begin at the current folder
RENAME_EXCHANGE = 2  # of <linux/fs.h>


def swap(one: Path, other: Path) -> bool:
    """Let two existing files or folders exchange their names in one step, so that neither name is ever without a file.

    Returns:
        Whether it was done. It is not on other systems than Linux, and on file systems that cannot do it, such as NFS.
    """
    rename = getattr(_libc(), "renameat2", None)
    if rename is None:
        return False
    return rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0


def flush(path: Path) -> None:
    """Wait until everything that was written to the file system of a path is on its disk, so that it survives a power
    failure."""
    sync = getattr(_libc(), "syncfs", None)
    if sync is None:
        if hasattr(os, "sync"):  # Windows has none
            os.sync()
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


@cache
def _libc() -> ctypes.CDLL | None:
    """The C library of this process; None on Windows, which has no such functions."""
    return ctypes.CDLL(None) if os.name == "posix" else None
