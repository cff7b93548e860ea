"""Overviews of a cube: the same field at coarser pixels, evaluated from the patches of the cube itself.

The field is continuous, so nothing is resampled: a coarse pixel holds the model's value at its own centre, within the
cube's own tolerance. Patches are evaluated once for all levels, so that all overviews together cost less than a third
of the pixels, and hardly any evaluation.
"""

from __future__ import annotations

from itertools import pairwise, product

import dask.array as da
import numpy as np
import xarray as xr
from dask.highlevelgraph import HighLevelGraph
from odc.geo.geobox import GeoBox

from rangegeo.clipping import clip
from rangegeo.cube import PATCHES, model_raster, outline
from rangegeo.field.recipe import Recipe
from rangegeo.grid.extent import Area
from rangegeo.model import Model, ModelSpec
from rangegeo.patches import Patch, Window, fill_coarse
from rangegeo.pyramid import coarser, overview_factors


def make_overviews(cube: xr.DataArray, model: Model, recipe: Recipe, area: Area | None = None) -> list[xr.DataArray]:
    """The levels of a cube, from pixels twice as large on, to be computed together with it.

    Args:
        cube: as `rangegeo.cube.model_raster` made it from this model, recipe and area.
    Returns:
        Lazy cubes of the same bands and betas; none if the cube is small enough to be looked at whole.
    """
    geobox = cube.odc.geobox
    levels = []
    for factor in overview_factors(geobox.shape):
        grid = coarser(geobox, factor)
        values = _values(cube, grid, factor, model, recipe)
        if area is not None:
            values = clip(values, area.mask.coarser(factor))
        level = outline(grid, model, recipe).assign_attrs(cube.attrs)
        levels.append(level.copy(data=values if "beta" in cube.dims else values[0]))
    return levels


def _values(cube: xr.DataArray, grid: GeoBox, factor: int, model: Model, recipe: Recipe) -> da.Array:
    """(layers, bands, y, x) of a level, lazily."""
    side = -(-max(*cube.chunksizes["y"], *cube.chunksizes["x"]) // 16) * 16
    for name, tasks in cube.data.dask.layers.items():
        if name.startswith(PATCHES):
            return _lazy(name, dict(tasks), grid, factor, side)
    exact = model_raster(grid, model, recipe, tolerance=None, chunks=side).data
    return exact if exact.ndim == 4 else exact[None]


def _lazy(patch_name: str, patches: dict, grid: GeoBox, factor: int, side: int) -> da.Array:
    """(layers, bands, y, x): blocks of up to `side` coarse pixels a side, each from one patch."""
    _, spec, geobox, *_, recipe = next(iter(patches.values()))
    name = f"rangegeo-overview-{factor}-{patch_name.removeprefix(PATCHES)}"
    (rows, row_of), (cols, col_of) = (
        _blocks([task[3][axis] for task in patches.values()], grid.shape[axis], factor, side) for axis in (0, 1)
    )
    starts = {(task[3][0].start, task[3][1].start): key for key, task in patches.items()}
    blocks = {
        (name, 0, 0, i, j): (
            overview_block,
            spec,
            geobox,
            (rows[i], cols[j]),
            factor,
            starts[row_of[i], col_of[j]],
            recipe,
        )
        for i, j in product(range(len(rows)), range(len(cols)))
    }
    chunks = ((recipe.layers,), (recipe.bands,), *(tuple(b.stop - b.start for b in axis) for axis in (rows, cols)))
    graph = HighLevelGraph({patch_name: patches, name: blocks}, {patch_name: set(), name: {patch_name}})
    return da.Array(graph, name, chunks, dtype=np.float32)


def _blocks(sides: list[slice], length: int, factor: int, side: int) -> tuple[list[slice], list[int]]:
    """Coarse rows, or columns, in blocks that keep to one patch, and where that patch starts.

    A coarse pixel belongs to the patch that its centre lies in; those beyond the last one's end belong to it too.
    """
    patch_at = {}
    for patch in sorted(set((part.start, part.stop) for part in sides)):
        for start in range(*patch, side * factor):
            patch_at[min(length, -(-(start - factor // 2) // factor))] = patch[0]
    edges = [*sorted(patch_at), length]
    blocks = [slice(start, stop) for start, stop in pairwise(edges) if start < stop]
    return blocks, [patch_at[block.start] for block in blocks]


def overview_block(
    spec: ModelSpec, geobox: GeoBox, window: Window, factor: int, patch: Patch, recipe: Recipe
) -> np.ndarray:
    """(layers, bands, h, w) of coarse pixels from the patch they lie in."""
    return fill_coarse(spec.load(), geobox, window, factor, patch, recipe)
