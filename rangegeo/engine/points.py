"""Scattered places from shared patches: where many fall into one tile of the globe, they are interpolated.

As in a raster, a tile is evaluated at its Chebyshev points and compared with exact values at 32 places, and it is cut
in four if its points are not enough. Values at the places come from barycentric interpolation between the points. A
tile is interpolated only if that saves evaluations; all other places are evaluated.

Tiles are fixed on the globe. Other places in the same call can decide whether a place is interpolated or evaluated. An
interpolated value does not depend on them.

Source: Berrut and Trefethen 2004, doi:10.1137/S0036144502417715.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from rangegeo.engine.evaluator import Evaluator, evaluate_places
from rangegeo.engine.fit import SMALLEST_SAVING, Fit, levels_that_pay
from rangegeo.engine.rectangles import DegreeRectangle
from rangegeo.field.chebyshev import LEVELS, interpolation_matrix
from rangegeo.field.precision import full_precision
from rangegeo.field.recipe import Recipe
from rangegeo.grid.domain import whole_turns
from rangegeo.grid.globe import HEIGHT, tile_counts, tile_numbers, tile_sides
from rangegeo.support.text import counted

HELD_BYTES = 96e6  # memory for tiles that are kept for later places, in bytes; the tiles of a country take 69 MB
WASTED_SHARE = 0.05  # evaluations that may be wasted on tiles that need too many points, as a share of the places
PLACES_AT_ONCE = 4096  # places interpolated together; bounds the matrix of their weights


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A rectangle that is interpolated.

    Attributes:
        rectangle: where it lies.
        values: (n², layers * bands) float32 at its Chebyshev points, row by row from south to north.
    """

    rectangle: DegreeRectangle
    values: Tensor

    def at(self, lonlat_deg: np.ndarray) -> Tensor:
        """Values at (n, 2) places inside: (n, layers * bands) float32."""
        count = math.isqrt(len(self.values))
        down, across = (interpolation_matrix(count, unit) for unit in self.rectangle.unit_positions(lonlat_deg))
        weights = (down[:, :, None] * across[:, None, :]).reshape(len(lonlat_deg), -1)
        with full_precision():
            return weights.to(self.values) @ self.values


