"""Overviews of a cube: the same field at coarser pixels, evaluated from the patches of the cube itself.

The field is continuous, so nothing is resampled: a coarse pixel holds the model's value at its own centre, within the
cube's own tolerance. Patches are evaluated once for all levels, so all overviews together add less than a third of the
pixels and hardly any evaluation. Of cubes that are only joined, a coarse pixel holds the mean of four finer ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise, product

import dask.array as da
import numpy as np
import xarray as xr
from dask.highlevelgraph import HighLevelGraph
from odc.geo.geobox import GeoBox

from rangegeo.cubes.clip import clip
from rangegeo.cubes.graph import LazyRaster, PatchLayer, to_dask
from rangegeo.cubes.outline import outline
from rangegeo.cubes.spec import RasterSpec
from rangegeo.engine.patch import Patch
from rangegeo.engine.values import interpolable
from rangegeo.field.recipe import Recipe
from rangegeo.grid.coords import grid_coords
from rangegeo.grid.pyramid import coarser, overview_factors
from rangegeo.grid.windows import Window
from rangegeo.models.load import loaded
from rangegeo.models.spec import ModelSpec
from rangegeo.schema.cube import as_4d, geobox_of
from rangegeo.schema.facts import facts_of, with_facts
from rangegeo.stores.conventions import RESAMPLED


def make_overviews(raster: LazyRaster) -> list[xr.DataArray]:
    """The overviews of a raster, at pixels 2, 4, 8 … times as large, to be computed together with it.

    Returns:
        Lazy cubes of the same bands and betas; none if the raster is small enough to be read whole.
    """
    spec = raster.spec
    side = -(-spec.side // 16) * 16
    levels = []
    for factor in overview_factors(spec.geobox.shape.yx):
        coarse = spec.coarser(factor, side)
        if raster.patches is None:
            level = to_dask(coarse).cube
        else:
            values = _lazy(raster.patches, coarse, factor)
            if coarse.area is not None:
                values = clip(values, coarse.area.mask)
            level = outline(coarse)
            level = with_facts(level, facts_of(level) | spec.engine_facts)
            level = level.copy(data=values if spec.has_beta else values[0])
        levels.append(level)
    return levels


def mean_overviews(cube: xr.DataArray) -> list[xr.DataArray]:
    """The overviews of any cube, each pixel the mean of the four below it that have data.

    Args:
        cube: backed by dask.
    Returns:
        Lazy cubes of the same bands and betas; none if the cube is small enough to be read whole.
    """
    levels, grid, side = [], geobox_of(cube), max(max(cube.chunksizes[axis]) for axis in ("y", "x"))
    values = as_4d(cube).data
    for factor in overview_factors(grid.shape.yx):
        values = values.rechunk({0: -1, 1: -1, 2: 2 * side, 3: 2 * side})
        chunks = (*values.chunks[:2], *(tuple(-(-size // 2) for size in sizes) for sizes in values.chunks[2:]))
        values = values.map_blocks(halved, chunks=chunks, dtype=np.float32, meta=np.empty((0,) * 4, np.float32))
        coords = grid_coords(coarser(grid, factor))
        coords = {str(name): coord for name, coord in cube.coords.items() if name not in coords} | coords
        data = values if "beta" in cube.dims else values[0]
        level = with_facts(xr.DataArray(data, coords, cube.dims, cube.name), facts_of(cube))
        level.encoding[RESAMPLED] = "average"
        levels.append(level)
    return levels


def halved(block: np.ndarray) -> np.ndarray:
    """The means of two rows and two columns each of (betas, bands, h, w); NaN is left out."""
    height, width = (-(-side // 2) for side in block.shape[2:])
    total, count = (np.zeros((*block.shape[:2], height, width), np.float32) for _ in range(2))
    for row, col in product(range(2), range(2)):
        part = block[:, :, row::2, col::2]
        known = ~np.isnan(part)
        total[:, :, : part.shape[2], : part.shape[3]] += np.where(known, part, 0)
        count[:, :, : part.shape[2], : part.shape[3]] += known
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))


def _lazy(patches: PatchLayer, coarse: RasterSpec, factor: int) -> da.Array:
    """(layers, bands, y, x): blocks of up to a chunk of coarse pixels a side, each from one patch."""
    spec = patches.spec
    name = f"rangegeo-overview-{factor}-{spec.token}"
    (rows, row_of), (cols, col_of) = (
        _blocks(windows, length, factor, coarse.side)
        for windows, length in zip((spec.patch_rows, spec.patch_cols), coarse.geobox.shape, strict=True)
    )
    blocks: Mapping = {
        (name, 0, 0, i, j): (
            overview_block,
            spec.model,
            spec.geobox,
            (rows[i], cols[j]),
            factor,
            patches.key(row_of[i], col_of[j]),
            spec.recipe,
        )
        for i, j in product(range(len(rows)), range(len(cols)))
    }
    chunks = (*spec.chunks[:2], *(tuple(b.stop - b.start for b in axis) for axis in (rows, cols)))
    graph = HighLevelGraph({patches.name: patches, name: blocks}, {patches.name: set(), name: {patches.name}})
    return da.Array(graph, name, chunks, dtype=np.float32)


def _blocks(patches: list[slice], length: int, factor: int, side: int) -> tuple[list[slice], list[int]]:
    """Cut coarse rows, or columns, into blocks that each lie in one patch; also the number of that patch.

    A coarse pixel belongs to the patch that holds its centre. Pixels beyond the end of the last patch belong to it too.
    """
    patch_at = {}
    for number, patch in enumerate(patches):
        for start in range(patch.start, patch.stop, side * factor):
            patch_at[min(length, -(-(start - factor // 2) // factor))] = number
    edges = [*sorted(patch_at), length]
    blocks = [slice(start, stop) for start, stop in pairwise(edges) if start < stop]
    return blocks, [patch_at[block.start] for block in blocks]


def overview_block(
    model: ModelSpec, geobox: GeoBox, window: Window, factor: int, patch: Patch, recipe: Recipe
) -> np.ndarray:
    """Interpolate coarse pixels from the patch they lie in: (layers, bands, h, w)."""
    from rangegeo.engine.patches import fill_coarse  # imports torch

    return fill_coarse(interpolable(loaded(model).evaluator), geobox, window, factor, patch, recipe)
