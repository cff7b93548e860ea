"""Clusters of pixels with similar embeddings: k-means is fitted on a sample and applied chunk by chunk."""

from __future__ import annotations

import math
from itertools import product

import dask.array as da
import numpy as np
import xarray as xr

from rangegeo.analysis.pixels import embedding_of, layered, pixels_like, products
from rangegeo.cubes.betas import at_beta, usual_beta
from rangegeo.cubes.lazy import as_lazy
from rangegeo.errors import UsageError
from rangegeo.grid.windows import of_sizes
from rangegeo.schema.cube import is_in_memory
from rangegeo.support.numbers import check_seed, is_whole
from rangegeo.support.optional import import_optional

SAMPLE_PIXELS = 10_000  # the clusters are fitted on about so many pixels of each beta
SAMPLE_BLOCKS = 32  # these pixels come from at most so many chunks; the other chunks are not computed for the fit
NODATA = -1


def cluster(cube: xr.DataArray, k: int, *, seed: int = 0, beta: float | str = "shared") -> xr.DataArray:
    """Put the pixels of a cube into k clusters.

    Pixels are compared by the Euclidean distance of their embeddings. A sample of pixels is computed now, to fit the
    clusters; the labels are computed when they are used.

    Args:
        cube: (beta, band, y, x) or (band, y, x); bands with diagnostics are ignored.
        k: the number of clusters.
        seed: the seed of the sample and of k-means.
        beta: "shared" for clusters that all betas share, so that the same label means the same in each; "each" for k
            clusters of each beta, whose labels have nothing to do with those of another beta; or a number, to cluster
            this beta alone.
    Returns:
        int16 labels from 0 to k - 1 with the dimensions of the cube except band, and without beta if a beta is chosen;
        -1 where the cube has no data. They are lazy if the cube is lazy.
    Raises:
        UsageError: k is out of range, or the cube holds no single embedding, or not this beta.
        MissingPackage: scikit-learn is not installed.
    """
    if not is_whole(k) or not 2 <= k <= np.iinfo(np.int16).max:
        raise UsageError(argument="k", expected="an integer from 2 on", got=repr(k), example=8)
    if beta == "each":
        return _of_each_beta(cube, k, seed)
    if beta != "shared":
        cube = at_beta(cube, _number(beta, cube))
    compared, seed = embedding_of(cube), check_seed(seed)
    lazy = as_lazy(compared)
    centres = _fitted_centres(_sample_vectors(compared, np.random.default_rng(seed)), int(k), seed)
    data = layered(lazy)
    vectors = np.broadcast_to(centres[:, None], (k, data.shape[0], centres.shape[1]))
    dot_products = products(data, da.from_array(vectors, chunks=-1))
    half_squares = (centres**2).sum(axis=1) / 2
    labels = da.map_blocks(_nearest_centre, dot_products, half_squares, drop_axis=0, dtype=np.int16)
    shared = "beta" in cube.dims and cube.sizes["beta"] > 1
    name = "cluster, shared by all betas" if shared else "cluster"
    attrs = {"long_name": name, "clusters": int(k), "seed": seed, "_FillValue": np.int16(NODATA)}
    found = pixels_like(cube, labels if "beta" in cube.dims else labels[0], "cluster", attrs)
    return found.compute() if is_in_memory(compared) else found


def _number(beta: float | str, cube: xr.DataArray) -> float:
    """A beta that is given as a number; raises UsageError for other text than "shared" and "each"."""
    if isinstance(beta, str):
        usual = usual_beta(cube)
        example = "shared" if usual is None else usual
        raise UsageError(argument="beta", expected='a number, "shared" or "each"', got=repr(beta), example=example)
    return beta


def _of_each_beta(cube: xr.DataArray, k: int, seed: int) -> xr.DataArray:
    """Clusters of each beta, fitted apart, with the dimensions of the cube except band."""
    if "beta" not in cube.dims:
        return cluster(cube, k, seed=seed)
    parts = [cluster(cube.isel(beta=index), k, seed=seed) for index in range(cube.sizes["beta"])]
    joined = xr.concat(parts, cube["beta"], coords="minimal", compat="override", join="override")
    return joined.assign_attrs(parts[0].attrs | {"long_name": "cluster, of each beta apart"})


def _sample_vectors(cube: xr.DataArray, random: np.random.Generator) -> np.ndarray:
    """The embeddings (n, bands) of random pixels with data, from some chunks, of all betas together."""
    chunked = cube.variable.chunksizes if cube.chunks is not None else {}
    blocks = list(product(*(of_sizes(chunked.get(axis, (cube.sizes[axis],))) for axis in ("y", "x"))))
    if len(blocks) > SAMPLE_BLOCKS:
        blocks = [blocks[number] for number in sorted(random.choice(len(blocks), SAMPLE_BLOCKS, replace=False))]
    side = math.ceil(math.sqrt(SAMPLE_PIXELS / len(blocks)))
    parts = []
    for block in blocks:
        rows, cols = (_some_of(window, side, random) for window in block)
        parts.append(cube.isel(y=rows, x=cols).transpose(..., "band").drop_vars(list(cube.coords)))
    flat = [part.data.reshape(-1, cube.sizes["band"]) for part in parts]
    values = da.concatenate(flat).compute() if cube.chunks is not None else np.concatenate(flat)
    return values[np.isfinite(values).all(axis=1)].astype(np.float64)


def _some_of(window: slice, count: int, random: np.random.Generator) -> np.ndarray:
    """Random rows or columns of a window, in rising order; all of them if there are fewer than `count`."""
    return np.sort(random.choice(np.arange(window.start, window.stop), min(count, window.stop - window.start), False))


def _fitted_centres(vectors: np.ndarray, k: int, seed: int) -> np.ndarray:
    """The centres (k, bands) of the clusters of vectors (n, bands), float64."""
    KMeans = import_optional("sklearn.cluster", "clustering").MiniBatchKMeans
    different = len(np.unique(vectors, axis=0))
    if different < k:
        raise UsageError(argument="k", expected=f"at most the number of different pixels, {different}", got=k)
    return KMeans(k, random_state=seed, n_init=3, batch_size=2048).fit(vectors).cluster_centers_


def _nearest_centre(dot_products: np.ndarray, half_squares: np.ndarray) -> np.ndarray:
    """The labels (l, y, x) of the nearest centres.

    The distance |x - c|² is smallest where x·c - |c|²/2 is largest.

    Args:
        dot_products: (k, l, y, x) products x·c of the pixels of l layers with k centres.
        half_squares: (k,) |c|²/2.
    """
    scores = dot_products - half_squares[:, None, None, None]
    labels = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=0)
    return np.where(np.isfinite(scores).all(axis=0), labels, NODATA).astype(np.int16)
