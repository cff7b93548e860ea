"""Cubes that are evaluated slice by slice: no graph, no chunks, whatever the size of the whole.

Rows and columns with a constant step are a grid themselves, a coarser one if the step is large. So a slice is
evaluated as a raster of its own at its own zoom, and a look at the Earth at 0.001 degrees costs what a picture of
that size costs. Rows and columns that follow no step are evaluated pixel by pixel.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from xarray.backends import BackendArray
from xarray.core import indexing

from rangegeo.cube import engine_facts, model_raster, outline, tile_pixels
from rangegeo.errors import UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.grid import pixel_places, places_on
from rangegeo.locating import scattered_pixels
from rangegeo.model import Model, ModelSpec
from rangegeo.patches import evaluate_patch, fill_window
from rangegeo.units import human_bytes

FILLED = 256  # pixels a side that are interpolated at a time, so that little is held besides the slice
SPARSE = 4  # a window so many times larger than the rows and columns asked for is not interpolated as a whole
MOST_CHUNKS = 20_000  # of 1024 pixels a side, that one graph may have
SIDE = 128  # pixels a side of chunks, where a store names none


def virtual_raster(geobox: GeoBox, model: Model, recipe: Recipe, *, tolerance: float | None) -> xr.DataArray:
    """A cube that holds nothing and evaluates what is taken from it, once; a tolerance of None, every pixel."""
    cube = outline(geobox, model, recipe)
    cube.attrs |= engine_facts(None if tolerance is None else tile_pixels(geobox, model), tolerance)
    whole = (slice(None),) * 4 if "beta" in cube.dims else (0, *(slice(None),) * 3)
    lazy = indexing.LazilyIndexedArray(
        VirtualRaster(geobox, model.spec, recipe, tolerance), indexing.BasicIndexer(whole)
    )
    return cube.copy(data=indexing.MemoryCachedArray(lazy))


def as_lazy(cube: xr.DataArray) -> xr.DataArray:
    """A cube backed by dask; nothing is computed.

    A virtual one becomes a graph whose chunks share their patches, and from which the measured error can be had.
    """
    if cube.chunks is not None:  # xarray's engines cut names of bands too, and other than the bands
        return cube.assign_coords({name: coord.compute() for name, coord in cube.coords.items() if coord.chunks})
    source = _source(cube)
    if source is None:
        sides = cube.encoding.get("preferred_chunks", {"y": SIDE, "x": SIDE})
        return cube.chunk({} if is_in_memory(cube) else {dim: sides[dim] for dim in cube.dims if dim in sides})
    raster, axes = source
    layers, bands, rows, cols = axes
    _check_chunks(len(rows.taken) * len(cols.taken))
    recipe = raster.recipe.narrowed(layers.taken, bands.taken)
    values = model_raster(
        sub_grid(raster.geobox, rows, cols), raster.spec.load(), recipe, tolerance=raster.tolerance
    ).data
    return cube.copy(data=_arranged(values if values.ndim == 4 else values[None], axes))


def is_in_memory(cube: xr.DataArray) -> bool:
    """Whether its values are there."""
    return isinstance(_data(cube), np.ndarray | indexing.NumpyIndexingAdapter)


class VirtualRaster(BackendArray):
    """(layers, bands, y, x) float32 of a model on a grid: what xarray's lazy indexing ends at.

    Args:
        tolerance: of interpolation, None to evaluate every pixel.
    """

    def __init__(self, geobox: GeoBox, spec: ModelSpec, recipe: Recipe, tolerance: float | None) -> None:
        self.geobox, self.spec, self.recipe, self.tolerance = geobox, spec, recipe, tolerance
        self.shape = (recipe.layers, recipe.bands, *geobox.shape)
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        if isinstance(key, indexing.VectorizedIndexer):
            return self._pointwise(key.tuple)
        axes = axes_of(key.tuple, self.shape)
        return _arranged(self._block(*axes), axes)

    def _block(self, layers: Axis, bands: Axis, rows: Axis, cols: Axis) -> np.ndarray:
        """Values at the crossings of rows and columns, each once, in ascending order."""
        recipe = self.recipe.narrowed(layers.taken, bands.taken)
        _check_memory(recipe, len(rows.taken) * len(cols.taken))
        model = self.spec.load()
        if rows.step and cols.step:
            return _evaluate(model, sub_grid(self.geobox, rows, cols), recipe, self.tolerance)
        filled = rows.whole, cols.whole
        if len(filled[0].taken) * len(filled[1].taken) > SPARSE * len(rows.taken) * len(cols.taken):
            return model.raster_block(places_on(self.geobox, rows.taken + 0.5, cols.taken + 0.5), recipe)
        window = _evaluate(model, sub_grid(self.geobox, *filled), recipe, self.tolerance)
        return window[:, :, rows.taken - rows.taken[0]][..., cols.taken - cols.taken[0]]

    def _pointwise(self, key: tuple[np.ndarray, ...]) -> np.ndarray:
        """Values at pixels of their own; or of all crossings, if the dims of a cube were only reordered."""
        shape = np.broadcast_shapes(*(part.shape for part in key))
        key = tuple(_compact(part) for part in key)
        (layers, at_layers), (bands, at_bands) = (_unique(part) for part in key[:2])
        rows, cols = np.broadcast_arrays(*key[2:])
        pixels, at_pixels = _unique(rows * self.shape[3] + cols)
        rows, cols = np.divmod(pixels, self.shape[3])
        crossings = [
            Axis.of(np.unique(side), length) for side, length in ((rows, self.shape[2]), (cols, self.shape[3]))
        ]
        if len(pixels) == len(crossings[0].taken) * len(crossings[1].taken):
            block = self._block(*axes_of((layers, bands), self.shape[:2]), *crossings)
        else:
            recipe = self.recipe.narrowed(layers, bands)
            _check_memory(recipe, len(pixels))
            block = self.spec.load().raster_block(scattered_pixels(self.geobox, rows, cols), recipe)
        found = block.reshape(len(layers), len(bands), -1)[at_layers, at_bands, at_pixels]
        return found if found.shape == shape else np.broadcast_to(found, shape).copy()


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """What is taken along one axis.

    Attributes:
        taken: (n,) each index once, ascending.
        order: where in `taken` each index asked for is; None if they are as asked for.
        scalar: whether one index was asked for, and the axis is to go.
    """

    taken: np.ndarray
    order: np.ndarray | None = None
    scalar: bool = False

    @classmethod
    def of(cls, asked: int | slice | np.ndarray, length: int) -> Axis:
        if isinstance(asked, slice):
            asked = np.arange(*asked.indices(length))
        given = np.atleast_1d(np.asarray(asked))
        taken, order = _unique(given)
        return cls(taken, None if np.array_equal(taken, given) else order, np.ndim(asked) == 0)

    @property
    def step(self) -> int:
        """Constant distance of neighbouring indices; 0 if there is none."""
        steps = np.diff(self.taken)
        if len(steps) == 0:
            return 1
        return int(steps[0]) if (steps == steps[0]).all() else 0

    @property
    def whole(self) -> Axis:
        """Every index from the first to the last."""
        return Axis(np.arange(self.taken[0], self.taken[-1] + 1)) if len(self.taken) else self


def axes_of(key: tuple, shape: tuple[int, ...]) -> list[Axis]:
    return [Axis.of(part, length) for part, length in zip(key, shape, strict=True)]


def sub_grid(geobox: GeoBox, rows: Axis, cols: Axis) -> GeoBox:
    """The grid whose pixel centres are those of every nth row and column."""
    affine = geobox.affine
    (left, across), (top, down) = ((axis.taken[0], axis.step) if len(axis.taken) else (0, 1) for axis in (cols, rows))
    transform = Affine(
        *(affine.a * across, 0.0, affine.c + affine.a * (left + 0.5 - across / 2)),
        *(0.0, affine.e * down, affine.f + affine.e * (top + 0.5 - down / 2)),
    )
    return GeoBox((len(rows.taken), len(cols.taken)), transform, geobox.crs)


def _evaluate(model: Model, geobox: GeoBox, recipe: Recipe, tolerance: float | None) -> np.ndarray:
    """(layers, bands, h, w) of a whole grid, interpolated tile by tile where its pixels are fine enough."""
    height, width = geobox.shape
    tile = None if tolerance is None or not height * width else tile_pixels(geobox, model)
    if tile is None:
        return model.raster_block(pixel_places(geobox, slice(0, height), slice(0, width)), recipe)
    out = np.empty((recipe.layers, recipe.bands, height, width), dtype=np.float32)
    for tile_window in _windows(slice(0, height), slice(0, width), tile):
        patch = evaluate_patch(model, geobox, tile_window, tile, tolerance, recipe)
        for rows, cols in _windows(*tile_window, FILLED):
            out[:, :, rows, cols] = fill_window(model, geobox, (rows, cols), patch, recipe)
    return out


def _windows(rows: slice, cols: slice, side: int) -> list[tuple[slice, slice]]:
    cuts = [
        [slice(start, min(start + side, axis.stop)) for start in range(axis.start, axis.stop, side)]
        for axis in (rows, cols)
    ]
    return list(product(*cuts))


def _arranged(block: np.ndarray, axes: list[Axis]) -> np.ndarray:
    """Indices in the order they were asked for, and scalar ones without an axis; of numpy or dask arrays."""
    for number, axis in enumerate(axes):
        if axis.order is not None:
            block = block[(slice(None),) * number + (axis.order,)]
    return block[tuple(0 if axis.scalar else slice(None) for axis in axes)]


def _unique(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each index once, ascending, and where in that each one is, in the shape of the indices."""
    unique, inverse = np.unique(indices, return_inverse=True)
    return unique, inverse.reshape(np.shape(indices))


