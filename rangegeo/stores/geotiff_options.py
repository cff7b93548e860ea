"""Creation options of GeoTIFFs as rio and GDAL have them: which may be chosen, tried out before any work is done.

GDAL's COG driver and its GTiff driver call some by different names; both are understood.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import rasterio
import rasterio.shutil
from rasterio import Affine
from rasterio.io import MemoryFile

from rangegeo.errors import UsageError

LEVELS = {"ZSTD": "ZSTD_LEVEL", "DEFLATE": "ZLEVEL", "LZMA": "LZMA_PRESET"}  # what the COG driver calls LEVEL
CODECS = ("ZSTD", "DEFLATE", "LZW", "LZMA", "PACKBITS", "LERC", "LERC_ZSTD", "LERC_DEFLATE", "NONE")  # not of pictures
PREDICTED = {"ZSTD", "DEFLATE", "LZW"}  # codecs that know predictors
PREDICTORS = {"NO": "1", "STANDARD": "2", "FLOATING_POINT": "3"}  # of the COG driver; YES is the one of the type
FEW_BANDS = 128  # as many may be interleaved by pixel and are drawn quickly all the same
TRUE = {"YES", "TRUE", "ON", "1"}
FALSE = {"NO", "FALSE", "OFF", "0"}
FIXED = {  # what a name may be set to, and why to nothing else
    "TILED": (TRUE, "rasters are read by the tile"),
    "COPY_SRC_OVERVIEWS": ((), "--format gtiff leaves out the overviews, --format cog has them"),
    "NBITS": ((), "--dtype says how values are stored"),
    "PROFILE": ({"GDALGEOTIFF"}, "others lose the nodata value and the names of the bands"),
    "ALPHA": ({"NO"}, "nodata is NaN, and an alpha band spoils the picture in QGIS"),
    "PHOTOMETRIC": ({"MINISBLACK"}, "the bands are no colours; those are in the preview beside the file"),
    "TFW": (FALSE, "the georeference is in the file"),
    "WORLDFILE": (FALSE, "the georeference is in the file"),
}


def check_options(creation_options: Mapping[str, object], dtype: str = "float32") -> None:
    """Refuse what no file of a dtype could be made with, before anything else is known of it."""
    usual = {"driver": "GTiff", "tiled": True, **compression(dtype)}
    with_options(usual, creation_options, bands=1, dtype=dtype)


def compression(dtype: str) -> dict[str, object]:
    """The usual creation options that make files small."""
    return {"compress": "zstd", "zstd_level": 1, "predictor": 3 if dtype.startswith("float") else 2}


def raster_type(dtype: str) -> dict[str, object]:
    """What GDAL calls values that are stored so: float16 it has from 3.11 on, and all of it as float32 of 16 bits."""
    return {"dtype": "float32", "nbits": 16} if dtype == "float16" else {"dtype": dtype}


def with_options(usual: Mapping[str, object], given: Mapping[str, object] | None, bands: int, dtype: str) -> dict:
    """The usual creation options, and what was asked for in their place.

    Args:
        usual: options of the finished file.
        given: names of GDAL's GTiff or COG driver to values.
        bands, dtype: of the file; as in `rangegeo.stores.quantise`.
    Raises:
        UsageError: GDAL knows no such option, value or codec for such a file, or it is one that is not left to choose.
    """
    options = dict(usual)
    if not given:
        return options
    wanted = {name.upper(): str(value).upper() for name, value in given.items()}
    _check_fixed(wanted, bands)
    codec = wanted.get("COMPRESS", str(options["compress"]).upper())
    if codec not in CODECS:
        raise UsageError(f"--co COMPRESS={codec} is for no such file; take one of {', '.join(CODECS)}")
    if codec != "ZSTD":
        options.pop("zstd_level", None)
    if codec not in PREDICTED:
        options.pop("predictor", None)
    options |= {name.lower(): value for name, value in _by_gtiff_names(wanted, codec, dtype).items()}
    _try(options, wanted, dtype)
    return options


def _check_fixed(wanted: Mapping[str, str], bands: int) -> None:
    for name, value in wanted.items():
        allowed, reason = FIXED.get(name, ({value}, ""))
        if name == "INTERLEAVE" and value == "PIXEL" and bands > FEW_BANDS:
            allowed, reason = (), f"QGIS takes seconds to draw a file of {bands} bands that are interleaved by pixel"
        if value not in allowed:
            raise UsageError(f"--co {name}={value} cannot be had: {reason}; leave it out")


def _by_gtiff_names(wanted: Mapping[str, str], codec: str, dtype: str) -> dict[str, str]:
    """Names and values of the COG driver as the GTiff driver has them."""
    options = dict(wanted)
    if "BLOCKSIZE" in options:
        size = options.pop("BLOCKSIZE")
        options |= {"BLOCKXSIZE": size, "BLOCKYSIZE": size}
    if "LEVEL" in options:
        if codec not in LEVELS:
            raise UsageError(f"--co LEVEL needs COMPRESS={', '.join(LEVELS)}, got COMPRESS={codec}; leave it out")
        options[LEVELS[codec]] = options.pop("LEVEL")
    if "PREDICTOR" in options:
        own = {"YES": "3" if np.issubdtype(dtype, np.floating) else "2"}
        options["PREDICTOR"] = (PREDICTORS | own).get(options["PREDICTOR"], options["PREDICTOR"])
    return options


def _try(options: Mapping[str, object], wanted: Mapping[str, str], dtype: str) -> None:
    """Make a small file with these options, so that GDAL refuses now what it would refuse or ignore in the end."""
    sides = {"width": 16, "height": 16, "transform": Affine(1, 0, 0, 0, -1, 16)}
    with rasterio.Env(), _heard() as said, MemoryFile() as source, MemoryFile() as target:
        kind = raster_type(dtype)
        with source.open(driver="GTiff", count=2, interleave="band", **kind, **sides) as file:
            file.write(np.ones((2, 16, 16), kind["dtype"]))  # zeros would be left out
        try:
            rasterio.shutil.copy(source.name, target.name, **options)
        except Exception as error:  # whatever rasterio makes of GDAL's answer
            said.insert(0, str(error))
    if said:
        told = " ".join(f"--co {name}={value}" for name, value in wanted.items())
        name = target.name.rpartition("/")[2].partition(".")[0]
        reason = re.sub(rf"\S*{name}\S*\s*", "", said[0]).rstrip(".")
        raise UsageError(f"GDAL makes no {dtype} GeoTIFF with {told}: {reason}; see gdal.org/drivers/raster/gtiff.html")


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What GDAL warns of, which rasterio passes on to a logger."""
    said: list[str] = []
    logger, handler = logging.getLogger("rasterio._env"), logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage().partition(" in ")[2])
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.level, logger.propagate = before
        logger.removeHandler(handler)
