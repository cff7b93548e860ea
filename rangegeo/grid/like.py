"""The grid of an existing raster: the same shape, transform and CRS, to the last bit."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.errors import GridError, GridWarning, UsageError, argument
from rangegeo.grid.box import check_size
from rangegeo.grid.coords import Labels
from rangegeo.grid.crs import crs_name, parse_crs, wkt_of
from rangegeo.grid.georeference import is_skewed, labels_in, read_geobox, unskewed
from rangegeo.grid.remote_raster import gives_parts, open_raster
from rangegeo.grid.zarr_store import checked_group, consolidated, readable, store_of
from rangegeo.support.address import Address
from rangegeo.support.foreign import check_foreign
from rangegeo.support.location import KNOWN, Location, check_bucket, check_local, is_address, located
from rangegeo.support.paths import local_path, name_beside, not_opened, shell_name, unparsed

# A path or another name that GDAL opens, a grid, or georeferenced data.
RasterLike: TypeAlias = str | os.PathLike[str] | Address | GeoBox | xr.DataArray | xr.Dataset

# What to type in Python if a grid has no CRS or is rotated.
OF_ARRAY = {
    "crs": 'write one into it, for example array.rio.write_crs("EPSG:4326")',
    "rotated": "make one that is, for example array.rio.reproject(array.rio.crs)",
}
OF_GEOBOX = {
    "crs": 'make one that has, for example GeoBox(geobox.shape, geobox.affine, "EPSG:4326")',
    "rotated": "make one that is, for example GeoBox.from_bbox(geobox.boundingbox, shape=geobox.shape)",
}
EVEN = "put it on even steps, for example with array.interp"
STORE_FILES = ("zarr.json", ".zgroup", ".zarray")  # a folder with one of these is a Zarr store
LIKE = argument("like")
RASTER = f"{LIKE} must be a raster"  # what messages about a store say


def geobox_like(source: RasterLike) -> GeoBox:
    """The grid of an existing raster.

    Args:
        source: what GDAL opens (a path, a VRT or the name of a subdataset), a Zarr store that xarray opens, the address
            of a GeoTIFF or of a Zarr store, a GeoBox, or an xarray object that rioxarray or odc-geo georeference.
    Returns:
        A GeoBox of the same shape and transform, in the same CRS.
    Raises:
        UsageError: the source is not a raster, or it has too many pixels.
        GridError: the raster has no CRS, it is not north-up, or it lies at two places at once.
    """
    if isinstance(source, GeoBox):
        return _checked(source, "the GeoBox", source)
    if isinstance(source, xr.DataArray | xr.Dataset):
        return _checked(_of_xarray(source, "the array"), "the array", source)
    if not isinstance(source, str | os.PathLike | Address):
        expected = "the path of a raster, a GeoBox or an xarray object"
        raise UsageError(argument="like", expected=expected, got=type(source).__name__)
    name = str(source)
    if (store := _store(source)) is not None:
        with _opened(store) as dataset:
            return _checked(_of_xarray(dataset, name), name, dataset)
    if isinstance(source, Address) or is_address(name):
        return _checked(_of_object(located(source)), name, name)
    return _checked(_of_file(name), name, name)


def own_labels(source: RasterLike | None) -> Labels | None:
    """The labels of an array's columns and rows, so that a raster like it has the same ones.

    Args:
        source: as for `geobox_like`, which took it already; or None.
    Returns:
        The labels of an xarray object or of a Zarr store; None for a source that has no labels but a transform.
    """
    if isinstance(source, xr.DataArray | xr.Dataset):
        return labels_in(source)
    if isinstance(source, str | os.PathLike | Address) and (store := _store(source)) is not None:
        with _opened(store) as dataset:
            return labels_in(dataset)
    return None


def _store(source: str | os.PathLike[str] | Address) -> Location | None:
    """The Zarr store that a name names; None if GDAL is to open the name, as it opens files and URLs of files."""
    if isinstance(source, Address) or is_address(os.fspath(source)):
        place = located(source)
        assert isinstance(place, Address)
        return None if _is_geotiff(place) or (place.read_only and place.suffix != ".zarr") else place
    check_local(source, KNOWN)
    place = local_path(source)
    return place if any((place / file).exists() for file in STORE_FILES) else None


def _is_geotiff(place: Location) -> bool:
    return place.suffix.lower() in (".tif", ".tiff")


def _of_object(place: Location) -> GeoBox:
    """The grid of a GeoTIFF at an address."""
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    if not _is_geotiff(place):
        raise UsageError(
            f"{LIKE} must be a Zarr store or a GeoTIFF where it is an address, got {place}; copy it here first"
        )
    if not place.is_file():
        assert isinstance(place, Address)
        check_bucket(place)
        raise UsageError(f"{LIKE} must be a raster, and there is none at {place}; check its name")
    if isinstance(place, Address) and not gives_parts(place):
        raise UsageError(f"{place.root} gives files only whole; copy {place} here first, for {LIKE}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with open_raster(place) as file:
                shape, transform, crs = file.shape, file.transform, file.crs
        except RasterioIOError as error:
            raise UsageError(
                f"{LIKE} must be a raster, and {place} is no GeoTIFF that GDAL opens; give another one"
            ) from error
    if transform.is_identity:
        raise GridError(f"{argument('like', str(place))} has no georeference; copy it here and give it one")
    return GeoBox(shape, transform, None if crs is None else crs.to_wkt(version="WKT2_2019"))


def _of_file(name: str) -> GeoBox:
    """The grid of a file, or of anything else that GDAL opens."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    with warnings.catch_warnings():  # the errors below tell the same
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        check_foreign(unparsed(name), f"{LIKE} {name}", UsageError, raster=True)
        try:
            with rasterio.open(unparsed(name)) as file:
                shape, transform, crs, parts = file.shape, file.transform, file.crs, file.subdatasets
                points = file.gcps[0]
        except RasterioIOError as error:
            got, remedy = not_opened(name, error)
            raise UsageError(argument="like", expected="a raster that GDAL opens", got=got, remedy=remedy) from None
    if parts and transform.is_identity:
        several = f"{argument('like', name)} holds {len(parts)} rasters"
        raise UsageError(f"{several}; name one of them, for example {argument('like', parts[0])}")
    if transform.is_identity:
        if points:
            raise GridError(f"{argument('like', name)} has ground control points alone; {_warped(name)}")
        told = f"{argument('like', name)} has no georeference"
        into = f"{shell_name(name)} {shell_name(name_beside(name, '_placed.tif'))}"
        raise GridError(
            f"{told}; make a copy that has, for example gdal_translate -a_srs EPSG:4326 -a_ullr W N E S {into}"
        )
    return GeoBox(shape, transform, None if crs is None else crs.to_wkt(version="WKT2_2019"))


