"""Pixels of a cube as vectors: the bands to compare, and their products with other vectors."""

from __future__ import annotations

import dask.array as da
import numpy as np
import xarray as xr

from rangegeo.errors import UsageError
from rangegeo.schema.bands import embedding_bands
from rangegeo.schema.cube import check_pixels

SLAB_BANDS = 64  # turned to float64 at a time


def embedding_of(cube: xr.DataArray) -> xr.DataArray:
    """The bands to compare, with dims in their usual order."""
    if not {"band", "y", "x"} <= set(cube.dims) <= {"beta", "band", "y", "x"}:
        raise UsageError(f"similarity needs a cube with dims (beta,) band, y and x, got {cube.dims}")
    check_pixels(cube)
    if cube.attrs.get("layout") == "components":
        raise UsageError("the cube holds S, G and q; choose a beta first: cube.rangegeo.at(0.5)")
    if cube.dtype.kind != "f":
        raise UsageError(f"the cube holds stored {cube.dtype}; open it with rangegeo.open_cube to have its values")
    if "band_name" in cube.coords:
        cube = cube.isel(band=embedding_bands(cube["band_name"].values))
    return cube.transpose(..., "band", "y", "x")


def layered(cube: xr.DataArray) -> da.Array:
    """(layers, bands, y, x), one layer if there is no beta."""
    return cube.data if "beta" in cube.dims else cube.data[None]


def products(data: da.Array, vectors: da.Array) -> da.Array:
    """Products of every pixel with vectors, summed over the bands in float64.

    Args:
        data: (layers, bands, y, x), in any chunks; those along the bands are summed, never joined.
        vectors: (n, layers, bands).
    Returns:
        (n, layers, y, x) float64.
    """
    vectors = vectors.rechunk((vectors.shape[0], *data.chunks[:2]))
    parts = da.blockwise(
        _products, "nlbyx", vectors, "nlb", data, "lbyx", adjust_chunks={"b": 1}, dtype=np.float64, align_arrays=False
    )
    return parts.sum(axis=2)


def _products(vectors: np.ndarray, block: np.ndarray) -> np.ndarray:
    """(n, l, b) and (l, b, y, x) to (n, l, 1, y, x)."""
    layers, bands, height, width = block.shape
    out = np.zeros((layers, len(vectors), height * width))
    for first in range(0, bands, SLAB_BANDS):
        slab = block[:, first : first + SLAB_BANDS].astype(np.float64).reshape(layers, -1, height * width)
        out += vectors[:, :, first : first + SLAB_BANDS].swapaxes(0, 1).astype(np.float64) @ slab
    return out.swapaxes(0, 1).reshape(len(vectors), layers, 1, height, width)


def pixels_like(
    cube: xr.DataArray, values: da.Array, name: str, attrs: dict, before: tuple[str, ...] = ()
) -> xr.DataArray:
    """Values of every pixel, with dims `before`, then those of the cube but band, and what it says of where it is."""
    coords = {name: coord for name, coord in cube.coords.items() if "band" not in coord.dims}
    kept = {name: cube.attrs[name] for name in ("model", "citation", "grid_mapping") if name in cube.attrs}
    dims = (*before, *(("beta",) if "beta" in cube.dims else ()), "y", "x")
    return xr.DataArray(values, coords, dims, name, kept | attrs)
