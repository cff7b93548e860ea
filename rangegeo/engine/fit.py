"""Chebyshev interpolants of rectangles, each proved at places of its own.

Each component (S, G and q) takes as many points as the decay of its coefficients asks for. A rectangle that does not
converge has none; whoever asked cuts it in four.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from rangegeo.engine.evaluator import Evaluator
from rangegeo.engine.rectangles import PROOF_PLACES, Rectangle
from rangegeo.field.chebyshev import LEVELS, interpolate, interpolation_matrix, left_out, nodes
from rangegeo.field.places import Places
from rangegeo.field.range import Components
from rangegeo.field.recipe import Recipe

STALLED = 0.25  # stop unless doubling the nodes cuts the estimated error fourfold
PIXELS_A_NODE = 2  # a rectangle is interpolated only if it saves at least this factor


class Fit:
    """Makes interpolants and adds up what was measured on the way.

    Attributes:
        error: largest measured error of a component, relative to its largest value; 0 if nothing was interpolated.
        proved: places it was measured at.
        evaluations: places that were evaluated for nodes.
        refined: components whose measured error missed the tolerance, so that their rectangle was refined.
    """

    def __init__(self, evaluator: Evaluator, tolerance: float, recipe: Recipe) -> None:
        self.evaluator, self.tolerance, self.recipe = evaluator, tolerance, recipe
        self.parts = recipe.parts
        self.error, self.proved, self.evaluations, self.refined = 0.0, 0, 0, 0

    def interpolant(self, rectangle: Rectangle) -> Tensor | None:
        """(layers, bands, n, n) of a rectangle; None if it leaves the domain or needs too many points."""
        levels = [level for level in LEVELS if PIXELS_A_NODE * level**2 <= rectangle.count]
        places = rectangle.node_places(levels[-1])
        proof_at, proof_places = rectangle.proof_places()
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
        self.proved += PROOF_PLACES
        return self._assemble(known)

    def _first(
        self, parts: list[str], places: np.ndarray, proof: np.ndarray
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Values (width, n, n) at (n, n, 2) places, and (m, width) at (m, 2) places, from one evaluation."""
        count = len(places)
        found = self._components(np.concatenate([places.reshape(-1, 2), proof]), parts)
        self.evaluations += count**2
        grids = {name: values[: count**2].T.reshape(-1, count, count) for name, values in found.items()}
        return grids, {name: values[count**2 :] for name, values in found.items()}

    def _refine(self, grids: dict[str, Tensor], waiting: list[str], places: np.ndarray) -> dict[str, Tensor]:
        """Values (width, n, n) of the parts that wait, at (n, n, 2) places, every other one of which is known."""
        count = len(places)
        new = np.ones((count, count), dtype=bool)
        new[::2, ::2] = False
        found = self._components(places[new], waiting)
        self.evaluations += int(new.sum())
        mask = torch.from_numpy(new)
        refined = {}
        for name in waiting:
            grid = torch.empty(found[name].shape[1], count, count, dtype=torch.float32)
            grid[:, mask] = found[name].T
            grid[:, ::2, ::2] = grids[name]
            refined[name] = grid
        return refined

    def _components(self, lonlat_deg: np.ndarray, wanted: list[str]) -> dict[str, Tensor]:
        """Components at (n, 2) places, each (n, width) float32 on the CPU."""
        found = self.evaluator.components(Places(torch.from_numpy(lonlat_deg)), wanted)
        return {name: found.part(name).float().cpu() for name in wanted}

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


def _halves(side: slice) -> tuple[slice, slice]:
    middle = (side.start + side.stop) // 2
    return slice(side.start, middle), slice(middle, side.stop)


def _unit(pixels: np.ndarray, side: slice) -> Tensor:
    """Pixel numbers to [-1, 1] within a side."""
    return torch.from_numpy(2.0 * (pixels - side.start) / (side.stop - side.start - 1) - 1.0)
