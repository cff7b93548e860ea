"""The grid of an existing raster: the same shape, transform and CRS, to the last bit."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.errors import GridError, GridWarning, UsageError, argument
from rangegeo.grid.box import check_size
from rangegeo.grid.coords import Labels
from rangegeo.grid.crs import crs_name, parse_crs, wkt_of
from rangegeo.grid.georeference import is_skewed, labels_in, read_geobox, unskewed
from rangegeo.support.paths import local_path, unparsed

# A path or another name that GDAL opens, a grid, or georeferenced data.
RasterLike: TypeAlias = str | os.PathLike[str] | GeoBox | xr.DataArray | xr.Dataset

STORE_FILES = ("zarr.json", ".zgroup", ".zarray")  # a folder with one of these is a Zarr store
REMEDY = "make a raster of it that is, for example with gdalwarp"
LIKE = argument("like")
# What to do about a grid that cannot be used.
OF_FILES = {
    "crs": "make one that has, for example gdal_translate -a_srs EPSG:4326 FILE with_crs.tif",
    "rotated": REMEDY,
    "south to north": REMEDY,
    "east to west": REMEDY,
}
OF_ARRAYS = {
    "crs": 'say it with rioxarray: array.rio.write_crs("EPSG:4326")',
    "rotated": "reproject it with array.rio.reproject",
    "south to north": "turn it over: array.sortby(array.odc.spatial_dims[0], ascending=False)",
    "east to west": "turn it over: array.sortby(array.odc.spatial_dims[1])",
}


def geobox_like(source: RasterLike) -> GeoBox:
    """The grid of an existing raster.

    Args:
        source: what GDAL opens (a path, a VRT, a URL or the name of a subdataset), a Zarr store that xarray opens, a
            GeoBox, or an xarray object that rioxarray or odc-geo georeference.
    Returns:
        A GeoBox of the same shape and transform, in the same CRS.
    Raises:
        UsageError: the source is not a raster, or it has too many pixels.
        GridError: the raster has no CRS, it is not north-up, or it lies at two places at once.
    """
    if isinstance(source, GeoBox):
        return _checked(source, "the GeoBox")
    if isinstance(source, xr.DataArray | xr.Dataset):
        return _checked(_of_xarray(source, "the array"), "the array", OF_ARRAYS)
    if not isinstance(source, str | os.PathLike):
        expected = "the path of a raster, a GeoBox or an xarray object"
        raise UsageError(argument="like", expected=expected, got=type(source).__name__)
    name = os.fspath(source)
    if _is_store(name):
        with _opened(name) as dataset:
            return _checked(_of_xarray(dataset, name), name)
    return _checked(_of_file(name), name)


def own_labels(source: RasterLike | None) -> Labels | None:
    """The labels of an array's columns and rows, so that a raster like it has the same ones.

    Args:
        source: as for `geobox_like`, which took it already; or None.
    Returns:
        The labels of an xarray object or of a Zarr store; None for a source that has no labels but a transform.
    """
    if isinstance(source, xr.DataArray | xr.Dataset):
        return labels_in(source)
    if isinstance(source, str | os.PathLike) and _is_store(os.fspath(source)):
        with _opened(os.fspath(source)) as dataset:
            return labels_in(dataset)
    return None


def _is_store(name: str) -> bool:
    """Whether a path is that of a Zarr store."""
    return any((local_path(name) / file).exists() for file in STORE_FILES)


def _of_file(name: str) -> GeoBox:
    """The grid of a file, or of anything else that GDAL opens."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    with warnings.catch_warnings():  # the errors below tell the same
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(unparsed(name)) as file:
                shape, transform, crs, parts = file.shape, file.transform, file.crs, file.subdatasets
        except RasterioIOError as error:
            reason = str(error).splitlines()[0]
            got = repr(name)
            raise UsageError(argument="like", expected="a raster that GDAL opens", got=got, remedy=reason) from None
    if parts and transform.is_identity:
        several = f"{argument('like', name)} holds {len(parts)} rasters"
        raise UsageError(f"{several}; name one of them, for example {parts[0]!r}")
    if transform.is_identity:
        raise GridError(f"{argument('like', name)} has no georeference, or ground control points alone; {REMEDY}")
    return GeoBox(shape, transform, None if crs is None else crs.to_wkt(version="WKT2_2019"))


@contextmanager
def _opened(name: str) -> Iterator[xr.Dataset]:
    """A Zarr store, opened by xarray. GDAL up to 3.10 does not read format 3, and no GDAL reads a cube."""
    from zarr.storage import LocalStore

    try:
        store = LocalStore(local_path(name))  # zarr takes a name with "::" for an address
        with xr.open_zarr(store, chunks=None, consolidated=False, decode_coords="all") as dataset:
            yield dataset
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, GridError | UsageError):
            raise
        raise UsageError(f"{LIKE} must be a raster, and {name} is a Zarr store that xarray does not open") from error


def _of_xarray(data: xr.DataArray | xr.Dataset, name: str) -> GeoBox:
    """The grid of an xarray object."""
    geobox = read_geobox(data, f"{LIKE}: {name}")
    if geobox is None:
        raise GridError(f"{LIKE}: {name} has no coordinates x and y of even steps, so it is no grid; {REMEDY}")
    return geobox


def warn_of_names(source: RasterLike) -> None:
    """Warn of an array whose axes are not called y and x, as those of rasters are."""
    dims = source.odc.spatial_dims if isinstance(source, xr.DataArray | xr.Dataset) else None
    if dims is None or tuple(dims) == ("y", "x"):
        return
    renamed = f'{dims[0]}="y", {dims[1]}="x"'
    warnings.warn(
        GridWarning(
            f"{LIKE}: the axes of the array are {dims[0]} and {dims[1]}, and those of rasters y and x, so arithmetic "
            f"would pair every row with every row; rename them: array.rename({renamed})"
        ),
        stacklevel=4,
    )


def _checked(geobox: GeoBox, name: str, remedies: Mapping[str, str] = OF_FILES) -> GeoBox:
    """The same grid with its CRS named by its code, if it can be used.

    Raises:
        UsageError: it has too many pixels, or its CRS is neither geographic nor projected.
        GridError: it has no CRS, or it is not north-up.
    """
    geobox = unskewed(geobox)
    transform = geobox.affine
    if geobox.crs is None:
        raise GridError(f"{LIKE}: {name} has no CRS; {remedies['crs']}")
    if is_skewed(transform, geobox.shape.yx):
        raise GridError(f"{LIKE}: {name} is rotated, and rasters are made north-up; {remedies['rotated']}")
    if transform.a <= 0 or transform.e >= 0:
        way = "south to north" if transform.e >= 0 else "east to west"
        raise GridError(f"{LIKE}: {name} runs from {way}, and rasters are made north-up; {remedies[way]}")
    check_size(geobox.shape.yx, f"{name} has as many; take a smaller one for {LIKE}")
    crs = parse_crs(wkt_of(geobox), "like", source=name)
    return GeoBox(geobox.shape, transform, crs_name(crs))
