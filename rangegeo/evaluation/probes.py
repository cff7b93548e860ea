"""Linear probes, fitted by scikit-learn for several strengths of regularisation at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from rangegeo.evaluation.labels import CLASSES, NUMBERS, Target

# Strengths of regularisation that are tried: directions of the features whose variance is far below count little. Times
# the number of labels they are ridge's alpha.
STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
OF_CLASSES = (*STRENGTHS, 10.0, 100.0)  # the last two gain .05 on features of GeoCLIP
PENALTY = 1e-2  # of logistic regression, 1 / C for each label; 0.1 and 0.001 score up to .02 less on climates
GRADIENT = 1e-3  # at which its solver stops; a tenth scores no better and takes twice as long
ABSENT = -50.0  # logit of a class that the labels of a fold lack
Limits = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Linear:
    """A fitted linear probe: answers = intercept + features @ coefᵀ.

    Attributes:
        coef: (k, features) float64.
        intercept: (k,) float64.
    """

    coef: np.ndarray
    intercept: np.ndarray

    def answers(self, features: np.ndarray) -> np.ndarray:
        """(n, k) numbers, or logits of classes."""
        return features @ self.coef.T + self.intercept


def fit_paths(targets: Sequence[Target], features: np.ndarray, weights: np.ndarray) -> list[list[Linear]]:
    """The probes of each target for every strength of regularisation.

    Args:
        targets: of one kind, each with (n,) values. Numbers share the products of the features.
        features: (n, features) float64.
        weights: (n,) of the labels.
    """
    if targets[0].kind == NUMBERS:
        return _ridge(np.stack([target.values for target in targets], axis=1), features, weights)
    return [_logistic(target, features, weights) for target in targets]


@contextmanager
def on_one_core() -> Iterator[None]:
    """A block in which a fit uses one core, so that several run at once, and in which none warns of its last digits."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def predicted(target: Target, answers: np.ndarray, limits: Limits | None = None) -> np.ndarray:
    """What answers (..., k) mean: numbers, probabilities of all classes, or that of presence (..., 1).

    Args:
        limits: the lowest and the highest number; None for no limits.
    """
    if target.kind == NUMBERS:
        return answers if limits is None else np.clip(answers, *limits)
    return softmax(answers, axis=-1) if target.kind == CLASSES else expit(answers)


def _ridge(values: np.ndarray, features: np.ndarray, weights: np.ndarray) -> list[list[Linear]]:
    """The paths of some columns of numbers (n, targets).

    scikit-learn makes the products of the features once a fit, and factorises them once for each strength if there is
    one column, but for each strength and each column if there are several. These get a fit for each strength.
    """
    mean, unit = values.mean(axis=0), values.std(axis=0)
    unit[unit == 0] = 1.0
    scaled, alphas = (values - mean) / unit, np.array(STRENGTHS) * len(values)
    if values.shape[1] == 1:
        fits = [Ridge(alphas, solver="cholesky").fit(features, np.repeat(scaled, len(alphas), axis=1), weights)]
    else:
        fits = [Ridge(alpha, solver="cholesky").fit(features, scaled, weights) for alpha in alphas]
    coefs = np.concatenate([one.coef_ for one in fits]).reshape(len(alphas), -1, features.shape[1])
    intercepts = np.concatenate([one.intercept_ for one in fits]).reshape(len(alphas), -1)
    return [
        [
            Linear(coef=unit[k] * coef[None, k], intercept=mean[[k]] + unit[k] * intercept[[k]])
            for coef, intercept in zip(coefs, intercepts, strict=True)
        ]
        for k in range(values.shape[1])
    ]


def _logistic(target: Target, features: np.ndarray, weights: np.ndarray) -> list[Linear]:
    """One fit for each strength, of features that are rotated to their principal directions and divided by
    sqrt(variance + strength).

    The features of a model differ in variance by factors of a million. As they are, the solver stops long before it has
    used the weak ones: of 16 colours of 100 fields it got .56 right in 60 seconds, and like this .78 in 3 seconds.
    """
    variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(features, rowvar=False)))
    fitter = LogisticRegression(C=1 / (PENALTY * len(features)), tol=GRADIENT)
    found = []
    for strength in OF_CLASSES:
        turned = directions / np.sqrt(np.maximum(variances, 0) + strength)
        fitter.fit((features @ turned).astype(np.float32), target.values.astype(int), sample_weight=weights)
        found.append(_linear(target, fitter, turned))
    return found


def _linear(target: Target, fitter: LogisticRegression, turned: np.ndarray) -> Linear:
    """A fitted classifier as a probe of the features themselves: one logit for presence, one for each class else."""
    coef, intercept = fitter.coef_.astype(np.float64) @ turned.T, fitter.intercept_.astype(np.float64)
    if target.kind != CLASSES:
        return Linear(coef=coef, intercept=intercept)
    seen = [int(code) for code in fitter.classes_]
    if len(seen) == 2:
        coef, intercept = np.stack([0 * coef[0], coef[0]]), np.array([0.0, intercept[0]])
    every = Linear(coef=np.zeros((len(target.classes), coef.shape[1])), intercept=np.full(len(target.classes), ABSENT))
    every.coef[seen], every.intercept[seen] = coef, intercept
    return every
