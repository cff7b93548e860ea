"""A planet as an evaluator: the bands of a recipe, from the coefficients of its tiles. This module imports no torch.

Every step from parts to bands is linear. So where a tile holds many pixels, the recipe is applied to its coefficients,
and only the bands that are wanted are evaluated, as two products of matrices. Where it holds few places, the parts are
evaluated there, and the recipe is applied to their values.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from rangegeo.field.components import Components
from rangegeo.field.recipe import Recipe
from rangegeo.grid import PixelPlaces
from rangegeo.grid.domain import whole_turns
from rangegeo.spectral.layout import GEOGRAPHIC, LOCATION, NONE, NORM, SEMANTIC, shells, to_square, unmapped
from rangegeo.spectral.planet import Planet
from rangegeo.spectral.series import at_places, on_grid, polynomials, product
from rangegeo.spectral.sides import Side
from rangegeo.support import reused
from rangegeo.support.blas import one_thread
from rangegeo.support.shared import SharedValues
from rangegeo.support.text import counted

HELD_BYTES = 256_000_000  # memory for tiles; a tile of 1280 bands has 5 MB of integers and 9 MB of coefficients
AT_ONCE = 4096  # places of a tile that a thread evaluates
FEW = 4  # a tile with so many times more coefficients than places is evaluated part by part


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A recipe, and the bands of the parts that it needs.

    Attributes:
        recipe: for parts that hold these bands alone.
        visual, location: the numbers of the bands that are needed of S and G, and of q, ascending.
        key: the same for equal recipes.
    """

    recipe: Recipe
    visual: np.ndarray
    location: np.ndarray
    key: tuple

    @classmethod
    def of(cls, recipe: Recipe) -> Wanted:
        """What a recipe needs; bands that it leaves out are not read."""
        projection = None if recipe.projection is None else recipe.projection.__dask_tokenize__()
        key = (recipe.betas, recipe.keep, type(recipe.projection).__name__, projection)
        if recipe.keep is None:
            return cls(recipe, np.arange(recipe.visual), np.arange(recipe.location), key)
        blocks = 1 if recipe.betas else 2
        keep, first = np.array(recipe.keep), blocks * recipe.visual
        is_visual = keep < first
        block, band = np.divmod(keep, recipe.visual) if recipe.visual else (np.zeros_like(keep), keep)
        visual, location = np.unique(band[is_visual]), np.unique(keep[~is_visual] - first)
        kept = np.where(
            is_visual,
            block * len(visual) + np.searchsorted(visual, band),
            blocks * len(visual) + np.searchsorted(location, keep - first),
        )
        own = replace(recipe, visual=len(visual), location=len(location), keep=tuple(kept.tolist()))
        return cls(own, visual, location, key)


