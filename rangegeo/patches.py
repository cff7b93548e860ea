"""The spectral engine: evaluate a model at the Chebyshev points of patches, interpolate the pixels between them.

A patch is a rectangle of whole chunks in the coordinates of the raster, so no pixel needs its own reprojection
and chunks never share a seam. Each component (S, G and q) takes as many points as the decay of its coefficients
asks for; a patch that does not converge is cut in four, and where points would outnumber pixels every pixel is
evaluated. A few pixels of every patch are evaluated exactly too and compared: what a cube says of its error was
measured on it.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from odc.geo.geobox import GeoBox
from torch import Tensor

from rangegeo.field.chebyshev import LEVELS, interpolate, interpolation_matrix, left_out, nodes
from rangegeo.field.range import Components
from rangegeo.field.recipe import Recipe
from rangegeo.grid import pixel_places, places_on
from rangegeo.model import Model

PROOF_PIXELS = 32  # of each patch, evaluated exactly and compared
STALLED = 0.25  # share of the error left out that must remain no more when the points are doubled, or they end there
PIXELS_A_NODE = 2  # a patch is interpolated only if it saves at least this factor
Window = tuple[slice, slice]  # rows and columns, in pixels of the raster


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A rectangle that is interpolated at once, or evaluated pixel by pixel.

    Attributes:
        rows, cols: its pixels.
        values: (layers, bands, n, n) float32 at its Chebyshev points; None where every pixel is evaluated.
    """

    rows: slice
    cols: slice
    values: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """An evaluated patch.

    Attributes:
        leaves: cover it without overlap.
        error: largest measured error of a component, relative to its largest value; 0 if nothing is interpolated.
        proved: pixels it was measured at.
        evaluations: places the model was evaluated at for the nodes.
        refined: parts whose measured error missed the tolerance at first and that were refined for it.
    """

    leaves: tuple[Leaf, ...]
    error: float
    proved: int
    evaluations: int
    refined: int


def evaluate_patch(model: Model, geobox: GeoBox, window: Window, tile: int, tolerance: float, recipe: Recipe) -> Patch:
    """Evaluate the nodes of a patch.

    Args:
        window: its pixels.
        tile: pixels a side at which interpolating is tried first.
        tolerance: of each component, relative to its largest value in a leaf.
    """
    fit = Fit(model, geobox, tolerance, recipe)
    rows, cols = window
    for top in range(rows.start, rows.stop, tile):
        for left in range(cols.start, cols.stop, tile):
            fit.add(slice(top, min(top + tile, rows.stop)), slice(left, min(left + tile, cols.stop)))
    return Patch(tuple(fit.leaves), fit.error, fit.proved, fit.evaluations, fit.refined)


def fill_window(model: Model, geobox: GeoBox, window: Window, patch: Patch, recipe: Recipe) -> np.ndarray:
    """(layers, bands, h, w) float32 of a window that lies within a patch."""
    rows, cols = window
    height, width = rows.stop - rows.start, cols.stop - cols.start
    # by numpy, which asks for large pages: to be handed small ones takes as long as to fill them
    out = torch.from_numpy(np.empty((recipe.layers, recipe.bands, height, width), dtype=np.float32))
    for leaf in patch.leaves:
        part_rows, part_cols = _overlap(leaf.rows, rows), _overlap(leaf.cols, cols)
        if part_rows is None or part_cols is None:
            continue
        target = out[:, :, _shifted(part_rows, rows.start), _shifted(part_cols, cols.start)]
        if leaf.values is None:
            pixels = pixel_places(geobox, part_rows, part_cols)
            target.copy_(torch.from_numpy(model.raster_block(pixels, recipe)))
            continue
        at = _within(part_rows, leaf.rows), _within(part_cols, leaf.cols)
        if target.is_contiguous():
            interpolate(leaf.values, *at, out=target)
        else:
            target.copy_(interpolate(leaf.values, *at))
    return out.numpy()


