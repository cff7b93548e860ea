"""Chebyshev interpolants of rectangles. Each one is compared with exact values at 32 places.

Each component (S, G and q) gets 11 points a side. If its Chebyshev coefficients shrink slowly, or if its measured error
is above the tolerance, it gets 21, then 41. If a component needs more, `Fit.interpolant` returns None, and the caller
cuts the rectangle in four. An evaluator whose points share their sums is asked for all points at once, because more of
them cost little more; then too a component keeps no more than it needs.

If the bands are answers of probes, then the answers take the place of the components: they are what is compared, each
in its own unit.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor

from rangegeo.engine.evaluator import Evaluator
from rangegeo.engine.rectangles import PROOF_PLACES, Rectangle, UnitPositions
from rangegeo.field.arrays import like
from rangegeo.field.chebyshev import LEVELS, estimated_error, interpolate, interpolation_matrix, nodes
from rangegeo.field.components import Components
from rangegeo.field.places import Places
from rangegeo.field.precision import full_precision
from rangegeo.field.recipe import Recipe
from rangegeo.field.supports import LARGEST_ERROR

SMALLEST_GAIN = 0.25  # give up if twice the points a side do not make the estimated error at least four times smaller
SMALLEST_SHARED = 2 * LARGEST_ERROR  # tolerance with which points share their sums
ANSWERS = "answers"  # the name of what probes answer, beside those of components
SMALLEST_SAVING = 2  # pixels (or places) per point, at least; with fewer of them interpolation does not pay

Values: TypeAlias = Mapping[str, Tensor]  # (n, width) float32 by their names, at the places that were asked for
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What is to be evaluated.

    Attributes:
        lonlat_deg: (n, 2) places.
        names: of the components that are wanted there.
        points: how many of the first places are points of one patch, which may share their sums.
    """

    lonlat_deg: np.ndarray
    names: tuple[str, ...]
    points: int = 0


# A computation that asks for components, is sent them, and goes on until it has its result.
Asking: TypeAlias = Generator[Asked, Values, Result]


def levels_that_pay(count: int) -> list[int]:
    """The numbers of points a side, ascending, that save evaluations on `count` pixels or places; empty if none do."""
    return [level for level in LEVELS if SMALLEST_SAVING * level**2 <= count]


@dataclass(slots=True, eq=False)
class Trial:
    """One component of a rectangle, or the answers of probes, while it gets more points.

    Attributes:
        values: (width, n, n) float32 at its points so far.
        exact: (m, width) float32 at the proof places.
        estimate: the error that the coefficients let expect, relative to the largest value; infinite at first.
        error: the error measured at the proof places, relative to the largest value; infinite until it is measured.
        missed: whether a measured error was above the tolerance, although the estimate was not.
    """

    values: Tensor
    exact: Tensor
    estimate: float = math.inf
    error: float = math.inf
    missed: bool = False


