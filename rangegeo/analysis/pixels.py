"""The pixels of a cube as vectors: which bands are compared, and products with other vectors."""

from __future__ import annotations

from collections.abc import Iterator

import dask.array as da
import numpy as np
import xarray as xr

from rangegeo.errors import UsageError
from rangegeo.grid.windows import cut
from rangegeo.schema.bands import embedding_bands
from rangegeo.schema.cube import check_pixels
from rangegeo.schema.facts import GRID_MAPPING
from rangegeo.schema.steps import with_values

SLAB_BANDS = 64  # so many bands are converted to float64 at a time, to save memory


def embedding_of(cube: xr.DataArray) -> xr.DataArray:
    """The bands of a cube that are compared, with the dimensions in the usual order.

    Returns:
        (beta, band, y, x) or (band, y, x) without the bands that hold diagnostics.
    Raises:
        UsageError: the cube has other dimensions, has no pixels, holds components of an embedding, or holds integers
            that were not decoded.
    """
    if not {"band", "y", "x"} <= set(cube.dims) <= {"beta", "band", "y", "x"}:
        raise UsageError(f"comparing pixels needs a cube with dims (beta,) band, y and x, got {cube.dims}")
    check_pixels(cube)
    cube = with_values(cube)
    if cube.attrs.get("layout") == "components":
        raise UsageError("the cube holds S, G and q; choose a beta first: cube.rangegeo.at(0.5)")
    if cube.dtype.kind != "f":
        raise UsageError(f"the cube holds stored {cube.dtype}; open it with rangegeo.open_cube to have its values")
    if "band_name" in cube.coords:
        cube = cube.isel(band=embedding_bands(cube["band_name"].values.tolist()))
    return cube.transpose(..., "band", "y", "x")


def layered(cube: xr.DataArray) -> da.Array:
    """The values of a lazy cube as (layers, bands, y, x): one layer for each beta, or one if there is no beta."""
    return cube.data if "beta" in cube.dims else cube.data[None]


def products(data: da.Array, vectors: da.Array) -> da.Array:
    """Dot products of every pixel with vectors, summed over the bands in float64.

    Args:
        data: (layers, bands, y, x) in any chunks; the sums of the chunks along the bands are added.
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
    """The products (n, l, 1, y, x) of vectors (n, l, b) with the pixels of a block (l, b, y, x)."""
    layers, _, height, width = block.shape
    out = np.zeros((layers, len(vectors), height * width))
    for some, slab in slabs(block):
        out += vectors[:, :, some].swapaxes(0, 1).astype(np.float64) @ slab.reshape(layers, -1, height * width)
    return out.swapaxes(0, 1).reshape(len(vectors), layers, 1, height, width)


def slabs(block: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """The bands of a block (l, b, y, x), some at a time: which bands, and their values as float64."""
    for some in cut(block.shape[1], SLAB_BANDS):
        yield some, block[:, some].astype(np.float64)


def pixels_like(
    cube: xr.DataArray, values: da.Array, name: str, attrs: dict, before: tuple[str, ...] = ()
) -> xr.DataArray:
    """Values of every pixel as a DataArray with the coordinates, the CRS and the provenance of a cube.

    Args:
        cube: the cube.
        values: an array whose axes are `before` and then those of the cube except band.
        name: the name of the result.
        attrs: attributes of its own.
        before: names of the axes that stand before those of the cube.
    """
    coords = {name: coord for name, coord in cube.coords.items() if "band" not in coord.dims}
    kept = {name: cube.attrs[name] for name in ("model", "citation") if name in cube.attrs}
    dims = (*before, *(("beta",) if "beta" in cube.dims else ()), "y", "x")
    found = xr.DataArray(values, coords, dims, name, kept | attrs)
    found.encoding["grid_mapping"] = GRID_MAPPING
    return found
