"""The spectral engine: evaluate a field at the Chebyshev points of patches, interpolate the pixels between them.

A patch is a rectangle of whole chunks in the coordinates of the raster, so no pixel needs its own reprojection, and
there is no seam inside a chunk. `rangegeo.engine.fit` says how many points a patch gets. If these are not enough, the
patch is cut in four. Where there are fewer than two pixels for each point, every pixel is evaluated. Some pixels of
every rectangle that is interpolated are also evaluated exactly and compared, so the error in a cube's attributes is
measured, not estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from odc.geo.geobox import GeoBox
from torch import Tensor

from rangegeo.engine.card import FittingBlock, copied, device_of, empty_beside
from rangegeo.engine.evaluator import Evaluator, evaluate_pixels
from rangegeo.engine.fit import Asking, Fit, answered, levels_that_pay
from rangegeo.engine.patch import Leaf, Patch
from rangegeo.engine.rectangles import PixelRectangle, to_unit_interval
from rangegeo.field.chebyshev import LEVELS, interpolate, interpolate_by, interpolation_matrix
from rangegeo.field.recipe import Recipe
from rangegeo.grid import pixel_places, places_on
from rangegeo.grid.windows import Window, tiled

RECTANGLES_TOGETHER = 16  # that are fitted together on a GPU: the few points of one do not keep it busy
CPU = torch.device("cpu")
MATRICES = 512  # that are kept; one of 256 pixels and 41 points takes 42 kB
ALL = slice(None)
CARD_BYTES = 2**26  # of pixels that a GPU interpolates before it copies them; each thread needs as much of its memory


def evaluate_patch(
    evaluator: Evaluator, geobox: GeoBox, window: Window, side: int, tolerance: float, recipe: Recipe
) -> Patch:
    """Evaluate the Chebyshev points of a patch.

    Args:
        window: its pixels.
        side: side of the first rectangles, in pixels; a rectangle that needs too many points is cut in four.
        tolerance: of each component, relative to its largest value in a leaf.
    """
    return evaluate_patches(evaluator, geobox, [window], side, tolerance, recipe)[0]


def evaluate_patches(
    evaluator: Evaluator, geobox: GeoBox, windows: Sequence[Window], side: int, tolerance: float, recipe: Recipe
) -> list[Patch]:
    """Evaluate the points of several patches; see `evaluate_patch`. Rectangles are fitted together on a GPU."""

    def work(size: int) -> list[Patch]:
        fits = [Fit(evaluator, tolerance, recipe) for _ in windows]
        leaves: list[list[Leaf]] = [[] for _ in windows]
        waiting = [
            (number, PixelRectangle(geobox, *part))
            for number, window in enumerate(windows)
            for part in tiled(window, side)
        ]
        while waiting:
            now, waiting = waiting[:size], waiting[size:]
            found = answered([_interpolant(fits[number], part) for number, part in now], evaluator, recipe)
            for (number, part), values in zip(now, found, strict=True):
                if values is None and _can_be_cut(part):
                    waiting += [(number, quarter) for quarter in part.quarters()]
                else:
                    leaves[number].append(Leaf(part.rows, part.cols, values))
        return [
            Patch(tuple(own), fit.error, fit.proved, fit.evaluations, fit.missed_tolerance)
            for own, fit in zip(leaves, fits, strict=True)
        ]

    device = device_of(evaluator)
    together = 1 if device == "cpu" else RECTANGLES_TOGETHER
    return FittingBlock(device, together, 1).run(work, together)


def _interpolant(fit: Fit, rectangle: PixelRectangle) -> Asking[Tensor | None]:
    """The values of a leaf; None if it is not interpolated."""
    return (yield from fit.asking(rectangle)) if _may_be_interpolated(rectangle) else None


def _can_be_cut(rectangle: PixelRectangle) -> bool:
    """Whether quarters of a rectangle may be interpolated, if all of it cannot be."""
    return _may_be_interpolated(rectangle) and rectangle.has_valid_pixel()


def _may_be_interpolated(rectangle: PixelRectangle) -> bool:
    return min(rectangle.shape) >= LEVELS[0] and bool(levels_that_pay(rectangle.count))


def fill_window(evaluator: Evaluator, geobox: GeoBox, window: Window, patch: Patch, recipe: Recipe) -> np.ndarray:
    """(layers, bands, h, w) float32 of a window that lies within a patch."""
    rows, cols = window
    height, width = rows.stop - rows.start, cols.stop - cols.start
    device = next((leaf.values.device for leaf in patch.leaves if leaf.values is not None), CPU)
    out = empty_beside(device, (recipe.layers * recipe.bands, height, width))
    pieces = _pieces(evaluator, geobox, window, patch, recipe)
    if device.type == "cpu":
        _put_together(pieces, out)
    else:
        _copy_together(list(pieces), out, device)
    return out.view(recipe.layers, recipe.bands, height, width).numpy()


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The part of a leaf that lies in a window.

    Attributes:
        rows, cols: its pixels in the window.
        values: (layers * bands, h, w) of the pixels; or (layers * bands, n, n) of the leaf's points.
        matrices: (h, n) and (w, n), which interpolate the pixels between these points; None if there are no points.
    """

    rows: slice
    cols: slice
    values: Tensor
    matrices: tuple[Tensor, Tensor] | None


