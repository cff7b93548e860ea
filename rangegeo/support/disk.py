"""Whether the disks have room for what is about to be written."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from rangegeo.errors import DownloadError
from rangegeo.support.text import human_bytes


def check_room(needs: Iterable[tuple[Path, int]]) -> None:
    """Refuse before anything is written.

    Args:
        needs: folders, which need not exist yet, and the bytes that each will take.
    Raises:
        DownloadError: a disk has less room than all folders on it need.
    """
    disks: dict[int, tuple[Path, int]] = {}
    for folder, count in needs:
        there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
        disk = there.stat().st_dev
        disks[disk] = (there, count + disks.get(disk, (there, 0))[1])
    for folder, count in disks.values():
        free = shutil.disk_usage(folder).free
        if count > free:
            raise DownloadError(
                f"up to {human_bytes(count)} are needed but the disk of {folder} has {human_bytes(free)} free; make "
                "room, or point HF_HOME (downloads) and RANGEGEO_CACHE (converted files) to another disk"
            )
