"""Scores of labels that were left out, fold by fold, and the strength of regularisation that they speak for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import cpu_count

from rangegeo.errors import UsageError, argument
from rangegeo.evaluation.baselines import Method, Prediction
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


def held_out(method: Method, targets: Sequence[Target], weights: np.ndarray, splits: Sequence[Split]) -> list[HeldOut]:
    """Predict every label of each target from the folds that do not hold it.

    The strength of regularisation for a fold is the one that predicts the labels of the other folds best, so no label
    has a say in how it is predicted itself.

    Args:
        targets: of one kind, of the same labels.
        weights: (n,) of the labels.
        splits: of the labels, one for each fold.
    Raises:
        UsageError: all labels of one class lie in one fold.
    """
    folds = np.empty(len(weights), dtype=np.int64)
    for fold, (train, test) in enumerate(splits):
        folds[test] = fold
        for target in targets:
            if target.kind != NUMBERS and len(np.unique(target.values[train])) < 2:
                raise UsageError(
                    f"all labels of {target.name!r} but those of one class lie in one fold; take smaller blocks, such "
                    f"as {argument('block', '50km')}, or give labels of more places"
                )
    with on_one_core(), ThreadPoolExecutor(cpu_count()) as pool:
        parts = list(pool.map(lambda split: method.predict(targets, split), splits))
    return [
        _chosen(target, weights, folds, splits, of_folds) for target, *of_folds in zip(targets, *parts, strict=True)
    ]


def _chosen(
    target: Target, weights: np.ndarray, folds: np.ndarray, splits: Sequence[Split], parts: Sequence[Prediction]
) -> HeldOut:
    """What is held out of a target, with the strengths that the folds speak for."""
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
