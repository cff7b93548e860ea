"""Destinations, checked before any work is done."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rangegeo.errors import OutputError
from rangegeo.support.text import human_bytes


def check_destination(
    path: Path,
    nbytes: int,
    *,
    overwrite: bool,
    smaller: str = "take a larger --res or a smaller --bbox",
    other: str = "another -o",
) -> None:
    """Refuse a destination before any work is done.

    Args:
        path: file or folder to be written.
        nbytes: room it may need.
        overwrite: whether something that is there may be replaced.
        smaller, other: what makes the output smaller, or puts it elsewhere, as the user types it.
    Raises:
        OutputError: it exists, its folder is missing or closed, or the disk has no room.
    """
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists and was left as it is; add --overwrite to replace it, or give {other}")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist; make it first: mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"the folder {folder} cannot be written to; give {other}")
    free = shutil.disk_usage(folder).free
    if nbytes > free:
        raise OutputError(
            f"{path} may need {human_bytes(nbytes)} but {folder} has {human_bytes(free)} free; "
            f"{smaller}, or write to another disk with -o"
        )
