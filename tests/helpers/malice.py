"""Hostile content of untrusted files."""

from __future__ import annotations

import struct
from pathlib import Path


class Touch:
    """Unpickling it creates a file, which proves that pickled code was executed."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple:
        return Path.touch, (self.witness,)


def claiming_tif(path: Path, width: int, height: int, bands: int = 1, side: int = 256) -> None:
    """A GeoTIFF of 400 bytes that claims any size, in tiles of `side` pixels. None of them is in the file."""
    text = b'<GDALMetadata><Item name="rangegeo_version">1</Item><Item name="model">Theory</Item></GDALMetadata>\0'
    grid = struct.pack("<16H", *(1, 1, 0, 3), *(1024, 0, 1, 2), *(1025, 0, 1, 1), *(2048, 0, 1, 4326))
    numbers = {256: width, 257: height, 258: 32, 259: 8, 262: 1, 277: bands, 284: 1, 339: 3, 322: side, 323: side}
    tags = {tag: (4, 1, struct.pack("<I", number)) for tag, number in numbers.items()}
    tags |= {324: (4, 1, bytes(4)), 325: (4, 1, bytes(4)), 34735: (3, 16, grid), 42112: (2, len(text), text)}
    tags |= {33550: (12, 3, struct.pack("<3d", 1e-9, 1e-9, 0)), 33922: (12, 6, struct.pack("<6d", 0, 0, 0, 5, 45, 0))}
    entries, rest = b"", b""
    for tag, (kind, count, content) in sorted(tags.items()):
        place = struct.pack("<I", 8 + 2 + 12 * len(tags) + 4 + len(rest))
        entries += struct.pack("<HHI", tag, kind, count) + (content if len(content) == 4 else place)
        rest += b"" if len(content) == 4 else content
    path.write_bytes(struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + rest)
