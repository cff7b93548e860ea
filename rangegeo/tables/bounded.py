"""Text that is read in bounded memory: lines that are too long are refused, and archives that unpack to too much."""

from __future__ import annotations

import io
from typing import IO, Any

from rangegeo.errors import TableError
from rangegeo.support.drivers import MOST_COLUMNS
from rangegeo.support.text import counted, human_bytes

LONGEST_LINE = 2**26  # bytes; rows are read line by line
TIGHTEST = 300  # times that a table may be larger than it is packed; one of the same row again and again is 250
BUFFER = 2**18  # bytes that are looked at together
SMALL = 2**28  # bytes that a table may always unpack to


class _Bounded(io.RawIOBase):
    """The bytes of a text table, as `bounded` describes it."""

    def __init__(self, raw: IO[bytes], name: str, packed: int | None) -> None:
        self.unpacked, self.name = raw, name
        self.most = None if packed is None else max(SMALL, TIGHTEST * packed)
        self.line, self.length, self.count = 1, 0, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.line, self.length, self.count = 1, 0, 0
        return self.unpacked.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        data = self.unpacked.read(len(buffer))
        buffer[: len(data)] = data
        end = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self.length = self.length + len(data) if end < 0 else len(data) - end - 1
        self.line += data.count(b"\n")
        self.count += len(data)
        if self.length > LONGEST_LINE:
            raise TableError(
                f"{self.name}, line {self.line} is longer than {human_bytes(LONGEST_LINE)}; give a table with a row on "
                "each line"
            )
        if self.most is not None and self.count > self.most:
            raise TableError(
                f"{self.name} unpacks to more than {human_bytes(self.most)}, {TIGHTEST} times its size; if it is meant "
                "so, unpack it first"
            )
        return len(data)

    def close(self) -> None:
        self.unpacked.close()
        super().close()


def bounded(raw: IO[bytes], name: str, packed: int | None = None) -> io.BufferedReader:
    """The bytes of a text table, which is refused while it is read if a line is too long or if it unpacks to too much.

    Args:
        raw: the bytes, unpacked.
        name: of the table, for messages.
        packed: the size of the compressed file; None if it is not compressed.
    Returns:
        A stream that raises TableError where the table is refused.
    """
    return io.BufferedReader(_Bounded(raw, name, packed), BUFFER)


def check_width(count: int, name: str) -> None:
    """Refuse a table with too many columns.

    Raises:
        TableError: it has more than MOST_COLUMNS.
    """
    if count > MOST_COLUMNS:
        raise TableError(
            f"{name} has {counted(count, 'column')}, and at most {MOST_COLUMNS:,} are read; leave columns out in a copy"
        )