def fill_coarse(model: Model, geobox: GeoBox, window: Window, factor: int, patch: Patch, recipe: Recipe) -> np.ndarray:
    """(layers, bands, h, w) float32 at the centres of pixels that are `factor` times as wide and as high.

    Args:
        geobox: of the patch.
        window: in coarse pixels.
    """
    rows, cols = ((np.arange(side.start, side.stop) + 0.5) * factor - 0.5 for side in window)  # in pixels of the patch
    out = torch.empty(recipe.layers, recipe.bands, len(rows), len(cols))
    known = np.zeros((len(rows), len(cols)), dtype=bool)
    for leaf in patch.leaves:
        part_rows, part_cols = (
            slice(*np.searchsorted(at, (side.start, side.stop - 0.5)))
            for at, side in ((rows, leaf.rows), (cols, leaf.cols))
        )
        if leaf.values is None or known[part_rows, part_cols].size == 0:
            continue
        at = _unit(rows[part_rows], leaf.rows), _unit(cols[part_cols], leaf.cols)
        out[:, :, part_rows, part_cols] = interpolate(leaf.values, *at)
        known[part_rows, part_cols] = True
    if not known.all():  # where every pixel is evaluated, between leaves, and beyond the edge of the raster
        places = places_on(geobox, rows + 0.5, cols + 0.5)
        rest = model.raster_block(replace(places, valid=places.valid & ~known), recipe)
        out[:, :, torch.from_numpy(~known)] = torch.from_numpy(rest[:, :, ~known])
    return out.numpy()


