"""The spectral engine: evaluate a field at the Chebyshev points of patches, interpolate the pixels between them.

A patch is a rectangle of whole chunks in the coordinates of the raster, so no pixel needs its own reprojection, and
there is no seam inside a chunk. `rangegeo.engine.fit` says how many points a patch gets. If these are not enough, the
patch is cut in four. Where there are fewer than two pixels for each point, every pixel is evaluated. Some pixels of
every rectangle that is interpolated are also evaluated exactly and compared, so the error in a cube's attributes is
measured, not estimated.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from odc.geo.geobox import GeoBox
from torch import Tensor

from rangegeo.engine.evaluator import Evaluator, evaluate_pixels
from rangegeo.engine.fit import Fit, levels_that_pay
from rangegeo.engine.patch import Leaf, Patch
from rangegeo.engine.rectangles import PixelRectangle, to_unit_interval
from rangegeo.field.chebyshev import LEVELS, interpolate
from rangegeo.field.recipe import Recipe
from rangegeo.grid import pixel_places, places_on
from rangegeo.grid.windows import Window, tiled


def evaluate_patch(
    evaluator: Evaluator, geobox: GeoBox, window: Window, side: int, tolerance: float, recipe: Recipe
) -> Patch:
    """Evaluate the Chebyshev points of a patch.

    Args:
        window: its pixels.
        side: side of the first rectangles, in pixels; a rectangle that needs too many points is cut in four.
        tolerance: of each component, relative to its largest value in a leaf.
    """
    fit = Fit(evaluator, tolerance, recipe)
    leaves: list[Leaf] = []
    for part in tiled(window, side):
        leaves += _leaves(fit, PixelRectangle(geobox, *part))
    return Patch(tuple(leaves), fit.error, fit.proved, fit.evaluations, fit.missed_tolerance)


def _leaves(fit: Fit, rectangle: PixelRectangle) -> list[Leaf]:
    """Leaves that cover a rectangle: one if it can be interpolated, else those of its quarters."""
    rows, cols = rectangle.rows, rectangle.cols
    if min(rectangle.shape) < LEVELS[0] or not levels_that_pay(rectangle.count):
        return [Leaf(rows, cols, None)]
    values = fit.interpolant(rectangle)
    if values is not None or not rectangle.has_valid_pixel():
        return [Leaf(rows, cols, values)]
    return [leaf for quarter in rectangle.quarters() for leaf in _leaves(fit, quarter)]


def fill_window(evaluator: Evaluator, geobox: GeoBox, window: Window, patch: Patch, recipe: Recipe) -> np.ndarray:
    """(layers, bands, h, w) float32 of a window that lies within a patch."""
    rows, cols = window
    height, width = rows.stop - rows.start, cols.stop - cols.start
    # np.empty gets huge pages; touching many small memory pages for the first time takes as long as the interpolation
    out = torch.from_numpy(np.empty((recipe.layers, recipe.bands, height, width), dtype=np.float32))
    for leaf in patch.leaves:
        part_rows, part_cols = _overlap(leaf.rows, rows), _overlap(leaf.cols, cols)
        if part_rows is None or part_cols is None:
            continue
        target = out[:, :, _shifted(part_rows, rows.start), _shifted(part_cols, cols.start)]
        if leaf.values is None:
            pixels = pixel_places(geobox, part_rows, part_cols)
            target.copy_(torch.from_numpy(evaluate_pixels(evaluator, pixels, recipe)))
            continue
        at = _within(part_rows, leaf.rows), _within(part_cols, leaf.cols)
        if target.is_contiguous():
            interpolate(leaf.values, *at, out=target)
        else:
            target.copy_(interpolate(leaf.values, *at))
    return out.numpy()


def fill_coarse(
    evaluator: Evaluator, geobox: GeoBox, window: Window, factor: int, patch: Patch, recipe: Recipe
) -> np.ndarray:
    """(layers, bands, h, w) float32 at the centres of pixels that are `factor` times as wide and as high.

    Args:
        geobox: of the patch.
        window: in coarse pixels.
    """
    rows, cols = ((np.arange(side.start, side.stop) + 0.5) * factor - 0.5 for side in window)  # in pixels of the patch
    out = torch.empty(recipe.layers, recipe.bands, len(rows), len(cols), dtype=torch.float32, device="cpu")
    known = np.zeros((len(rows), len(cols)), dtype=bool)
    for leaf in patch.leaves:
        part_rows, part_cols = (
            slice(*np.searchsorted(at, (side.start, side.stop - 0.5)))
            for at, side in ((rows, leaf.rows), (cols, leaf.cols))
        )
        if leaf.values is None or known[part_rows, part_cols].size == 0:
            continue
        at = to_unit_interval(rows[part_rows], leaf.rows), to_unit_interval(cols[part_cols], leaf.cols)
        out[:, :, part_rows, part_cols] = interpolate(leaf.values, *at)
        known[part_rows, part_cols] = True
    if not known.all():  # exact leaves, pixels between two leaves, and pixels beyond the edge of the raster
        places = places_on(geobox, rows + 0.5, cols + 0.5)
        rest = evaluate_pixels(evaluator, replace(places, valid=places.valid & ~known), recipe)
        out[:, :, torch.from_numpy(~known)] = torch.from_numpy(rest[:, :, ~known])
    return out.numpy()


def _within(part: slice, whole: slice) -> Tensor:
    """The positions in [-1, 1] of a part of a side's pixels."""
    return to_unit_interval(np.arange(part.start, part.stop), whole)


def _overlap(one: slice, other: slice) -> slice | None:
    """The pixels that two sides share; None if there are none."""
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    return slice(start, stop) if start < stop else None


def _shifted(part: slice, origin: int) -> slice:
    """Pixels counted from `origin` on."""
    return slice(part.start - origin, part.stop - origin)
