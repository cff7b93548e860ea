"""Clusters of pixels with like embeddings: k-means fitted on a sample, applied chunk by chunk."""

from __future__ import annotations

import math
from itertools import pairwise, product
from numbers import Integral

import dask.array as da
import numpy as np
import xarray as xr

from rangegeo.analysis.pixels import embedding_of, layered, pixels_like, products
from rangegeo.cubes.lazy import as_lazy
from rangegeo.errors import UsageError
from rangegeo.schema.cube import is_in_memory
from rangegeo.support.optional import import_optional

SAMPLE_PIXELS = 10_000  # that the clusters are fitted on, at most
SAMPLE_BLOCKS = 32  # chunks that these pixels are taken from, at most: the others are not computed for it
NODATA = -1


def cluster(cube: xr.DataArray, k: int, *, seed: int = 0) -> xr.DataArray:
    """Which of k clusters each pixel belongs to, all betas sharing the clusters.

    Args:
        cube: (beta, band, y, x) or (band, y, x), of which the bands are compared as they are, by their Euclidean
            distance; diagnostics are left out.
        k: how many clusters.
        seed: of the sample that is computed now, and of k-means.
    Returns:
        int16 labels from 0 to k - 1 with the cube's dims but band, -1 where it has no data; as lazy as the cube.
    Raises:
        UsageError: k is impossible, or there is no one embedding in the cube. MissingPackage: scikit-learn is missing.
    """
    if not isinstance(k, Integral) or not 2 <= k <= np.iinfo(np.int16).max:
        raise UsageError(f"k must be an integer from 2 on, got {k!r}; for example k=8")
    compared = embedding_of(cube)
    lazy = as_lazy(compared)
    centres = _fit(_sample(compared, np.random.default_rng(seed)), int(k), seed)
    data = layered(lazy)
    vectors = np.broadcast_to(centres[:, None], (k, data.shape[0], centres.shape[1]))
    near = products(data, da.from_array(vectors, chunks=-1))
    half_squares = (centres**2).sum(axis=1) / 2
    labels = near.map_blocks(_nearest, half_squares, drop_axis=0, dtype=np.int16)
    attrs = {"long_name": "cluster", "clusters": int(k), "seed": seed, "_FillValue": np.int16(NODATA)}
    found = pixels_like(cube, labels if "beta" in cube.dims else labels[0], "cluster", attrs)
    return found.compute() if is_in_memory(compared) else found


def _sample(cube: xr.DataArray, random: np.random.Generator) -> np.ndarray:
    """(n, bands) of pixels that have data, from some chunks, all betas together."""
    chunked = cube.variable.chunksizes if cube.chunks is not None else {}
    edges = [np.cumsum((0, *chunked.get(axis, (cube.sizes[axis],)))) for axis in ("y", "x")]
    blocks = list(product(*(list(pairwise(side)) for side in edges)))
    if len(blocks) > SAMPLE_BLOCKS:
        blocks = [blocks[number] for number in sorted(random.choice(len(blocks), SAMPLE_BLOCKS, replace=False))]
    side = math.ceil(math.sqrt(SAMPLE_PIXELS / len(blocks)))
    parts = []
    for block in blocks:
        rows, cols = (np.sort(random.choice(np.arange(*part), min(side, part[1] - part[0]), False)) for part in block)
        parts.append(cube.isel(y=rows, x=cols).transpose(..., "band").drop_vars(list(cube.coords)))
    flat = [part.data.reshape(-1, cube.sizes["band"]) for part in parts]
    values = da.concatenate(flat).compute() if cube.chunks is not None else np.concatenate(flat)
    return values[np.isfinite(values).all(axis=1)].astype(np.float64)


def _fit(values: np.ndarray, k: int, seed: int) -> np.ndarray:
    """(k, bands) float64 centres."""
    KMeans = import_optional("sklearn.cluster", "clustering", "cluster").MiniBatchKMeans
    different = len(np.unique(values, axis=0))
    if different < k:
        raise UsageError(f"k must be at most the number of different pixels, {different}, got {k}")
    return KMeans(k, random_state=seed, n_init=3, batch_size=2048).fit(values).cluster_centers_


def _nearest(products: np.ndarray, half_squares: np.ndarray) -> np.ndarray:
    """(k, l, y, x) products with the centres to (l, y, x): |x - c|² is smallest where x·c - |c|²/2 is largest."""
    scores = products - half_squares[:, None, None, None]
    labels = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=0)
    return np.where(np.isfinite(scores).all(axis=0), labels, NODATA).astype(np.int16)
