"""The entropy of softmax weights over a database: it says how many rows decide. The weights are not stored.

With logits a_j and Z = sum_j exp(a_j) the entropy is

    H = -sum_j p_j ln p_j = ln Z - sum_j p_j a_j        in nats,

and exp(H) is the effective number of neighbours: 1 if one row has all the weight, N if all N rows share it equally.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rangegeo.field.geographic import TAIL, FoldedAverage, kernel_coefficients
from rangegeo.field.places import Places
from rangegeo.field.retrieval import KEY_BLOCK, QUERY_BLOCK, nearest_cosine


def softmax_entropy(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """Entropy of softmax(temperature · queries keysᵀ), computed over the keys in blocks.

    Args:
        queries: (n, d) unit vectors, float32 or float64; exponents have their dtype.
        keys: (N, d) unit vectors, float32.
        temperature: inverse temperature of the softmax, dimensionless: in (0, 43] for float32, any for float64.
    Returns:
        (n,) float64, in nats.
    """
    entropy = queries.new_empty(len(queries), dtype=torch.float64)
    sharp = queries.dtype == torch.float64  # the largest logit is 0, so that weights cannot all vanish
    for start in range(0, len(queries), QUERY_BLOCK):
        block = queries[start : start + QUERY_BLOCK]
        shift = -temperature * nearest_cosine(block, keys) if sharp else block.new_tensor(-temperature)
        weight_sum, logit_sum = entropy.new_zeros(2, len(block))
        for first in range(0, len(keys), KEY_BLOCK):
            part = keys[first : first + KEY_BLOCK].to(block.dtype)
            logits = torch.addmm(shift, block, part.T, alpha=temperature)
            weights = logits.exp()
            weight_sum += weights.sum(dim=1)
            logit_sum += weights.mul_(logits).sum(dim=1)
        entropy[start : start + QUERY_BLOCK] = weight_sum.log() - logit_sum / weight_sum
    return entropy


class FoldedEntropy(nn.Module):
    """The entropy of the geographic weights, from the folded sum of their kernel and from its derivative.

    The mean logit of the kernel exp(k (cos d - 1)) is k times the derivative of ln Z with respect to k. Only
    the coefficients c_l of the kernel depend on k, and c_l' = (l c_{l-1} + (l + 1) c_{l+1}) / (2l + 1) - c_l.

    Args:
        average: the folded average of the same database.
        temperature: k of the kernel.
    Source: the recurrences of Abramowitz and Stegun 10.2.20.
    """

    coefficients: Tensor

    def __init__(self, average: FoldedAverage, temperature: float) -> None:
        super().__init__()
        self.average, self.temperature = average, temperature
        degrees = torch.arange(average.harmonics.degree, device="cpu")
        kernel = kernel_coefficients(temperature, TAIL / 1e3)  # one degree beyond the last folded one
        here, above = kernel[degrees], kernel[degrees + 1]
        below = torch.cat([kernel.new_zeros(1), here[:-1]])
        growth = ((degrees * below + (degrees + 1) * above) / (2 * degrees + 1) - here) / here
        kernel_sum = average.coefficients[-1]
        slope = kernel_sum * growth.repeat_interleave(2 * degrees + 1).to(kernel_sum.device)
        self.register_buffer("coefficients", torch.stack([kernel_sum, slope]), persistent=False)

    def forward(self, places: Places) -> tuple[Tensor, Tensor]:
        """(n,) float64 entropies in nats, and (n,) bool: whether each is accurate to 1e-5 (see `FoldedAverage`)."""
        kernel_sum, slope = self.average.harmonics.project(places, self.coefficients).unbind(1)
        return kernel_sum.log() - self.temperature * slope / kernel_sum, kernel_sum > self.average.smallest_sum
