"""Rectangles that the engine interpolates: of pixels in a grid, or of degrees on the globe.

A rectangle knows where its Chebyshev points and its proof places lie. A fit needs to know no more of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from odc.geo.geobox import GeoBox
from torch import Tensor

from rangegeo.field.chebyshev import nodes
from rangegeo.grid import pixel_places, places_on

PROOF_PLACES = 32  # of each rectangle, evaluated exactly and compared

Side = tuple[float, float]  # degrees from, to


class Rectangle(Protocol):
    """A part of the globe that a fit can cover with Chebyshev points.

    Attributes:
        count: how many pixels or places are wanted from it; points must be fewer to pay.
    """

    @property
    def count(self) -> int: ...

    def node_places(self, count: int) -> np.ndarray | None:
        """(count, count, 2) degrees of its Chebyshev points; None if some lie outside the projection's domain."""
        ...

    def proof_places(self) -> tuple[tuple[Tensor, Tensor], np.ndarray | None]:
        """Seeded places: where they lie in [-1, 1]², down and across, and their (n, 2) degrees; None as for nodes."""
        ...

    def quarters(self) -> Sequence[Rectangle]:
        """It cut in four."""
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

    def proof_places(self) -> tuple[tuple[Tensor, Tensor], np.ndarray | None]:
        random = _seeded(f"{self.rows.start} {self.rows.stop} {self.cols.start} {self.cols.stop}")
        at_rows, at_cols = (random.integers(side.start, side.stop, PROOF_PLACES) for side in (self.rows, self.cols))
        crossings = places_on(self.geobox, at_rows + 0.5, at_cols + 0.5)
        diagonal = np.arange(PROOF_PLACES)
        valid = crossings.valid[diagonal, diagonal].all()
        lonlat = crossings.lonlat_deg.reshape(PROOF_PLACES, PROOF_PLACES, 2)[diagonal, diagonal]
        return (unit_of_pixels(at_rows, self.rows), unit_of_pixels(at_cols, self.cols)), lonlat if valid else None

    def quarters(self) -> list[PixelRectangle]:
        (top, bottom), (left, right) = _halved(self.rows), _halved(self.cols)
        return [PixelRectangle(self.geobox, rows, cols) for rows in (top, bottom) for cols in (left, right)]

    def has_valid_pixel(self) -> bool:
        """Whether any of its pixels lies in the projection's domain."""
        return bool(pixel_places(self.geobox, self.rows, self.cols).valid.any())


@dataclass(frozen=True, slots=True, eq=False)
class DegreeRectangle:
    """Latitudes and longitudes, and how many places in it are asked for."""

    lat: Side
    lon: Side
    count: int

    def node_places(self, count: int) -> np.ndarray:
        unit = nodes(count).numpy()
        return np.stack(np.meshgrid(_along_degrees(self.lon, unit), _along_degrees(self.lat, unit)), axis=-1)

    def proof_places(self) -> tuple[tuple[Tensor, Tensor], np.ndarray]:
        down, across = _seeded(f"{self.lat} {self.lon}").uniform(-1, 1, (2, PROOF_PLACES))
        places = np.stack([_along_degrees(self.lon, across), _along_degrees(self.lat, down)], axis=1)
        return (torch.from_numpy(down), torch.from_numpy(across)), places

    def quarters(self) -> list[DegreeRectangle]:
        sides = [
            ((side[0], middle), (middle, side[1]))
            for side, middle in ((side, (side[0] + side[1]) / 2) for side in (self.lat, self.lon))
        ]
        return [DegreeRectangle(lat, lon, self.count // 4) for lat in sides[0] for lon in sides[1]]

    def inside(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n, 2) places to (n,) bool; its edges count as inside."""
        lon, lat = lonlat_deg.T
        return (lat >= self.lat[0]) & (lat <= self.lat[1]) & (lon >= self.lon[0]) & (lon <= self.lon[1])

    def unit(self, lonlat_deg: np.ndarray) -> tuple[Tensor, Tensor]:
        """(n, 2) places inside to where they lie in [-1, 1]², down and across."""
        lon, lat = lonlat_deg.T
        down, across = (
            torch.from_numpy(2 * (axis - side[0]) / (side[1] - side[0]) - 1)
            for axis, side in ((lat, self.lat), (lon, self.lon))
        )
        return down, across


def unit_of_pixels(pixels: np.ndarray, side: slice) -> Tensor:
    """Pixel numbers to [-1, 1] between the first and the last pixel centre of a side."""
    return torch.from_numpy(2.0 * (pixels - side.start) / (side.stop - side.start - 1) - 1.0)


def _along_pixels(side: slice, unit: np.ndarray) -> np.ndarray:
    """[-1, 1] to pixel coordinates from the first to the last pixel centre."""
    return side.start + 0.5 + (unit + 1) / 2 * (side.stop - side.start - 1)


def _along_degrees(side: Side, unit: np.ndarray) -> np.ndarray:
    """[-1, 1] to degrees."""
    return side[0] + (unit + 1) / 2 * (side[1] - side[0])


def _halved(side: slice) -> tuple[slice, slice]:
    middle = (side.start + side.stop) // 2
    return slice(side.start, middle), slice(middle, side.stop)


def _seeded(text: str) -> np.random.Generator:
    """Random numbers that depend on the rectangle alone, on every machine."""
    return np.random.default_rng(np.frombuffer(hashlib.sha256(text.encode()).digest()[:8], np.uint64))
