"""Rectangles that the engine interpolates: of pixels in a grid, or of degrees on the globe.

A rectangle knows where its Chebyshev points and its proof places lie; `Fit` uses nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import torch
from odc.geo.geobox import GeoBox
from torch import Tensor

from rangegeo.field.chebyshev import nodes
from rangegeo.grid import pixel_places, places_on
from rangegeo.grid.pixels import scattered_pixels

PROOF_PLACES = 32  # places of each rectangle that are evaluated exactly and compared with the interpolant

Side: TypeAlias = tuple[float, float]  # from and to, in degrees
UnitPositions: TypeAlias = tuple[Tensor, Tensor]  # (n,) positions in [-1, 1] down a rectangle, and (n,) across


class Rectangle(Protocol):
    """A part of the globe that a fit can cover with Chebyshev points.

    Attributes:
        count: how many pixels or places are wanted from it. Interpolation pays only if there are fewer points.
    """

    @property
    def count(self) -> int: ...

    def node_places(self, count: int) -> np.ndarray | None:
        """(count, count, 2) degrees of its Chebyshev points; None if some lie outside the projection's domain."""
        ...

    def proof_places(self) -> tuple[UnitPositions, np.ndarray | None]:
        """Places at which an interpolant is compared with exact values. They depend on the rectangle alone.

        Returns:
            Their positions in [-1, 1], and their (n, 2) degrees, which are None if a place lies outside the
            projection's domain.
        """
        ...

    def quarters(self) -> Sequence[Rectangle]:
        """The four parts into which it is cut."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PixelRectangle:
    """Rows and columns of a grid; its points lie between the first and the last pixel centre of each side."""

    geobox: GeoBox
    rows: slice
    cols: slice

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start

    @property
    def count(self) -> int:
        return self.shape[0] * self.shape[1]

    def node_places(self, count: int) -> np.ndarray | None:
        unit = nodes(count).numpy()
        places = places_on(self.geobox, _along_pixels(self.rows, unit), _along_pixels(self.cols, unit))
        return places.lonlat_deg.reshape(count, count, 2) if places.valid.all() else None

    def proof_places(self) -> tuple[UnitPositions, np.ndarray | None]:
        random = seeded(f"{self.rows.start} {self.rows.stop} {self.cols.start} {self.cols.stop}")
        at_rows, at_cols = (random.integers(side.start, side.stop, PROOF_PLACES) for side in (self.rows, self.cols))
        places = scattered_pixels(self.geobox, at_rows, at_cols)
        at = to_unit_interval(at_rows, self.rows), to_unit_interval(at_cols, self.cols)
        return at, places.lonlat_deg if places.valid.all() else None

    def quarters(self) -> list[PixelRectangle]:
        (top, bottom), (left, right) = _halved(self.rows), _halved(self.cols)
        return [PixelRectangle(self.geobox, rows, cols) for rows in (top, bottom) for cols in (left, right)]

    def has_valid_pixel(self) -> bool:
        """Whether any of its pixels lies in the projection's domain."""
        return bool(pixel_places(self.geobox, self.rows, self.cols).valid.any())


@dataclass(frozen=True, slots=True, eq=False)
class DegreeRectangle:
    """A box of latitudes and longitudes.

    Attributes:
        lat, lon: its sides.
        count: how many places in it are wanted.
    """

    lat: Side
    lon: Side
    count: int

    def node_places(self, count: int) -> np.ndarray:
        unit = nodes(count).numpy()
        return np.stack(np.meshgrid(_along_degrees(self.lon, unit), _along_degrees(self.lat, unit)), axis=-1)

    def proof_places(self) -> tuple[UnitPositions, np.ndarray]:
        down, across = seeded(f"{self.lat} {self.lon}").uniform(-1, 1, (2, PROOF_PLACES))
        places = np.stack([_along_degrees(self.lon, across), _along_degrees(self.lat, down)], axis=1)
        return (torch.from_numpy(down), torch.from_numpy(across)), places

    def quarters(self) -> list[DegreeRectangle]:
        sides = [
            ((side[0], middle), (middle, side[1]))
            for side, middle in ((side, (side[0] + side[1]) / 2) for side in (self.lat, self.lon))
        ]
        return [DegreeRectangle(lat, lon, self.count // 4) for lat in sides[0] for lon in sides[1]]

    def inside(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """Which of (n, 2) places lie inside, as (n,) bool; its edges count as inside."""
        lon, lat = lonlat_deg.T
        return (lat >= self.lat[0]) & (lat <= self.lat[1]) & (lon >= self.lon[0]) & (lon <= self.lon[1])

    def unit_positions(self, lonlat_deg: np.ndarray) -> UnitPositions:
        """The positions in [-1, 1] of (n, 2) places inside."""
        lon, lat = lonlat_deg.T
        down, across = (
            torch.from_numpy(2 * (axis - side[0]) / (side[1] - side[0]) - 1)
            for axis, side in ((lat, self.lat), (lon, self.lon))
        )
        return down, across


def to_unit_interval(pixels: np.ndarray, side: slice) -> Tensor:
    """Numbers of pixels to positions in [-1, 1]: -1 is the first pixel centre of a side, 1 the last."""
    return torch.from_numpy(2.0 * (pixels - side.start) / (side.stop - side.start - 1) - 1.0)


def _along_pixels(side: slice, unit: np.ndarray) -> np.ndarray:
    """Positions in [-1, 1] to pixel coordinates: -1 is the first pixel centre of a side, 1 the last."""
    return side.start + 0.5 + (unit + 1) / 2 * (side.stop - side.start - 1)


def _along_degrees(side: Side, unit: np.ndarray) -> np.ndarray:
    """Positions in [-1, 1] to degrees."""
    return side[0] + (unit + 1) / 2 * (side[1] - side[0])


def _halved(side: slice) -> tuple[slice, slice]:
    """The first and the second half of a side."""
    middle = (side.start + side.stop) // 2
    return slice(side.start, middle), slice(middle, side.stop)


def seeded(text: str) -> np.random.Generator:
    """A source of random numbers that are the same for the same text, on every machine."""
    return np.random.default_rng(np.frombuffer(hashlib.sha256(text.encode()).digest()[:8], np.uint64))