@contextmanager
def _opened(place: Location) -> Iterator[xr.Dataset]:
    """A Zarr store, opened by xarray. GDAL up to 3.10 does not read format 3, and no GDAL reads a cube."""
    if isinstance(place, Address) and not any((place / name).is_file() for name in STORE_FILES):
        check_bucket(place)
        raise UsageError(f"{LIKE} must be a raster, and there is no Zarr store at {place}; check its name")
    store = store_of(place)
    checked_group(store, str(place), RASTER, is_cube=False)
    with readable(str(place), RASTER, store):
        dataset = xr.open_zarr(store, chunks=None, decode_coords="all", consolidated=consolidated(store))
    with dataset:
        yield dataset


def _of_xarray(data: xr.DataArray | xr.Dataset, name: str) -> GeoBox:
    """The grid of an xarray object."""
    geobox = read_geobox(data, f"{LIKE}: {name}")
    if geobox is None:
        raise GridError(f"{LIKE}: {name} has no coordinates x and y of even steps, so it is no grid; {EVEN}")
    return geobox


def _warped(name: str) -> str:
    """How GDAL makes a north-up raster of a file."""
    return f"make one that is, for example gdalwarp {shell_name(name)} {shell_name(name_beside(name, '_north_up.tif'))}"


def _remedy(source: RasterLike, fault: str) -> str:
    """What to type if a grid cannot be used.

    Args:
        source: a GeoBox, an array, or the name of a file.
        fault: "crs" if it has no CRS, "rotated" or "mirrored".
    """
    if isinstance(source, GeoBox):
        return OF_GEOBOX.get(fault, OF_GEOBOX["rotated"])
    if isinstance(source, xr.DataArray | xr.Dataset):
        if fault == "mirrored":
            rows, cols = source.odc.spatial_dims
            return f'turn it, for example array.sortby("{rows}", ascending=False).sortby("{cols}")'
        return OF_ARRAY[fault]
    name = str(source)
    if fault != "crs":
        return _warped(name)
    into = shell_name(name_beside(name, "_with_crs.tif"))
    return f"make a copy that has, for example gdal_translate -a_srs EPSG:4326 {shell_name(name)} {into}"


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


def _checked(geobox: GeoBox, name: str, source: RasterLike) -> GeoBox:
    """The same grid with its CRS named by its code, if it can be used.

    Raises:
        UsageError: it has too many pixels, or its CRS is neither geographic nor projected.
        GridError: it has no CRS, or it is not north-up.
    """
    geobox = unskewed(geobox)
    transform = geobox.affine
    if geobox.crs is None:
        raise GridError(f"{LIKE}: {name} has no CRS; {_remedy(source, 'crs')}")
    if is_skewed(transform, geobox.shape.yx):
        raise GridError(f"{LIKE}: {name} is rotated, and rasters are made north-up; {_remedy(source, 'rotated')}")
    if transform.a <= 0 or transform.e >= 0:
        way = "south to north" if transform.e >= 0 else "east to west"
        raise GridError(f"{LIKE}: {name} runs from {way}, and rasters are made north-up; {_remedy(source, 'mirrored')}")
    check_size(geobox.shape.yx, f"{name} has as many; take a smaller one for {LIKE}")
    crs = parse_crs(wkt_of(geobox), "like", source=name)
    return GeoBox(geobox.shape, transform, crs_name(crs))