class Fit:
    """Makes interpolants and adds up what was measured on the way.

    Attributes:
        error: largest measured error of a component, relative to its largest value, over all rectangles that were
            interpolated; 0 if there are none.
        proved: number of places where `error` was measured.
        evaluations: number of places that were evaluated for points, also for rectangles that were then cut.
        missed_tolerance: number of components whose measured error was above the tolerance, so that they got more
            points or their rectangle was cut.
    """

    def __init__(self, evaluator: Evaluator, tolerance: float, recipe: Recipe) -> None:
        self.evaluator, self.tolerance, self.recipe = evaluator, tolerance, recipe
        self._shares = evaluator.shares and tolerance >= SMALLEST_SHARED
        self.error, self.proved, self.evaluations, self.missed_tolerance = 0.0, 0, 0, 0

    def interpolant(self, rectangle: Rectangle) -> Tensor | None:
        """The same as `asking`, with what it asks for."""
        return answered([self.asking(rectangle)], self.evaluator, self.recipe)[0]

    def asking(self, rectangle: Rectangle) -> Asking[Tensor | None]:
        """The values from which a rectangle can be interpolated within the tolerance.

        Returns:
            (layers, bands, n, n) float32 at its Chebyshev points. None if the rectangle is so small that interpolation
            does not pay, if a point lies outside the projection's domain, or if the most points that pay (at most 41 a
            side) are not enough.
        """
        levels = levels_that_pay(rectangle.count)
        if not levels:
            return None
        places = rectangle.node_places(levels[-1])
        proof_at, proof_places = rectangle.proof_places()
        if places is None or proof_places is None:
            return None
        trials: dict[str, Trial] = {}
        unfinished: dict[str, Trial] = {}
        everywhere = (yield from self._begin(places, proof_places)) if self._shares else None
        for level in levels:
            step = (levels[-1] - 1) // (level - 1)
            if everywhere is not None:
                trials = trials or {name: replace(trial) for name, trial in everywhere.items()}
                unfinished = unfinished or trials
                for name, trial in unfinished.items():
                    trial.values = everywhere[name].values[:, ::step, ::step]
            elif not trials:
                trials = unfinished = yield from self._begin(places[::step, ::step], proof_places)
            else:
                yield from self._add_points(unfinished, places[::step, ::step])
            for trial in unfinished.values():
                before = trial.estimate
                self._judge(trial, proof_at)
                if trial.estimate > max(self.tolerance, SMALLEST_GAIN * before):
                    return None  # the field jumps, or varies faster than the points can follow
            unfinished = {name: trial for name, trial in unfinished.items() if trial.error > self.tolerance}
            if not unfinished:
                self.error = max(self.error, *(trial.error for trial in trials.values()))
                self.proved += PROOF_PLACES
                return self._assemble({name: trial.values for name, trial in trials.items()})
        return None

    def _judge(self, trial: Trial, proof_at: UnitPositions) -> None:
        """Estimate the error of a component, and measure it if the estimate is within the tolerance."""
        scale = 1.0 if self.recipe.probes is not None else max(float(trial.values.abs().max()), 1e-30)
        trial.estimate = estimated_error(trial.values) / scale
        if trial.estimate > self.tolerance:
            return
        trial.error = _error_at(trial.values, proof_at, trial.exact) / scale
        if trial.error > self.tolerance and not trial.missed:
            trial.missed = True
            self.missed_tolerance += 1

    def _begin(self, places: np.ndarray, proof_places: np.ndarray) -> Asking[dict[str, Trial]]:
        """All components at (n, n, 2) places and at (m, 2) proof places, from one evaluation."""
        count = len(places)
        together = np.concatenate([places.reshape(-1, 2), proof_places])
        components = yield Asked(together, self._parts, count**2 if self._shares else 0)
        self.evaluations += count**2
        return {
            name: Trial(values[: count**2].T.reshape(-1, count, count), values[count**2 :])
            for name, values in components.items()
        }

    def _add_points(self, unfinished: dict[str, Trial], places: np.ndarray) -> Asking[None]:
        """Bring components to (n, n, 2) places. Every second row and column is known already and is copied."""
        count = len(places)
        new = np.ones((count, count), dtype=bool)
        new[::2, ::2] = False
        components = yield Asked(places[new], tuple(unfinished))
        self.evaluations += int(new.sum())
        for name, trial in unfinished.items():
            values = trial.values.new_empty(len(trial.values), count, count)
            values[:, torch.from_numpy(new).to(values.device)] = components[name].T
            values[:, ::2, ::2] = trial.values
            trial.values = values

    @property
    def _parts(self) -> tuple[str, ...]:
        """Names of what is interpolated: components and diagnostics, or the answers of probes."""
        return self.recipe.parts if self.recipe.probes is None else (ANSWERS,)

    def _assemble(self, finished: dict[str, Tensor]) -> Tensor:
        """Turn components into the bands of the recipe, at the points of the component that has most points.

        Args:
            finished: (width, n, n) values of each component; n may differ between components.
        """
        probes = self.recipe.probes
        if probes is not None:
            answers = finished[ANSWERS]
            return (answers * like(probes.units, answers)[:, None, None])[None]
        count = max(values.shape[-1] for values in finished.values())
        at = nodes(count)
        flat = {
            name: (values if values.shape[-1] == count else interpolate(values, at, at)).flatten(1).T
            for name, values in finished.items()
        }
        diagnostics = {name: flat[name] for name in self.recipe.kept_diagnostics}
        components = Components(flat.get("semantic"), flat.get("geographic"), flat["location"], diagnostics)
        bands = self.recipe.apply(components)  # (layers, n², bands)
        return bands.transpose(1, 2).reshape(*bands.shape[::2], count, count).contiguous()


def answered(askings: Sequence[Asking[Result]], evaluator: Evaluator, recipe: Recipe) -> list[Result]:
    """The results of computations, in their order. What they ask for at the same time is evaluated together."""
    results: dict[int, Result] = {}
    answers: dict[int, Values | None] = dict.fromkeys(range(len(askings)))
    with full_precision():
        while answers:
            asked: dict[int, Asked] = {}
            for number, answer in answers.items():
                try:
                    asked[number] = askings[number].send(answer)  # type: ignore[arg-type]  # the first one is None
                except StopIteration as end:
                    results[number] = end.value
            answers = {}
            for wanted in dict.fromkeys(one.names for one in asked.values()):
                numbers = [number for number, one in asked.items() if one.names == wanted]
                counts = [len(asked[number].lonlat_deg) for number in numbers]
                places = _together([asked[number] for number in numbers])
                values = {
                    name: part.split(counts) for name, part in _evaluated(evaluator, places, wanted, recipe).items()
                }
                for index, number in enumerate(numbers):
                    answers[number] = {name: parts[index] for name, parts in values.items()}
    return [results[number] for number in range(len(askings))]


def _together(asked: Sequence[Asked]) -> Places:
    """All places that are asked for. Each patch has a number."""
    patches = [np.where(np.arange(len(one.lonlat_deg)) < one.points, number, -1) for number, one in enumerate(asked)]
    lonlat_deg = np.concatenate([one.lonlat_deg for one in asked])
    return Places(torch.from_numpy(lonlat_deg), patches=torch.from_numpy(np.concatenate(patches)))


def _evaluated(evaluator: Evaluator, places: Places, wanted: tuple[str, ...], recipe: Recipe) -> Values:
    """Components at n places, each (n, width) float32 where they were made; answers are in their units."""
    probes = recipe.probes
    if probes is not None:
        answers = recipe.apply(evaluator.components(places, recipe.parts), "float64")[0]
        return {ANSWERS: (answers / like(probes.units, answers)).float()}
    components = evaluator.components(places, wanted)
    return {name: components.part(name).float() for name in wanted}


def _error_at(values: Tensor, at: UnitPositions, exact: Tensor) -> float:
    """Largest difference between an interpolant of (width, n, n) values and exact values (m, width) at m places."""
    down, across = (interpolation_matrix(values.shape[-1], side).to(values.device, values.dtype) for side in at)
    interpolated = torch.einsum("pa,wab,pb->pw", down, values, across)
    return float((interpolated - exact).abs().max())
