"""Cubes that are evaluated slice by slice: no graph, no chunks, whatever the size of the whole.

Rows and columns with a constant step form a grid of their own, a coarser one if the step is large. A slice is
evaluated as a raster on that grid, so a look at the Earth at 0.001 degrees costs what a picture of that size costs.
Rows and columns without a constant step are evaluated pixel by pixel.
"""

from __future__ import annotations

import os

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from rangegeo.cubes.axes import Axis, arranged, axes_of, compact, sub_grid, unique
from rangegeo.cubes.graph import interpolated_block, patch_block
from rangegeo.cubes.outline import outline
from rangegeo.cubes.spec import RasterSpec
from rangegeo.engine.values import AnyEvaluator, evaluate_pixels
from rangegeo.errors import UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.grid import pixel_places, places_on
from rangegeo.grid.pixels import scattered_pixels
from rangegeo.grid.windows import tiled
from rangegeo.models.load import loaded
from rangegeo.support.text import human_bytes

FILLED = 256  # pixels a side that are interpolated at a time; bounds the memory used besides the slice
SPARSE = 4  # a window this many times larger than what was asked for is not interpolated as a whole


def virtual_raster(spec: RasterSpec) -> xr.DataArray:
    """A cube that holds no values and evaluates what is taken from it, once."""
    whole = (slice(None),) * 4 if spec.has_beta else (0, *(slice(None),) * 3)
    lazy = indexing.LazilyIndexedArray(VirtualRaster(spec), indexing.BasicIndexer(whole))
    return outline(spec).copy(data=indexing.MemoryCachedArray(lazy))


class VirtualRaster(BackendArray):
    """The values of a spec, (layers, bands, y, x) float32, as an array that xarray indexes lazily."""

    def __init__(self, spec: RasterSpec) -> None:
        self.spec = spec
        self.shape = spec.shape
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        if isinstance(key, indexing.VectorizedIndexer):
            return self._pointwise(key.tuple)
        axes = axes_of(key.tuple, self.shape)
        return arranged(self._block(*axes), axes)

    def _block(self, layers: Axis, bands: Axis, rows: Axis, cols: Axis) -> np.ndarray:
        """Values at the crossings of rows and columns, in ascending order, without repetitions."""
        recipe = self.spec.recipe.narrowed(layers.taken, bands.taken)
        _check_memory(recipe, len(rows.taken) * len(cols.taken))
        evaluator = loaded(self.spec.model).evaluator
        if rows.step and cols.step:
            return _evaluate(evaluator, self.spec.narrowed(sub_grid(self.spec.geobox, rows, cols), recipe))
        filled = rows.whole, cols.whole
        if len(filled[0].taken) * len(filled[1].taken) > SPARSE * len(rows.taken) * len(cols.taken):
            return evaluate_pixels(evaluator, places_on(self.spec.geobox, rows.taken + 0.5, cols.taken + 0.5), recipe)
        window = _evaluate(evaluator, self.spec.narrowed(sub_grid(self.spec.geobox, *filled), recipe))
        return window[:, :, rows.taken - rows.taken[0]][..., cols.taken - cols.taken[0]]

    def _pointwise(self, key: tuple[np.ndarray, ...]) -> np.ndarray:
        """Values at single pixels; at all crossings if the dims of a cube were only reordered."""
        shape = np.broadcast_shapes(*(part.shape for part in key))
        key = tuple(compact(part) for part in key)
        (layers, at_layers), (bands, at_bands) = (unique(part) for part in key[:2])
        rows, cols = np.broadcast_arrays(*key[2:])
        pixels, at_pixels = unique(rows * self.shape[3] + cols)
        rows, cols = np.divmod(pixels, self.shape[3])
        crossings = [
            Axis.of(np.unique(side), length) for side, length in ((rows, self.shape[2]), (cols, self.shape[3]))
        ]
        if len(pixels) == len(crossings[0].taken) * len(crossings[1].taken):
            block = self._block(*axes_of((layers, bands), self.shape[:2]), *crossings)
        else:
            recipe = self.spec.recipe.narrowed(layers, bands)
            _check_memory(recipe, len(pixels))
            block = evaluate_pixels(
                loaded(self.spec.model).evaluator, scattered_pixels(self.spec.geobox, rows, cols), recipe
            )
        found = block.reshape(len(layers), len(bands), -1)[at_layers, at_bands, at_pixels]
        return found if found.shape == shape else np.broadcast_to(found, shape).copy()


def _evaluate(evaluator: AnyEvaluator, spec: RasterSpec) -> np.ndarray:
    """Evaluate a whole grid, (layers, bands, h, w), by patches where its pixels are fine enough."""
    height, width = spec.geobox.shape
    whole = slice(0, height), slice(0, width)
    side = spec.patch_side if height * width else None
    if side is None or spec.tolerance is None:
        return evaluate_pixels(evaluator, pixel_places(spec.geobox, *whole), spec.recipe)
    out = np.empty(spec.shape, dtype=np.float32)
    for window in tiled(whole, side):
        patch = patch_block(spec.model, spec.geobox, window, side, spec.tolerance, spec.recipe)
        for rows, cols in tiled(window, FILLED):
            out[:, :, rows, cols] = interpolated_block(spec.model, spec.geobox, (rows, cols), patch, spec.recipe)
    return out


def _check_memory(recipe: Recipe, pixels: int) -> None:
    """Refuse a slice that is larger than the machine's memory."""
    needed = 4 * recipe.layers * recipe.bands * pixels
    if not hasattr(os, "sysconf"):  # Windows says it in another way
        return
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise UsageError(
            f"this slice takes {human_bytes(needed)} of memory and the machine has {human_bytes(there)}; take a "
            "smaller one with .sel, every nth pixel with .isel, or fewer bands, or write it with .rangegeo.to_zarr"
        )
