"""All that the server answers, as values: tiles, places and labels of one source. Threads share it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rangegeo.errors import UsageError
from rangegeo.schema.betas import DEFAULT_BETA
from rangegeo.support.shared import SharedValues
from rangegeo.view.colouring import Colouring
from rangegeo.view.labels import Learned, learn, parse_points
from rangegeo.view.sources import Source, check_vector
from rangegeo.view.tile import Tile

TILES_BYTES = 96_000_000  # of numbers of tiles; one with three colours at two betas takes 0.8 MB
COLOURINGS_BYTES = 64_000_000  # each has 0.2 MB of shades, and probes
MOST_LEARNED = 16  # maps of labels that are kept
FEW_ALIKE = 20.0  # percentile of the likeness of places everywhere that becomes the lowest colour
BANDS_TOLD = 8


@dataclass(frozen=True, eq=False)
class Viewer:
    """A source, and what was computed of it.

    Attributes:
        source: that is looked at.
    """

    source: Source
    _tiles: SharedValues = field(default_factory=lambda: SharedValues(TILES_BYTES))
    _colourings: SharedValues = field(default_factory=lambda: SharedValues(COLOURINGS_BYTES))
    _learned: dict[str, Learned] = field(default_factory=dict)
    _learning: threading.Lock = field(default_factory=threading.Lock)

    def colouring(self, name: str) -> Colouring:
        """Colours by their name. Raises as `Colouring.of`."""
        return self._colourings.get(
            name,
            lambda: Colouring.of(name, self.source),
            lambda made: made.shades.nbytes + made.probes.directions.nbytes,
        )

    def numbers(self, tile: Tile, colours: str) -> np.ndarray:
        """(layers, 3, SIDE, SIDE) uint16 numbers of a tile, see `rangegeo.view.colouring`."""
        colouring = self.colouring(colours)

        def made() -> np.ndarray:
            return colouring.numbers(self.source.answers(tile, colouring.probes))

        return self._tiles.get((tile, colours), made, lambda array: array.nbytes)

    def picture(self, tile: Tile, colours: str, beta: float) -> np.ndarray:
        """(SIDE, SIDE, 4) uint8 red, green, blue, alpha of a tile at a beta."""
        layers = self.numbers(tile, colours)
        shares = self.source.layers.shares(beta)
        parts = [np.float32(share) * layer for share, layer in zip(shares, layers, strict=True) if share]
        blended = parts[0] if len(parts) == 1 else parts[0] + parts[1]  # a beta lies between two layers
        whole = np.rint(blended, out=blended).astype(np.uint16)
        out = np.empty((*whole.shape[1:], 4), np.uint8)
        for channel, table in enumerate(self.colouring(colours).shades):
            out[..., channel] = table.take(whole[channel])
        known = layers[:, 0].all(axis=0)  # a place without data has 0 in all colours
        out[..., 3] = 255
        if not known.all():
            out[~known] = 0
        return out

    def check_beta(self, beta: float | None) -> float:
        """A beta that the source has; the middle one if none is given.

        Raises:
            UsageError: the source has no such beta.
        """
        betas = self.source.layers.betas
        if beta is None:
            return (betas[0] + betas[-1]) / 2 if betas else DEFAULT_BETA
        self.source.layers.shares(beta)
        return beta

    def vector(self, lon: float, lat: float, beta: float) -> np.ndarray:
        """(bands,) the embedding of a place.

        Raises:
            UsageError: there is no such place, or it has no data.
        """
        if not (-720 <= lon <= 720 and -90 <= lat <= 90):
            raise UsageError(f"a place must have a latitude from -90 to 90 and a longitude, got {lon:g}, {lat:g}")
        lon = (lon + 180) % 360 - 180
        return check_vector(self.source.layers.embedding(self.source.at(np.array([[lon, lat]])), beta)[0])

    def likeness(self, tile: Tile, lon: float, lat: float, beta: float) -> np.ndarray:
        """(SIDE, SIDE) float32 cosine of each pixel with a place."""
        key = (tile, "likeness", lon, lat, beta)

        def made() -> np.ndarray:
            return self.source.likeness(tile, self.vector(lon, lat, beta), beta)

        return self._tiles.get(key, made, lambda array: array.nbytes)

    @cached_property
    def everywhere(self) -> np.ndarray:
        """(n, features) of places everywhere."""
        return self.source.sample(None)

    def place(self, lon: float, lat: float, beta: float) -> dict[str, object]:
        """What is known of a place: its embedding, how alike other places are, and the rows that decide.

        Returns:
            "lon", "lat", "beta", "bands" (the embedding), "names" of its strongest bands with "values", "low" (the
            likeness that most places everywhere exceed) and "neighbours".
        """
        vector = self.vector(lon, lat, beta)
        others = self.source.layers.embedding(self.everywhere, beta)
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(vector)
        alike = (others @ vector)[lengths > 0] / lengths[lengths > 0]
        strongest = np.argsort(-np.abs(vector))[:BANDS_TOLD]
        return {
            "lon": lon,
            "lat": lat,
            "beta": beta,
            "bands": [round(float(value), 5) for value in vector],
            "names": [self.source.layers.names[band] for band in strongest],
            "values": [round(float(vector[band]), 4) for band in strongest],
            "low": round(float(np.percentile(alike, FEW_ALIKE)), 4) if len(alike) else -1.0,
            "neighbours": self.source.neighbours((lon, lat), beta),
        }

    def learn(self, points: object) -> Learned:
        """Learn classes from labelled places, and keep them under a name.

        Raises:
            UsageError: the points are none, or of fewer than two classes.
        """
        found = learn(self.source, parse_points(points))
        with self._learning:
            self._learned[found.name] = found
            while len(self._learned) > MOST_LEARNED:
                del self._learned[next(iter(self._learned))]
        return found

    def learned(self, name: str) -> Learned:
        """What was learned under a name.

        Raises:
            UsageError: it is not kept any more.
        """
        if name not in self._learned:
            raise UsageError(f"the labels {name[:40]!r} are not here any more; set a label again")
        return self._learned[name]

    def classes(self, tile: Tile, name: str) -> np.ndarray:
        """(2, SIDE, SIDE) uint8: the class of each pixel, counted from 1, and how sure it is, to 255; 0 for no data."""
        learned = self.learned(name)

        def made() -> np.ndarray:
            return learned.classes(self.source.answers(tile, learned.probes))

        return self._tiles.get((tile, "labels", name), made, lambda array: array.nbytes)
