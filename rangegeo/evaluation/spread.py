"""How uncertain predictions are: the spread of probes that each left blocks out, scaled to the errors there.

A spread is meant as a standard deviation is: the truth lies within one spread of a prediction in 68 of 100 cases, and
within 1.645 spreads in 90 of 100, which makes prediction ± 1.645 spreads a 90 % interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rangegeo.evaluation.crossvalidation import HeldOut
from rangegeo.evaluation.labels import NUMBERS
from rangegeo.evaluation.probes import Linear, predicted

ONE = 0.683  # share of labels that should lie within one spread
WIDER = 1.645  # 90 % of a normal distribution lie within so many standard deviations of its mean
SMALLEST = 1e-9  # of the standard deviation of a target; a smaller spread is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What the standard deviation of the members is multiplied by.

    Attributes:
        factor: for numbers so large that one spread covers 68 % of the errors in blocks that were left out; for
            probabilities that of the jackknife.
        raw: the share of the errors within one standard deviation before it is scaled; NaN for probabilities.
        covered: the share within one spread, each fold scaled by the errors of the others; NaN for probabilities.
        covered_wide: the same within 1.645 spreads, which should be 90 %.
    """

    factor: float
    raw: float = float("nan")
    covered: float = float("nan")
    covered_wide: float = float("nan")


def standard_deviation(members: np.ndarray) -> np.ndarray:
    """The standard deviation of members along the first axis."""
    return members.std(axis=0, ddof=1)


def scale_of(members: Sequence[Linear], features: np.ndarray, held: Sequence[HeldOut], folds: int) -> Scale:
    """How the spread of members is scaled.

    Args:
        members: one for each fold of each seed.
        features: (n, features) of the labels.
        held: what was predicted of the labels, for each seed.
        folds: how many each seed has.
    """
    target = held[0].target
    if target.kind != NUMBERS:
        return Scale(factor=float(np.sqrt(folds - 1)))
    answers = np.stack([predicted(target, member.answers(features)) for member in members])[..., 0]
    spread = np.maximum(standard_deviation(answers), SMALLEST * target.unit)
    ratios = np.stack([np.abs(one.found[:, 0] - target.values) / spread for one in held])
    factor = float(np.quantile(ratios, ONE))
    covered, wide = [], []
    for one, ratio in zip(held, ratios, strict=True):
        for fold in range(folds):
            own = one.folds == fold
            others = np.quantile(ratio[~own], ONE)
            covered.append(ratio[own] <= others)
            wide.append(ratio[own] <= WIDER * others)
    return Scale(
        factor=factor,
        raw=float((ratios <= 1).mean()),
        covered=float(np.concatenate(covered).mean()),
        covered_wide=float(np.concatenate(wide).mean()),
    )
