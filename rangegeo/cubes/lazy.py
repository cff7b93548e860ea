"""Any cube backed by dask: virtual ones, those of xarray's own lazy indexing and those in memory."""

from __future__ import annotations

import xarray as xr
from xarray.core import indexing

from rangegeo.cubes.axes import Axis, arranged, axes_of, sub_grid
from rangegeo.cubes.graph import to_dask
from rangegeo.cubes.spec import RasterSpec
from rangegeo.cubes.virtual import VirtualRaster
from rangegeo.errors import UsageError
from rangegeo.schema.cube import data_of, is_in_memory

MOST_CHUNKS = 20_000  # largest number of areas of 1024 x 1024 pixels in one graph
SIDE = 128  # pixels a side of a chunk where a store names none


def as_lazy(cube: xr.DataArray) -> xr.DataArray:
    """A cube backed by dask; nothing is computed.

    A virtual cube becomes a graph whose chunks share patches, so that the error of its interpolation is measured.
    """
    if cube.chunks is not None:  # xarray chunks coordinates differently from the data; load them
        return cube.assign_coords({name: coord.compute() for name, coord in cube.coords.items() if coord.chunks})
    source = _source(cube)
    if source is None:
        sides = cube.encoding.get("preferred_chunks", {"y": SIDE, "x": SIDE})
        return cube.chunk({} if is_in_memory(cube) else {dim: sides[dim] for dim in cube.dims if dim in sides})
    spec, axes = source
    layers, bands, rows, cols = axes
    _check_chunks(len(rows.taken) * len(cols.taken))
    recipe = spec.recipe.narrowed(layers.taken, bands.taken)
    values = to_dask(spec.narrowed(sub_grid(spec.geobox, rows, cols), recipe)).values
    return cube.copy(data=arranged(values, axes))


def _source(cube: xr.DataArray) -> tuple[RasterSpec, list[Axis]] | None:
    """The spec of a virtual cube and what is taken from it; None if its rows or columns have no constant step."""
    data = data_of(cube)
    if not isinstance(data, indexing.LazilyIndexedArray) or not isinstance(data.array, VirtualRaster):
        return None
    axes = axes_of(data.key.tuple, data.array.shape)
    return (data.array.spec, axes) if axes[2].step and axes[3].step else None


def _check_chunks(pixels: int) -> None:
    chunks = pixels / (8 * SIDE) ** 2
    if chunks > MOST_CHUNKS:
        raise UsageError(
            f"a graph of this cube would have {chunks:,.0f} chunks and more; take a slice with .sel, or every nth "
            "pixel with .isel"
        )
