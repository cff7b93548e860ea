"""The very grid of a raster that exists: shape, transform and CRS, to the last bit."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import xarray as xr
from odc.geo.geobox import GeoBox
from pyproj import CRS

from rangegeo.errors import GridError, UsageError
from rangegeo.grid.box import check_size
from rangegeo.grid.crs import crs_name, parse_crs

STORE_FILES = ("zarr.json", ".zgroup", ".zarray")  # by which a folder is a Zarr store
REMEDY = "make a raster of it that is, for example with gdalwarp"


def geobox_like(source: object) -> GeoBox:
    """The grid of an existing raster.

    Args:
        source: what GDAL opens (path, VRT, URL, the name of a subdataset), a Zarr store that xarray opens, a GeoBox, or
            an xarray object that rioxarray or odc-geo georeference.
    Returns:
        A GeoBox of the same shape and transform, in the same CRS.
    Raises:
        UsageError: there is no raster. GridError: it has no CRS, or its rows do not run from west to east and north to
            south.
    """
    if isinstance(source, GeoBox):
        return _checked(source, "the GeoBox")
    if isinstance(source, (xr.DataArray, xr.Dataset)):
        return _checked(_of_xarray(source, "the array"), "the array")
    if not isinstance(source, (str, os.PathLike)):
        kind = type(source).__name__
        raise UsageError(f"--like must be the path of a raster, a GeoBox or an xarray object, got {kind}")
    name = os.fspath(source)
    is_store = any(Path(name, file).exists() for file in STORE_FILES)
    return _checked(_of_store(name) if is_store else _of_file(name), name)


def _of_file(name: str) -> GeoBox:
    """Of anything GDAL opens."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    with warnings.catch_warnings():  # told below
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(name) as file:
                shape, transform, crs, parts = file.shape, file.transform, file.crs, file.subdatasets
        except RasterioIOError as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"--like must be a raster that GDAL opens, got {name!r}; {reason}") from None
    if parts and transform.is_identity:
        raise UsageError(f"--like {name} holds {len(parts)} rasters; name one of them, for example --like '{parts[0]}'")
    if transform.is_identity:
        raise GridError(f"--like {name} has no georeference, or ground control points alone; {REMEDY}")
    return GeoBox(shape, transform, None if crs is None else crs.to_wkt(version="WKT2_2019"))


def _of_store(name: str) -> GeoBox:
    """Of a Zarr store: GDAL up to 3.10 reads none of format 3, and knows no cube."""
    try:
        with xr.open_zarr(name, chunks=None, consolidated=False, decode_coords="all") as dataset:
            return _of_xarray(dataset, name)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, GridError):
            raise
        raise UsageError(f"--like must be a raster, and {name} is a Zarr store that xarray does not open") from error


def _of_xarray(data: xr.DataArray | xr.Dataset, name: str) -> GeoBox:
    import odc.geo.xr  # noqa: F401  registers the accessor

    geobox = data.odc.geobox
    if not isinstance(geobox, GeoBox):
        raise GridError(f"--like: {name} has no coordinates x and y of even steps, so it is no grid; {REMEDY}")
    return geobox


def _checked(geobox: GeoBox, name: str) -> GeoBox:
    """The same grid if it is north-up and has a CRS, which gets its short name."""
    transform = geobox.affine
    if geobox.crs is None:
        raise GridError(f"--like: {name} has no CRS; give it one, for example gdal_edit.py -a_srs EPSG:4326 FILE")
    if transform.b or transform.d:
        raise GridError(f"--like: {name} is rotated, and rasters are made north-up; {REMEDY}")
    if transform.a <= 0 or transform.e >= 0:
        way = "south to north" if transform.e >= 0 else "east to west"
        raise GridError(f"--like: {name} runs from {way}, and rasters are made north-up; {REMEDY}")
    check_size(geobox.shape, f"{name} has as many; take a smaller one for --like")
    crs: CRS = parse_crs(geobox.crs.to_wkt(), "--like")
    return GeoBox(geobox.shape, transform, crs_name(crs))
