"""Cubes as Zarr: one array `embedding` (beta, band, y, x) that xarray, rioxarray, GDAL and odc-geo georeference.

Until the last block is written the store says that it is unfinished.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import dask.array as da
import numpy as np
import xarray as xr
import zarr
from dask.delayed import Delayed
from pyproj import CRS

from rangegeo.errors import OutputError, UsageError
from rangegeo.grid.coords import grid_coords
from rangegeo.schema.cube import as_4d, geobox_of
from rangegeo.stores.blocks import Report, is_empty, stored_bytes, write_blocks
from rangegeo.stores.conventions import gdal_crs, group_attributes, level_name
from rangegeo.stores.quantise import FLOAT32, Loss, Storage
from rangegeo.stores.spool import ROOM, spooled
from rangegeo.stores.zarr_options import ZarrOptions, parse_zarr_options
from rangegeo.support.destination import check_destination

CHUNK_BYTES = 4 * 2**20  # of one stored chunk, which holds one beta and as many bands as fit
COMPLETE = "rangegeo_complete"
ARRAY = "embedding"  # as rangegeo.schema.cube.NAME, whatever a cube was renamed to


def write_zarr(
    cube: xr.DataArray,
    path: str | Path,
    *,
    overwrite: bool = False,
    zarr_format: int = 3,
    creation_options: Mapping[str, object] | None = None,
    overviews: Sequence[xr.DataArray] = (),
    storage: Storage = FLOAT32,
    measured: Delayed | None = None,
    report: Report | None = None,
) -> list[Path]:
    """Write a cube to a new Zarr store, block by block.

    Args:
        cube: (beta, band, y, x) or (band, y, x), from `rangegeo.raster`; chunks along y and x are kept.
        path: folder to be made.
        overwrite: replace a Zarr store that is there.
        zarr_format: 3, or 2 for programs that do not read 3 (GDAL before 3.11, QGIS built with it).
        creation_options: COMPRESS, LEVEL, SHUFFLE and SHARDS, see `rangegeo.stores.zarr_options`.
        overviews: of the cube, from `rangegeo.cubes.overviews.make_overviews`, each written to a group of the store.
        storage: how values are stored, those of overviews too, with one scale for all bands.
        measured: attributes that are known once the cube is computed, from `rangegeo.cubes.proof.proof`.
        report: told of these attributes, and of what storing the values lost.
    Returns:
        The path.
    Raises:
        OutputError: the destination cannot be written; nothing was touched.
    """
    path = Path(path)
    check_store(cube, path, overwrite=overwrite, overviews=bool(overviews), dtype=storage.dtype)
    options = parse_zarr_options(creation_options, zarr_format, storage.dtype)
    if storage.scale is not None and (np.ptp(storage.scale) or np.ptp(storage.offset)):
        raise UsageError("the bands of a Zarr array share one scale; fit the storage with one_scale=True")
    had_beta = "beta" in cube.dims
    cube = _evenly_chunked(as_4d(cube)).rename(ARRAY)
    levels = [as_4d(level).rename(ARRAY) for level in overviews]
    create = partial(_create, storage=storage, had_beta=had_beta, zarr_format=zarr_format, options=options)
    with _put_aside(path), spooled(levels, path.absolute().parent, storage) as spools:
        array = create(cube, path, levels)

        def write(block: np.ndarray, top: int, left: int) -> Loss | None:
            if is_empty(block):  # a chunk that is not there reads as NaN
                return None
            _, _, height, width = block.shape
            array[:, :, top : top + height, left : left + width], lost = storage.encode(block)
            return lost

        also = [(level, spool.write) for level, spool in zip(levels, spools, strict=True)]
        facts, (losses, *coarse_losses) = write_blocks(cube, write, measured, also)
        facts_of_cube = facts | storage.facts(losses, cube.attrs)
        array.attrs.update(facts_of_cube)
        for level, spool, lost in zip(levels, spools, coarse_losses, strict=True):
            group = path / level_name(cube, level)
            empty = da.empty(level.shape, dtype=level.dtype, chunks=(-1, -1, *array.chunks[2:]))
            coarse = create(level.copy(data=empty), group)
            spool.copy_to(coarse)
            coarse.attrs.update(facts | storage.facts(lost, cube.attrs))
            _complete(group)
        _complete(path)
    if report is not None:
        report(facts_of_cube)
    return [path]


@contextmanager
def _put_aside(path: Path) -> Iterator[None]:
    """Keep a store that is to be replaced until its successor is complete; if that fails it takes its place again."""
    if not path.exists():
        yield
        return
    aside = path.with_name(f".{path.name}-replaced-{os.getpid()}")
    path.rename(aside)
    try:
        yield
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        aside.rename(path)
        raise
    shutil.rmtree(aside)


def _create(
    cube: xr.DataArray,
    path: Path,
    levels: Sequence[xr.DataArray] = (),
    *,
    storage: Storage,
    had_beta: bool,
    zarr_format: int,
    options: ZarrOptions,
) -> zarr.Array:
    """The group of a cube that has these overviews, with its coordinates and attributes but no values yet."""
    geobox = geobox_of(cube)
    coords = {name: coord.drop_encoding() for name, coord in cube.coords.items() if name != "band_name"}
    fresh = grid_coords(geobox)  # of a slice of a cube, whose own still say what the whole was
    transform = fresh["spatial_ref"].attrs["GeoTransform"]
    coords["spatial_ref"] = coords["spatial_ref"].assign_attrs(GeoTransform=transform)
    for axis in ("y", "x"):
        coords[axis] = coords[axis].assign_attrs(resolution=fresh[axis].attrs["resolution"])
    attrs = {key: value for key, value in cube.attrs.items() if key != "grid_mapping"}
    attrs["_CRS"] = gdal_crs(CRS.from_wkt(geobox.crs.to_wkt()))
    attrs["band_names"] = cube["band_name"].values.tolist()
    if storage.scale is not None:
        attrs |= {"scale_factor": float(storage.scale[0, 0]), "add_offset": float(storage.offset[0, 0])}
    empty = da.empty(cube.shape, dtype=storage.dtype, chunks=cube.chunks or cube.shape)
    values = xr.DataArray(empty, coords, cube.dims, cube.name, attrs)
    said = {"Conventions": "CF-1.11", COMPLETE: False, "rangegeo_has_beta": had_beta}
    said |= group_attributes(cube, storage.dtype, levels)
    dataset = values.to_dataset(promote_attrs=False).assign_attrs(said)
    chunks, compressor = _stored_chunks(cube, storage), options.compressor(zarr_format)
    nodata = np.dtype(storage.dtype).type(storage.nodata)
    encoding = {
        "chunks": chunks,
        "compressors": None if compressor is None else [compressor],
        "_FillValue": nodata,
        "grid_mapping": "spatial_ref",
        **({"fill_value": nodata} if zarr_format == 3 else {}),  # of chunks that are not there; format 2 has but one
    }
    if options.shards:
        betas, bands = cube.shape[:2]
        encoding["shards"] = (betas, -(-bands // chunks[1]) * chunks[1], *chunks[2:])
    plain = {name: {"compressors": None} for name in coords}  # a few numbers, which every reader has to have
    dataset.to_zarr(
        path, mode="w-", zarr_format=zarr_format, compute=False, consolidated=False, encoding={ARRAY: encoding, **plain}
    )
    return zarr.open_group(path, mode="r+", use_consolidated=False)[ARRAY]


def _evenly_chunked(cube: xr.DataArray) -> xr.DataArray:
    """The cube in blocks of all betas and bands, of one size along y and x, the last ones smaller.

    Two blocks must never share a stored chunk.
    """
    if cube.chunks is None:
        return cube
    sides = dict(cube.sizes) | {axis: max(cube.chunksizes[axis]) for axis in ("y", "x")}
    even = all(set(cube.chunksizes[axis][:-1]) <= {side} for axis, side in sides.items())
    return cube if even else cube.chunk(sides)


def _stored_chunks(cube: xr.DataArray, storage: Storage) -> tuple[int, int, int, int]:
    """One beta, the block's rows and columns, and the bands that fit: a block is written in whole chunks."""
    rows, cols = (sizes[0] for sizes in cube.chunks[2:]) if cube.chunks else (cube.sizes["y"], cube.sizes["x"])
    bands = max(1, CHUNK_BYTES // (rows * cols * np.dtype(storage.dtype).itemsize))
    return 1, min(bands, cube.sizes["band"]), rows, cols


def check_store(
    cube: xr.DataArray,
    path: Path,
    *,
    overwrite: bool,
    overviews: bool = False,
    dtype: str = "float32",
    **options: object,
) -> None:
    """Refuse a destination and options before any work is done; only a Zarr store is ever replaced."""
    parse_zarr_options(**options)
    check_destination(path, int(stored_bytes(cube, dtype) * (1 + 2 * ROOM * overviews)), overwrite=overwrite)
    if path.exists() and not any((path / name).exists() for name in ("zarr.json", ".zgroup")):
        raise OutputError(f"{path} is not a Zarr store and was left as it is; give another -o")


def is_complete(path: Path) -> bool:
    """Whether every block of a store was written."""
    return bool(zarr.open_group(path, mode="r", use_consolidated=False).attrs.get(COMPLETE, False))


def _complete(path: Path) -> None:
    """Say that every block of a group was written, and gather what it and those below it say."""
    zarr.open_group(path, mode="r+", use_consolidated=False).attrs[COMPLETE] = True
    with warnings.catch_warnings():  # zarr says that format 3 has no standard for it yet; readers without it ignore it
        warnings.filterwarnings("ignore", "Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(path)
