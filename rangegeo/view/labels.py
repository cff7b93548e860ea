"""Classes learned from a few labelled places: a linear probe, as `rangegeo map` fits, without its tests."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass

import numpy as np

from rangegeo.errors import UsageError
from rangegeo.field.probes import Probes
from rangegeo.view.sources import Source, probes

MOST_POINTS, MOST_CLASSES, LONGEST_NAME = 500, 12, 60
STRENGTH = 3  # of `OF_CLASSES` in `rangegeo.evaluation.probes`: in the middle, for there are too few labels to choose


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A labelled place, in degrees."""

    lon: float
    lat: float
    label: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Learned:
    """Classes that were learned.

    Attributes:
        name: a hash of the labels.
        labels: names of the classes, in the order in which they first came.
        probes: logits of the classes from features.
    """

    name: str
    labels: tuple[str, ...]
    probes: Probes

    def classes(self, logits: np.ndarray) -> np.ndarray:
        """(2, ...) uint8 of logits (classes, ...): the class, counted from 1, and its probability, to 255."""
        known = np.isfinite(logits).all(axis=0)
        shares = np.exp(logits - np.where(known, logits.max(axis=0), 0))
        shares = shares / shares.sum(axis=0)
        best = np.where(known, logits, 0).argmax(axis=0)
        sure = np.where(known, np.nan_to_num(shares.max(axis=0)), 0)
        return np.stack([np.where(known, best + 1, 0), np.rint(255 * sure)]).astype(np.uint8)


def parse_points(given: object) -> list[Point]:
    """Labelled places from JSON: a list of {"lon", "lat", "label"}.

    Raises:
        UsageError: it is something else.
    """
    expected = 'labels must be a list of {"lon": 5.7, "lat": 45.2, "label": "forest"}'
    if not isinstance(given, list) or not 0 < len(given) <= MOST_POINTS:
        raise UsageError(f"{expected}, at most {MOST_POINTS} of them")
    points = []
    for row in given:
        lon, lat, label = (row.get(name) if isinstance(row, dict) else None for name in ("lon", "lat", "label"))
        numbers = all(isinstance(part, int | float) and math.isfinite(part) for part in (lon, lat))
        if not numbers or not isinstance(label, str) or not 0 < len(label.strip()) <= LONGEST_NAME:
            raise UsageError(expected)
        if not (-720 <= lon <= 720 and -90 <= lat <= 90):  # type: ignore[operator]
            raise UsageError(f"a label lies at {lon:g}, {lat:g}, which is no place")
        points.append(Point(lon=(lon + 180) % 360 - 180, lat=float(lat), label=label.strip()))  # type: ignore[operator,arg-type]
    return points


def learn(source: Source, points: list[Point]) -> Learned:
    """Fit a probe to labelled places.

    Raises:
        UsageError: they have one class or too many, or one of them has no data.
    """
    from rangegeo.evaluation.features import Scaling  # scikit-learn and pandas take a second
    from rangegeo.evaluation.labels import CLASSES, Target
    from rangegeo.evaluation.probes import fit_paths, on_one_core

    labels = tuple(dict.fromkeys(point.label for point in points))
    if not 2 <= len(labels) <= MOST_CLASSES:
        raise UsageError(f"labels must have from 2 to {MOST_CLASSES} classes, got {len(labels)}; add another class")
    features = source.at(np.array([[point.lon, point.lat] for point in points]))
    if not np.isfinite(features).all():
        bad = points[int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])]
        raise UsageError(f"there are no data at the label {bad.lon:.3f}, {bad.lat:.3f}; remove it")
    scaling = Scaling.of(features)
    values = np.array([labels.index(point.label) for point in points], dtype=np.float64)
    target = Target(name="label", kind=CLASSES, values=values, classes=labels)
    scaled = scaling.apply(features)
    spanned = np.linalg.svd(scaled, full_matrices=False)[2]  # the fit is the same within what the labels span
    with on_one_core():
        fitted = fit_paths([target], scaled @ spanned.T, np.ones(len(points)))[0][STRENGTH]
    directions = fitted.coef @ spanned / scaling.scale
    told = json.dumps([[point.lon, point.lat, point.label] for point in points])
    name = hashlib.sha256(told.encode()).hexdigest()[:16]
    return Learned(name=name, labels=labels, probes=probes(directions, fitted.intercept - directions @ scaling.mean))
