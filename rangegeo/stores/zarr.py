"""Cubes as Zarr: one array `embedding` (beta, band, y, x) that xarray, rioxarray, GDAL and odc-geo georeference.

A store is written in a hidden folder and gets its name when it is complete, see `rangegeo.stores.drafts`. Until then it
also says of itself that it is unfinished.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

import dask.array as da
import numpy as np
import xarray as xr
import zarr

from rangegeo.errors import UsageError, argument
from rangegeo.grid.coords import grid_coords
from rangegeo.schema.complete import as_text
from rangegeo.schema.cube import NAME, as_4d, geobox_of
from rangegeo.schema.facts import MARKED, Facts, computed_from, coordinates_text, facts_of, facts_of_values, measured_on
from rangegeo.schema.steps import FORMULA, HOW, OFFSET, SCALE
from rangegeo.stores.arrays import Taking, array_to_write, block_writing, evenly_chunked, stored_chunks
from rangegeo.stores.attributes import (
    fill_attribute,
    flat_facts,
    plain_attributes,
    plain_numbers,
    simplify_consolidated,
)
from rangegeo.stores.blocks import Measuring, Report, stored_bytes, write_blocks
from rangegeo.stores.conventions import declared_attributes, gdal_crs, overview_name
from rangegeo.stores.drafts import check_arriving, drafted, is_arriving, request_of
from rangegeo.stores.kept import Blocks, drop_journal, keep_journal
from rangegeo.stores.objects import open_group, store_at, store_of
from rangegeo.stores.owned import check_replaceable
from rangegeo.stores.quantise import FLOAT32, Storage
from rangegeo.stores.spool import ROOM, Spool
from rangegeo.stores.zarr_options import ZarrOptions, parse_zarr_options
from rangegeo.support.destination import check_destination
from rangegeo.support.location import Location, located, remove_tree
from rangegeo.support.progress import SILENT, Progress
from rangegeo.support.repository import Repository

COMPLETE = "rangegeo_complete"  # attribute of a group: 1 if every block of it was written, else 0; netCDF has no True


def write_zarr(
    cube: xr.DataArray,
    path: str | Location,
    *,
    overwrite: bool = False,
    zarr_format: int = 3,
    creation_options: Mapping[str, object] | None = None,
    overviews: Sequence[xr.DataArray] = (),
    storage: Storage = FLOAT32,
    measuring: Callable[[da.Array], Measuring | None] | None = None,
    resume: bool = False,
    discard: bool | None = None,
    carried: Taking | None = None,
    report: Report | None = None,
    progress: Progress = SILENT,
) -> list[Location]:
    """Write a cube to a new Zarr store, block by block.

    Args:
        cube: (beta, band, y, x) or (band, y, x), from `rangegeo.raster`; its chunks along y and x are kept.
        path: the folder to be made, or the prefix in a bucket.
        overwrite: whether an existing Zarr cube is replaced, and what an interrupted run left is thrown away.
        zarr_format: 3, or 2 for programs that cannot read 3 (GDAL before 3.11, and QGIS built with it).
        creation_options: COMPRESS (LZ4, ZSTD, ZLIB, BLOSCLZ, NONE), LEVEL (0 to 9), SHUFFLE (BYTE, BIT, NONE),
            SHARDS (NO, YES) and SCALES (ONE, BAND), by which the storage was chosen.
        overviews: coarser levels, from `rangegeo.cubes.overviews.make_overviews`; each gets a group of the store.
        storage: how values are stored, in the overviews too. If its bands have scales of their own, these are written
            as coordinates, see `rangegeo.schema.steps`.
        measuring: finds what is measured while the cube is computed, `rangegeo.cubes.proof.Measuring.of`.
        resume: whether to continue what an interrupted run of the same request left.
        discard: whether what an interrupted run left may be thrown away; by default if an existing cube is replaced.
        carried: blocks that are taken over from the store that is replaced, `rangegeo.stores.carried.Carried`.
        report: called with what was measured and with what storing the values cost.
        progress: is told how far the work is.
    Returns:
        The path.
    Raises:
        UsageError: there is no such option or Zarr format, or the betas differ in their scales. Nothing was touched.
        OutputError: the destination cannot be written. Nothing was touched.
    """
    path = located(path)
    check_store(cube, path, overwrite=overwrite, resume=resume, overviews=bool(overviews), dtype=storage.dtype)
    options = parse_zarr_options(creation_options, zarr_format, storage.dtype)
    _check_layers(storage)
    groups = _GroupMaker(storage=storage, zarr_format=zarr_format, options=options, has_beta="beta" in cube.dims)
    cube = evenly_chunked(as_4d(cube)).rename(NAME)
    overviews = [as_4d(overview).rename(NAME) for overview in overviews]
    request = request_of(cube, storage, **groups.request, **{"overviews": len(overviews)})
    with drafted(path, request, storage, outputs=[path], overwrite=overwrite, resume=resume, discard=discard) as draft:
        root = draft.store
        array = array_to_write(root) if draft.continued else groups.make(cube, root, overviews)
        written = block_writing(cube, array, storage, draft, carried)
        spools = [Spool.of(draft, number, overview, storage) for number, overview in enumerate(overviews)]
        also = [spool.writing(overview, draft) for overview, spool in zip(overviews, spools, strict=True)]
        facts, (entries, *of_overviews) = write_blocks(written, measuring, also, progress=progress)
        facts_of_cube = facts | storage.facts([entry.loss for entry in entries], facts_of(cube))
        store = store_of(root, read_only=False)
        drop_journal(store)  # of an interrupted run
        levels: dict[str, Blocks] = {"": draft.journal().read()}
        for overview, spool, lost in zip(overviews, spools, of_overviews, strict=True):
            name = overview_name(cube, overview)
            group = root / name
            remove_tree(group)  # of an interrupted run
            levels[name] = spool.copy_to(groups.make(_in_chunks_of(array, overview), group), progress)
            _finish(group, facts | storage.facts([entry.loss for entry in lost], facts_of(cube)))
        _finish(root, facts_of_cube)
        keep_journal(store, levels)
        draft.exchange(path)
    if report is not None:
        report(facts_of_cube)
    return [path]


def check_store(
    cube: xr.DataArray,
    path: Location,
    *,
    overwrite: bool,
    resume: bool = False,
    overviews: bool = False,
    dtype: str = "float32",
    zarr_format: int = 3,
    creation_options: Mapping[str, object] | None = None,
) -> None:
    """Refuse options and a destination before any work is done. Only a Zarr cube is ever replaced.

    `resume` matters in a bucket alone; elsewhere a store gets its name in one step.

    Raises:
        UsageError: there is no such option or Zarr format.
        OutputError: the destination cannot be written, or it is something else than a Zarr cube.
    """
    parse_zarr_options(creation_options, zarr_format, dtype)
    if isinstance(path, Repository) and zarr_format != 3:
        raise UsageError(f"Icechunk stores Zarr format 3 alone; leave out {argument('zarr_format')}")
    if is_arriving(path):
        check_arriving(path, overwrite=overwrite, resume=resume)
        return
    if path.exists():
        check_replaceable(path)
    nbytes = int(stored_bytes(cube, dtype) * (1 + 2 * ROOM * overviews))
    check_destination(path, nbytes, overwrite=overwrite, store=True)


def is_complete(path: Location) -> bool:
    """Whether every block of a store was written. A store of another program does not say it and counts as complete."""
    return bool(open_group(path).attrs.get(COMPLETE, True))


# ------------------------------------------------------------------------------------------ steps of write_zarr


def _check_layers(storage: Storage) -> None:
    """Refuse a storage whose layers have scales of their own, which no coordinate along the bands can hold."""
    if storage.scale is None or storage.offset is None:
        return
    if np.ptp(storage.scale, axis=0).any() or np.ptp(storage.offset, axis=0).any():
        raise UsageError("the betas of a Zarr array share their scales, and this storage has some for each beta")


def _in_chunks_of(array: zarr.Array, overview: xr.DataArray) -> xr.DataArray:
    """An overview without values, in chunks as large as those of the cube's array."""
    empty = da.empty(overview.shape, dtype=overview.dtype, chunks=(-1, -1, *array.chunks[2:]))
    return overview.copy(data=empty)


