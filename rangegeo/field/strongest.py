"""The database rows with the largest weights in the averages of `range.py`.

Everything is float64. The database is read in blocks, so only one block of weights is in memory at a time, and the
weights are still those of the softmax over all rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Self

import torch
from torch import Tensor

from rangegeo.field.retrieval import KEY_BLOCK, nearest_cosine
from rangegeo.support.earth import EARTH_RADIUS_KM, great_circle_rad


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """One softmax over the rows of a database.

    Attributes:
        queries: (n, d) float64 unit vectors.
        keys: (N, d) unit vectors.
        temperature: inverse temperature, dimensionless.
        share: weight of this average in the blend. The rows are chosen by their weights in the blend.
        nearest: (n, 1) the largest cosine of each query, so that its weights cannot all vanish.
    """

    queries: Tensor
    keys: Tensor
    temperature: float
    share: float
    nearest: Tensor

    @classmethod
    def of(cls, queries: Tensor, keys: Tensor, temperature: float, share: float) -> Self:
        """A kernel whose nearest rows are found."""
        return cls(queries, keys, temperature, share, nearest_cosine(queries, keys))

    def block(self, rows: slice) -> Tensor:
        """(n, rows) float64 weights exp(temperature · (cosine - nearest)), which are not yet normalised."""
        return torch.exp(self.temperature * (self.queries @ self.keys[rows].double().T - self.nearest))

    def cosine(self, rows: Tensor) -> Tensor:
        """(n, k) float64 cosines of each query with k rows; `rows` are their numbers, (n, k)."""
        return torch.einsum("nd,nkd->nk", self.queries, self.keys[rows].double())


def strongest_rows(kernels: Sequence[Kernel], k: int) -> tuple[Tensor, Tensor]:
    """The k rows with the largest blended weights, the largest first.

    Args:
        kernels: at least one; all have the same rows and the same queries.
        k: number of rows, at most all of them.
    Returns:
        (n, k) int64 row numbers and (kernels, n, k) float64 weights in each softmax.
    """
    count = len(kernels[0].keys)
    blocks = [slice(first, min(first + KEY_BLOCK, count)) for first in range(0, count, KEY_BLOCK)]
    totals = [_sum([kernel.block(block).sum(dim=1, keepdim=True) for block in blocks]) for kernel in kernels]
    weights = rows = totals[0]  # placeholders, which the first block replaces
    for block in blocks:
        pairs = zip(kernels, totals, strict=True)
        candidates = _sum([kernel.share * kernel.block(block) / total for kernel, total in pairs])
        numbers = torch.arange(block.start, block.stop, device=candidates.device).expand_as(candidates)
        if block.start:
            candidates, numbers = torch.cat([weights, candidates], dim=1), torch.cat([rows, numbers], dim=1)
        weights, best = candidates.topk(min(k, candidates.shape[1]), dim=1)
        rows = numbers.gather(1, best)
    each = [
        torch.exp(kernel.temperature * (kernel.cosine(rows) - kernel.nearest)) / total
        for kernel, total in zip(kernels, totals, strict=True)
    ]
    return rows, torch.stack(each)


def _sum(terms: Iterable[Tensor]) -> Tensor:
    """The sum of tensors of one shape."""
    return reduce(torch.add, terms)


def distance_km(one_deg: Tensor, other_deg: Tensor) -> Tensor:
    """Great-circle distances between (..., 2) lon, lat in degrees on a sphere: (...) float64, in km."""
    (lon, lat), (other_lon, other_lat) = (torch.deg2rad(places.double()).unbind(-1) for places in (one_deg, other_deg))
    return EARTH_RADIUS_KM * great_circle_rad(lon, lat, other_lon, other_lat, xp=torch)
