"""What the headers of files of weights state is checked before anything in them gets memory.

A small file can state that it holds terabytes, or unpack to them. Weights hardly compress, so a file that is packed
much smaller than its content is refused.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from rangegeo.errors import WeightsError
from rangegeo.support.text import human_bytes

ZIP = b"PK\x03\x04"  # the first bytes of a zip file
TIGHTEST = 100  # times that a member may be larger than it is packed; the published databases are 1.1 times as large
SMALL = 2**20  # bytes that a member may always unpack to
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def check_archive(path: Path) -> None:
    """Refuse a zip file, such as an .npz or a checkpoint, that unpacks to far more than it is; other files pass.

    Raises:
        WeightsError: one of its members does. zipfile.BadZipFile: it is no whole zip file.
    """
    with path.open("rb") as file:
        if file.read(len(ZIP)) != ZIP:
            return
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > max(SMALL, TIGHTEST * member.compress_size):
                raise WeightsError(
                    f"{path} was refused: {member.filename} unpacks to {human_bytes(member.file_size)}, more than "
                    f"{TIGHTEST} times what it is packed in, as no weights do; download it again"
                )


def check_array(path: Path, archive: zipfile.ZipFile | None, member: str) -> None:
    """Refuse an array of an .npz whose header states another size than the file has.

    Raises:
        WeightsError: it does, or its version is unknown.
    """
    assert archive is not None  # it is open
    with archive.open(member) as file:
        try:
            shape, dtype = _header(file)
        except ValueError:  # it is no array, which numpy tells when it reads it
            return
        stated = int(np.prod([int(side) for side in shape], dtype=object)) * dtype.itemsize
        held = archive.getinfo(member).file_size - file.tell()
    if not dtype.hasobject and stated != held:
        raise WeightsError(
            f"{path} was refused as a RANGE database: {member} states {human_bytes(stated)} and holds "
            f"{human_bytes(held)}; download it again"
        )


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """The shape and the dtype of an array, of which nothing else is read."""
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise WeightsError(
            f"an array in version {version[0]}.{version[1]} of .npy is not read; save it with numpy.savez"
        )
    shape, _, dtype = HEADERS[version](file)
    return shape, dtype
