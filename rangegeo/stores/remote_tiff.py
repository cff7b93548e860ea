"""GeoTIFFs at addresses as lazy arrays. Each read opens the file, reads a window and closes it, in any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.windows import Window
from xarray.backends import BackendArray
from xarray.core import indexing

from rangegeo.grid.remote_raster import open_raster
from rangegeo.support.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The stored values of a GeoTIFF.

    Attributes:
        variable: (band, y, x); NaN where there are no data.
        geobox: its grid.
        preferred: the rows and columns of its blocks, by the names of the axes.
    """

    variable: xr.Variable
    geobox: GeoBox
    preferred: dict[str, int]


def read_lazily(address: Address, level: int) -> Stored:
    """The values of a GeoTIFF, or of one of its overviews.

    Args:
        level: 0 for the file itself, 1 for its first overview.
    """
    values = _Values(address, level)
    with values.open() as file:
        crs = None if file.crs is None else file.crs.to_wkt(version="WKT2_2019")
        geobox, (rows, cols) = GeoBox(file.shape, file.transform, crs), file.block_shapes[0]
    variable = xr.Variable(("band", "y", "x"), indexing.LazilyIndexedArray(values))
    return Stored(variable=variable, geobox=geobox, preferred={"y": rows, "x": cols})


class _Values(BackendArray):
    """Windows of a file, as numbers with fractions."""

    def __init__(self, address: Address, level: int) -> None:
        self._address, self._level = address, level
        with self.open() as file:
            self.shape = (file.count, *file.shape)
            self.dtype = np.result_type(file.dtypes[0], np.float32)

    def __dask_tokenize__(self) -> tuple[str, str | None, int]:
        return str(self._address), self._address.tag(), self._level

    def open(self) -> Any:
        """The file, open in this thread."""
        return open_raster(self._address, **({"overview_level": self._level - 1} if self._level else {}))

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple) -> np.ndarray:
        """Read the window around some bands, rows and columns, each a slice or a number."""
        around, within = zip(*(_whole(part, length) for part, length in zip(key, self.shape, strict=True)), strict=True)
        bands, rows, cols = around
        with self.open() as file:
            numbers = list(range(bands.start + 1, bands.stop + 1))
            values = file.read(numbers, window=Window.from_slices(rows, cols), masked=True)
        return values.astype(self.dtype).filled(np.nan)[within]


def _whole(part: slice | int, length: int) -> tuple[slice, slice | int]:
    """The lines without a gap that hold some of an axis, and where these lie among them."""
    chosen = range(length)[part] if isinstance(part, slice) else [int(part) % length]
    if not len(chosen):
        return slice(0, 1), slice(0, 0)
    first, last = min(chosen), max(chosen)
    own: slice | int = 0
    if isinstance(part, slice):
        step = part.step or 1
        own = slice(None, None, step) if step > 0 else slice(chosen[0] - first, None, step)
    return slice(first, last + 1), own
