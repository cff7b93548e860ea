"""Cubes as Zarr: one array `embedding` (beta, band, y, x) that xarray, rioxarray, GDAL and odc-geo georeference.

A store says that it is unfinished until its last block is written.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
import zarr
from dask.delayed import Delayed
from zarr.storage import LocalStore

from rangegeo.errors import UsageError
from rangegeo.grid.coords import grid_coords
from rangegeo.schema.complete import as_text
from rangegeo.schema.cube import NAME, as_4d, geobox_of
from rangegeo.schema.facts import computed_from, facts_of, facts_of_values
from rangegeo.stores.attributes import flat_facts, plain_attributes, simplify_consolidated
from rangegeo.stores.blocks import BlockWriter, Facts, Report, is_empty, stored_bytes, write_blocks
from rangegeo.stores.conventions import declared_attributes, gdal_crs, overview_name
from rangegeo.stores.quantise import FLOAT32, Loss, Storage
from rangegeo.stores.spool import ROOM, spools_for
from rangegeo.stores.zarr_options import ZarrOptions, parse_zarr_options
from rangegeo.support.destination import check_destination
from rangegeo.support.paths import local_path
from rangegeo.support.unfinished import unfinished_folder

CHUNK_BYTES = 4 * 2**20  # the largest stored chunk, which holds one beta and as many bands as fit
COMPLETE = "rangegeo_complete"  # attribute of a group: whether every block of it was written


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
        cube: (beta, band, y, x) or (band, y, x), from `rangegeo.raster`; its chunks along y and x are kept.
        path: the folder to be made.
        overwrite: whether an existing Zarr store is replaced.
        zarr_format: 3, or 2 for programs that cannot read 3 (GDAL before 3.11, and QGIS built with it).
        creation_options: COMPRESS (LZ4, ZSTD, ZLIB, BLOSCLZ, NONE), LEVEL (0 to 9), SHUFFLE (BYTE, BIT, NONE) and
            SHARDS (NO, YES).
        overviews: coarser levels, from `rangegeo.cubes.overviews.make_overviews`; each gets a group of the store.
        storage: how values are stored, in the overviews too; all bands must share one scale.
        measured: attributes that are known once the cube is computed, from `rangegeo.cubes.proof.proof`.
        report: called with these attributes and with what storing the values cost.
    Returns:
        The path.
    Raises:
        UsageError: there is no such option or Zarr format, or the storage has several scales. Nothing was touched.
        OutputError: the destination cannot be written. Nothing was touched.
    """
    given = local_path(path)
    path = given.resolve()  # a symbolic link stays, and what it names is written
    check_store(cube, given, overwrite=overwrite, overviews=bool(overviews), dtype=storage.dtype)
    options = parse_zarr_options(creation_options, zarr_format, storage.dtype)
    _check_one_scale(storage)
    groups = _GroupMaker(storage=storage, zarr_format=zarr_format, options=options, has_beta="beta" in cube.dims)
    cube = _evenly_chunked(as_4d(cube)).rename(NAME)
    overviews = [as_4d(overview).rename(NAME) for overview in overviews]
    with _in_place_of(path) as draft, spools_for(overviews, path.parent, storage) as spools:
        array = groups.make(cube, draft, overviews)
        also = [(overview, spool.write) for overview, spool in zip(overviews, spools, strict=True)]
        facts, (losses, *overview_losses) = write_blocks(cube, _block_writer(array, storage), measured, also)
        facts_of_cube = facts | storage.facts(losses, facts_of(cube))
        for overview, spool, lost in zip(overviews, spools, overview_losses, strict=True):
            group = draft / overview_name(cube, overview)
            spool.copy_to(groups.make(_in_chunks_of(array, overview), group))
            _finish(group, facts | storage.facts(lost, facts_of(cube)))
        _finish(draft, facts_of_cube)
    if report is not None:
        report(facts_of_cube)
    return [given]


def check_store(
    cube: xr.DataArray,
    path: Path,
    *,
    overwrite: bool,
    overviews: bool = False,
    dtype: str = "float32",
    zarr_format: int = 3,
    creation_options: Mapping[str, object] | None = None,
) -> None:
    """Refuse options and a destination before any work is done. Only a Zarr store is ever replaced.

    Raises:
        UsageError: there is no such option or Zarr format.
        OutputError: the destination cannot be written, or it is something else than a Zarr store.
    """
    parse_zarr_options(creation_options, zarr_format, dtype)
    nbytes = int(stored_bytes(cube, dtype) * (1 + 2 * ROOM * overviews))
    check_destination(path, nbytes, overwrite=overwrite, store=True)


