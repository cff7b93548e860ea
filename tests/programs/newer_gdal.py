"""gdalinfo -json of the GDAL that comes in pyogrio's wheel, newer than rasterio's and Debian's: one line a dataset.

python newer_gdal.py NAME ...

It reads Zarr format 3, but was built without our compressors. pyogrio opens no rasters, so its library is called.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path

import pyogrio

RASTER_AND_QUIET = 0x02  # GDAL_OF_RASTER
FOLDER = Path(pyogrio.__file__).parent
os.environ.update(GDAL_DATA=str(FOLDER / "gdal_data"), PROJ_DATA=str(FOLDER / "proj_data"))


def library() -> ctypes.CDLL:
    (path,) = (FOLDER.parent / "pyogrio.libs").glob("libgdal*")
    gdal = ctypes.CDLL(str(path))
    gdal.GDALOpenEx.restype = gdal.GDALInfoOptionsNew.restype = ctypes.c_void_p
    gdal.GDALOpenEx.argtypes = [ctypes.c_char_p, ctypes.c_uint, *[ctypes.c_void_p] * 3]
    gdal.GDALInfo.restype = gdal.GDALVersionInfo.restype = ctypes.c_char_p
    gdal.GDALInfo.argtypes = gdal.GDALInfoOptionsNew.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    gdal.GDALAllRegister()
    return gdal


def main() -> None:
    gdal = library()
    switches = (ctypes.c_char_p * 3)(b"-json", b"-stats", None)
    options = gdal.GDALInfoOptionsNew(switches, None)
    for name in sys.argv[1:]:
        dataset = gdal.GDALOpenEx(name.encode(), RASTER_AND_QUIET, None, None, None)
        facts = json.loads(gdal.GDALInfo(dataset, options)) if dataset else None
        print(json.dumps({"version": gdal.GDALVersionInfo(b"RELEASE_NAME").decode(), "facts": facts}))


if __name__ == "__main__":
    main()
