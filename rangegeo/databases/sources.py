"""What is seen or known at places, as rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rangegeo.databases.folders import Pictures
from rangegeo.databases.parts import Part
from rangegeo.databases.rasters import Raster
from rangegeo.databases.vision import PictureEncoder
from rangegeo.errors import ImageryError, UsageError, argument

KNOWN = 0.5  # share of a picture that must have data
RANGES = {"uint8": (0.0, 255.0)}  # of types of pictures whose black and white are known
EXAMPLE = (0, 10_000)  # reflectances of Sentinel-2


class Source(Protocol):
    """Gives rows of numbers."""

    @property
    def request(self) -> list[object]:
        """JSON-able; what the rows depend on, beside the places."""

    @property
    def columns(self) -> int:
        """How many numbers a row has."""

    def rows(self, numbers: Sequence[int], lonlat_deg: np.ndarray) -> Part:
        """The rows of places.

        Args:
            numbers: of the places, among all.
            lonlat_deg: (n, 2).
        """


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Values:
    """Bands of a raster, as they are.

    Attributes:
        raster: open for reading.
        size_km: the side of the windows that are averaged; None for the pixels at the places.
        pixels: a side of a window has.
    """

    raster: Raster
    size_km: float | None
    pixels: int

    @property
    def request(self) -> list[object]:
        return ["values", self.raster.identity, self.size_km, self.pixels]

    @property
    def columns(self) -> int:
        return len(self.raster.bands)

    def rows(self, numbers: Sequence[int], lonlat_deg: np.ndarray) -> Part:
        found = self.raster.around(lonlat_deg, self.size_km, self.pixels)
        missing = ~np.isfinite(found).all(axis=1)
        return Part(rows=found, faults=np.where(missing, f"{self.raster.name} has no data there", ""))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Seen:
    """Pictures, encoded.

    Attributes:
        source: a raster that is open for reading, or the pictures of a folder; the places are theirs then.
        bands: of the pictures, from 1 on; empty for all.
        size_km: the side of the windows; None for whole pictures.
        pixels: a side of what the encoder gets has.
        value_range: the values that count as black, 0, and white, 1; None for those of the type.
        encoder: what encodes.
        count: how many bands the pictures have.
    """

    source: Raster | Pictures
    bands: tuple[int, ...]
    size_km: float | None
    pixels: int
    value_range: tuple[float, float] | None
    encoder: PictureEncoder
    count: int

    @property
    def name(self) -> str:
        """Of the source, for messages."""
        return self.source.name if isinstance(self.source, Raster) else str(self.source.root)

    @property
    def request(self) -> list[object]:
        source = self.source.identity if isinstance(self.source, Raster) else [self.name, list(self.source.files)]
        encoder = [self.encoder.name, list(self.encoder.mean), list(self.encoder.std)]
        return ["seen", source, list(self.bands), self.size_km, self.pixels, self.value_range, encoder]

    @property
    def columns(self) -> int:
        """How many numbers a row has; encodes a grey picture to find out."""
        return self.encoder.encode(np.full((1, self.count, self.pixels, self.pixels), 0.5, np.float32)).shape[1]

    def rows(self, numbers: Sequence[int], lonlat_deg: np.ndarray) -> Part:
        faults, pictures = [], []
        for number, place in zip(numbers, lonlat_deg, strict=True):
            picture, fault = self._picture(number, place)
            faults.append(fault)
            if not fault:
                pictures.append(picture)
        usable = np.array([not fault for fault in faults])
        encoded = self.encoder.encode(np.stack(pictures)) if pictures else np.empty((0, 1), np.float32)
        rows = np.full((len(faults), encoded.shape[1]), np.nan, dtype=np.float32)
        rows[usable] = encoded
        return Part(rows=rows, faults=np.array(faults, dtype=str))

    def _picture(self, number: int, place: np.ndarray) -> tuple[np.ndarray, str]:
        """A picture (bands, pixels, pixels) from black, 0, to white, 1; or why there is none."""
        try:
            if isinstance(self.source, Raster):
                assert self.size_km is not None
                picture, dtype = self.source.window(place, self.size_km, self.pixels), self.source.dtype
            else:
                picture, dtype = self.source.picture(number, self.bands, self.size_km, self.pixels)
        except (ImageryError, UsageError) as error:
            return np.empty(0), str(error)
        if len(picture) != self.count:
            return picture, f"{self._file(number)} has {len(picture)} bands and not {self.count}"
        known = np.isfinite(picture)
        if known.mean() < KNOWN:
            return picture, f"{self._file(number)} has no data there"
        means = np.nanmean(np.where(known, picture, np.nan), axis=(1, 2), keepdims=True)
        low, high = self.value_range or known_range(dtype, self._file(number))
        return (np.where(known, picture, means) - low) / (high - low), ""

    def _file(self, number: int) -> str:
        return self.name if isinstance(self.source, Raster) else str(self.source.path(number))


def known_range(dtype: str, name: str) -> tuple[float, float]:
    """The values of a type of pictures that count as black and as white.

    Raises:
        UsageError: they must be given.
    """
    if dtype not in RANGES:
        example = argument("value_range", EXAMPLE)
        raise UsageError(f"{name} holds {dtype}; say which values count as black and as white, for example {example}")
    return RANGES[dtype]
