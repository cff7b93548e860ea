"""Creation options of Zarr stores: how chunks are compressed, and how many of them an object holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numcodecs import Blosc
from zarr.codecs import BloscCodec

from rangegeo.errors import UsageError

FORMATS = (2, 3)
CHOICES = {  # names and values, as they are typed and as Blosc has them
    "COMPRESS": {"LZ4": "lz4", "ZSTD": "zstd", "ZLIB": "zlib", "BLOSCLZ": "blosclz", "NONE": None},
    "LEVEL": {str(level): level for level in range(10)},
    "SHUFFLE": {"BYTE": "shuffle", "BIT": "bitshuffle", "NONE": "noshuffle"},
    "SHARDS": {"NO": False, "YES": True},
}
QUANTISED = {"compress": "zstd", "level": 1}  # what is usual then: a fifth (16 bits) to two thirds (int8) smaller
OLD_SHUFFLES = {"shuffle": Blosc.SHUFFLE, "bitshuffle": Blosc.BITSHUFFLE, "noshuffle": Blosc.NOSHUFFLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZarrOptions:
    """What may be chosen of a store.

    Attributes:
        compress: Blosc's codec, None to store chunks as they are. Of float32, lz4 is as small as zstd at level 1 and
            two to three times as fast, measured on ten kinds of cubes.
        level: 0 to 9.
        shuffle: what is done to bytes or bits before.
        shards: whether a block of pixels is one object with all its betas and bands, in format 3; else it is many.
    """

    compress: str | None = "lz4"
    level: int = 5
    shuffle: str = "shuffle"
    shards: bool = False

    def compressor(self, zarr_format: int) -> Blosc | BloscCodec | None:
        """The codec in the words of a Zarr format."""
        if self.compress is None:
            return None
        if zarr_format == 2:
            return Blosc(cname=self.compress, clevel=self.level, shuffle=OLD_SHUFFLES[self.shuffle])
        return BloscCodec(cname=self.compress, clevel=self.level, shuffle=self.shuffle)


def parse_zarr_options(
    creation_options: Mapping[str, object] | None = None, zarr_format: int = 3, dtype: str = "float32"
) -> ZarrOptions:
    """The options that were asked for, the usual ones for the rest.

    Raises:
        UsageError: there is no such format, option or value.
    """
    if zarr_format not in FORMATS:
        raise UsageError(f"--zarr-format must be 2 or 3, got {zarr_format}")
    chosen: dict = {} if dtype == "float32" else dict(QUANTISED)
    for name, value in (creation_options or {}).items():
        values = CHOICES.get(name.upper())
        if values is None:
            raise UsageError(f"--co {name} is no option of a Zarr store; those are {', '.join(CHOICES)}")
        if str(value).upper() not in values:
            raise UsageError(f"--co {name} must be one of {', '.join(values)}, got {value}")
        chosen[name.lower()] = values[str(value).upper()]
    options = ZarrOptions(**chosen)
    if options.shards and zarr_format != 3:
        raise UsageError("--co SHARDS=YES needs Zarr format 3; leave out --zarr-format")
    return options
