"""Models and stored planets as sources: values are evaluated at the very pixels of each tile."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from rangegeo.cubes.graph import to_dask
from rangegeo.cubes.spec import RasterSpec
from rangegeo.engine.stored import PlanetEvaluator
from rangegeo.engine.values import evaluate_pixels, evaluate_places
from rangegeo.field.probes import Probes
from rangegeo.field.recipe import Recipe
from rangegeo.grid import PixelPlaces
from rangegeo.grid.domain import whole_turns
from rangegeo.models.model import Model
from rangegeo.spectral.layout import NONE
from rangegeo.view.sources import SAMPLED, WHOLE_ZOOM, About, Bounds, Layers, cosine, spread_over
from rangegeo.view.tile import SIDE, Tile, to_pixels

ROWS_AT_ONCE = 32  # rows of a tile whose whole embeddings are held at a time; 1280 bands of them take 42 MB
# At so many Chebyshev points a side the likeness of a tile is evaluated, from this zoom on; it is exact to 1e-5 there.
FROM_POINTS = {6: 65, 5: 129}
PLACES_A_TILE = 8  # of a sample of a planet, so that few of its tiles are read
NEIGHBOURS = 5
SLOW_ZOOM = (
    6  # at which the page of a model begins: the embedded one takes 0.4 processor seconds a tile, and 12 at zoom 2
)
SERIES_BYTES = 128_000_000  # of coefficients of answers; three colours at two betas take 18 MB for the embedded planet
TILES_BYTES = 32_000_000


@dataclass(frozen=True, eq=False)
class ModelSource:
    """A model, see `rangegeo.view.sources.Source`.

    Attributes:
        model: that is evaluated.
        given: how it was named.
    """

    model: Model
    given: str
    _busy: threading.Lock = field(default_factory=threading.Lock)  # a network uses all cores itself

    @property
    def planet(self) -> PlanetEvaluator | None:
        """The evaluator of a stored planet; None for a model that is none."""
        evaluator = self.model.evaluator
        return evaluator if isinstance(evaluator, PlanetEvaluator) else None

    @cached_property
    def folded(self) -> PlanetEvaluator | None:
        """The planet again, which keeps coefficients of answers, and few of its tiles."""
        if self.planet is None:
            return None
        return PlanetEvaluator(self.planet.planet, self.model.spec.name, TILES_BYTES, SERIES_BYTES)

    @cached_property
    def about(self) -> About:
        planet = self.planet
        told = f"{self.model.spec.name}, {self.model.dim} bands"
        if planet is not None:
            told += f", {planet.told}"
        else:
            told += ", evaluated as you look (large areas are slow; planets are quick everywhere)"
        name = self.model.spec.name if planet is None else planet.planet.place.name
        zoom = SLOW_ZOOM if planet is None else WHOLE_ZOOM
        return About(name=name, told=told, citation=self.model.citation, given=self.given, zoom=zoom)

    @cached_property
    def bounds(self) -> Bounds:
        planet = self.planet
        if planet is None:
            return -180.0, -90.0, 180.0, 90.0
        west, south, east, north = planet.planet.bounds
        return west, south, east if east > west else east + 360, north

    @cached_property
    def recipe(self) -> Recipe:
        """What gives the features."""
        return self.model.recipe(layout="components") if self.model.has_beta else self.model.recipe()

    @property
    def features(self) -> int:
        return self.recipe.source_bands

    @cached_property
    def layers(self) -> Layers:
        visual, location = self.model.visual, self.model.location
        names = self.model.recipe().names
        if not self.model.has_beta:
            return Layers(betas=(), columns=np.arange(visual + location)[None], names=names)
        semantic, shared = np.arange(visual), np.arange(2 * visual, 2 * visual + location)
        columns = np.stack([np.concatenate([part, shared]) for part in (semantic + visual, semantic)])
        return Layers(betas=(0.0, 1.0), columns=columns, names=names)

    def answers(self, tile: Tile, wanted: Probes) -> np.ndarray:
        recipe = replace(self.recipe, projection=wanted)
        if self.folded is not None:
            return self.folded.at_crossings(*tile.axes_deg, recipe)[0]
        with self._busy:
            spec = RasterSpec.of(self.model, tile.geobox(), recipe)
            return to_dask(spec).values[0].compute(scheduler="threads")

    def likeness(self, tile: Tile, vector: np.ndarray, beta: float) -> np.ndarray:
        recipe = self.model.recipe(beta) if self.model.has_beta else self.model.recipe()
        planet = self.planet
        count = next((points for zoom, points in FROM_POINTS.items() if tile.z >= zoom), 0)
        if count and (planet is None or self._covers(planet, tile)):
            known = cosine(self._values(tile.nodes(count), recipe), vector)
            change = to_pixels(count)
            return (change @ known.astype(np.float64) @ change.T).astype(np.float32)
        pixels = tile.pixels()
        found = np.empty((SIDE, SIDE), np.float32)
        for start in range(0, SIDE, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            axes = None if pixels.axes_deg is None else (pixels.axes_deg[0], pixels.axes_deg[1][rows])
            places = pixels.lonlat_deg.reshape(SIDE, SIDE, 2)[rows].reshape(-1, 2)
            part = replace(pixels, lonlat_deg=places, valid=pixels.valid[rows], axes_deg=axes)
            found[rows] = cosine(self._values(part, recipe), vector)
        return found

    def _values(self, pixels: PixelPlaces, recipe: Recipe) -> np.ndarray:
        """(bands, h, w) of a window."""
        if self.planet is not None:
            return evaluate_pixels(self.model.evaluator, pixels, recipe)[0]
        with self._busy:
            return evaluate_pixels(self.model.evaluator, pixels, recipe)[0]

    @staticmethod
    def _covers(planet: PlanetEvaluator, tile: Tile) -> bool:
        """Whether a planet has all pixels of a tile."""
        return bool((planet.planet.tiles_of(whole_turns(tile.nodes(65).lonlat_deg)) != NONE).all())

    def at(self, lonlat_deg: np.ndarray) -> np.ndarray:
        places = whole_turns(lonlat_deg)
        known = np.ones(len(places), bool)
        if self.planet is not None:
            known = self.planet.planet.tiles_of(places) != NONE
        found = np.full((len(places), self.features), np.nan, np.float32)
        if known.any():
            with self._busy:
                found[known] = evaluate_places(self.model.evaluator, places[known], self.recipe)[0]
        return found

    def sample(self, bounds: Bounds | None) -> np.ndarray:
        planet = self.planet
        places = spread_over(bounds or self.bounds, SAMPLED)
        if planet is not None and bounds is None:  # the whole of it: several places in each of some tiles
            boxes = planet.planet.boxes
            area = np.sin(np.radians(boxes[:, 3])) - np.sin(np.radians(boxes[:, 1]))
            area = np.nan_to_num(area * (boxes[:, 2] - boxes[:, 0]))
            count = min(SAMPLED // PLACES_A_TILE, int((area > 0).sum()))
            random = np.random.default_rng(0)
            chosen = random.choice(len(boxes), count, replace=False, p=area / area.sum())
            places = np.concatenate(
                [spread_over(tuple(box), SAMPLED // count) for box in boxes[np.sort(chosen)].tolist()]
            )
        found = self.at(places)
        return found[np.isfinite(found).all(axis=1)]

    def neighbours(self, lonlat_deg: tuple[float, float], beta: float) -> list[dict[str, float]]:
        if not self.model.diagnostics:
            return []
        with self._busy:
            found = self.model.neighbors(list(lonlat_deg), NEIGHBOURS, beta=beta).isel(place=0)
        wanted = {"row": "row", "lon": "row_lon", "lat": "row_lat", "km": "distance", "weight": "weight"}
        columns = {name: found[variable].values.tolist() for name, variable in wanted.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
