"""A lazy raster clipped to an area: pixels outside are nodata, and chunks wholly outside are never computed."""

from __future__ import annotations

from itertools import product
from typing import cast

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from dask.typing import DaskCollection

from rangegeo.grid.mask import OUTSIDE, PARTLY, Mask
from rangegeo.grid.windows import of_sizes


def clip(values: da.Array, mask: Mask) -> da.Array:
    """Set pixels of (..., y, x) outside a mask to NaN; a chunk that lies wholly outside depends on no other task."""
    token = tokenize(values.name, mask)
    name, area = f"rangegeo-clipped-{token}", f"rangegeo-area-{token}"
    rows, cols = (of_sizes(sizes) for sizes in values.chunks[-2:])
    coverage = mask.coverage(rows, cols)
    tasks: dict = {area: mask}
    for index in product(*map(range, values.numblocks)):
        i, j = index[-2:]
        source = (values.name, *index)
        if coverage[i, j] == OUTSIDE:
            tasks[name, *index] = (no_data, tuple(sizes[k] for sizes, k in zip(values.chunks, index, strict=True)))
        elif coverage[i, j] == PARTLY:
            tasks[name, *index] = (keep_inside, source, area, rows[i], cols[j])
        else:
            tasks[name, *index] = source
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[cast(DaskCollection, values)])
    return da.Array(graph, name, values.chunks, dtype=values.dtype)


def no_data(shape: tuple[int, ...]) -> np.ndarray:
    """An array of NaN that takes no memory."""
    return np.broadcast_to(np.float32(np.nan), shape)


def keep_inside(block: np.ndarray, mask: Mask, rows: slice, cols: slice) -> np.ndarray:
    """The block with NaN outside the mask."""
    inside = mask.inside(np.arange(rows.start, rows.stop), np.arange(cols.start, cols.stop))
    return np.where(inside, block, np.float32(np.nan))
