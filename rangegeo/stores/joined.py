"""Files that other programs made of the GeoTIFFs of rangegeo: what they have lost, and whether it can be put back.

`rio merge` keeps neither names nor scales. gdalwarp of several files keeps the tags and drops the scales, and
gdalbuildvrt keeps the scales and drops the rest. A file that holds the steps of integers and no scales must not pass
for embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.io import DatasetReaderBase

from rangegeo.errors import CubeError, UsageError, either
from rangegeo.support.location import Location

VERSION = "rangegeo_version"  # the tag by which a file of rangegeo is known
DTYPE = "quantisation_dtype"  # the tag, or the attribute, that says what the values of a file are stored as
REMEDY = "join the files with gdalbuildvrt, which keeps scales" + either(
    "", ", or give one of them: rangegeo.open_cube(…, like=…)"
)
ENDS = 2**20  # bytes at either end of a file in which its tags are looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a GeoTIFF says about its bands and about itself.

    Attributes:
        tags: its metadata.
        names: the names of its bands.
        scales, offsets: one for each band.
    """

    tags: dict[str, str]
    names: tuple[str | None, ...]
    scales: np.ndarray
    offsets: np.ndarray

    @classmethod
    def by(cls, file: DatasetReaderBase) -> Told:
        return cls(
            tags=file.tags(),
            names=tuple(file.descriptions),
            scales=np.array(file.scales),
            offsets=np.array(file.offsets),
        )

    @property
    def scaled(self) -> bool:
        """Whether the values are stored as steps of a scale."""
        return bool((self.scales != 1).any() or (self.offsets != 0).any())


def put_back(file: DatasetReaderBase, path: Location, like: Path) -> Told:
    """What a joined file would say about itself if it had lost nothing.

    Args:
        file: the joined file, which is open.
        path: its path, for messages.
        like: one of the GeoTIFFs that it was joined from.
    Raises:
        UsageError: `like` is no GeoTIFF of rangegeo. CubeError: the two do not belong together, or the joined file does
            not say which pixels have no data.
    """
    import rasterio

    try:
        source = rasterio.open(like.absolute(), driver="GTiff")
    except rasterio.errors.RasterioIOError:
        source = None
    if source is None or VERSION not in source.tags():
        raise UsageError(argument="like", expected="a GeoTIFF of rangegeo", got=str(like))
    with source:
        told, own = Told.by(source), Told.by(file)
        check_steps(like, told.tags, source.dtypes[0], scaled=told.scaled)
        if (file.count, file.dtypes[0]) != (source.count, source.dtypes[0]):
            raise CubeError(
                f"{path} has {file.count} bands of {file.dtypes[0]}, and {like} has {source.count} of "
                f"{source.dtypes[0]}, so it was not joined from that; give a file that it was joined from"
            )
        if not _same_number(file.nodata, source.nodata):
            raise CubeError(
                f"the nodata value of {path} is {file.nodata}, and that of {like} is {source.nodata}, so gaps would "
                "pass for values; join the files with gdalbuildvrt, which keeps it"
            )
        if own.scaled and not (np.allclose(own.scales, told.scales) and np.allclose(own.offsets, told.offsets)):
            raise CubeError(f"{path} has other scales than {like}; give a file that it was joined from")
    return told


def without_tags(path: Location, expected: str) -> str:
    """What to say of a GeoTIFF without the tags of rangegeo.

    Args:
        expected: what was expected instead.
    """
    if isinstance(path, Path) and path.suffix.lower() != ".vrt" and _holds(path, VERSION.encode()):
        return f"{path} is damaged: it was written by rangegeo, and GDAL no longer finds its tags; make it again"
    return f"{path} was not written by rangegeo, or has lost its tags; {expected}. If it was made of such, {REMEDY}"


def _holds(path: Path, word: bytes) -> bool:
    """Whether a word is near either end of a file."""
    with path.open("rb") as file:
        head = file.read(ENDS)
        file.seek(max(0, path.stat().st_size - ENDS))
        return word in head or word in file.read(ENDS)


def check_steps(path: Location, told: Mapping[str, object], dtype: str, *, scaled: bool) -> None:
    """Refuse a file whose values are steps of integers without the scales that make embeddings of them.

    Args:
        path: for the message.
        told: the tags of a GeoTIFF, or the attributes of a store.
        dtype: what the values are stored as.
        scaled: whether the file says a scale or an offset.
    Raises:
        CubeError: the values are steps, and nobody knows of what.
    """
    wanted = str(told.get(DTYPE, ""))
    if not wanted.startswith("int") or dtype.startswith("float"):
        return
    if dtype != wanted:
        raise CubeError(
            f"{path} holds {dtype}, but its tags say {wanted}: another program has changed what is stored, so its "
            f"values are wrong; {REMEDY}"
        )
    if not scaled:
        raise CubeError(f"{path} holds steps of {wanted} but has lost their scales, so its values are wrong; {REMEDY}")


def _same_number(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (np.isnan(one) and np.isnan(other))
