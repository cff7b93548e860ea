"""Scores of labels that were left out, fold by fold, and the strength of regularisation that they speak for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import cpu_count

from rangegeo.errors import UsageError, argument
from rangegeo.evaluation.baselines import Method
from rangegeo.evaluation.blocks import Split
from rangegeo.evaluation.labels import NUMBERS, Target
from rangegeo.evaluation.probes import Linear, on_one_core
from rangegeo.evaluation.scores import losses, measured


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HeldOut:
    """What a method says of labels that it was not fitted on.

    Attributes:
        target: of all n labels.
        weights: (n,) of the labels.
        found: (n, k) predictions, each from the fold that left the label out.
        folds: (n,) the fold that left a label out.
        setting: the strength of regularisation that predicts all labels best, by its position.
        probes: of each fold, one for each strength; none if the method has no probes.
    """

    target: Target
    weights: np.ndarray
    found: np.ndarray
    folds: np.ndarray
    setting: int
    probes: tuple[tuple[Linear, ...], ...]

    @property
    def scores(self) -> dict[str, float]:
        """Every measure over all labels."""
        return measured(self.target, self.found, self.weights)

    @property
    def by_fold(self) -> pd.DataFrame:
        """Every measure of each fold: columns fold, labels and the measures."""
        rows = []
        for fold in range(int(self.folds.max()) + 1):
            own = np.flatnonzero(self.folds == fold)
            values = measured(self.target.taken(own), self.found[own], self.weights[own])
            rows.append({"fold": fold, "labels": len(own), **values})
        return pd.DataFrame(rows)


def held_out(method: Method, target: Target, weights: np.ndarray, splits: Sequence[Split]) -> HeldOut:
    """Predict every label from the folds that do not hold it.

    The strength of regularisation for a fold is the one that predicts the labels of the other folds best, so no label
    has a say in how it is predicted itself.

    Raises:
        UsageError: all labels of one class lie in one fold.
    """
    folds = np.empty(len(target.values), dtype=np.int64)
    for fold, (train, test) in enumerate(splits):
        folds[test] = fold
        if target.kind != NUMBERS and len(np.unique(target.values[train])) < 2:
            raise UsageError(
                f"all labels of {target.name!r} but those of one class lie in one fold; take smaller blocks, such as "
                f"{argument('block', '50km')}, or give labels of more places"
            )
    with on_one_core(), ThreadPoolExecutor(cpu_count()) as pool:
        parts = list(pool.map(lambda split: method.predict(target, *split), splits))
    settings, _, width = parts[0].values.shape
    found = np.empty((settings, len(folds), width))
    for (_, test), part in zip(splits, parts, strict=True):
        found[:, test] = part.values
    lost = losses(target, found) * weights
    of_folds = np.stack([lost[:, folds == fold].sum(axis=1) for fold in range(len(parts))], axis=1)
    chosen = (of_folds.sum(axis=1, keepdims=True) - of_folds).argmin(axis=0)
    return HeldOut(
        target=target,
        weights=weights,
        found=found[chosen[folds], np.arange(len(folds))],
        folds=folds,
        setting=int(of_folds.sum(axis=1).argmin()),
        probes=tuple(part.probes for part in parts),
    )
