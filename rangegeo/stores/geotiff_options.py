"""Creation options of GeoTIFFs, as in rio and GDAL. They are checked by making a small file before any work is done.

GDAL's COG driver and its GTiff driver have different names for some options; both names are understood.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio import Affine
from rasterio.io import MemoryFile

from rangegeo.errors import UsageError, argument

LEVELS = {"ZSTD": "ZSTD_LEVEL", "DEFLATE": "ZLEVEL", "LZMA": "LZMA_PRESET"}  # the COG driver calls all of them LEVEL
# All codecs of GDAL but those of pictures, such as JPEG.
CODECS = ("ZSTD", "DEFLATE", "LZW", "LZMA", "PACKBITS", "LERC", "LERC_ZSTD", "LERC_DEFLATE", "NONE")
WITH_PREDICTOR = {"ZSTD", "DEFLATE", "LZW"}  # codecs that take a predictor
PREDICTORS = {"NO": "1", "STANDARD": "2", "FLOATING_POINT": "3"}  # names of the COG driver and numbers of GTiff
FEW_BANDS = 128  # QGIS draws a file with at most so many bands quickly, even if they are interleaved by pixel
TRUE = {"YES", "TRUE", "ON", "1"}
FALSE = {"NO", "FALSE", "OFF", "0"}
# Options with no or little choice: the values that are allowed, and the reason why others are not.
FIXED: dict[str, tuple[set[str], str]] = {
    "TILED": (TRUE, "rasters are read by the tile"),
    "COPY_SRC_OVERVIEWS": (
        set(),
        f"{argument('format', 'gtiff')} leaves out the overviews, {argument('format', 'cog')} has them",
    ),
    "NBITS": (set(), f"{argument('dtype')} says how values are stored"),
    "PROFILE": ({"GDALGEOTIFF"}, "others lose the nodata value and the names of the bands"),
    "ALPHA": ({"NO"}, "nodata is NaN, and an alpha band spoils the picture in QGIS"),
    "PHOTOMETRIC": ({"MINISBLACK"}, "the bands are no colours; those are in the preview beside the file"),
    "TFW": (FALSE, "the georeference is in the file"),
    "WORLDFILE": (FALSE, "the georeference is in the file"),
}


def check_options(creation_options: Mapping[str, object], dtype: str = "float32") -> None:
    """Refuse options that no file of this dtype can be made with.

    This check needs no cube. `with_options` checks again when the number of bands is known.

    Raises:
        UsageError: there is no such option or value, or it cannot be chosen.
    """
    usual = {"driver": "GTiff", "tiled": True, **compression(dtype)}
    with_options(usual, creation_options, bands=1, dtype=dtype)


def compression(dtype: str) -> dict[str, object]:
    """The default creation options that make files of a dtype small."""
    return {"compress": "zstd", "zstd_level": 1, "predictor": 3 if dtype.startswith("float") else 2}


def codecs_of(dtype: str) -> tuple[str, ...]:
    """The codecs for a dtype. GDAL crashes where LERC compresses floats of 16 bits."""
    return tuple(codec for codec in CODECS if dtype != "float16" or not codec.startswith("LERC"))


def raster_type(dtype: str) -> dict[str, Any]:
    """A dtype in the words of GDAL, which knows float16 only from 3.11 on; every version has float32 of 16 bits."""
    return {"dtype": "float32", "nbits": 16} if dtype == "float16" else {"dtype": dtype}


def with_options(usual: Mapping[str, object], given: Mapping[str, object] | None, bands: int, dtype: str) -> dict:
    """The default creation options, replaced by those that a user gives.

    Args:
        usual: the default options of the finished file, by the names of the GTiff driver.
        given: names of options of GDAL's GTiff or COG driver, and their values.
        bands: how many bands the file has.
        dtype: float32, float16, int16 or int8.
    Returns:
        Options of the GTiff driver.
    Raises:
        UsageError: GDAL has no such option, value or codec for such a file, or the option cannot be chosen.
    """
    options = dict(usual)
    if not given:
        return options
    wanted = {name.upper(): str(value).upper() for name, value in given.items()}
    _check_fixed(wanted, bands)
    codec = wanted.get("COMPRESS", str(options["compress"]).upper())
    codecs = codecs_of(dtype)
    if codec not in codecs:
        raise UsageError(f"{_option('COMPRESS', codec)} is for no such file; take one of {', '.join(codecs)}")
    if codec != "ZSTD":
        options.pop("zstd_level", None)
    if codec not in WITH_PREDICTOR:
        options.pop("predictor", None)
    options |= {name.lower(): value for name, value in _by_gtiff_names(wanted, codec, dtype).items()}
    _try_out(options, wanted, dtype)
    return options


def _option(name: str, value: str) -> str:
    """An option with its value, for messages."""
    return argument("creation_options", {name: value})


def _check_fixed(wanted: Mapping[str, str], bands: int) -> None:
    """Refuse values of options that cannot be chosen.

    Raises:
        UsageError: why not.
    """
    for name, value in wanted.items():
        allowed, reason = FIXED.get(name, ({value}, ""))
        if name == "INTERLEAVE" and value == "PIXEL" and bands > FEW_BANDS:
            allowed, reason = set(), f"QGIS takes seconds to draw a file of {bands} bands that are interleaved by pixel"
        if value not in allowed:
            raise UsageError(f"{_option(name, value)} cannot be had: {reason}; leave it out")


def _by_gtiff_names(wanted: Mapping[str, str], codec: str, dtype: str) -> dict[str, str]:
    """The same options by the names and values of the GTiff driver."""
    options = dict(wanted)
    if "BLOCKSIZE" in options:
        size = options.pop("BLOCKSIZE")
        options |= {"BLOCKXSIZE": size, "BLOCKYSIZE": size}
    if "LEVEL" in options:
        if codec not in LEVELS:
            level = f"{argument('creation_options')} LEVEL"
            raise UsageError(f"{level} needs COMPRESS={', '.join(LEVELS)}, got COMPRESS={codec}; leave it out")
        options[LEVELS[codec]] = options.pop("LEVEL")
    if "PREDICTOR" in options:
        own = {"YES": "3" if np.issubdtype(dtype, np.floating) else "2"}
        options["PREDICTOR"] = (PREDICTORS | own).get(options["PREDICTOR"], options["PREDICTOR"])
    return options


def _try_out(options: Mapping[str, object], wanted: Mapping[str, str], dtype: str) -> None:
    """Make a small file with these options, to learn now what GDAL would refuse or ignore in the end.

    Args:
        options: all options, by the names of the GTiff driver.
        wanted: those that the user gives, as they are typed, for messages.
        dtype: float32, float16, int16 or int8.
    Raises:
        UsageError: what GDAL says about the options.
    """
    sides = {"width": 16, "height": 16, "transform": Affine(1, 0, 0, 0, -1, 16)}
    with rasterio.Env(), _warnings_of_gdal() as complaints, MemoryFile() as source, MemoryFile() as target:
        kind = raster_type(dtype)
        with source.open(driver="GTiff", count=2, interleave="band", **kind, **sides) as file:
            file.write(np.ones((2, 16, 16), kind["dtype"]))  # GDAL would not store blocks of zeros
        try:
            rasterio.shutil.copy(source.name, target.name, **options)
        except Exception as error:  # rasterio turns the errors of GDAL into many classes
            complaints.insert(0, str(error))
    if complaints:
        name = target.name.rpartition("/")[2].partition(".")[0]
        reason = re.sub(rf"\S*{name}\S*\s*", "", complaints[0]).rstrip(".")
        given = argument("creation_options", dict(wanted))
        raise UsageError(
            f"GDAL makes no {dtype} GeoTIFF with {given}: {reason}; see gdal.org/drivers/raster/gtiff.html"
        )


class _Collector(logging.Handler):
    """Collects what GDAL says. Rasterio logs "CPLE_... in MESSAGE"; only the message is kept."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage().partition(" in ")[2])


@contextmanager
def _warnings_of_gdal() -> Iterator[list[str]]:
    """Collect what GDAL warns of. Rasterio passes it on to a logger, which is silent meanwhile."""
    logger, collector = logging.getLogger("rasterio._env"), _Collector()
    before = logger.level, logger.propagate
    logger.addHandler(collector)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield collector.messages
    finally:
        logger.level, logger.propagate = before
        logger.removeHandler(collector)
