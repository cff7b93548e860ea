"""Which database rows a place draws on, and with what weight: the retrieval of `range.py` laid open.

Everything is float64 and streamed in blocks over the database, so the weights are those of the full softmax, and
never more than a block of them is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rangegeo.field.retrieval import KEY_BLOCK
from rangegeo.support.earth import EARTH_RADIUS_KM


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """One softmax over the rows of a database.

    Attributes:
        queries: (n, d) float64 unit vectors.
        keys: (N, d) unit vectors.
        temperature: inverse, dimensionless.
        share: of this average in the blend that decides which rows are strongest.
    """

    queries: Tensor
    keys: Tensor
    temperature: float
    share: float

    def block(self, rows: slice) -> Tensor:
        """(n, rows) float64 weights exp(temperature · (cosine - 1)), not normalised."""
        return torch.exp(self.temperature * (self.queries @ self.keys[rows].double().T - 1))

    def cosine(self, rows: Tensor) -> Tensor:
        """(n, k) float64 cosines of every query with rows (n, k) of its own."""
        return torch.einsum("nd,nkd->nk", self.queries, self.keys[rows].double())


def strongest_rows(kernels: Sequence[Kernel], k: int) -> tuple[Tensor, Tensor]:
    """The k rows with the largest blended weight, largest first.

    Args:
        kernels: over the same rows, for the same queries.
        k: at most the number of rows.
    Returns:
        (n, k) int64 row numbers and (kernels, n, k) float64 weights in each softmax.
    """
    count = len(kernels[0].keys)
    blocks = [slice(first, min(first + KEY_BLOCK, count)) for first in range(0, count, KEY_BLOCK)]
    totals = [sum(kernel.block(block).sum(dim=1, keepdim=True) for block in blocks) for kernel in kernels]
    weights, rows = torch.empty(0), torch.empty(0)
    for block in blocks:
        here = sum(kernel.share * kernel.block(block) / total for kernel, total in zip(kernels, totals, strict=True))
        numbers = torch.arange(block.start, block.stop, device=here.device).expand_as(here)
        if block.start:
            here, numbers = torch.cat([weights, here], dim=1), torch.cat([rows, numbers], dim=1)
        weights, best = here.topk(min(k, here.shape[1]), dim=1)
        rows = numbers.gather(1, best)
    each = [
        torch.exp(kernel.temperature * (kernel.cosine(rows) - 1)) / total
        for kernel, total in zip(kernels, totals, strict=True)
    ]
    return rows, torch.stack(each)


def distance_km(one_deg: Tensor, other_deg: Tensor) -> Tensor:
    """(..., 2) lon, lat in degrees to (...) km along great circles of a sphere; the haversine formula."""
    (lon, lat), (other_lon, other_lat) = (torch.deg2rad(places.double()).unbind(-1) for places in (one_deg, other_deg))
    across = lat.cos() * other_lat.cos() * torch.sin((other_lon - lon) / 2) ** 2
    half = torch.sin((other_lat - lat) / 2) ** 2 + across
    return 2 * EARTH_RADIUS_KM * torch.asin(half.clamp(max=1).sqrt())