def _pieces(evaluator: Evaluator, geobox: GeoBox, window: Window, patch: Patch, recipe: Recipe) -> Iterator[Piece]:
    """What a window is made of. Pixels that are not interpolated are evaluated here."""
    rows, cols = window
    for leaf in patch.leaves:
        part_rows, part_cols = _overlap(leaf.rows, rows), _overlap(leaf.cols, cols)
        if part_rows is None or part_cols is None:
            continue
        values, matrices = leaf.values, None
        if values is None:
            places = pixel_places(geobox, part_rows, part_cols)
            values = torch.from_numpy(evaluate_pixels(evaluator, places, recipe))
        else:
            down = _matrix(_shifted(part_rows, leaf.rows.start), _length(leaf.rows), values.shape[-2], values.device)
            across = _matrix(_shifted(part_cols, leaf.cols.start), _length(leaf.cols), values.shape[-1], values.device)
            matrices = down, across
        yield Piece(_shifted(part_rows, rows.start), _shifted(part_cols, cols.start), values.flatten(0, 1), matrices)


def _put_together(pieces: Iterable[Piece], out: Tensor, bands: slice = ALL) -> None:
    """Fill `out`, (bands, h, w), with some of the bands of pieces, which are interpolated on the device of `out`."""
    for piece in pieces:
        target, values = out[:, piece.rows, piece.cols], piece.values[bands]
        if piece.matrices is None:
            target.copy_(values)
        elif target.is_contiguous():
            interpolate_by(*piece.matrices, values, out=target)
        else:
            target.copy_(interpolate_by(*piece.matrices, values))


def _copy_together(pieces: Sequence[Piece], out: Tensor, device: torch.device) -> None:
    """Fill `out`, (bands, h, w) on the CPU, from pieces that are put together on a GPU, some bands at a time."""

    def work(size: int) -> None:
        for start in range(0, len(out), size):
            bands = slice(start, start + size)
            # zeros, and not empty: torch warns if the first that a thread does on a GPU is a product
            there = torch.zeros(out[bands].shape, dtype=out.dtype, device=device)
            _put_together(pieces, there, bands)
            copied(there, out[bands])

    FittingBlock(str(device), max(1, CARD_BYTES // out[0].nbytes), 1).run(work, len(out))


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
        out[:, :, part_rows, part_cols] = interpolate(leaf.values, *at).cpu()
        known[part_rows, part_cols] = True
    if not known.all():  # exact leaves, pixels between two leaves, and pixels beyond the edge of the raster
        places = places_on(geobox, rows + 0.5, cols + 0.5)
        rest = evaluate_pixels(evaluator, replace(places, valid=places.valid & ~known), recipe)
        out[:, :, torch.from_numpy(~known)] = torch.from_numpy(rest[:, :, ~known])
    return out.numpy()


def _matrix(part: slice, length: int, count: int, device: torch.device) -> Tensor:
    """(h, count) float32 matrix that interpolates some pixels of a side between the points of a leaf.

    The blocks of a row have one matrix in common, and so have those of a column.

    Args:
        part: the pixels, counted from the first one of the leaf.
        length: of the leaf's side, in pixels.
        count: of its points along this side.
    """
    return _known_matrix(part.start, part.stop, length, count, str(device))


@lru_cache(MATRICES)
def _known_matrix(start: int, stop: int, length: int, count: int, device: str) -> Tensor:
    at = to_unit_interval(np.arange(start, stop), slice(0, length))
    return interpolation_matrix(count, at).to(device, torch.float32)


def _length(side: slice) -> int:
    return side.stop - side.start


def _overlap(one: slice, other: slice) -> slice | None:
    """The pixels that two sides share; None if there are none."""
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    return slice(start, stop) if start < stop else None


def _shifted(part: slice, origin: int) -> slice:
    """Pixels counted from `origin` on."""
    return slice(part.start - origin, part.stop - origin)
