"""The room on the disks, which is checked before anything is written."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from rangegeo.errors import DownloadError
from rangegeo.support.text import human_bytes


def free_bytes(folder: Path) -> int:
    """The free bytes on the disk of an existing folder."""
    return shutil.disk_usage(folder).free


def check_room(needs: Iterable[tuple[Path, int]]) -> None:
    """Refuse downloads and conversions that do not fit on the disks, before anything is written.

    Args:
        needs: folders, which need not exist yet, each with the bytes that will be written to it.
    Raises:
        DownloadError: a disk has less room than all the folders on it need together.
    """
    disks: dict[int, tuple[Path, int]] = {}  # number of a disk: a folder on it, and the bytes that it needs
    for folder, count in needs:
        existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
        disk = existing.stat().st_dev
        disks[disk] = (existing, count + disks.get(disk, (existing, 0))[1])
    for folder, count in disks.values():
        free = free_bytes(folder)
        if count > free:
            raise DownloadError(
                f"up to {human_bytes(count)} are needed but the disk of {folder} has {human_bytes(free)} free; make "
                "room, or point HF_HOME (downloads) and RANGEGEO_CACHE (converted files) to another disk"
            )