class Fit:
    """Collects the leaves of a patch and what was measured on the way."""

    def __init__(self, model: Model, geobox: GeoBox, tolerance: float, recipe: Recipe) -> None:
        self.model, self.geobox, self.tolerance, self.recipe = model, geobox, tolerance, recipe
        self.parts = recipe.parts
        self.leaves: list[Leaf] = []
        self.error, self.proved, self.evaluations, self.refined = 0.0, 0, 0, 0

    def add(self, rows: slice, cols: slice) -> None:
        """Cover a rectangle with leaves."""
        sides = rows.stop - rows.start, cols.stop - cols.start
        pixels = sides[0] * sides[1]
        if min(sides) < LEVELS[0] or pixels < PIXELS_A_NODE * LEVELS[0] ** 2:
            self.leaves.append(Leaf(rows, cols, None))
            return
        values = self.interpolant(rows, cols, pixels)
        if values is not None:
            self.leaves.append(Leaf(rows, cols, values))
        elif not pixel_places(self.geobox, rows, cols).valid.any():
            self.leaves.append(Leaf(rows, cols, None))
        else:
            for part_rows in _halves(rows):
                for part_cols in _halves(cols):
                    self.add(part_rows, part_cols)

    def interpolant(self, rows: slice, cols: slice, pixels: int) -> Tensor | None:
        """(layers, bands, n, n) of a rectangle; None if it leaves the domain or needs too many points."""
        levels = [level for level in LEVELS if PIXELS_A_NODE * level**2 <= pixels]
        places = self.node_places(rows, cols, levels[-1])
        proof_at, proof_places = self.proof_places(rows, cols)
        if places is None or proof_places is None:
            return None
        known: dict[str, Tensor] = {}  # parts that have converged, each at its own points
        grids: dict[str, Tensor] = {}  # parts at the points of the last level
        exact: dict[str, Tensor] = {}
        missed = set()
        waiting = list(self.parts)
        estimates = dict.fromkeys(waiting, math.inf)
        for level in levels:
            step = (levels[-1] - 1) // (level - 1)
            if not grids:
                grids, exact = self._first(waiting, places[::step, ::step], proof_places)
            else:
                grids = self._refine(grids, waiting, places[::step, ::step])
            for name in list(waiting):
                scale = max(float(grids[name].abs().max()), 1e-30)
                before, estimates[name] = estimates[name], left_out(grids[name]) / scale
                if estimates[name] > max(self.tolerance, STALLED * before):
                    return None  # a jump, or waves shorter than the points: more of them would not help
                if estimates[name] > self.tolerance:
                    continue
                error = _error_at(grids[name], proof_at, exact[name]) / scale
                if error > self.tolerance:
                    missed.add(name)
                    continue
                known[name] = grids[name]
                self.error = max(self.error, error)
                waiting.remove(name)
            if not waiting:
                break
        self.refined += len(missed)
        if waiting:
            return None
        self.proved += PROOF_PIXELS
        return self._assemble(known)

    def _first(
        self, parts: list[str], places: np.ndarray, proof: np.ndarray
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Values (width, n, n) at (n, n, 2) places, and (m, width) at (m, 2) places, from one evaluation."""
        count = len(places)
        found = self.model.components(np.concatenate([places.reshape(-1, 2), proof]), parts)
        self.evaluations += count**2
        grids = {name: values[: count**2].T.reshape(-1, count, count) for name, values in found.items()}
        return grids, {name: values[count**2 :] for name, values in found.items()}

    def _refine(self, grids: dict[str, Tensor], waiting: list[str], places: np.ndarray) -> dict[str, Tensor]:
        """Values (width, n, n) of the parts that wait, at (n, n, 2) places, every other one of which is known."""
        count = len(places)
        new = np.ones((count, count), dtype=bool)
        new[::2, ::2] = False
        found = self.model.components(places[new], waiting)
        self.evaluations += int(new.sum())
        mask = torch.from_numpy(new)
        refined = {}
        for name in waiting:
            grid = torch.empty(found[name].shape[1], count, count)
            grid[:, mask] = found[name].T
            grid[:, ::2, ::2] = grids[name]
            refined[name] = grid
        return refined

    def node_places(self, rows: slice, cols: slice, count: int) -> np.ndarray | None:
        """(count, count, 2) degrees; None if some lie outside the projection's domain."""
        unit = nodes(count).numpy()
        places = places_on(self.geobox, _pixel_coordinates(rows, unit), _pixel_coordinates(cols, unit))
        return places.lonlat_deg.reshape(count, count, 2) if places.valid.all() else None

    def proof_places(self, rows: slice, cols: slice) -> tuple[tuple[Tensor, Tensor], np.ndarray | None]:
        """Seeded pixels of a rectangle: where they lie in [-1, 1]², and their (n, 2) degrees; None as for nodes."""
        seed = hashlib.sha256(f"{rows.start} {rows.stop} {cols.start} {cols.stop}".encode()).digest()
        random = np.random.default_rng(np.frombuffer(seed[:8], np.uint64))
        at_rows, at_cols = (random.integers(side.start, side.stop, PROOF_PIXELS) for side in (rows, cols))
        crossings = places_on(self.geobox, at_rows + 0.5, at_cols + 0.5)
        diagonal = np.arange(PROOF_PIXELS)
        valid = crossings.valid[diagonal, diagonal].all()
        lonlat = crossings.lonlat_deg.reshape(PROOF_PIXELS, PROOF_PIXELS, 2)[diagonal, diagonal]
        return (_unit(at_rows, rows), _unit(at_cols, cols)), lonlat if valid else None

    def _assemble(self, known: dict[str, Tensor]) -> Tensor:
        """Components, each at its own points, to the bands of the recipe at the points of the finest."""
        count = max(grid.shape[-1] for grid in known.values())
        at = nodes(count)
        flat = {
            name: (grid if grid.shape[-1] == count else interpolate(grid, at, at)).flatten(1).T
            for name, grid in known.items()
        }
        diagnostics = {name: flat[name] for name in self.recipe.kept_diagnostics}
        found = Components(flat.get("semantic"), flat.get("geographic"), flat["location"], diagnostics)
        bands = self.recipe.apply(found)  # (layers, n², bands)
        return bands.transpose(1, 2).reshape(*bands.shape[::2], count, count).contiguous()


def _error_at(grid: Tensor, at: tuple[Tensor, Tensor], exact: Tensor) -> float:
    """Largest difference between an interpolant and exact values (n, width) at n places."""
    down, across = (interpolation_matrix(grid.shape[-1], side).float() for side in at)
    found = torch.einsum("pa,wab,pb->pw", down, grid, across)
    return float((found - exact).abs().max())


def _pixel_coordinates(side: slice, unit: np.ndarray) -> np.ndarray:
    """[-1, 1] to pixel coordinates from the first to the last pixel centre."""
    return side.start + 0.5 + (unit + 1) / 2 * (side.stop - side.start - 1)


def _unit(pixels: np.ndarray, side: slice) -> Tensor:
    """Pixel numbers to [-1, 1] within a side."""
    return torch.from_numpy(2.0 * (pixels - side.start) / (side.stop - side.start - 1) - 1.0)


def _within(part: slice, whole: slice) -> Tensor:
    return _unit(np.arange(part.start, part.stop), whole)


def _overlap(one: slice, other: slice) -> slice | None:
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    return slice(start, stop) if start < stop else None


def _shifted(part: slice, origin: int) -> slice:
    return slice(part.start - origin, part.stop - origin)


def _halves(side: slice) -> tuple[slice, slice]:
    middle = (side.start + side.stop) // 2
    return slice(side.start, middle), slice(middle, side.stop)
