"""How well places find what is seen there, and how much retrieval tells."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 12.0  # of RANGE+


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """How well places find their own keys among those of other places; rank 1 is best."""

    median_rank: float
    mean_reciprocal_rank: float
    top1: float
    top10: float

    @classmethod
    def measure(cls, queries: Tensor, keys: Tensor) -> Retrieval:
        """Rank key i by cosine for query i among all keys, for (n, d) queries and keys."""
        cosines = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T
        ranks = 1 + (cosines > cosines.diagonal()[:, None]).sum(dim=1).double()
        return cls(
            median_rank=ranks.median().item(),
            mean_reciprocal_rank=(1.0 / ranks).mean().item(),
            top1=(ranks <= 1).double().mean().item(),
            top10=(ranks <= 10).double().mean().item(),
        )

    def __str__(self) -> str:
        return (
            f"median rank {self.median_rank:g}, mean reciprocal rank {self.mean_reciprocal_rank:.3f}, "
            f"first {self.top1:.1%}, among the first ten {self.top10:.1%}"
        )


def effective_neighbours(queries: Tensor, keys: Tensor, temperature: float = TEMPERATURE) -> float:
    """Median over queries of exp(entropy) of the softmax that RANGE+ retrieves with."""
    logs = torch.log_softmax(temperature * F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T, dim=1)
    return torch.exp(-(logs.exp() * logs).sum(dim=1)).median().item()


def explained(queries: Tensor, keys: Tensor, values: Tensor, truth: Tensor, temperature: float = TEMPERATURE) -> float:
    """Share of the variance of `truth` that the retrieved average of `values` explains, as RANGE+ retrieves."""
    cosines = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T
    retrieved = torch.softmax(temperature * cosines, dim=1) @ values
    return 1.0 - ((retrieved - truth).square().sum() / (truth - truth.mean(dim=0)).square().sum()).item()
