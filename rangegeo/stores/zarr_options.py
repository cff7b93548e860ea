"""Creation options of Zarr stores: how chunks are compressed, and whether a block of pixels is one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import zarr
from numcodecs import Blosc
from zarr.codecs import BloscCodec

from rangegeo.errors import UsageError, argument

Codec = Literal["lz4", "zstd", "zlib", "blosclz"]
Shuffle = Literal["shuffle", "bitshuffle", "noshuffle"]

FORMATS = (2, 3)
# The options as they are typed, with their values as `ZarrOptions` has them.
CHOICES: dict[str, dict[str, Any]] = {
    "COMPRESS": {"LZ4": "lz4", "ZSTD": "zstd", "ZLIB": "zlib", "BLOSCLZ": "blosclz", "NONE": None},
    "LEVEL": {str(level): level for level in range(10)},
    "SHUFFLE": {"BYTE": "shuffle", "BIT": "bitshuffle", "NONE": "noshuffle"},
    "SHARDS": {"NO": False, "YES": True},
    "SCALES": {"ONE": False, "BAND": True},
}
# The defaults for other dtypes than float32: files are a fifth (16 bits) to two thirds (int8) smaller, as measured.
QUANTISED = {"compress": "zstd", "level": 1}
SHUFFLES_OF_FORMAT_2 = {"shuffle": Blosc.SHUFFLE, "bitshuffle": Blosc.BITSHUFFLE, "noshuffle": Blosc.NOSHUFFLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZarrOptions:
    """How the chunks of a store are compressed and kept.

    Attributes:
        compress: Blosc's codec, or None to store chunks without compression. For float32, lz4 makes files as small as
            zstd at level 1 and is two to three times as fast, measured on ten kinds of cubes.
        level: the effort of the codec, from 0 to 9.
        shuffle: how bytes or bits are reordered before compression: "shuffle", "bitshuffle" or "noshuffle".
        shards: whether all betas and bands of a block of pixels are kept in one object, which needs format 3; else each
            chunk is an object of its own.
        scales: whether every band of integers has a scale of its own, which other programs do not apply by themselves;
            else all bands share one.
    """

    compress: Codec | None = "lz4"
    level: int = 5
    shuffle: Shuffle = "shuffle"
    shards: bool = False
    scales: bool = False

    def compressor(self, zarr_format: int) -> Blosc | BloscCodec | None:
        """The codec for a Zarr format."""
        if self.compress is None:
            return None
        if zarr_format == 2:
            return Blosc(cname=self.compress, clevel=self.level, shuffle=SHUFFLES_OF_FORMAT_2[self.shuffle])
        return BloscCodec(cname=self.compress, clevel=self.level, shuffle=self.shuffle)


def options_of(array: zarr.Array) -> dict[str, str] | None:
    """The options that an array was made with, as they are typed; None if rangegeo makes no such arrays."""
    shards = {"SHARDS": "YES" if array.shards else "NO"}
    if not array.compressors:
        return {"COMPRESS": "NONE", **shards}
    told = array.compressors[0]
    if len(array.compressors) != 1 or not isinstance(told, Blosc | BloscCodec):
        return None
    of_format_2 = isinstance(told, Blosc)
    shuffle = told.shuffle if of_format_2 else told.shuffle.value
    shuffle = {code: name for name, code in SHUFFLES_OF_FORMAT_2.items()}.get(shuffle) if of_format_2 else shuffle
    stored = {
        "COMPRESS": told.cname if of_format_2 else told.cname.value,
        "LEVEL": str(told.clevel),
        "SHUFFLE": shuffle,
    }
    typed = {
        name: next((text for text, known in CHOICES[name].items() if value in (known, text)), None)
        for name, value in stored.items()
    }
    return None if None in typed.values() else {**{name: str(text) for name, text in typed.items()}, **shards}


def parse_zarr_options(
    creation_options: Mapping[str, object] | None = None, zarr_format: int = 3, dtype: str = "float32"
) -> ZarrOptions:
    """The options that a user gives, with the defaults for the rest.

    Args:
        creation_options: COMPRESS (LZ4, ZSTD, ZLIB, BLOSCLZ, NONE), LEVEL (0 to 9), SHUFFLE (BYTE, BIT, NONE), SHARDS
            (NO, YES) and SCALES (ONE, BAND); names and values in upper or lower case.
        zarr_format: 2 or 3.
        dtype: float32, float16, int16 or int8; all but float32 have other defaults.
    Raises:
        UsageError: there is no such format, option or value, shards are asked for in format 2, or scales for floats.
    """
    if zarr_format not in FORMATS:
        raise UsageError(argument="zarr_format", expected="2 or 3", got=zarr_format)
    option = argument("creation_options")
    chosen: dict[str, Any] = {} if dtype == "float32" else dict(QUANTISED)
    for name, value in (creation_options or {}).items():
        values = CHOICES.get(name.upper())
        if values is None:
            raise UsageError(f"{option} {name} is no option of a Zarr store; those are {', '.join(CHOICES)}")
        if str(value).upper() not in values:
            raise UsageError(f"{option} {name} must be one of {', '.join(values)}, got {value}")
        chosen[name.lower()] = values[str(value).upper()]
    options = ZarrOptions(**chosen)
    if options.shards and zarr_format != 3:
        shards = argument("creation_options", {"SHARDS": "YES"})
        raise UsageError(f"{shards} needs Zarr format 3; leave out {argument('zarr_format')}")
    if options.scales and not dtype.startswith("int"):
        scales = argument("creation_options", {"SCALES": "BAND"})
        raise UsageError(f"{scales} is for integers; add {argument('dtype', 'int8')}, or leave it out")
    return options
