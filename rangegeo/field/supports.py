"""The semantic average at many places of one patch, from sums over the database at a few of them.

A database row with the key k adds exp(t (q·k - 1)) to the sums of a place. Whatever the key, this is a function of q in
the space of the kernel exp(t (q·q' - 1)). The q of one patch differ little, so a few places, its supports, fix all of
these functions: a pivoted Cholesky decomposition of the kernel at the points of the patch finds the supports, and says
how the other points follow from them. Only the supports are summed over the database. The numerator and the denominator
of the average are combined apart.

Points that follow worst are summed too and compared. If a difference is too large, all points of the patch are summed.

Source: Harbrecht, Peters and Schneider 2012, doi:10.1016/j.apnum.2011.10.001, for the decomposition; De Marchi,
Schaback and Wendland 2005, doi:10.1007/s10444-004-1829-1, for interpolation from the points that it finds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rangegeo.field.retrieval import softmax_average, softmax_sums

FEWEST_POINTS = 256  # of a patch; fewer are all summed
# Multiplications that each place costs, at least: with fewer the decomposition takes as long as what it saves.
SMALLEST_SUM = 2**24
RESIDUAL = 3e-6  # of the kernel, whose largest value is 1; errors of averages were a fifth of it
MOST_SUPPORTS = 0.6  # of the points; with more of them little is saved
COMPARED = 16  # points of a patch that are compared
LARGEST_ERROR = 5e-6  # of these, relative to the largest value; float32 sums differ from exact ones by up to 2e-6


def sums_are_shared(keys: Tensor, values: Tensor) -> bool:
    """Whether `shared_average` saves time with a database of (N, d) keys and (N, v) values: a large one on the CPU.

    A GPU sums all points of a patch in less time than the decomposition takes.
    """
    return keys.device.type == "cpu" and keys.numel() + values.numel() >= SMALLEST_SUM


@dataclass(frozen=True, slots=True, eq=False)
class Supports:
    """The points of a patch from which its other points follow.

    Attributes:
        points: (n,) which of all places are points of the patch.
        chosen: (s,) which of the points are supports.
        compared: (c,) which of the points follow worst.
        weights: (n, s) float64, how the points follow from the supports.
    """

    points: Tensor
    chosen: Tensor
    compared: Tensor
    weights: Tensor

    @classmethod
    def of(cls, points: Tensor, queries: Tensor, temperature: float) -> Supports | None:
        """Find the supports of a patch; None if so many are needed that little is saved.

        Args:
            points: see the attribute.
            queries: (n, d) float64 unit vectors of these points.
            temperature: t.
        """
        from scipy.linalg.lapack import dpstrf

        if len(points) < FEWEST_POINTS:
            return None
        kernel = (temperature * (queries @ queries.T - 1)).exp_()
        factor, order, count, _ = dpstrf(kernel.numpy(), lower=1, tol=RESIDUAL**2)
        if count > MOST_SUPPORTS * len(points):
            return None
        lower = torch.from_numpy(np.tril(factor[:, :count]))
        pivots = torch.from_numpy(order.astype(np.int64) - 1)
        weights = torch.empty_like(lower)
        weights[pivots] = torch.linalg.solve_triangular(lower[:count], lower, upper=False, left=False)
        return cls(points, pivots[:count], pivots[count : count + COMPARED], weights)

    def averages(self, numerator: Tensor, denominator: Tensor) -> tuple[Tensor, float]:
        """The averages at all points of the patch, and the largest error, relative to the largest average.

        Args:
            numerator, denominator: (places, v) and (places, 1) float32 sums, right at the supports and the points that
                are compared.
        """
        above, below = (sums[self.points[self.chosen]].double() for sums in (numerator, denominator))
        averages = ((self.weights @ above) / (self.weights @ below)).to(numerator.dtype)
        known = self.points[self.compared]
        difference = averages[self.compared] - numerator[known] / denominator[known]
        return averages, float(difference.abs().max() / averages.abs().max())


def shared_average(queries: Tensor, patches: Tensor, keys: Tensor, values: Tensor, temperature: float) -> Tensor:
    """`softmax_average` where many places are points of patches. The points of a patch share their sums.

    Args:
        queries: (n, d) float64 unit vectors on the CPU.
        patches: (n,) as of `rangegeo.field.places.Places`.
        keys, values, temperature: as `softmax_average` takes them.
    Returns:
        (n, v) float32.
    """
    found = []
    summed = torch.ones(len(queries), dtype=torch.bool, device=queries.device)
    for number in patches.unique():
        if number >= 0:
            points = (patches == number).nonzero()[:, 0]
            supports = Supports.of(points, queries[points], temperature)
            if supports is not None:
                found.append(supports)
                summed[points] = False
                summed[points[supports.chosen]] = summed[points[supports.compared]] = True
    single = queries.float()
    if not found:
        return softmax_average(single, keys, values, temperature)
    numerator, denominator = values.new_zeros(len(queries), values.shape[1]), values.new_ones(len(queries), 1)
    numerator[summed], denominator[summed] = softmax_sums(single[summed], keys, values, temperature)
    averages = numerator / denominator
    for supports in found:
        points = supports.points
        own, error = supports.averages(numerator, denominator)
        averages[points] = own if error <= LARGEST_ERROR else softmax_average(single[points], keys, values, temperature)
    return averages
