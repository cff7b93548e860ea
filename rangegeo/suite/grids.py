"""Grids of longitude and latitude that cover the Earth, read from the files of the suite."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from scipy.io import netcdf_file


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EarthGrid:
    """Values of cells of longitude and latitude, all of one size.

    Attributes:
        values: (h, w) or (h, w, k); the first row is the northernmost one.
        west: longitude of the western edge of the first column, in degrees.
        north: latitude of the northern edge of the first row.
        step: width and height of a cell, in degrees.
    """

    values: np.ndarray
    west: float
    north: float
    step: tuple[float, float]

    def at(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n,) or (n, k) values of the cells that hold n places (n, 2)."""
        rows, cols = self.cells(lonlat_deg)
        return self.values[rows, cols]

    def cells(self, lonlat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows and the columns of the cells that hold n places (n, 2)."""
        height, width = self.values.shape[:2]
        cols = np.floor((lonlat_deg[:, 0] - self.west) % 360 / self.step[0]).astype(int)
        rows = np.floor((self.north - lonlat_deg[:, 1]) / self.step[1]).astype(int)
        return np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)

    def around(self, lonlat_deg: np.ndarray, reach: int) -> np.ndarray:
        """(n, k) values of the cells around n places: of up to `reach` rows and columns on each side."""
        rows, cols = self.cells(lonlat_deg)
        height, width = self.values.shape[:2]
        steps = np.arange(-reach, reach + 1)
        near_rows = np.clip(rows[:, None] + steps, 0, height - 1)
        near_cols = (cols[:, None] + steps) % width
        return self.values[near_rows[:, :, None], near_cols[:, None, :]].reshape(len(rows), -1)


def grid_of_picture(path: Path) -> EarthGrid:
    """The first band of a picture that covers the whole Earth."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            values = file.read(1)
    height, width = values.shape
    return EarthGrid(values=values, west=-180.0, north=90.0, step=(360 / width, 180 / height))


def grid_of_raster(path: Path | str) -> EarthGrid:
    """All bands of a raster of longitude and latitude, in their order; missing values of numbers are NaN."""
    with rasterio.open(path) as file:
        values = np.moveaxis(file.read(), 0, -1)
        transform = file.transform
    step = transform.a, -transform.e
    return EarthGrid(values=values, west=transform.c, north=transform.f, step=step)


def grid_of_netcdf(path: Path, name: str, lon: str, lat: str) -> EarthGrid:
    """A variable of a classic netCDF file whose rows run to the north; of several levels the first one.

    Args:
        name: of the variable.
        lon, lat: variables with the centres of the columns and of the rows, which are spaced evenly.
    """
    with netcdf_file(path, mmap=False) as file:
        variable = file.variables[name]
        values = variable.data.astype(np.float32)
        values[values == np.float32(variable.missing_value)] = np.nan
        x, y = file.variables[lon].data.astype(float), file.variables[lat].data.astype(float)
    values = values.reshape(-1, len(y), len(x))[0]
    across, up = (x[-1] - x[0]) / (len(x) - 1), (y[-1] - y[0]) / (len(y) - 1)
    return EarthGrid(values=values[::-1], west=x[0] - across / 2, north=y[-1] + up / 2, step=(across, up))