def store_at(path: Path) -> Path | LocalStore:
    """A local store in the form that xarray opens: zarr takes a path with "::" or "://" for an address."""
    return LocalStore(path.absolute()) if "::" in str(path.absolute()) else path


def is_complete(path: Path) -> bool:
    """Whether every block of a store was written. A store of another program does not say it and counts as complete."""
    return bool(zarr.open_group(path, mode="r", use_consolidated=False).attrs.get(COMPLETE, True))


# ------------------------------------------------------------------------------------------ steps of write_zarr


def _check_one_scale(storage: Storage) -> None:
    """Refuse a storage with several scales, of which xarray and GDAL would read only one."""
    if storage.scale is not None and storage.offset is not None and (np.ptp(storage.scale) or np.ptp(storage.offset)):
        raise UsageError(
            "the bands of a Zarr array share one scale, and this storage has one for each; fit one scale for all"
        )


@contextmanager
def _in_place_of(path: Path) -> Iterator[Path]:
    """Where a store is to be written: at its path, or in a hidden folder beside the store that it replaces.

    The old store keeps its name until its successor is complete, so the successor may be computed from it.
    """
    if not path.exists():
        yield path
        return
    with unfinished_folder(path) as folder:
        draft, replaced = folder / path.name, folder / "replaced"
        yield draft
        path.rename(replaced)
        try:
            draft.rename(path)
        except BaseException:
            replaced.rename(path)
            raise


def _block_writer(array: zarr.Array, storage: Storage) -> BlockWriter:
    """A function that writes blocks of a cube to its array."""

    def write(block: np.ndarray, top: int, left: int) -> Loss | None:
        if is_empty(block):  # chunks that are not stored are read as NaN
            return None
        _, _, height, width = block.shape
        array[:, :, top : top + height, left : left + width], lost = storage.encode(block)
        return lost

    return write


def _in_chunks_of(array: zarr.Array, overview: xr.DataArray) -> xr.DataArray:
    """An overview without values, in chunks as large as those of the cube's array."""
    empty = da.empty(overview.shape, dtype=overview.dtype, chunks=(-1, -1, *array.chunks[2:]))
    return overview.copy(data=empty)


