"""Cubes as sources: the pixel that holds the centre of each pixel of a tile, from the overview that is fine enough."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.errors import UsageError
from rangegeo.field.probes import Probes
from rangegeo.grid import pixel_arc_deg
from rangegeo.grid.crs import WGS84
from rangegeo.grid.pixels import containing, pixel_coordinates
from rangegeo.grid.samples import sample_lattice
from rangegeo.schema.bands import embedding_bands
from rangegeo.schema.cube import geobox_of, north_up
from rangegeo.support.shared import SharedValues
from rangegeo.support.text import counted
from rangegeo.view.sources import About, Bounds, Layers, cosine, parse_bounds
from rangegeo.view.tile import SIDE, Tile

BLOCK = 128  # pixels a side that are read at a time
HELD_BYTES = 256_000_000  # of answers of blocks
FINE = 1.5  # an overview is fine enough if its pixels are at most so many times as wide as those of a tile
SEMANTIC, GEOGRAPHIC = "semantic_", "geographic_"  # how the names of the bands of components begin


@dataclass(frozen=True, eq=False)
class CubeSource:
    """A cube, see `rangegeo.view.sources.Source`.

    Attributes:
        levels: the cube and its overviews, finest first, each (beta, band, y, x) or (band, y, x) and lazy.
        name, given: of the file, and how it was given.
    """

    levels: tuple[xr.DataArray, ...]
    name: str
    given: str
    _held: SharedValues = field(default_factory=lambda: SharedValues(HELD_BYTES))
    _reading: threading.Lock = field(default_factory=threading.Lock)  # of xarray's readers, not all of which are safe

    @classmethod
    def of(cls, levels: tuple[xr.DataArray, ...], name: str, given: str) -> CubeSource:
        """A source of the levels of a cube; bands that are no embedding are left out."""
        kept = []
        for level in levels:
            level = north_up(level)
            if "band_name" in level.coords:
                level = level.isel(band=embedding_bands(level["band_name"].values.tolist()))
            kept.append(level.transpose("beta", "band", "y", "x", missing_dims="ignore"))
        return cls(tuple(kept), name, given)

    @property
    def cube(self) -> xr.DataArray:
        """The cube itself."""
        return self.levels[0]

    @cached_property
    def grids(self) -> list[GeoBox]:
        """The grids of the levels."""
        return [geobox_of(level) for level in self.levels]

    @cached_property
    def about(self) -> About:
        model = self.cube.attrs.get("model", "a cube")
        rows, cols = self.cube.sizes["y"], self.cube.sizes["x"]
        told = f"{model}, {rows:,} x {cols:,} pixels of {counted(self.cube.sizes['band'], 'band')}"
        if len(self.layers.betas) == 1:
            told += f" at beta {self.layers.betas[0]:g}"
        return About(name=self.name, told=told, citation=str(self.cube.attrs.get("citation", "")), given=self.given)

    @cached_property
    def bounds(self) -> Bounds:
        box = self.grids[0].extent.to_crs(WGS84, resolution=None).boundingbox
        west, south, east, north = (float(side) for side in box)
        south, north = max(south, -90.0), min(north, 90.0)
        if east - west > 360:
            west, east = -180.0, 180.0
        return parse_bounds(f"{west},{south},{east},{north}")

    @property
    def features(self) -> int:
        return self.cube.sizes.get("beta", 1) * self.cube.sizes["band"]

    @cached_property
    def layers(self) -> Layers:
        bands = self.cube.sizes["band"]
        names = [f"band_{number}" for number in range(1, bands + 1)]
        if "band_name" in self.cube.coords:
            names = [str(name) for name in self.cube["band_name"].values.tolist()]
        of_semantic = [band for band, name in enumerate(names) if name.startswith(SEMANTIC)]
        of_geographic = [band for band, name in enumerate(names) if name.startswith(GEOGRAPHIC)]
        if of_semantic and len(of_semantic) == len(of_geographic):
            rest = [band for band in range(bands) if band not in {*of_semantic, *of_geographic}]
            own = [names[band].replace(SEMANTIC, "visual_") for band in of_semantic] + [names[band] for band in rest]
            columns = np.array([of_geographic + rest, of_semantic + rest])
            return Layers(betas=(0.0, 1.0), columns=columns, names=tuple(own))
        betas = np.ravel(self.cube["beta"].values).astype(float) if "beta" in self.cube.coords else np.empty(0)
        columns = np.arange(self.features).reshape(-1, bands)
        return Layers(betas=tuple(betas.tolist()), columns=columns, names=tuple(names))

    def answers(self, tile: Tile, wanted: Probes) -> np.ndarray:
        directions, offsets = wanted.directions.astype(np.float32), wanted.offsets.astype(np.float32)

        def apply(values: np.ndarray) -> np.ndarray:
            return np.tensordot(directions, values, axes=1) + offsets[:, None, None]

        return self._drawn(tile, len(wanted), wanted.__dask_tokenize__(), apply)

    def likeness(self, tile: Tile, vector: np.ndarray, beta: float) -> np.ndarray:
        shares, columns = self.layers.shares(beta), self.layers.columns

        def apply(values: np.ndarray) -> np.ndarray:
            parts = zip(shares, columns, strict=True)
            return cosine(sum(np.float32(share) * values[bands] for share, bands in parts if share), vector)[None]

        return self._drawn(tile, 1, (vector.tobytes(), beta), apply)[0]

    def at(self, lonlat_deg: np.ndarray) -> np.ndarray:
        grid = self.grids[0]
        rows, cols = pixel_coordinates(grid, lonlat_deg)
        found = np.full((len(lonlat_deg), self.features), np.nan, np.float32)
        for place in np.flatnonzero(np.isfinite(rows)).tolist():
            row, col = (
                int(containing(along[place], size)) for along, size in zip((rows, cols), grid.shape, strict=True)
            )
            found[place] = self._values(0, slice(row, row + 1), slice(col, col + 1))[:, 0, 0]
        return found

    def sample(self, bounds: Bounds | None) -> np.ndarray:
        """Pixels of the coarsest level that has enough of them, or of the part of it in a box."""
        level = max(0, len(self.levels) - 1)
        rows, cols = slice(0, self.grids[level].shape[0]), slice(0, self.grids[level].shape[1])
        if bounds is not None:
            rows, cols = self.window(bounds, level)
        chosen = sample_lattice((rows.stop - rows.start, cols.stop - cols.start))
        values = self._values(level, *(start.start + lines for start, lines in zip((rows, cols), chosen, strict=True)))
        flat = values.reshape(len(values), -1).T
        return flat[np.isfinite(flat).all(axis=1)]

    def neighbours(self, lonlat_deg: tuple[float, float], beta: float) -> list[dict[str, float]]:
        return []

    def window(self, bounds: Bounds, level: int = 0) -> tuple[slice, slice]:
        """The rows and columns of a level that hold a box.

        Raises:
            UsageError: the box lies outside of the cube.
        """
        west, south, east, north = bounds
        lon, lat = np.meshgrid(np.linspace(west, east, 65), np.linspace(south, north, 65))
        rows, cols = pixel_coordinates(self.grids[level], np.stack([lon.ravel(), lat.ravel()], axis=1))
        inside = np.isfinite(rows)
        if not inside.any():
            raise UsageError("nothing of the cube lies in view; move the map to it")
        sides = []
        for along, length in zip((rows, cols), self.grids[level].shape, strict=True):
            held = containing(along[inside], length)
            sides.append(slice(int(held.min()), int(held.max()) + 1))
        return sides[0], sides[1]

    def _values(self, level: int, rows: slice | np.ndarray, cols: slice | np.ndarray) -> np.ndarray:
        """(features, h, w) float32 of a window of a level."""
        with self._reading:
            found = self.levels[level].isel(y=rows).isel(x=cols).values
        return found.reshape(self.features, *found.shape[-2:]).astype(np.float32, copy=False)

    def _level(self, tile: Tile) -> int:
        """The coarsest level that is fine enough for a tile."""
        wanted = FINE * pixel_arc_deg(tile.geobox())
        fine = [level for level, grid in enumerate(self.grids) if pixel_arc_deg(grid) <= wanted]
        return fine[-1] if fine else 0

    def _drawn(self, tile: Tile, count: int, key: Hashable, apply: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """(count, SIDE, SIDE) float32 of a tile, block by block.

        Args:
            key: of what is applied.
            apply: from features (features, h, w) to (count, h, w).
        """
        level = self._level(tile)
        grid, out = self.grids[level], np.full((count, SIDE * SIDE), np.nan, np.float32)
        rows, cols = pixel_coordinates(grid, tile.pixels().lonlat_deg)
        inside = np.flatnonzero(np.isfinite(rows))
        row, col = containing(rows[inside], grid.shape[0]), containing(cols[inside], grid.shape[1])
        blocks = row // BLOCK * (1 + grid.shape[1] // BLOCK) + col // BLOCK
        for block in np.unique(blocks).tolist():
            of_block = blocks == block
            top, left = divmod(block, 1 + grid.shape[1] // BLOCK)

            def made(top: int = top * BLOCK, left: int = left * BLOCK) -> np.ndarray:
                return apply(self._values(level, slice(top, top + BLOCK), slice(left, left + BLOCK)))

            values = self._held.get((level, block, key), made, lambda array: array.nbytes)
            out[:, inside[of_block]] = values[:, row[of_block] - top * BLOCK, col[of_block] - left * BLOCK]
        return out.reshape(count, SIDE, SIDE)
