"""From a spec to a dask graph: a layer of patches, if pixels are interpolated, and a layer of chunks over it.

A task holds the spec's model, grid and recipe and a window of pixels, never weights. Nobody reads a task or a key: what
a graph computes is asked of the spec, and a layer of patches carries its spec behind sliced and blended cubes too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from operator import getitem

import dask.array as da
import numpy as np
import xarray as xr
from dask import threaded
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from odc.geo.geobox import GeoBox

from rangegeo.cubes.clip import clip
from rangegeo.cubes.evaluated import KEPT
from rangegeo.cubes.outline import outline
from rangegeo.cubes.spec import RasterSpec
from rangegeo.engine.patch import Patch
from rangegeo.engine.values import evaluate_pixels, interpolable
from rangegeo.field.recipe import Recipe
from rangegeo.grid import pixel_places
from rangegeo.grid.windows import Window
from rangegeo.models.load import loaded
from rangegeo.models.spec import ModelSpec, check_travels


class PatchLayer(MaterializedLayer):
    """The patches of a raster in a graph.

    Attributes:
        spec: of the raster; which patches there are, and where, is asked of it.
        name: of the layer.
    """

    def __init__(self, spec: RasterSpec) -> None:
        self.spec = spec
        self.name = f"rangegeo-patches-{spec.token}"
        how = (spec.patch_side, spec.tolerance, spec.recipe)
        tasks: dict[Hashable, tuple] = {}
        for at in product(range(len(spec.patch_rows)), range(len(spec.patch_cols))):
            if spec.patches_together == 1:
                tasks[self.key(*at)] = (patch_block, spec.model, spec.geobox, spec.patch_window(*at), *how)
                continue
            square = (f"{self.name}-together", *(place // spec.patches_together for place in at))
            _, _, _, windows, *_ = tasks.setdefault(square, (patches_block, spec.model, spec.geobox, [], *how))
            tasks[self.key(*at)] = (getitem, square, len(windows))
            windows.append(spec.patch_window(*at))
        super().__init__(tasks)

    def key(self, row: int, col: int) -> tuple[str, int, int]:
        """The key of the task that evaluates a patch."""
        return self.name, row, col


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LazyRaster:
    """A raster as dask computes it.

    Attributes:
        spec: what it is.
        values: (layers, bands, y, x), NaN outside the area.
        patches: that values are interpolated from; None where every pixel is evaluated.
    """

    spec: RasterSpec
    values: da.Array
    patches: PatchLayer | None

    @property
    def cube(self) -> xr.DataArray:
        """The values with dims, coordinates and attributes."""
        return outline(self.spec).copy(data=self.values if self.spec.has_beta else self.values[0])


def _after_fork() -> None:
    """Give a forked child thread pools of its own: dask would wait for the threads of its parent's."""
    threaded.pools_lock = threading.Lock()
    threaded.default_pool = None
    threaded.pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def to_dask(spec: RasterSpec) -> LazyRaster:
    """The raster of a spec, chunk by chunk; nothing is computed.

    Raises:
        UsageError: a cluster would compute it, and the model is an encoder that its workers cannot import.
    """
    check_travels(spec.model)
    patches = None if spec.patch_side is None else PatchLayer(spec)
    values = _exact(spec) if patches is None else _interpolated(spec, patches)
    if spec.area is not None:
        values = clip(values, spec.area.mask)
    return LazyRaster(spec=spec, values=values, patches=patches)


def patch_layers(values: da.Array) -> list[PatchLayer]:
    """The layers of patches that an array is computed from, also after it was sliced or combined with others."""
    return [layer for layer in values.dask.layers.values() if isinstance(layer, PatchLayer)]


def _exact(spec: RasterSpec) -> da.Array:
    """(layers, bands, y, x), every pixel evaluated."""
    name = f"rangegeo-{spec.token}"
    tasks: Mapping = {
        (name, 0, 0, *at): (exact_block, spec.model, spec.geobox, window, spec.recipe) for at, window in _windows(spec)
    }
    return da.Array(HighLevelGraph({name: tasks}, {name: set()}), name, spec.chunks, dtype=np.float32)


def _interpolated(spec: RasterSpec, patches: PatchLayer) -> da.Array:
    """(layers, bands, y, x), every chunk from the patch it lies in."""
    name = f"rangegeo-{spec.token}"
    tasks = {
        (name, 0, 0, *at): (
            interpolated_block,
            spec.model,
            spec.geobox,
            window,
            patches.key(*spec.patch_of(*at)),
            spec.recipe,
        )
        for at, window in _windows(spec)
    }
    layers: dict[str, Mapping] = {patches.name: patches, name: tasks}
    graph = HighLevelGraph(layers, {patches.name: set(), name: {patches.name}})
    return da.Array(graph, name, spec.chunks, dtype=np.float32)


def _windows(spec: RasterSpec) -> Iterator[tuple[tuple[int, int], Window]]:
    """The row and column of every chunk, and its pixels."""
    for (row, rows), (col, cols) in product(enumerate(spec.rows), enumerate(spec.cols)):
        yield (row, col), (rows, cols)


def exact_block(model: ModelSpec, geobox: GeoBox, window: Window, recipe: Recipe) -> np.ndarray:
    """Evaluate every pixel of one chunk: (layers, bands, h, w). The model is loaded once a process."""

    def evaluate() -> np.ndarray:
        return evaluate_pixels(loaded(model).evaluator, pixel_places(geobox, *window), recipe)

    return KEPT.get(tokenize("pixels", model, geobox, window, recipe), evaluate)


def patch_block(model: ModelSpec, geobox: GeoBox, window: Window, side: int, tolerance: float, recipe: Recipe) -> Patch:
    """Evaluate the nodes of one patch, once for all its chunks and for all cubes that hold it."""
    return patches_block(model, geobox, [window], side, tolerance, recipe)[0]


def patches_block(
    model: ModelSpec, geobox: GeoBox, windows: Sequence[Window], side: int, tolerance: float, recipe: Recipe
) -> list[Patch]:
    """Evaluate the nodes of several patches together; all of them, unless each is kept from an earlier use."""
    evaluated: list[Patch] = []

    def evaluate(number: int) -> Patch:
        from rangegeo.engine.patches import evaluate_patches  # imports torch

        if not evaluated:
            evaluator = interpolable(loaded(model).evaluator)
            evaluated.extend(evaluate_patches(evaluator, geobox, windows, side, tolerance, recipe))
        return evaluated[number]

    return [
        KEPT.get(tokenize("patch", model, geobox, window, side, tolerance, recipe), partial(evaluate, number))
        for number, window in enumerate(windows)
    ]


def interpolated_block(model: ModelSpec, geobox: GeoBox, window: Window, patch: Patch, recipe: Recipe) -> np.ndarray:
    """Interpolate one chunk from the patch it lies in: (layers, bands, h, w)."""
    from rangegeo.engine.patches import fill_window  # imports torch

    return fill_window(interpolable(loaded(model).evaluator), geobox, window, patch, recipe)