def _finish(path: Location, facts: Facts) -> None:
    """Add what was measured to a group whose blocks are all written, and say that it is complete."""
    group = open_group(path, mode="r+")
    group.attrs.update(flat_facts(facts))
    group.attrs[COMPLETE] = 1
    with warnings.catch_warnings():  # format 3 has no standard for consolidated metadata; other readers ignore it
        warnings.filterwarnings("ignore", "Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(store_of(path, read_only=False))
    simplify_consolidated(path)


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

    def make(self, cube: xr.DataArray, path: Location, overviews: Sequence[xr.DataArray] = ()) -> zarr.Array:
        """Make the group of a cube with its coordinates and attributes, but without values; returns its array.

        Args:
            cube: (beta, band, y, x).
            path: the folder of the group, which does not exist yet.
            overviews: the coarser levels that will be stored in groups below this one.
        """
        cube = cube.assign_coords(self._scales)
        attrs = {"Conventions": "CF-1.11", COMPLETE: 0, "rangegeo_has_beta": int(self.has_beta), MARKED: 1}
        attrs |= flat_facts(facts_of_values(cube)) | measured_on(cube)
        if overviews:
            attrs |= declared_attributes(cube, self.storage.dtype, overviews)
        coords = _own_coordinates(cube, self.zarr_format)
        # Coordinates hold few numbers, and every reader needs them, so they are not compressed. Those without a
        # dimension of their name are variables here, because the array names them, not the group.
        xr.Dataset({name: coord.variable for name, coord in coords.items()}, attrs=attrs).to_zarr(
            store_at(path, read_only=False),
            mode="w-",
            zarr_format=self.zarr_format,
            consolidated=False,
            encoding={name: {"compressors": None} for name in coords},
        )
        self._make_array(cube, path)
        return array_to_write(path)

    def _make_array(self, cube: xr.DataArray, path: Location) -> None:
        """Make the array of a cube, without values, in the form that xarray gives its own.

        xarray makes an array without values as a task of dask, which costs all of dask.distributed where that is
        installed, and a task for each chunk.
        """
        nodata = np.dtype(self.storage.dtype).type(self.storage.nodata)
        attrs = self._array_attributes(cube)
        if self.zarr_format == 3:
            attrs["_FillValue"] = fill_attribute(nodata)  # format 2 has one fill value for CF and for itself
        else:
            attrs["_ARRAY_DIMENSIONS"] = list(cube.dims)
        chunks, compressor = stored_chunks(cube, self.storage.dtype), self.options.compressor(self.zarr_format)
        betas, bands = cube.shape[:2]
        zarr.create_array(
            store_of(path, read_only=False),
            name=NAME,
            shape=cube.shape,
            chunks=chunks,
            shards=(betas, -(-bands // chunks[1]) * chunks[1], *chunks[2:]) if self.options.shards else None,
            dtype=self.storage.dtype,
            compressors=compressor,
            fill_value=nodata,
            zarr_format=cast(Literal[2, 3], self.zarr_format),
            attributes=plain_numbers(attrs),
            dimension_names=[str(name) for name in cube.dims] if self.zarr_format == 3 else None,
        )

    @property
    def request(self) -> dict[str, Any]:
        """What of the groups is part of a request, see `rangegeo.stores.drafts.request_of`."""
        return {"format": f"Zarr {self.zarr_format}", "creation options": asdict(self.options)}

    def _array_attributes(self, cube: xr.DataArray) -> dict[str, Any]:
        origin = computed_from(cube)
        attrs = ({} if origin is None else {"long_name": origin}) | plain_attributes(cube.attrs)
        attrs |= declared_attributes(cube, self.storage.dtype) | {"grid_mapping": "spatial_ref"}
        attrs["coordinates"] = coordinates_text(str(name) for name in cube.coords)
        if self.zarr_format == 2:
            attrs["_CRS"] = gdal_crs(geobox_of(cube))  # GDAL reads format 3 from 3.11 on, and CF too
        if self._scales:
            attrs[HOW] = FORMULA
        elif self.storage.scale is not None and self.storage.offset is not None:
            scale, offset = self.storage.scale[0, 0], self.storage.offset[0, 0]
            attrs |= {"scale_factor": float(scale), "add_offset": float(offset)}
        return attrs

    @property
    def _scales(self) -> dict[str, tuple[str, np.ndarray]]:
        """The coordinates of scales and offsets; empty if all bands share one scale, or have none."""
        scale, offset = self.storage.scale, self.storage.offset
        if scale is None or offset is None or not (np.ptp(scale) or np.ptp(offset)):
            return {}
        return {SCALE: ("band", scale[0]), OFFSET: ("band", offset[0])}


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
