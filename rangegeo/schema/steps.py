"""Values stored as steps of integers, with a scale and an offset for each band.

CF, xarray and GDAL know one scale of an array. A Zarr store whose bands have scales of their own keeps them in two
coordinates along the band, which go with every slice: value = step * band_scale + band_offset. `rangegeo.open_cube` and
the accessor apply them. In plain xarray it is one line: `steps * steps.band_scale + steps.band_offset`.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from rangegeo.errors import CubeError
from rangegeo.schema.cube import NAME

SCALE, OFFSET = "band_scale", "band_offset"
HOW = "values"  # the attribute of an array of steps that says how values are made of them
FORMULA = f"{NAME} * {SCALE} + {OFFSET}"


def with_values(cube: xr.DataArray) -> xr.DataArray:
    """The values of an array, as lazy as it is, without the coordinates of its scales.

    An array that xarray read has steps if integers are stored. Arithmetic drops this knowledge, and with two arrays the
    name as well: what is still called "embedding" may be steps or values.

    Raises:
        CubeError: nothing tells whether these are steps or values.
    """
    if any(name not in cube.coords or cube.coords[name].dims != ("band",) for name in (SCALE, OFFSET)):
        return cube
    if cube.dtype.kind in "iu":
        return cube  # steps with gaps that are no NaN; whoever uses them is told
    known = "dtype" in cube.encoding
    if known and np.dtype(cube.encoding["dtype"]).kind in "iu" and "scale_factor" not in cube.encoding:
        scale, offset = (np.asarray(cube.coords[name].values, np.float64) for name in (SCALE, OFFSET))
        found = cube.copy(data=decoded(cube.variable, scale, offset))
        found.attrs = {name: value for name, value in cube.attrs.items() if name != HOW}
        found.encoding = {name: value for name, value in cube.encoding.items() if name not in ("dtype", "_FillValue")}
        return found.drop_vars([SCALE, OFFSET])
    if not known and cube.name == NAME:
        raise CubeError(
            f"this may hold steps of integers or values; make values of steps by {FORMULA}, or open the store with "
            f"rangegeo.open_cube; if it holds values, say so with .drop_vars({[SCALE, OFFSET]})"
        )
    return cube.drop_vars([SCALE, OFFSET])


def decoded(stored: xr.Variable, scale: np.ndarray, offset: np.ndarray) -> xr.Variable:
    """Stored values as float32, as lazy as they are.

    Args:
        stored: (…, band, y, x).
        scale, offset: (bands,).
    """
    if stored.chunks is not None:
        return (stored * scale[:, None, None] + offset[:, None, None]).astype(np.float32)
    return xr.Variable(stored.dims, indexing.LazilyIndexedArray(_Decoded(stored, scale, offset)), None, stored.encoding)


class _Decoded(BackendArray):
    """An array that decodes its values to float32 when they are read, by a scale and an offset for each band."""

    def __init__(self, stored: xr.Variable, scale: np.ndarray, offset: np.ndarray) -> None:
        self.stored, self.scale, self.offset = stored, scale, offset
        self.shape, self.dtype = stored.shape, np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple) -> np.ndarray:
        part = self.stored.isel(dict(zip(self.stored.dims, key, strict=True)))
        scale, offset = (xr.Variable("band", values).isel(band=key[-3]) for values in (self.scale, self.offset))
        return (part * scale + offset).transpose(*part.dims).values.astype(np.float32)
