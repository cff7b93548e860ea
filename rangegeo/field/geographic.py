"""The geographic average in closed form: a sum over the whole database folded into a few thousand coefficients.

The kernel exp(k (cos d - 1)) of RANGE+ depends on the distance d alone, and its spherical-harmonic expansion
decays fast. By the addition theorem

    sum_j exp(k (x·x_j - 1)) v_j  =  sum_lm Y_lm(x) [ 4 pi e^-k i_l(k) sum_j Y_lm(x_j) v_j ]

where i_l are the modified spherical Bessel functions. The bracket is computed once per database. A place then costs
L² products per value instead of one per database row, and on a separable grid about 2L.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.places import Places

TAIL = 1e-14  # share of the kernel's largest value that the truncated expansion may leave out
RELATIVE_ERROR = 2e-7  # largest round-off of an average that `FoldedAverage` calls accurate
FOLD_ROWS = 4096  # database rows whose harmonics are in memory at a time (about 80 MB)


def kernel_coefficients(temperature: float, tail: float = TAIL) -> Tensor:
    """(L,) float64 coefficients c_l = 4 pi e^-k i_l(k) of the kernel, on the CPU.

    They come from Miller's backward recurrence, normalised with i_0(k) = sinh(k) / k.

    Args:
        temperature: k of the kernel.
        tail: degrees from L on are left out; together they add at most this much to the kernel's value at distance 0.
    Source: Abramowitz and Stegun 10.2.18 and 10.2.36.
    """
    start = int(4 * temperature) + 60
    above, here = 0.0, 1e-280
    ratios = [0.0] * start
    for l in range(start - 1, -1, -1):
        ratios[l] = here
        above, here = here, above + (2 * l + 1) / temperature * here  # i_{l-1} = i_{l+1} + (2l+1)/k i_l
        if here > 1e250:
            above, here, ratios = above * 1e-250, here * 1e-250, [r * 1e-250 for r in ratios]
    first = -math.expm1(-2 * temperature) / (2 * temperature)  # e^-k sinh(k) / k
    scaled = torch.tensor(ratios, dtype=torch.float64, device="cpu") * (first / ratios[0])
    # the share of each degree in the kernel's value at distance 0
    shares = scaled * (2 * torch.arange(start, device="cpu") + 1)
    left_out = shares.flip(0).cumsum(0).flip(0)
    return 4 * math.pi * scaled[: int((left_out > tail).sum())]


def fold(lonlat_deg: Tensor, values: Tensor, temperature: float) -> Tensor:
    """Fold a database into the coefficients of its geographic sums.

    Args:
        lonlat_deg: (N, 2) places in degrees.
        values: (N, v) values of the rows.
        temperature: k of the kernel.
    Returns:
        (v + 1, L²) float64; the last row is the sum of the kernel itself; `FoldedAverage` divides the others by it.
    """
    kernel = kernel_coefficients(temperature)
    harmonics = SphericalHarmonics(len(kernel), "closed-form").to(values.device)
    sums = torch.zeros(values.shape[1] + 1, harmonics.features, dtype=torch.float64, device=values.device)
    for start in range(0, len(values), FOLD_ROWS):
        rows = slice(start, start + FOLD_ROWS)
        features = harmonics(lonlat_deg[rows])
        sums[:-1].addmm_(values[rows].double().T, features)
        sums[-1] += features.sum(dim=0)
    degrees = torch.arange(len(kernel), device=sums.device)
    return sums * kernel.to(sums.device).repeat_interleave(2 * degrees + 1)


class FoldedAverage(nn.Module):
    """Geographic averages from folded coefficients.

    Args:
        coefficients: (v + 1, L²) float64 from `fold`.
        rows: N, the number of database rows folded.
    """

    coefficients: Tensor

    def __init__(self, coefficients: Tensor, rows: int) -> None:
        super().__init__()
        self.harmonics = SphericalHarmonics(math.isqrt(coefficients.shape[1]), "closed-form").to(coefficients.device)
        self.register_buffer("coefficients", coefficients, persistent=False)
        # Round-off and truncation are below about 2e-14 per row, so a larger kernel sum keeps RELATIVE_ERROR.
        self.smallest_sum = rows * 2e-14 / RELATIVE_ERROR

    def forward(self, places: Places) -> tuple[Tensor, Tensor]:
        """(n, v) float32 averages, and (n,) bool: whether each one is accurate.

        An average is not accurate where a place is so far from every database row that round-off exceeds the sum.
        """
        sums = self.harmonics.project(places, self.coefficients)
        kernel_sum = sums[:, -1:]
        accurate = kernel_sum[:, 0] > self.smallest_sum
        return (sums[:, :-1] / kernel_sum).float(), accurate
