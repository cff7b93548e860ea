"""The journal that a GeoTIFF keeps: a checksum of the values of each block, in a metadata domain of its own.

The bytes of the file may change without harm, for example when another program adds a tag. So the checksums are those
of the values that a reader gets. Compression that changes values has none; then only which pixels have data is known.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.io import DatasetReaderBase
from rasterio.windows import Window as Part

from rangegeo.errors import CubeError
from rangegeo.grid.windows import Window, cut
from rangegeo.stores.journal import checksum, packed, unpacked

DOMAIN, TAG = "rangegeo", "journal"
VERSION = 1
LARGEST = 2**30  # bytes of a journal; it is JSON of some hundred bytes a block


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueBlock:
    """What is known of a block of a GeoTIFF.

    Attributes:
        crc32c: of its values, all bands together; None if the compression of the file may change them.
        valid: which of its pixels have data, as `packed` writes it; None if all have, "" if none has.
    """

    crc32c: int | None
    valid: str | None

    def has_data(self, shape: tuple[int, int]) -> np.ndarray:
        """Which pixels of the block have data: (h, w) bool."""
        return np.full(shape, self.valid is None) if not self.valid else unpacked(self.valid, shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueJournal:
    """What is known of a finished GeoTIFF.

    Attributes:
        sides: rows and columns of a block.
        levels: the blocks of the file and of each overview, by rows and then by columns.
        profile: the creation options that the file was made with.
        overviews: whether it was made with overviews, as far as it has pixels enough for any.
    """

    sides: tuple[int, int]
    levels: list[list[ValueBlock]]
    profile: Mapping[str, Any]
    overviews: bool


def is_lossless(profile: Mapping[str, Any]) -> bool:
    """Whether a file that is made with these creation options holds the values that are written to it."""
    given = {name.upper(): str(value) for name, value in profile.items()}
    lerc = given.get("COMPRESS", "").upper().startswith("LERC")
    return "DISCARD_LSB" not in given and not (lerc and float(given.get("MAX_Z_ERROR", 0)) > 0)


def losses(file: DatasetReaderBase) -> tuple[float, float]:
    """How far the compression of a file may move values: by so much, and by such a share of a value."""
    absolute = float(file.tags(ns="IMAGE_STRUCTURE").get("MAX_Z_ERROR", 0.0))
    journal = known_journal(file)
    given = {} if journal is None else {name.upper(): value for name, value in journal.profile.items()}
    bits = max(map(int, str(given.get("DISCARD_LSB", "0")).split(",")))
    if not bits:
        return absolute, 0.0
    kind = np.dtype(file.dtypes[0])
    return (absolute, 2.0 ** (bits - np.finfo(kind).nmant)) if kind.kind == "f" else (2.0**bits, 0.0)


def keep_values(draft: Path, sides: tuple[int, int], profile: Mapping[str, Any], *, overviews: bool) -> None:
    """Note the checksums of all values of an uncompressed GeoTIFF in the file itself, before it is compressed.

    Args:
        sides: rows and columns of a block.
        profile: the creation options of the compressed file.
        overviews: whether it gets overviews.
    """
    lossless = is_lossless(profile)
    with rasterio.open(draft) as file:
        count = len(file.overviews(1))
    levels = []
    for level in range(count + 1):
        with opened(draft, level) as file:
            levels.append([_block(file, window, lossless=lossless) for window in windows_of(file.shape, sides)])
    told = {
        "version": VERSION,
        "sides": sides,
        "overviews": overviews,
        "levels": [[[block.crc32c, block.valid] for block in blocks] for blocks in levels],
        "profile": {name: str(value) for name, value in profile.items()},
    }
    text = b64encode(zlib.compress(json.dumps(told, separators=(",", ":")).encode())).decode()
    with rasterio.open(draft, "r+") as file:
        file.update_tags(ns=DOMAIN, **{TAG: text})


def read_value_journal(file: DatasetReaderBase) -> ValueJournal | None:
    """The journal of a GeoTIFF; None if it has none.

    Raises:
        CubeError: it is damaged.
    """
    text = file.tags(ns=DOMAIN).get(TAG)
    if text is None:
        return None
    try:
        unpacker = zlib.decompressobj()
        told = json.loads(unpacker.decompress(b64decode(text), LARGEST))
        levels = [[ValueBlock(crc32c=crc, valid=valid) for crc, valid in blocks] for blocks in told["levels"]]
        height, width = map(int, told["sides"])
        if min(height, width) < 1:
            raise ValueError("blocks without pixels")
        return ValueJournal(
            sides=(height, width), levels=levels, profile=dict(told["profile"]), overviews=told["overviews"]
        )
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise CubeError("its journal is damaged") from error


def known_journal(file: DatasetReaderBase) -> ValueJournal | None:
    """The journal of a GeoTIFF; None if it has none, or a damaged one."""
    try:
        return read_value_journal(file)
    except CubeError:
        return None


def opened(path: Path, level: int) -> DatasetReaderBase:
    """A GeoTIFF, or one of its overviews, open for reading."""
    return rasterio.open(path.absolute(), **({"overview_level": level - 1} if level else {}))


def windows_of(shape: tuple[int, int], sides: tuple[int, int]) -> list[Window]:
    """The blocks of a file, by rows and then by columns."""
    rows, cols = (cut(length, side) for length, side in zip(shape, sides, strict=True))
    return list(product(rows, cols))


def read_window(file: DatasetReaderBase, window: Window) -> np.ndarray:
    """(bands, h, w) the stored values of a window."""
    return file.read(window=Part.from_slices(*window))


def value_checksum(values: np.ndarray) -> int:
    """CRC32C of values, in which all NaN are the same."""
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values)
    return checksum(np.ascontiguousarray(values).tobytes())


def pixels_with_data(values: np.ndarray, nodata: float | None) -> np.ndarray:
    """Which pixels of (bands, h, w) stored values have data: (h, w) bool."""
    first = values[0]
    return ~np.isnan(first) if nodata is None or np.isnan(nodata) else first != nodata


def _block(file: DatasetReaderBase, window: Window, *, lossless: bool) -> ValueBlock:
    values = read_window(file, window)
    valid = pixels_with_data(values, file.nodata)
    return ValueBlock(crc32c=value_checksum(values) if lossless else None, valid=packed(valid) if valid.any() else "")
