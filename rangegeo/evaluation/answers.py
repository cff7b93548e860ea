"""What a map holds: the bands that are interpolated, and what becomes of them in every block of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from rangegeo.evaluation.features import Scaling
from rangegeo.evaluation.labels import CLASSES, NUMBERS
from rangegeo.evaluation.probes import Limits, Linear
from rangegeo.evaluation.spread import Scale, standard_deviation
from rangegeo.evaluation.unlike import Likeness
from rangegeo.field.probes import Probes


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Answer:
    """A target that has been learned.

    Attributes:
        name: of the target.
        kind: "numbers", "classes" or "presence".
        classes: names of the classes; empty for numbers.
        unit: the standard deviation of the labels; 1 for classes.
        probe: fitted on all labels.
        members: each fitted on the labels that are not in one fold.
        scale: of their spread.
        clip: the lowest and the highest label, to which numbers are limited; None for no limits.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    unit: float
    probe: Linear
    members: tuple[Linear, ...]
    scale: Scale
    clip: Limits | None = None

    def names(self, *, spread: bool, probabilities: bool) -> list[str]:
        """Names of the bands of its map."""
        names = [f"{self.name}_suitability" if self.kind not in (NUMBERS, CLASSES) else self.name]
        if self.kind == CLASSES:
            names.append(f"{self.name}_probability")
        if spread:
            names.append(f"{self.name}_spread")
        if probabilities and self.kind == CLASSES:
            names += [f"{self.name}: {label}" for label in self.classes]
        return names

    def finish(self, raw: np.ndarray, *, spread: bool, probabilities: bool) -> np.ndarray:
        """The bands of its map from interpolated ones.

        Args:
            raw: ((1 + members) * k, h, w) answers of the probe, then those of the members if `spread`.
        """
        count = len(self.probe.intercept)
        answers = raw.reshape(-1, count, *raw.shape[1:])
        found = answers if self.kind == NUMBERS else _probabilities(answers, self.kind)
        bands = [found[0, 0] if self.clip is None else np.clip(found[0, 0], *self.clip)]
        which = np.zeros((1, *raw.shape[1:]), dtype=np.int64)
        if self.kind == CLASSES:
            which = found[0].argmax(axis=0)[None]
            likely = np.take_along_axis(found[0], which, axis=0)[0]
            bands = [np.where(np.isfinite(likely), which[0], np.nan), likely]
        if spread:
            members = np.take_along_axis(found[1:], which[None], axis=1)[:, 0]
            bands.append(self.scale.factor * standard_deviation(members))
        if probabilities and self.kind == CLASSES:
            bands += list(found[0])
        return np.stack(bands)


def _probabilities(answers: np.ndarray, kind: str) -> np.ndarray:
    """Logits (m, k, h, w) as probabilities."""
    if kind != CLASSES:
        return 1 / (1 + np.exp(-answers))
    exponents = np.exp(answers - answers.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Finishing:
    """How interpolated bands become those of a map, block by block.

    Attributes:
        answers: the targets, in the order of the bands.
        spread: whether each has a band with its spread.
        probabilities: whether classes have a band each.
        likeness: if pixels unlike all labels have no values; None to keep them.
    """

    answers: tuple[Answer, ...]
    spread: bool
    probabilities: bool
    likeness: Likeness | None = None

    def __dask_tokenize__(self) -> tuple:
        """What dask hashes: the probes are part of the recipe, so what remains is said here."""
        told = [(answer.name, answer.kind, answer.classes, answer.scale.factor, answer.clip) for answer in self.answers]
        near = None if self.likeness is None else (self.likeness.labels.tobytes(), self.likeness.farthest)
        return told, self.spread, self.probabilities, near

    @property
    def names(self) -> list[str]:
        """Names of the bands of the map."""
        return [name for answer in self.answers for name in self.names_of(answer)]

    def names_of(self, answer: Answer) -> list[str]:
        """Names of the bands of one target."""
        return answer.names(**self._options)

    @property
    def _options(self) -> dict[str, bool]:
        return {"spread": self.spread, "probabilities": self.probabilities}

    def probes(self, scaling: Scaling) -> Probes:
        """The probes whose answers are interpolated, on bands that are not scaled."""
        named = [
            (f"{answer.name}/{number}", probe, answer.unit)
            for answer in self.answers
            for number, probe in enumerate(self._of(answer))
        ]
        if self.likeness is not None:
            directions = self.likeness.directions
            likeness = Linear(coef=directions, intercept=np.zeros(len(directions)))
            named.append(("likeness", likeness, self.likeness.farthest))
        return Probes(
            mean=scaling.mean,
            directions=np.concatenate([probe.coef for _, probe, _ in named]) / scaling.scale,
            offsets=np.concatenate([probe.intercept for _, probe, _ in named]),
            units=np.concatenate([np.full(len(probe.intercept), unit) for _, probe, unit in named]),
            names=tuple(f"{name}/{row}" for name, probe, _ in named for row in range(len(probe.intercept))),
        )

    def _of(self, answer: Answer) -> Sequence[Linear]:
        """The probes of a target that are interpolated."""
        return (answer.probe, *answer.members) if self.spread else (answer.probe,)

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """The bands of the map (bands, h, w) float32 from interpolated ones."""
        parts = [answer.finish(raw, **self._options) for answer, raw in self._split(block)]
        found = np.concatenate(parts).astype(np.float32)
        if self.likeness is not None:
            found[:, self.likeness.unlike(block[-len(self.likeness.directions) :])] = np.nan
        return found

    def _split(self, block: np.ndarray) -> Iterator[tuple[Answer, np.ndarray]]:
        start = 0
        for answer in self.answers:
            count = sum(len(probe.intercept) for probe in self._of(answer))
            yield answer, block[start : start + count]
            start += count


def applied(cube: xr.DataArray, finishing: Finishing) -> xr.DataArray:
    """The same rows and columns with the bands of the map, without coordinates and attributes; lazy as the cube is."""
    data = cube.data
    chunks = ((len(finishing.names),), *data.chunks[1:])
    return xr.DataArray(data.map_blocks(finishing, chunks=chunks, dtype=np.float32), dims=cube.dims)
