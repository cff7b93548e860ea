"""What learns from labels, behind one interface: linear probes of embeddings, and what a user might take instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors

from rangegeo.evaluation.features import Scaling
from rangegeo.evaluation.labels import CLASSES, NUMBERS, Target
from rangegeo.evaluation.probes import Linear, fit_path, predicted

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
        cls, target: Target, features: np.ndarray, weights: np.ndarray, train: np.ndarray, test: np.ndarray
    ) -> Prediction:
        """Fit probes on the training labels, and predict the test labels."""
        path = fit_path(target.taken(train), features[train], weights[train])
        return cls(np.stack([predicted(target, probe.answers(features[test])) for probe in path]), tuple(path))


class Method(Protocol):
    """Learns a target from some labels."""

    def predict(self, target: Target, train: np.ndarray, test: np.ndarray) -> Prediction:
        """What is predicted of the test labels from the training labels.

        Args:
            target: of all n labels.
            train, test: positions of labels.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProbeMethod:
    """Linear probes of features.

    Attributes:
        features: (n, features) float64.
        weights: (n,) of the labels.
    """

    features: np.ndarray
    weights: np.ndarray

    def predict(self, target: Target, train: np.ndarray, test: np.ndarray) -> Prediction:
        return Prediction.by_probes(target, self.features, self.weights, train, test)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NearestLabels:
    """The mean of the nearest labels, the nearer the heavier.

    Attributes:
        xyz: (n, 3) unit vectors of the places.
    """

    xyz: np.ndarray

    def predict(self, target: Target, train: np.ndarray, test: np.ndarray) -> Prediction:
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
    """

    xyz: np.ndarray
    weights: np.ndarray
    location: np.ndarray | None = None

    def predict(self, target: Target, train: np.ndarray, test: np.ndarray) -> Prediction:
        return Prediction.by_probes(target, self._features(train), self.weights, train, test)

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
