"""The rows and the columns of a grid in the tiles of a planet, and the polynomials there: of all tiles at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rangegeo.spectral.layout import unmapped
from rangegeo.spectral.series import polynomials


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of a grid: its rows or its columns, tile by tile.

    Attributes:
        starts: (tiles + 1,) where those of each tile begin in the other arrays.
        indices: (m,) their numbers, ascending within a tile.
        polynomials: (m, n) float32 values of T_0 to T_(n - 1).
    """

    starts: np.ndarray
    indices: np.ndarray
    polynomials: np.ndarray

    @classmethod
    def of(
        cls, along_deg: np.ndarray, boxes: np.ndarray, domains: np.ndarray, last: float, stretch: float, count: int
    ) -> Side:
        """Find them.

        Args:
            along_deg: longitudes of columns or latitudes of rows.
            boxes: (tiles, 2) where the places of each tile begin and end.
            domains: (tiles, 2) where its polynomials begin and end.
            last: where the globe ends: only there the far side of a tile belongs to it.
            stretch: of the map of positions.
            count: n, how many polynomials.
        """
        low, high = boxes.T[:, :, None]
        inside = (along_deg >= low) & ((along_deg < high) | ((high >= last) & (along_deg <= high)))
        tile, indices = np.nonzero(inside)
        first, end = domains[tile].T
        positions = np.clip(2 * (along_deg[indices] - first) / (end - first) - 1, -1, 1)
        starts = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
        return cls(starts, indices, polynomials(count, unmapped(positions, stretch)))

    def of_tile(self, number: int) -> tuple[slice | np.ndarray, np.ndarray]:
        """Which rows or columns lie in a tile, as a slice if they follow one another; and the polynomials there."""
        part = slice(self.starts[number], self.starts[number + 1])
        indices = self.indices[part]
        if len(indices) and indices[-1] - indices[0] + 1 == len(indices):
            return slice(int(indices[0]), int(indices[-1]) + 1), self.polynomials[part]
        return indices, self.polynomials[part]