def _finish(path: Path, facts: Facts) -> None:
    """Add what was measured to a group whose blocks are all written, and say that it is complete."""
    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    group.attrs.update(flat_facts(facts))
    group.attrs[COMPLETE] = True
    with warnings.catch_warnings():  # format 3 has no standard for consolidated metadata; other readers ignore it
        warnings.filterwarnings("ignore", "Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(path)
    simplify_consolidated(path)


def _evenly_chunked(cube: xr.DataArray) -> xr.DataArray:
    """The cube in blocks of one size along y and x, of which only the last ones may be smaller.

    Two blocks must never share a stored chunk, because they are written at the same time.
    """
    if cube.chunks is None:
        return cube
    sides = dict(cube.sizes) | {axis: max(cube.chunksizes[axis]) for axis in ("y", "x")}
    even = all(set(cube.chunksizes[axis][:-1]) <= {side} for axis, side in sides.items())
    return cube if even else cube.chunk(sides)


# ------------------------------------------------------------------------------------------------ empty groups


@dataclass(frozen=True, slots=True, kw_only=True)
class _GroupMaker:
    """Makes the groups of one store, which differ only in their grids.

    Attributes:
        storage: how values are stored.
        zarr_format: 2 or 3.
        options: how chunks are compressed and kept.
        has_beta: whether the cube had a dimension beta when it was handed over.
    """

    storage: Storage
    zarr_format: int
    options: ZarrOptions
    has_beta: bool

    def make(self, cube: xr.DataArray, path: Path, overviews: Sequence[xr.DataArray] = ()) -> zarr.Array:
        """Make the group of a cube with its coordinates and attributes, but without values; returns its array.

        Args:
            cube: (beta, band, y, x).
            path: the folder of the group, which does not exist yet.
            overviews: the coarser levels that will be stored in groups below this one.
        """
        coords = _own_coordinates(cube, self.zarr_format)
        empty = da.empty(cube.shape, dtype=self.storage.dtype, chunks=cube.chunks or cube.shape)
        array = xr.DataArray(empty, coords, cube.dims, NAME, self._array_attributes(cube))
        attrs = {"Conventions": "CF-1.11", COMPLETE: False, "rangegeo_has_beta": self.has_beta}
        attrs |= flat_facts(facts_of_values(cube))
        if overviews:
            attrs |= declared_attributes(cube, self.storage.dtype, overviews)
        # Coordinates hold few numbers, and every reader needs them, so they are not compressed.
        encoding: dict[str, dict[str, Any]] = {name: {"compressors": None} for name in coords}
        array.to_dataset(promote_attrs=False).assign_attrs(attrs).to_zarr(
            store_at(path),
            mode="w-",
            zarr_format=self.zarr_format,
            compute=False,
            consolidated=False,
            encoding=encoding | {NAME: self._encoding(cube)},
        )
        made = zarr.open_group(path, mode="r+", use_consolidated=False)[NAME]
        assert isinstance(made, zarr.Array)
        return made

    def _array_attributes(self, cube: xr.DataArray) -> dict[str, Any]:
        origin = computed_from(cube)
        attrs = ({} if origin is None else {"long_name": origin}) | plain_attributes(cube.attrs)
        attrs |= declared_attributes(cube, self.storage.dtype)
        if self.zarr_format == 2:
            attrs["_CRS"] = gdal_crs(geobox_of(cube))  # GDAL reads format 3 from 3.11 on, and CF too
        if self.storage.scale is not None and self.storage.offset is not None:
            scale, offset = self.storage.scale[0, 0], self.storage.offset[0, 0]
            attrs |= {"scale_factor": float(scale), "add_offset": float(offset)}
        return attrs

    def _encoding(self, cube: xr.DataArray) -> dict[str, Any]:
        """How xarray stores the array."""
        chunks, compressor = _stored_chunks(cube, self.storage.dtype), self.options.compressor(self.zarr_format)
        nodata = np.dtype(self.storage.dtype).type(self.storage.nodata)
        encoding = {
            "chunks": chunks,
            "compressors": None if compressor is None else [compressor],
            "_FillValue": nodata,
            "grid_mapping": "spatial_ref",
        }
        if self.zarr_format == 3:
            encoding["fill_value"] = nodata  # for chunks that are not stored; format 2 uses _FillValue for them too
        if self.options.shards:
            betas, bands = cube.shape[:2]
            encoding["shards"] = (betas, -(-bands // chunks[1]) * chunks[1], *chunks[2:])
        return encoding


def _own_coordinates(cube: xr.DataArray, zarr_format: int) -> dict[str, xr.DataArray]:
    """The coordinates of a cube as they are stored.

    Text has a fixed length in format 2, as GDAL reads it, and any length in format 3, which specifies no other. A slice
    of a cube has kept the resolution and the transform of the whole cube; both are computed again.
    """
    coords = {str(name): coord.drop_encoding() for name, coord in cube.coords.items()}
    fresh = grid_coords(geobox_of(cube))
    transform = fresh["spatial_ref"].attrs["GeoTransform"]
    coords["spatial_ref"] = coords["spatial_ref"].assign_attrs(GeoTransform=transform)
    for axis in ("y", "x"):
        coords[axis] = coords[axis].assign_attrs(resolution=fresh[axis].attrs["resolution"])
    for name, coord in coords.items():
        if coord.dtype.kind in "SUTO":
            coords[name] = as_text(coord).astype(str if zarr_format == 2 else object)
    return coords


def _stored_chunks(cube: xr.DataArray, dtype: str) -> tuple[int, int, int, int]:
    """The shape of a stored chunk: one beta, the bands that fit, and the rows and columns of a block of the cube."""
    rows, cols = (sizes[0] for sizes in cube.chunks[2:]) if cube.chunks else (cube.sizes["y"], cube.sizes["x"])
    bands = max(1, CHUNK_BYTES // (rows * cols * np.dtype(dtype).itemsize))
    return 1, min(bands, cube.sizes["band"]), rows, cols
