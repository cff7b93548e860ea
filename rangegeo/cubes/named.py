"""Stored cubes whose file is named if it cannot be read, however late its values are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from rangegeo.errors import CubeError
from rangegeo.schema.cube import data_of
from rangegeo.support.damaged import reading


def named(cube: xr.DataArray, name: str) -> xr.DataArray:
    """The same cube, whose values are read later, with the name of its file in the error of a read that fails."""
    data = indexing.LazilyIndexedArray(_Named(data_of(cube), name))
    return cube.copy(data=indexing.MemoryCachedArray(data))


class _Named(BackendArray):
    """Values of another array that xarray indexes lazily."""

    def __init__(self, values: Any, name: str) -> None:
        self._values, self._name = values, name
        self.shape, self.dtype = values.shape, np.dtype(values.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple) -> np.ndarray:
        with reading(f"{self._name} cannot be read", CubeError, "a part of it is damaged"):
            part = indexing.ImplicitToExplicitIndexingAdapter(self._values, indexing.OuterIndexer)[key]
            return np.asarray(part)