class PlanetEvaluator:
    """Gives the bands of one model of a planet, see `rangegeo.engine.values.BandEvaluator`. Threads share its tiles.

    Attributes:
        planet: that is read.
        roles: the part that serves each role of the model.
        visual, location: numbers of bands.
        held: tiles that were read, and their coefficients for recipes.
        series: the coefficients for recipes; the same as `held`, or apart from it.
    """

    smooth_deg = 0.0

    def __init__(
        self, planet: Planet, model: str, held_bytes: int = HELD_BYTES, series_bytes: int | None = None
    ) -> None:
        """Read a planet.

        Args:
            held_bytes: memory for tiles.
            series_bytes: memory for coefficients for recipes, for a caller that asks for the same few recipes again and
                again: they are then made however few places of a tile are asked for, and tiles do not drive them out.
                None to share the memory of tiles.
        """
        self.planet, self.roles = planet, planet.roles(model)
        self.visual = planet.width(self.roles[SEMANTIC]) if SEMANTIC in self.roles else 0
        self.location = planet.width(self.roles[LOCATION])
        self.held = SharedValues(held_bytes)
        self.series = self.held if series_bytes is None else SharedValues(series_bytes)

    @property
    def facts(self) -> dict[str, object]:
        """How values were made and how far they may be off, by the names of the attributes of files."""
        return {"evaluation": "planet", "tolerance": self.planet.tolerance, "measured_error": self.planet.error}

    @property
    def told(self) -> str:
        """The same in a line."""
        proved = int(self.planet.attrs.get("proof_places", 0))
        return (
            f"read from {self.planet.place.name}; measured error {self.planet.error:.1e} at "
            f"{counted(proved, 'place')} of it, tolerance {self.planet.tolerance:g}"
        )

    def at_places(self, lonlat_deg: np.ndarray, recipe: Recipe) -> np.ndarray:
        """The values at (n, 2) places in range: (layers, n, bands) float32.

        Raises:
            UsageError: a place lies where the planet has no tile.
        """
        places = whole_turns(lonlat_deg)
        tiles = self.planet.tiles_of(places)
        if (tiles == NONE).any():
            self.planet.check_holds(places)
        out = np.empty((recipe.layers, len(places), recipe.bands), np.float32)
        wanted = Wanted.of(recipe)

        def fill(group: tuple[int, np.ndarray]) -> None:
            tile, rows = group
            out[:, rows] = self._scattered(tile, places[rows], wanted)

        parts = [(tile, part) for tile, rows in _grouped(tiles) for part in _cut(rows)]
        with one_thread():
            if len(parts) == 1:
                fill(parts[0])
            elif parts:
                with ThreadPoolExecutor(min(len(parts), os.cpu_count() or 1)) as pool:
                    list(pool.map(fill, parts))
        return out

    def at_pixels(self, pixels: PixelPlaces, recipe: Recipe) -> np.ndarray:
        """The values of a window: (layers, bands, h, w) float32; NaN where a pixel or its tile is missing."""
        if pixels.axes_deg is not None:
            out = self.at_crossings(*pixels.axes_deg, recipe)
            known = pixels.valid
        else:
            out = reused.empty((recipe.layers, recipe.bands, *pixels.valid.shape))
            with one_thread():  # windows are evaluated by threads
                known = self._fill_scattered(out.reshape(-1, pixels.valid.size), pixels, Wanted.of(recipe))
            known &= pixels.valid
        if not known.all():
            out[:, :, ~known] = np.nan
        return out

    def at_crossings(self, lon_deg: np.ndarray, lat_deg: np.ndarray, recipe: Recipe) -> np.ndarray:
        """The same for the crossings of longitudes (w,) and latitudes (h,)."""
        out = reused.empty((recipe.layers, recipe.bands, len(lat_deg), len(lon_deg)))
        with one_thread():
            known = self._fill_grid(out.reshape(-1, *out.shape[2:]), lon_deg, lat_deg, Wanted.of(recipe))
        if not known.all():
            out[:, :, ~known] = np.nan
        return out

    def coefficients(self, tile: int, recipe: Recipe) -> np.ndarray:
        """(layers * bands, n, n) float32 coefficients of a recipe in a tile, by degree along latitude and longitude."""
        with one_thread():
            return self._series(tile, Wanted.of(recipe))

    def _fill_scattered(self, flat: np.ndarray, pixels: PixelPlaces, wanted: Wanted) -> np.ndarray:
        """Fill (layers * bands, h * w) values of pixels with places of their own; returns which (h, w) have a tile."""
        known = np.zeros(pixels.valid.size, bool)
        valid = np.flatnonzero(pixels.valid)
        places = whole_turns(pixels.lonlat_deg[valid])
        for tile, rows in _grouped(self.planet.tiles_of(places)):
            if tile != NONE:
                values = self._scattered(tile, places[rows], wanted)
                flat[:, valid[rows]] = values.transpose(0, 2, 1).reshape(len(flat), -1)
                known[valid[rows]] = True
        return known.reshape(pixels.valid.shape)

    def _fill_grid(self, flat: np.ndarray, lon: np.ndarray, lat: np.ndarray, wanted: Wanted) -> np.ndarray:
        """Fill (layers * bands, h, w) values of a grid; returns which (h, w) have a tile."""
        known = np.zeros((len(lat), len(lon)), bool)
        lon = whole_turns(np.stack([lon, np.zeros_like(lon)], axis=1))[:, 0]
        west, south, east, north = self.planet.boxes.T
        near = np.flatnonzero((west <= lon.max()) & (east >= lon.min()) & (south <= lat.max()) & (north >= lat.min()))
        if not len(near):
            return known
        boxes, domains = self.planet.boxes[near], self.planet.tables.bounds[near]
        how = self.planet.stretch, self._most_degrees(near)
        columns = Side.of(lon, boxes[:, ::2], domains[:, ::2], 180.0, *how)
        lines = Side.of(lat, boxes[:, 1::2], domains[:, 1::2], 90.0, *how)
        for number, tile in enumerate(near.tolist()):
            (rows, down), (cols, across) = lines.of_tile(number), columns.of_tile(number)
            if not len(down) or not len(across):
                continue
            if self._is_few(tile, len(down) * len(across), wanted):
                across_deg, down_deg = np.meshgrid(lon[cols], lat[rows])
                places = np.stack([across_deg.ravel(), down_deg.ravel()], axis=1)
                values = self._scattered(tile, places, wanted).transpose(0, 2, 1)
                values = values.reshape(len(flat), len(down), len(across))
            elif isinstance(rows, slice) and isinstance(cols, slice):
                on_grid(self._series(tile, wanted), down, across, flat[:, rows, cols])
                known[rows, cols] = True
                continue
            else:
                values = np.empty((len(flat), len(down), len(across)), np.float32)
                on_grid(self._series(tile, wanted), down, across, values)
            at = np.ix_(np.arange(len(lat))[rows], np.arange(len(lon))[cols])
            flat[:, at[0], at[1]] = values
            known[at] = True
        return known

    def _most_degrees(self, tiles: np.ndarray) -> int:
        """The largest number of degrees along a side of a series of some tiles."""
        count = {role: int(self.planet.counts(part, tiles).max()) for role, part in self.roles.items()}
        return max(count.values()) + (count[NORM] - 1 if NORM in count else 0)

    def _arguments(self, tile: int, lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mapped positions of latitudes and of longitudes in a tile."""
        west, south, east, north = self.planet.tables.bounds[tile]
        stretch = self.planet.stretch
        w, u = 2 * (lat - south) / (north - south) - 1, 2 * (lon - west) / (east - west) - 1
        return unmapped(np.clip(w, -1, 1), stretch), unmapped(np.clip(u, -1, 1), stretch)

    def _is_few(self, tile: int, places: int, wanted: Wanted) -> bool:
        """Whether so many places are evaluated part by part: it would take longer to make their series."""
        if self.series is not self.held:
            return False
        count = max(self.planet.count(part, tile) for part in self.roles.values())
        return FEW * places < count**2 and (tile, wanted.key) not in self.held

    def _scattered(self, tile: int, lonlat_deg: np.ndarray, wanted: Wanted) -> np.ndarray:
        """(layers, n, bands) values at places in one tile."""
        w, u = self._arguments(tile, lonlat_deg[:, 1], lonlat_deg[:, 0])
        recipe = wanted.recipe
        if not self._is_few(tile, len(lonlat_deg), wanted):
            values = at_places(self._series(tile, wanted), w, u)
            return values.reshape(len(values), recipe.layers, -1).transpose(1, 0, 2)

        def part(role: str, bands: np.ndarray) -> np.ndarray:
            rows = self._integers(role, tile, bands).astype(np.float32)
            count = math.isqrt(len(rows))
            along_lat, along_lon = shells(count)
            step = np.float32(self.planet.step(self.roles[role], tile))
            down = step * polynomials(count, w)  # fewer numbers than the coefficients
            return (down[:, along_lat] * polynomials(count, u)[:, along_lon]) @ rows

        semantic, geographic = (
            part(role, wanted.visual) if role in self.roles and role in recipe.parts else None
            for role in (SEMANTIC, GEOGRAPHIC)
        )
        location = part(LOCATION, wanted.location)
        if NORM in self.roles:
            location = location * part(NORM, np.zeros(1, int))
        return recipe.apply(Components(semantic, geographic, location))

    def _series(self, tile: int, wanted: Wanted) -> np.ndarray:
        """(layers * bands, n, n) coefficients of the bands of a recipe in a tile, made once."""
        key = (tile, wanted.key)
        return self.series.get(key, lambda: self._made_series(tile, wanted), lambda made: made.nbytes)

    def _made_series(self, tile: int, wanted: Wanted) -> np.ndarray:
        recipe = wanted.recipe
        rows = self._all_bands(tile, wanted) if recipe.projection is None else self._projected(tile, wanted)
        count = math.isqrt(rows.shape[1])
        series = np.empty((recipe.layers, recipe.bands, count, count), np.float32)
        along_lat, along_lon = shells(count)
        series[:, :, along_lat, along_lon] = rows.transpose(0, 2, 1)
        return series.reshape(-1, count, count)

    def _needed(self, wanted: Wanted) -> dict[str, np.ndarray]:
        """The roles that a recipe needs, and their bands."""
        visual = [role for role in (SEMANTIC, GEOGRAPHIC) if role in self.roles and role in wanted.recipe.parts]
        return {**dict.fromkeys(visual, wanted.visual), LOCATION: wanted.location}

    def _all_bands(self, tile: int, wanted: Wanted) -> np.ndarray:
        """(layers, n², bands) coefficients, in shells, of a recipe that projects nothing."""
        parts = {role: self._rows(role, tile, bands) for role, bands in self._needed(wanted).items()}
        if NORM in self.roles:
            parts[LOCATION] = self._times_norm(parts[LOCATION], tile)
        most = max(len(rows) for rows in parts.values())
        same = {role: np.pad(rows, ((0, most - len(rows)), (0, 0))) for role, rows in parts.items()}
        found = Components(same.get(SEMANTIC), same.get(GEOGRAPHIC), same[LOCATION])
        return wanted.recipe.apply(found)

    def _projected(self, tile: int, wanted: Wanted) -> np.ndarray:
        """(layers, n², bands) float64 coefficients, in shells, of a recipe that projects each part to few bands."""

        def nbytes(made: tuple[dict[str, np.ndarray], np.ndarray]) -> int:
            return sum(part.nbytes for part in made[0].values())

        shares, rest = self.series.get(("shares", wanted.key), lambda: self._shares(wanted), nbytes)
        parts = []
        for role, bands in self._needed(wanted).items():
            if shares[role].any():
                step = self.planet.step(self.roles[role], tile)
                parts.append(self._integers(role, tile, bands).astype(np.float64) @ (step * shares[role]))
                if role == LOCATION and NORM in self.roles:
                    parts[-1] = self._times_norm(parts[-1], tile)
        total = np.zeros((max([1, *map(len, parts)]), len(rest)))
        for rows in parts:  # shells of fewer degrees come first
            total[: len(rows)] += rows
        total[0] += rest  # what is added to every place is added to the constant alone
        return np.moveaxis(total.reshape(len(total), wanted.recipe.layers, -1), 0, 1)

    def _shares(self, wanted: Wanted) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The linear function that a recipe is.

        Returns:
            By role (bands, layers * bands) float64, what each band of the part adds; and (layers * bands,) the rest.
        """
        needed = self._needed(wanted)

        def applied(role: str | None, count: int) -> np.ndarray:
            parts = {name: np.zeros((count, len(bands))) for name, bands in needed.items()}
            if role is not None:
                parts[role] = np.eye(count)
            found = Components(parts.get(SEMANTIC), parts.get(GEOGRAPHIC), parts[LOCATION])
            return np.moveaxis(wanted.recipe.apply(found, "float64"), 0, 1).reshape(count, -1)

        rest = applied(None, 1)[0]
        return {role: applied(role, len(bands)) - rest for role, bands in needed.items()}, rest

    def _times_norm(self, rows: np.ndarray, tile: int) -> np.ndarray:
        """(m², bands) coefficients in shells of a part times the norm."""
        return _in_shells(product(_square(rows), _square(self._rows(NORM, tile, np.zeros(1, int)))))

    def _rows(self, role: str, tile: int, bands: np.ndarray) -> np.ndarray:
        """(n², bands) float32 coefficients of some bands of a part, in shells."""
        rows = self._integers(role, tile, bands).astype(np.float32)
        rows *= np.float32(self.planet.step(self.roles[role], tile))
        return rows

    def _integers(self, role: str, tile: int, bands: np.ndarray) -> np.ndarray:
        """The same as they are stored."""
        part = self.roles[role]
        if not len(bands):
            return np.zeros((1, 0), np.int16)
        first, last = int(bands[0]), int(bands[-1]) + 1
        integers = self.held.get(
            (part, tile, first, last),
            lambda: self.planet.integers(part, tile, slice(first, last)),
            lambda made: made.nbytes,
        )
        return integers if len(bands) == last - first else integers[:, bands - first]


def _grouped(tiles: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each tile, and the rows of the places that lie in it."""
    order = np.argsort(tiles, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(tiles[order])) + 1):
        if len(rows):
            yield int(tiles[rows[0]]), rows


def _square(rows: np.ndarray) -> np.ndarray:
    """(n², bands) coefficients in shells to a series (bands, n, n)."""
    return np.moveaxis(to_square(rows, math.isqrt(len(rows))), -1, 0)


def _in_shells(series: np.ndarray) -> np.ndarray:
    """The other way."""
    along_lat, along_lon = shells(series.shape[-1])
    return series[:, along_lat, along_lon].T


def _cut(rows: np.ndarray) -> list[np.ndarray]:
    """The places of a tile in parts, so that threads share them."""
    return np.array_split(rows, -(-len(rows) // AT_ONCE))
