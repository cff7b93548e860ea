"""Which pixels of a grid lie in an area."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import shapely
from affine import Affine

from rangegeo.grid.windows import cut

OUTSIDE, PARTLY, INSIDE = 0, 1, 2  # where a block of pixels lies relative to an area
LATTICE = 1e-6  # of a pixel; corners are snapped to it, so that near-contact counts as contact
DRAWS = 16  # random pixels that are drawn for each pixel that is wanted
STRIDE = 8  # pixels; a block is searched at every eighth row and column before it is searched at all of them
MOST_BLOCKS = 1000  # a side, into which a raster is cut to see how much of it an area takes
BLOCK = 256  # pixels; the smallest side of these blocks, as long as that of a block of a file with few bands


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """An area in the pixel coordinates of a grid, counted from its north-west corner.

    Attributes:
        wkb: its polygons, which do not overlap, as well-known binary.
        all_touched: True if every pixel counts that the area touches, False if a pixel counts whose centre it holds.
    """

    wkb: bytes
    all_touched: bool = False

    @classmethod
    def of(cls, polygons: np.ndarray, transform: Affine, *, all_touched: bool = False) -> Mask:
        """The mask of polygons (n,), given in the CRS of a grid that has this transform."""
        to_pixels = ~transform
        corner, scale = (to_pixels.c, to_pixels.f), (to_pixels.a, to_pixels.e)
        shapes = shapely.transform(polygons, lambda points: points * scale + corner)
        shapes = shapely.set_precision(shapes, LATTICE)
        return cls(wkb=shapely.to_wkb(shapely.union_all(shapes, grid_size=LATTICE)), all_touched=all_touched)

    def coarser(self, factor: int) -> Mask:
        """The same area on the grid of pixels `factor` times as large."""
        area = shapely.transform(shapely.from_wkb(self.wkb), lambda points: points / factor)
        return replace(self, wkb=shapely.to_wkb(shapely.set_precision(area, LATTICE)))

    def inside(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Whether each pixel counts at the crossings of rows (h,) and columns (w,); (h, w) bool."""
        return self.holds(*np.meshgrid(rows, cols, indexing="ij"))

    def holds(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Whether each pixel counts, given its row and its column.

        The answer for a pixel does not depend on which other pixels are asked for.
        """
        x, y = cols + 0.5, rows + 0.5
        if not self.all_touched:
            return _ask(shapely.contains_xy, self.wkb, x, y)
        half = 0.5 - LATTICE
        return _ask(shapely.intersects, self.wkb, shapely.box(x - half, y - half, x + half, y + half))

    def coverage(self, rows: Sequence[slice], cols: Sequence[slice]) -> np.ndarray:
        """Where each block of a raster lies.

        Args:
            rows, cols: the slices that the rows and the columns of the raster are cut into.
        Returns:
            (rows, cols) uint8: OUTSIDE if no pixel of the block counts, INSIDE if the area contains it, else PARTLY.
        """
        found = self._reach(rows, cols)
        for i, j in np.argwhere(found == PARTLY):
            if not self._holds_any(rows[i], cols[j]):
                found[i, j] = OUTSIDE
        return found

    def any(self, shape: tuple[int, int]) -> bool:
        """Whether any pixel of a raster (h, w) counts."""
        points = shapely.get_coordinates(shapely.point_on_surface(shapely.get_parts(shapely.from_wkb(self.wkb))))
        cols, rows = np.floor(points).T  # one of these pixels counts for nearly any area, unless it is a sliver
        return bool(self.holds(rows, cols).any() or (self.coverage(*_blocks(shape)) != OUTSIDE).any())

    def share(self, shape: tuple[int, int]) -> float:
        """The share of a raster (h, w) that the area covers."""
        height, width = shape
        return float(
            shapely.intersection(shapely.from_wkb(self.wkb), shapely.box(0, 0, width, height)).area / (height * width)
        )

    def reach(self, shape: tuple[int, int]) -> float:
        """The share of the blocks of a raster (h, w) that the area reaches, an upper bound of what is computed."""
        return float((self._reach(*_blocks(shape)) != OUTSIDE).mean())

    def sample(self, shape: tuple[int, int], count: int) -> tuple[np.ndarray, np.ndarray]:
        """Random pixels that count; the same ones every time.

        Args:
            shape: (h, w) of the raster.
            count: how many pixels are wanted; there may be fewer.
        Returns:
            Rows and columns of the pixels, (k,) each.
        """
        random = np.random.default_rng(0)
        blocks = _blocks(shape, STRIDE)
        reached = np.argwhere(self._reach(*blocks) != OUTSIDE)
        i, j = reached[random.integers(0, len(reached), DRAWS * count)].T
        drawn = [
            np.array([side.start for side in sides])[k] + random.integers(0, sides[0].stop, len(k))
            for sides, k in zip(blocks, (i, j), strict=True)
        ]
        _, first = np.unique(drawn[0] * shape[1] + drawn[1], return_index=True)
        rows, cols = (pixels[np.sort(first)] for pixels in drawn)
        kept = (rows < shape[0]) & (cols < shape[1]) & self.holds(rows, cols)
        return rows[kept][:count], cols[kept][:count]

    def _reach(self, rows: Sequence[slice], cols: Sequence[slice]) -> np.ndarray:
        """The same as `coverage`, but a block that holds part of the area and no pixel that counts is PARTLY too."""
        found = np.empty((len(rows), len(cols)), np.uint8)
        left, right = np.array([(side.start, side.stop) for side in cols], dtype=float).T
        for row, side in zip(found, rows, strict=True):
            blocks = shapely.box(left, float(side.start), right, float(side.stop))
            row[:] = np.where(_ask(shapely.intersects, self.wkb, blocks), PARTLY, OUTSIDE)
            row[_ask(shapely.contains_properly, self.wkb, blocks)] = INSIDE
        return found

    def _holds_any(self, rows: slice, cols: slice) -> bool:
        """Whether any pixel of a block counts."""
        every = [np.arange(side.start, side.stop) for side in (rows, cols)]
        return bool(self.inside(*(pixels[::STRIDE] for pixels in every)).any() or self.inside(*every).any())


def _blocks(shape: tuple[int, int], smallest: int = BLOCK) -> tuple[list[slice], list[slice]]:
    """Rows and columns of square blocks that a raster (h, w) is cut into, at most a thousand a side."""
    side = max(smallest, -(-max(shape) // MOST_BLOCKS))
    height, width = shape
    return cut(height, side), cut(width, side)


_ASKING = threading.Lock()


def _ask(question: Callable[..., np.ndarray], wkb: bytes, *arguments: np.ndarray) -> np.ndarray:
    """Ask shapely a question about an area, from one thread at a time.

    GEOS builds the indices of a prepared geometry when they are first needed, and some of them at every question, so
    threads that ask the same geometry at once would disturb each other.
    """
    with _ASKING:
        return question(_prepared(wkb), *arguments)


@lru_cache(maxsize=4)
def _prepared(wkb: bytes) -> shapely.Geometry:
    """The polygons of an area, prepared for many questions."""
    area = shapely.from_wkb(wkb)
    shapely.prepare(area)
    return area
