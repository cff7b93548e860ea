"""What learns from labels, behind one interface: linear probes of embeddings, and what a user might take instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors

from rangegeo.evaluation.blocks import Split
from rangegeo.evaluation.features import Scaling
from rangegeo.evaluation.labels import CLASSES, NUMBERS, Target
from rangegeo.evaluation.probes import Linear, fit_paths, predicted

NEIGHBOURS = 5
CENTRES = 512  # of radial functions
WIDTH = 4.0  # of a radial function, in typical distances between neighbouring centres


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What is predicted of some labels from others.

    Attributes:
        values: (settings, n, k): numbers, probabilities of all classes, or that of presence; one for each strength of
            regularisation.
        probes: that it was predicted with, one for each strength; none if the method has no probes.
    """

    values: np.ndarray
    probes: tuple[Linear, ...] = ()

    @classmethod
    def by_probes(
        cls, targets: Sequence[Target], features: np.ndarray, weights: np.ndarray, split: Split, *, clip: bool
    ) -> list[Prediction]:
        """Fit probes of each target on the training labels, and predict the test labels.

        Args:
            clip: whether numbers are limited to the range of the training labels.
        """
        train, test = split
        paths = fit_paths([target.taken(train) for target in targets], features[train], weights[train])
        return [
            cls(
                np.stack(
                    [
                        predicted(target, probe.answers(features[test]), target.taken(train).limits if clip else None)
                        for probe in path
                    ]
                ),
                tuple(path),
            )
            for target, path in zip(targets, paths, strict=True)
        ]


class Method(Protocol):
    """Learns targets from some labels."""

    def predict(self, targets: Sequence[Target], split: Split) -> list[Prediction]:
        """What is predicted of the test labels from the training labels.

        Args:
            targets: of one kind, each of all n labels.
            split: positions of the training labels and of the test labels.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProbeMethod:
    """Linear probes of features.

    Attributes:
        features: (n, features) float64.
        weights: (n,) of the labels.
        clip: whether numbers are limited to the range of the labels.
    """

    features: np.ndarray
    weights: np.ndarray
    clip: bool = True

    def predict(self, targets: Sequence[Target], split: Split) -> list[Prediction]:
        return Prediction.by_probes(targets, self.features, self.weights, split, clip=self.clip)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NearestLabels:
    """The mean of the nearest labels, the nearer the heavier.

    Attributes:
        xyz: (n, 3) unit vectors of the places.
    """

    xyz: np.ndarray

    def predict(self, targets: Sequence[Target], split: Split) -> list[Prediction]:
        return [self._of(target, *split) for target in targets]

    def _of(self, target: Target, train: np.ndarray, test: np.ndarray) -> Prediction:
        options = {"n_neighbors": min(NEIGHBOURS, len(train)), "weights": "distance"}
        known = target.values[train]
        if target.kind == NUMBERS:
            found = KNeighborsRegressor(**options).fit(self.xyz[train], known).predict(self.xyz[test])
            return Prediction(found[None, :, None])
        fitter = KNeighborsClassifier(**options).fit(self.xyz[train], known.astype(int))
        every = np.zeros((len(test), len(target.classes)))
        every[:, fitter.classes_] = fitter.predict_proba(self.xyz[test])
        return Prediction((every if target.kind == CLASSES else every[:, 1:])[None])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RadialFunctions:
    """Linear probes of smooth functions of the place, alone or beside the location bands q.

    The functions are Gaussians around seeded training places, as scikit-learn's Nystroem makes them.

    Attributes:
        xyz: (n, 3) unit vectors of the places.
        weights: (n,) of the labels.
        location: (n, bands) of q; None for functions of the place alone.
        clip: whether numbers are limited to the range of the labels.
    """

    xyz: np.ndarray
    weights: np.ndarray
    location: np.ndarray | None = None
    clip: bool = True

    def predict(self, targets: Sequence[Target], split: Split) -> list[Prediction]:
        return Prediction.by_probes(targets, self._features(split[0]), self.weights, split, clip=self.clip)

    def _features(self, train: np.ndarray) -> np.ndarray:
        """(n, features) of all labels; what is fitted is fitted on the training labels."""
        count = min(CENTRES, len(np.unique(self.xyz[train], axis=0)))
        some = np.random.default_rng(0).permutation(train)[:count]
        width = WIDTH * typical_distance(self.xyz[some])
        made = Nystroem(gamma=1 / (2 * width**2), n_components=count, random_state=0).fit(self.xyz[train])
        parts = [made.transform(self.xyz)] + ([] if self.location is None else [self.location])
        return np.hstack([Scaling.of(part[train]).apply(part) for part in parts])


def typical_distance(xyz: np.ndarray) -> float:
    """The median distance of places (n, 3) to the nearest other one, above 0."""
    distances = NearestNeighbors(n_neighbors=2).fit(xyz).kneighbors(xyz)[0][:, 1]
    apart = distances[distances > 0]
    return float(np.median(apart)) if len(apart) else 1e-3