class PointInterpolator:
    """Gives an evaluator's values at scattered places, within a tolerance.

    Args:
        evaluator: gives exact values.
        recipe: the layers and bands of the values.
        tolerance: the largest error of a component, relative to its largest value in a tile; None to evaluate every
            place.
        counts: (COUNT,) how many places will be asked for in each tile of `rangegeo.grid.globe`.
        held_bytes: the most memory for tiles that are kept between calls.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        recipe: Recipe,
        tolerance: float | None,
        counts: np.ndarray,
        held_bytes: float = HELD_BYTES,
    ) -> None:
        self.evaluator, self.recipe, self.tolerance, self.counts = evaluator, recipe, tolerance, counts
        self.held_bytes = held_bytes
        self._remaining = counts.copy()  # (COUNT,) places of each tile that are still to come
        self._fit = Fit(evaluator, 0.0 if tolerance is None else tolerance, recipe)
        self._parts: OrderedDict[int, list[Part]] = OrderedDict()  # the last one was used last
        self._held = 0  # bytes of `_parts`
        self._usual_bytes = 4 * LEVELS[1] ** 2 * recipe.layers * recipe.bands
        self._hopeless: set[int] = set()
        hopeless = tolerance is None or evaluator.smooth_deg < HEIGHT
        self._may_waste = -1 if hopeless else WASTED_SHARE * counts.sum()  # evaluations; below 0 no tile is tried
        self._interpolated = self._evaluated = 0

    def __call__(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """The values at (n, 2) places in range: (layers, n, bands) float32."""
        out = np.empty((self.recipe.layers, len(lonlat_deg), self.recipe.bands), dtype=np.float32)
        lonlat = whole_turns(lonlat_deg)
        tiles = tile_numbers(lonlat)
        order = np.argsort(tiles, kind="stable")
        waiting = np.ones(len(lonlat), dtype=bool)
        for rows in np.split(order, np.flatnonzero(np.diff(tiles[order])) + 1):
            if not len(rows):
                continue
            tile = int(tiles[rows[0]])
            for part in self._tile(tile, len(rows)):
                inside = rows[part.rectangle.inside(lonlat[rows])]
                self._fill(out, part, inside, lonlat)
                waiting[inside] = False
            self._remaining[tile] -= len(rows)
            if self._remaining[tile] <= 0:
                self._drop(tile)
        if waiting.any():
            out[:, waiting] = evaluate_places(self.evaluator, lonlat_deg[waiting], self.recipe)
        self._evaluated += int(waiting.sum())
        self._interpolated += int((~waiting).sum())
        return out

    @property
    def expected(self) -> int:
        """The number of evaluations, if 21 points a side are right for every tile with enough places."""
        usual = LEVELS[1] ** 2
        shared = (self.counts >= SMALLEST_SAVING * usual) & (self._may_waste >= 0)
        return int(np.where(shared, usual, self.counts).sum())

    def __str__(self) -> str:
        """What was measured, in one line."""
        if not self._interpolated:
            return "every place was evaluated"
        return (
            f"{counted(self._interpolated, 'place')} interpolated from {counted(self._fit.evaluations, 'evaluation')}, "
            f"{self._evaluated:,} evaluated {'itself' if self._evaluated == 1 else 'themselves'}; measured error "
            f"{self._fit.error:.1e} at {counted(self._fit.proved, 'place')}, tolerance {self.tolerance:g}"
        )

    @property
    def facts(self) -> dict[str, object]:
        """How the places were computed and what was measured; the names are those of a raster's attributes."""
        if not self._interpolated:
            return {"evaluation": "exact"}
        return {
            "evaluation": "interpolated",
            "tolerance": self.tolerance,
            "measured_error": self._fit.error,
            "proof_places": self._fit.proved,
            "interpolated_places": self._interpolated,
            "evaluations": self._fit.evaluations + self._evaluated,
        }

    def _fill(self, out: np.ndarray, part: Part, rows: np.ndarray, lonlat: np.ndarray) -> None:
        """Interpolate some rows of `lonlat` into the same rows of `out`."""
        for start in range(0, len(rows), PLACES_AT_ONCE):
            some = rows[start : start + PLACES_AT_ONCE]
            values = part.at(lonlat[some]).cpu().reshape(len(some), self.recipe.layers, self.recipe.bands)
            out[:, some] = values.transpose(0, 1).numpy()

    def _tile(self, tile: int, wanted_now: int) -> list[Part]:
        """The parts of a tile that are interpolated. They are made now if they are not held and if that pays.

        Args:
            tile: its number.
            wanted_now: how many places of this call lie in it.
        """
        if tile in self._parts:
            self._parts.move_to_end(tile)
            return self._parts[tile]
        # A tile that would push out another one must pay for itself now. Else tiles would be made again and again.
        crowded = self._held + self._usual_bytes > self.held_bytes
        places = wanted_now if crowded else int(self._remaining[tile])
        if tile in self._hopeless or self._may_waste < 0 or not levels_that_pay(places):
            return []
        parts = self._interpolated_parts(DegreeRectangle(*tile_sides(tile), places))
        if not parts:
            self._hopeless.add(tile)
            return []
        self._parts[tile] = parts
        self._held += _nbytes(parts)
        while self._held > self.held_bytes and len(self._parts) > 1:
            self._drop(next(iter(self._parts)))
        return parts

    def _drop(self, tile: int) -> None:
        """Forget a tile."""
        self._held -= _nbytes(self._parts.pop(tile, []))

    def _interpolated_parts(self, rectangle: DegreeRectangle) -> list[Part]:
        """The parts of a rectangle that can be interpolated: all of it, or some of its quarters."""
        before = self._fit.evaluations
        values = self._fit.interpolant(rectangle)
        if values is not None:
            return [Part(rectangle, values.reshape(-1, values.shape[-1] ** 2).T.contiguous())]
        self._may_waste -= self._fit.evaluations - before
        quarters = rectangle.quarters()
        if self._may_waste < 0 or levels_that_pay(quarters[0].count) != levels_that_pay(rectangle.count):
            return []  # a quarter would have to use fewer points a side, so its points would not be closer together
        return [part for quarter in quarters for part in self._interpolated_parts(quarter)]


def interpolate_places(evaluator: Evaluator, lonlat_deg: np.ndarray, recipe: Recipe, tolerance: float) -> np.ndarray:
    """The values at (n, 2) places in range, within a tolerance: (layers, n, bands) float32."""
    return PointInterpolator(evaluator, recipe, tolerance, tile_counts(whole_turns(lonlat_deg)))(lonlat_deg)


def _nbytes(parts: list[Part]) -> int:
    """The memory that parts take."""
    return sum(part.values.nbytes for part in parts)
