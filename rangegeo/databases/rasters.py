"""Windows of the ground, and values at places, from any raster that GDAL opens."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import rasterio
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.warp import transform_bounds
from rasterio.windows import Window
from scipy.ndimage import map_coordinates

from rangegeo.databases.windows import window_places
from rangegeo.errors import ImageryError, UsageError, first_line
from rangegeo.grid.crs import WGS84
from rangegeo.grid.domain import Domain, domain_of
from rangegeo.support.paths import name_beside, not_opened, shell_name, unparsed

HALF = 0.5  # a pixel is known if so much of what it is interpolated from is
SEAM = 0.5  # pixels by which a raster may miss a whole turn around the world and still be closed
CORNERS = [-180_000, -90_000, -180_000, -90_000], [180_000, 90_000, 180_000, 90_000]  # of the Earth, in 1/1000 degrees
READ_ERRORS = (RasterioError, ValueError, OSError)


class Raster:
    """A raster, opened for windows and values. Close it in the thread that opened it.

    Args:
        path: of a file, or what else GDAL opens.
        bands: numbers from 1 on; empty for all.
        role: the argument that names it, for messages.
    Raises:
        UsageError: it is no raster, or has no such bands. ImageryError: it says not where it lies.
    """

    def __init__(self, path: str, bands: Sequence[int] = (), role: str = "imagery") -> None:
        self.name = path
        try:
            with warnings.catch_warnings():  # the error below says the same
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                self.file = rasterio.open(unparsed(path))
        except RasterioIOError as error:
            got, remedy = not_opened(path, error)
            raise UsageError(argument=role, expected="a raster that GDAL opens", got=got, remedy=remedy) from None
        if self.file.crs is None or self.file.transform.is_identity:
            into = f"{shell_name(path)} {shell_name(name_beside(path, '_placed.tif'))}"
            told = f"{path} does not say where it lies; make a copy that does, for example"
            raise ImageryError(f"{told} gdal_translate -a_srs EPSG:4326 -a_ullr W N E S {into}")
        self.bands = tuple(bands) or tuple(range(1, self.file.count + 1))
        if not all(1 <= band <= self.file.count for band in self.bands):
            expected = f"numbers from 1 to {self.file.count}, the bands of {path}"
            raise UsageError(argument="bands", expected=expected, got=",".join(map(str, self.bands)), example=1)

    def __enter__(self) -> Raster:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    @property
    def dtype(self) -> str:
        """Of its first band that is read."""
        return self.file.dtypes[self.bands[0] - 1]

    @property
    def identity(self) -> list[object]:
        """What tells it from another raster, or from another state of this one: its name, size, bands and age."""
        path = Path(unparsed(self.name))
        status = path.stat() if path.is_file() else None
        age = None if status is None else [status.st_size, status.st_mtime_ns]
        return [self.name, list(self.file.shape), list(self.bands), list(self.file.transform)[:6], age]

    @cached_property
    def _domain(self) -> Domain:
        return domain_of(CRS.from_user_input(self.file.crs).to_wkt())

    @cached_property
    def _turn(self) -> float:
        """Columns in a turn around the world; infinite if the CRS does not repeat."""
        step = abs(self.file.transform.a)
        straight = self.file.transform.b == 0 and step > 0 and math.isfinite(self._domain.period)
        return abs(self._domain.period) / step if straight else math.inf

    @property
    def _closed(self) -> bool:
        """Whether it covers a whole turn around the world."""
        return abs(self._turn - self.file.width) <= SEAM

    def _cells(self, lonlat_deg: np.ndarray, middle: tuple[int, ...] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of places (..., 2), with fractions, counted from the outer edges.

        Args:
            middle: the index of a place beside which the others lie, so that their columns do not jump at the
                antimeridian; None for places anywhere, whose columns lie in one turn from the western edge.
        """
        x, y = self._domain.forward.transform(lonlat_deg[..., 0], lonlat_deg[..., 1])
        back = ~self.file.transform
        with np.errstate(invalid="ignore"):  # beyond the domain of the CRS they are infinite
            cols, rows = back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f
        if math.isfinite(self._turn):
            if middle is None:
                return rows, cols % self._turn
            home = cols[middle] % self._turn
            cols = home + (cols - cols[middle] + self._turn / 2) % self._turn - self._turn / 2
        return rows, cols

    def _pieces(self, cols: np.ndarray) -> Iterator[np.ndarray]:
        """The columns of a window, as each turn of the raster that it touches counts them."""
        if not math.isfinite(self._turn):
            yield cols
            return
        turn = self.file.width if self._closed else self._turn
        for number in range(math.floor(np.nanmin(cols) / turn), math.floor(np.nanmax(cols) / turn) + 1):
            yield cols - number * turn

    def window(self, lonlat_deg: np.ndarray, size_km: float, pixels: int) -> np.ndarray:
        """A window of the ground, as `window_places` defines it.

        Pixels are interpolated between those of the raster, or averaged where those are finer.

        Returns:
            (bands, pixels, pixels) float32; NaN where the raster has no data.
        Raises:
            ImageryError: it cannot be read there.
        """
        rows, cols = self._cells(window_places(lonlat_deg, size_km, pixels), (pixels // 2, pixels // 2))
        found = np.full((len(self.bands), pixels, pixels), np.nan, dtype=np.float32)
        usable = np.isfinite(rows) & np.isfinite(cols)
        if not usable.any():
            return found
        steps = _finest(_step(rows), self.file.height), _finest(_step(cols), self.file.width)
        for part in self._pieces(np.where(usable, cols, np.nan)):
            within = self._within(rows, part)
            if within.any():
                found[:, within] = self._interpolated(rows[within], part[within], steps)
        return found

    def _interpolated(self, rows: np.ndarray, cols: np.ndarray, steps: tuple[int, int]) -> np.ndarray:
        """(bands, n) values at rows and columns, from blocks of so many rows and columns of the raster."""
        top, height = _span(rows, steps[0], self.file.height)
        left, width = _span(cols, steps[1], self.file.width)
        shape = -(-height // steps[0]), -(-width // steps[1])
        read = self._read(Window(left, top, width, height), shape)
        places = np.stack([(rows - top) / height * shape[0] - 0.5, (cols - left) / width * shape[1] - 0.5])
        if self._closed:  # what lies beyond the seam is interpolated too
            step = min(steps[1], self.file.width)
            if left == 0:
                beyond = self._read(Window(self.file.width - step, top, step, height), (shape[0], 1))
                read, places[1] = np.concatenate([beyond, read], axis=2), places[1] + 1
            if left + width == self.file.width:
                read = np.concatenate([read, self._read(Window(0, top, step, height), (shape[0], 1))], axis=2)
        found = np.empty((len(read), len(rows)), dtype=np.float32)
        for band, values in enumerate(read):
            known = np.isfinite(values)
            share = 1.0 if known.all() else map_coordinates(known.astype(np.float32), places, order=1, mode="nearest")
            total = map_coordinates(np.where(known, values, 0), places, order=1, mode="nearest")
            with np.errstate(invalid="ignore", divide="ignore"):
                found[band] = np.where(np.asarray(share) >= HALF, total / share, np.nan)
        return found

    def _read(self, window: Window, shape: tuple[int, int]) -> np.ndarray:
        """(bands, h, w) float32 of a window, averaged to a shape; NaN where there is no data."""
        same = shape == (window.height, window.width)
        try:
            read = self.file.read(
                list(self.bands),
                window=window,
                out_shape=(len(self.bands), *shape),
                masked=True,
                resampling=Resampling.nearest if same else Resampling.average,
            )
        except READ_ERRORS as error:
            raise ImageryError(f"{self.name} cannot be read ({first_line(error)}); get it again") from error
        return read.astype(np.float32).filled(np.nan)

    def at(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """The pixels that hold places.

        Args:
            lonlat_deg: (n, 2).
        Returns:
            (n, bands) float32; NaN outside the raster and where it has no data.
        Raises:
            ImageryError: it cannot be read.
        """
        found = np.full((len(lonlat_deg), len(self.bands)), np.nan, dtype=np.float32)
        rows, cols = self._cells(lonlat_deg)
        for number in np.flatnonzero(self._within(rows, cols)):
            window = Window(math.floor(cols[number]), math.floor(rows[number]), 1, 1)
            found[number] = self._read(window, (1, 1))[:, 0, 0]
        return found

    def around(self, lonlat_deg: np.ndarray, size_km: float | None, pixels: int) -> np.ndarray:
        """(n, bands) means over windows around places (n, 2), or the pixels there if there is no size."""
        if size_km is None:
            return self.at(lonlat_deg)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a window without data
            return np.array([np.nanmean(self.window(place, size_km, pixels), axis=(1, 2)) for place in lonlat_deg])

    def holds(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n,) bool, which places (n, 2) lie within its edges."""
        return self._within(*self._cells(lonlat_deg))

    def _within(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (rows >= 0) & (rows < self.file.height) & (cols >= 0) & (cols < self.file.width)

    @property
    def outer_box(self) -> tuple[float, ...]:
        """West, south, east, north in degrees, of a box around it with few digits."""
        west, south, east, north = transform_bounds(self.file.crs, WGS84, *self.file.bounds)
        down, up = (np.floor(np.array([west, south]) * 1000 + 1e-6), np.ceil(np.array([east, north]) * 1000 - 1e-6))
        return tuple((np.clip([*down, *up], *CORNERS) / 1000).tolist())

    @property
    def box(self) -> str:
        """Its bounds in degrees, for messages."""
        west, south, east, north = transform_bounds(self.file.crs, WGS84, *self.file.bounds)
        return f"{west:.5g},{south:.5g},{east:.5g},{north:.5g}"


def _step(cells: np.ndarray) -> float:
    """How many rows or columns of a raster lie between neighbours of a window (h, w), about."""
    steps = [np.abs(np.diff(cells, axis=axis)) for axis in (0, 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a window of one pixel
        found = [float(np.nanmedian(step)) if step.size else 1.0 for step in steps]
    return max(found)


def _finest(step: float, length: int) -> int:
    """Whole rows or columns of a raster that are averaged into one."""
    return int(np.clip(math.floor(step), 1, length)) if math.isfinite(step) else 1


def _span(cells: np.ndarray, step: int, length: int) -> tuple[int, int]:
    """The first row or column that is read, and how many; a whole number of steps where the raster has so many."""
    first = max(0, (math.floor(cells.min() - step) // step) * step)
    last = min(length, (math.floor(cells.max() + step) // step + 1) * step)
    return first, last - first
