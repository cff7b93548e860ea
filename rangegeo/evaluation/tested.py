"""The scores of a map: in blocks that were left out, at random, and beside what else a user might take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rangegeo.evaluation.crossvalidation import HeldOut
from rangegeo.evaluation.labels import NUMBERS
from rangegeo.evaluation.scores import MEASURES, of_classes, shown

PROBE = "embedding"  # the method that the map is made with
BASELINES = {
    "nearest": "the nearest labels",
    "rbf": "a smooth function of the place",
    "rbf+q": "a smooth function of the place and q",
}
BLOCK, RANDOM = "block", "random"  # kinds of splits
BALANCED = "its places and the background weigh the same in total"  # which average precision and F1 depend on
WEIGHTED = "labels count by their weights"


def note_of(measures: Iterable[str]) -> str:
    """What is said beside scores of places where something was found, from the names of their measures."""
    return f" ({BALANCED})" if "average_precision" in set(measures) else ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MapScores:
    """The scores of a map, as tables of pandas.

    Attributes:
        table: columns target, split ("block" or "random"), method ("embedding", "nearest", "rbf" or "rbf+q"), measure,
            value (over all labels that were left out, the mean of the seeds) and spread (its standard deviation over
            the folds).
        folds: columns target, split, method, seed, fold, labels and the measures.
        classes: columns target, class, labels, recall, precision and f1, in blocks; empty for numbers.

    Labels count by their weights in every score. Places where something was found and the background have the same
    weight in total.
    """

    table: pd.DataFrame
    folds: pd.DataFrame
    classes: pd.DataFrame

    @classmethod
    def of(cls, held: Sequence[tuple[str, str, Sequence[HeldOut]]]) -> MapScores:
        """The scores of (split, method, what each seed held out)."""
        rows: list[dict] = []
        folds: list[pd.DataFrame] = []
        classes: list[pd.DataFrame] = []
        for split, method, seeds in held:
            target = seeds[0].target
            of_folds = pd.concat([one.by_fold.assign(seed=seed) for seed, one in enumerate(seeds)], ignore_index=True)
            told = {"target": target.name, "split": split, "method": method}
            folds.append(of_folds.assign(**told))
            for measure in MEASURES[target.kind]:
                value = float(np.mean([one.scores[measure] for one in seeds]))
                spread = float(np.nanstd(of_folds[measure], ddof=1))
                rows.append({**told, "measure": measure, "value": value, "spread": spread})
            if target.kind != NUMBERS and (split, method) == (BLOCK, PROBE):
                first = seeds[0]
                classes.append(of_classes(target, first.found, first.weights).assign(target=target.name))
        return cls(
            table=pd.DataFrame(rows),
            folds=pd.concat(folds, ignore_index=True),
            classes=pd.concat(classes, ignore_index=True) if classes else pd.DataFrame(),
        )

    def value(self, target: str, split: str, method: str, measure: str | None = None) -> tuple[float, float]:
        """A score and its spread; by default of the first measure of the target."""
        table = self.table
        own = table[(table.target == target) & (table.split == split) & (table.method == method)]
        row = (own if measure is None else own[own.measure == measure]).iloc[0]
        return float(row["value"]), float(row["spread"])

    @property
    def targets(self) -> list[str]:
        return list(dict.fromkeys(self.table.target))

    def lines(self) -> Iterator[str]:
        """What a user should read, one line each."""
        for target in self.targets:
            own = self.table[(self.table.target == target) & (self.table.method == PROBE)]
            for split, where in ((BLOCK, "in blocks that were left out"), (RANDOM, "at random places")):
                told = ", ".join(
                    f"{shown(row.measure)} {row.value:.3g} ± {row.spread:.2g}"
                    for row in own[own.split == split].itertuples()
                )
                if told:
                    yield f"{target}: {told} {where}{note_of(own.measure)}"
            yield from self.verdict(target)

    def verdict(self, target: str) -> Iterator[str]:
        """Whether the map is better than what else a user might take."""
        methods = [name for name in dict.fromkeys(self.table[self.table.target == target].method) if name != PROBE]
        if not methods:
            return
        own, _ = self.value(target, BLOCK, PROBE)
        others = {name: self.value(target, BLOCK, name)[0] for name in methods}
        told = ", ".join(f"{BASELINES[name]} {score:.3g}" for name, score in others.items())
        best = max(others, key=others.__getitem__)
        if own > others[best]:
            yield f"{target}: in the same blocks {told}"
        else:
            yield (
                f"{target}: the map is no better than {BASELINES[best]} ({own:.3g} against {others[best]:.3g}), so it "
                f"tells little that the labels alone do not; in the same blocks {told}"
            )

    def __str__(self) -> str:
        return "\n".join(self.lines())