def _compact(indices: np.ndarray) -> np.ndarray:
    """Indices without the repetitions that broadcasting made: length 1 along axes where nothing changes."""
    for axis, length in enumerate(indices.shape):
        if length > 1 and (indices == indices.take([0], axis=axis)).all():
            indices = indices.take([0], axis=axis)
    return indices


def _check_chunks(pixels: int) -> None:
    chunks = pixels / (8 * SIDE) ** 2
    if chunks > MOST_CHUNKS:
        raise UsageError(
            f"a graph of this cube would have {chunks:,.0f} chunks and more; take a slice with .sel, or every nth "
            "pixel with .isel"
        )


def _check_memory(recipe: Recipe, pixels: int) -> None:
    needed = 4 * recipe.layers * recipe.bands * pixels
    if not hasattr(os, "sysconf"):  # Windows
        return
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise UsageError(
            f"this slice takes {human_bytes(needed)} of memory and the machine has {human_bytes(there)}; take a "
            "smaller one with .sel, every nth pixel with .isel, or fewer bands, or write it with .rangegeo.to_zarr"
        )


def _source(cube: xr.DataArray) -> tuple[VirtualRaster, list[Axis]] | None:
    """The virtual raster behind a cube and what is taken of it; None if its rows or columns follow no step."""
    data = _data(cube)
    if not isinstance(data, indexing.LazilyIndexedArray) or not isinstance(data.array, VirtualRaster):
        return None
    axes = axes_of(data.key.tuple, data.array.shape)
    return (data.array, axes) if axes[2].step and axes[3].step else None


def _data(cube: xr.DataArray) -> object:
    """What holds the values, without being made to show them."""
    data = cube.variable._data
    while isinstance(data, indexing.MemoryCachedArray | indexing.CopyOnWriteArray):
        data = data.array
    return data
