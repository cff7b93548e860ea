"""How well labels that were left out are predicted. All measures are those of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sklearn import metrics

from rangegeo.evaluation.labels import CLASSES, NUMBERS, PRESENCE, Target

Measure = Callable[[Target, np.ndarray, np.ndarray], float]


def _of_numbers(function: Callable[..., float]) -> Measure:
    return lambda target, found, weights: float(function(target.values, found[:, 0], sample_weight=weights))


def _of_codes(function: Callable[..., float], **options: object) -> Measure:
    def measure(target: Target, found: np.ndarray, weights: np.ndarray) -> float:
        return float(function(target.values.astype(int), found.argmax(axis=1), sample_weight=weights, **options))

    return measure


def _of_presence(function: Callable[..., float]) -> Measure:
    def measure(target: Target, found: np.ndarray, weights: np.ndarray) -> float:
        if len(np.unique(target.values)) < 2:
            return np.nan  # a fold of background alone
        return float(function(target.values.astype(int), found[:, 0], sample_weight=weights))

    return measure


# The first measure of a kind is the one that methods are compared by; larger is better.
MEASURES: Mapping[str, Mapping[str, Measure]] = {
    NUMBERS: {
        "r2": _of_numbers(metrics.r2_score),
        "rmse": _of_numbers(metrics.root_mean_squared_error),
        "mae": _of_numbers(metrics.mean_absolute_error),
    },
    CLASSES: {
        "accuracy": _of_codes(metrics.accuracy_score),
        "balanced_accuracy": _of_codes(metrics.balanced_accuracy_score),
        "f1_macro": _of_codes(metrics.f1_score, average="macro", zero_division=0.0),
    },
    PRESENCE: {
        "roc_auc": _of_presence(metrics.roc_auc_score),
        "average_precision": _of_presence(metrics.average_precision_score),
    },
}

SHOWN = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "roc_auc": "ROC AUC"}


def shown(measure: str) -> str:
    """What people call a measure."""
    return SHOWN.get(measure, measure.replace("_", " "))


def main_measure(target: Target) -> str:
    """The measure that methods are compared by."""
    return next(iter(MEASURES[target.kind]))


def losses(target: Target, found: np.ndarray) -> np.ndarray:
    """(..., n) what a choice of regularisation makes small: squared errors, or minus the log of probabilities."""
    if target.kind == NUMBERS:
        return (found[..., 0] - target.values) ** 2
    codes = target.values.astype(int)
    if target.kind == PRESENCE:
        likely = np.where(codes == 1, found[..., 0], 1 - found[..., 0])
    else:
        likely = np.take_along_axis(found, np.broadcast_to(codes, found.shape[:-1])[..., None], axis=-1)[..., 0]
    return -np.log(np.clip(likely, 1e-12, None))


def measured(target: Target, found: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Every measure of a target by its name.

    Args:
        target: (n,) values.
        found: (n, k) what was predicted of them: numbers, or probabilities.
        weights: (n,) of the labels.
    """
    with warnings.catch_warnings():  # of classes that a fold lacks
        warnings.simplefilter("ignore", UserWarning)
        return {name: measure(target, found, weights) for name, measure in MEASURES[target.kind].items()}


def of_classes(target: Target, found: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    """How well each class is predicted: columns class, labels, recall, precision, f1."""
    codes = target.values.astype(int)
    chosen = found.argmax(axis=1) if target.kind == CLASSES else (found[:, 0] > 0.5).astype(int)
    every = np.arange(len(target.classes))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        codes, chosen, labels=every, sample_weight=weights, zero_division=0.0
    )
    labels = np.bincount(codes, minlength=len(every))
    return pd.DataFrame({"class": target.classes, "labels": labels, "recall": recall, "precision": precision, "f1": f1})
