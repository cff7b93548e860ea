"""Places unlike all labels: where a map says little, because nothing like it was learned.

A pixel is compared with the nearest label, in the directions in which the features of the labels differ most. How far
is too far is learned from the labels themselves: as far as labels in blocks that were left out lie from all others, but
for outliers.

Source: the area of applicability, Meyer and Pebesma 2021, doi:10.1111/2041-210X.13650. There all features are compared;
here a few directions, because only these are interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree
from sklearn.decomposition import PCA

from rangegeo.evaluation.crossvalidation import HeldOut

DIRECTIONS = 5
OUTLIERS = 1.5  # interquartile ranges above the third quartile, as in a box plot


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Likeness:
    """What pixels are compared with.

    Attributes:
        directions: (d, features) orthonormal rows.
        labels: (n, d) the labels in these directions.
        farthest: the largest distance to the nearest label that counts as like it.
    """

    directions: np.ndarray
    labels: np.ndarray
    farthest: float

    @classmethod
    def of(cls, features: np.ndarray, held: Sequence[HeldOut]) -> Likeness:
        """Fit the directions and the distance to the features (n, features) of the labels."""
        count = min(DIRECTIONS, *features.shape)
        directions = PCA(count, random_state=0).fit(features).components_
        labels = features @ directions.T
        distances = np.empty(len(labels))
        folds = held[0].folds
        for fold in range(int(folds.max()) + 1):
            own = folds == fold
            distances[own] = KDTree(labels[~own]).query(labels[own])[0]
        low, high = np.quantile(distances, [0.25, 0.75])
        return cls(directions=directions, labels=labels, farthest=float(high + OUTLIERS * (high - low)))

    def unlike(self, found: np.ndarray) -> np.ndarray:
        """(h, w) whether pixels (d, h, w) are unlike all labels; False where there is no value."""
        flat = found.reshape(len(found), -1).T
        known = np.isfinite(flat).all(axis=1)
        distances = np.zeros(len(flat))
        distances[known] = KDTree(self.labels).query(flat[known])[0]
        return (distances > self.farthest).reshape(found.shape[1:])
