"""What the page looks at: a source gives features of places, and linear answers for the pixels of a tile.

The features of a place are all that is known of it, side by side: S, G and q of a model, or all betas of a cube. The
embedding at a beta is a linear function of them, and so are colours, dot products and answers of probes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rangegeo.errors import UsageError, argument
from rangegeo.field.probes import Probes
from rangegeo.view.tile import Tile

Bounds = tuple[float, float, float, float]
WHOLE_ZOOM = 2  # at which a screen shows the whole Earth
SAMPLED = 2048  # places that colours are fitted to


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Layers:
    """How the embedding at a beta is made from features.

    Attributes:
        betas: at which features hold an embedding, rising; one or none if nothing depends on beta.
        columns: (layers, bands) which features are the embedding at each of these betas.
        names: of the bands of an embedding.
    """

    betas: tuple[float, ...]
    columns: np.ndarray
    names: tuple[str, ...]

    @property
    def bands(self) -> int:
        """The number of bands of an embedding."""
        return self.columns.shape[1]

    def shares(self, beta: float) -> np.ndarray:
        """(layers,) which share each layer has in the embedding at a beta: that of the betas below and above it."""
        if len(self.betas) < 2:
            return np.ones(1)
        low, high = self.betas[0], self.betas[-1]
        if not low <= beta <= high:
            raise UsageError(argument="beta", expected=f"from {low:g} to {high:g}", got=beta, example=low)
        return np.array([np.interp(beta, self.betas, one) for one in np.eye(len(self.betas))])

    def embedding(self, features: np.ndarray, beta: float) -> np.ndarray:
        """(n, bands) float64 of features (n, features)."""
        parts = zip(self.shares(beta), self.columns, strict=True)
        return sum(share * features[:, columns].astype(np.float64) for share, columns in parts if share)

    def of_layers(self, mean: np.ndarray, directions: np.ndarray, features: int) -> Probes:
        """The scores (bands - mean) @ directionsᵀ of each layer, as probes of features.

        Args:
            mean: (bands,).
            directions: (k, bands).
            features: how many there are.
        Returns:
            layers * k probes.
        """
        rows = np.zeros((len(self.columns), len(directions), features))
        for row, columns in zip(rows, self.columns, strict=True):
            row[:, columns] = directions
        flat = rows.reshape(-1, features)
        return probes(flat, -np.tile(directions @ mean, len(self.columns)))


def probes(directions: np.ndarray, offsets: np.ndarray) -> Probes:
    """Probes that answer features @ directionsᵀ + offsets."""
    count, features = directions.shape
    names = tuple(f"answer_{number}" for number in range(count))
    return Probes(mean=np.zeros(features), directions=directions, offsets=offsets, units=np.ones(count), names=names)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a source is, for people.

    Attributes:
        name: of the file or the model.
        told: a sentence about it.
        citation: what to cite; empty if it is not known.
        given: as it was given, for command lines.
        zoom: at which the page begins, if it shows the whole Earth.
    """

    name: str
    told: str
    citation: str
    given: str
    zoom: int = WHOLE_ZOOM


class Source(Protocol):
    """Gives values at places. Threads share it.

    Attributes:
        about: what it is.
        bounds: west, south, east, north in degrees of what it covers.
        features: how many features a place has.
        layers: how the embedding at a beta is made from features.
    """

    @property
    def about(self) -> About: ...

    @property
    def bounds(self) -> Bounds: ...

    @property
    def features(self) -> int: ...

    @property
    def layers(self) -> Layers: ...

    def answers(self, tile: Tile, wanted: Probes) -> np.ndarray:
        """(k, SIDE, SIDE) float32 answers of k probes of features, NaN where there are no data."""
        ...

    def likeness(self, tile: Tile, vector: np.ndarray, beta: float) -> np.ndarray:
        """(SIDE, SIDE) float32 cosine of the embedding at a beta with a vector (bands,)."""
        ...

    def at(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n, features) float32 at (n, 2) places, NaN where there are no data."""
        ...

    def sample(self, bounds: Bounds | None) -> np.ndarray:
        """(n, features) float32 at places in a box, or everywhere. The same box gives the same sample."""
        ...

    def neighbours(self, lonlat_deg: tuple[float, float], beta: float) -> list[dict[str, float]]:
        """The database rows that decide at a place; none if they are not known."""
        ...


def cosine(values: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """(...) float32 cosine of values (bands, ...) with a vector (bands,)."""
    dot = np.tensordot(vector.astype(values.dtype), values, axes=1)
    length = np.sqrt(np.einsum("b...,b...->...", values, values))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (dot / (length * np.linalg.norm(vector))).astype(np.float32)


def check_vector(vector: np.ndarray) -> np.ndarray:
    """The embedding of a place, if there are data.

    Raises:
        UsageError: there are none.
    """
    if not np.isfinite(vector).all():
        raise UsageError("there are no data at this place; choose one inside of the coloured area")
    return vector


def spread_over(bounds: Bounds, count: int) -> np.ndarray:
    """(count, 2) places spread evenly over a box by area, the same ones each time."""
    west, south, east, north = bounds
    random = np.random.default_rng(0)
    low, high = np.sin(np.radians([south, north]))
    lat = np.degrees(np.arcsin(random.uniform(low, high, count)))
    return np.stack([random.uniform(west, east, count), lat], axis=1)


def parse_bounds(text: str) -> Bounds:
    """West, south, east, north from text.

    Raises:
        UsageError: they are no box in degrees.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west = east = south = north = float("nan")
    if not (-540 <= west < east <= 540 and east - west <= 360 and -90 <= south < north <= 90):
        raise UsageError(f"{argument('bbox')} must be west,south,east,north in degrees, got {text[:60]!r}")
    return west, south, east, north
