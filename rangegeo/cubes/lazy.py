"""Turns any cube into one backed by dask: a virtual one, a stored one that xarray reads later, or one in memory."""

from __future__ import annotations

import xarray as xr
from xarray.core import indexing

from rangegeo.cubes.axes import Axis, arranged, axes_of, sub_grid
from rangegeo.cubes.graph import to_dask
from rangegeo.cubes.size import MOST_PIXELS
from rangegeo.cubes.spec import RasterSpec
from rangegeo.cubes.virtual import VirtualRaster
from rangegeo.errors import UsageError
from rangegeo.schema.cube import data_of, is_in_memory

SIDE = 128  # side of a chunk in pixels, for a stored cube that does not say which chunks are fast to read


def as_lazy(cube: xr.DataArray) -> xr.DataArray:
    """A cube backed by dask; nothing is computed.

    A virtual cube becomes a graph whose chunks share patches, so that the error of its interpolation is measured.
    """
    if cube.chunks is not None:  # xarray may chunk coordinates in another way than the data, so they are loaded
        return cube.assign_coords({name: coord.compute() for name, coord in cube.coords.items() if coord.chunks})
    source = _source(cube)
    if source is None:
        sides = cube.encoding.get("preferred_chunks", {"y": SIDE, "x": SIDE})
        return cube.chunk({} if is_in_memory(cube) else {dim: sides[dim] for dim in cube.dims if dim in sides})
    spec, axes = source
    layers, bands, rows, cols = axes
    recipe = spec.recipe.narrowed(layers.taken, bands.taken)
    part = spec.narrowed(sub_grid(spec.geobox, rows, cols), recipe)
    _check_chunks(part)
    return cube.copy(data=arranged(to_dask(part).values, axes))


def _source(cube: xr.DataArray) -> tuple[RasterSpec, list[Axis]] | None:
    """The spec of a virtual cube and the indices that are taken from it.

    None if the cube is not virtual, or if its rows or columns have no constant step.
    """
    data = data_of(cube)
    if not isinstance(data, indexing.LazilyIndexedArray) or not isinstance(data.array, VirtualRaster):
        return None
    axes = axes_of(data.key.tuple, data.array.shape)
    return (data.array.spec, axes) if axes[2].step and axes[3].step else None


def _check_chunks(spec: RasterSpec) -> None:
    """Refuse a raster whose graph would be too large for the memory."""
    height, width = spec.geobox.shape
    if height * width > MOST_PIXELS:
        chunks = len(spec.rows) * len(spec.cols)
        raise UsageError(
            f"a graph of this cube would have {chunks:,} chunks; take a slice with .sel, or every nth pixel with .isel"
        )
