"""Softmax retrieval over a database of any size, in blocks of a fixed size.

Queries and keys are unit vectors, so a similarity never exceeds 1 and exp(temperature · (similarity - 1)) never
overflows. So no running maximum is needed, and the sums of the blocks are simply added. At temperatures above 43 all
weights of a query could vanish in float32; `sharp_average` serves these too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rangegeo.errors import ShapeError
from rangegeo.field.temperatures import HIGHEST_TEMPERATURE

# Queries and keys of one block of similarities, 8 MiB of float32. With 100,000 keys on two cores it was the fastest of
# the sizes 128..2048 by 1024..100,000.
QUERY_BLOCK = 2048
KEY_BLOCK = 1024
CUDA_KEY_BLOCK = 16_384  # on an H200, 32,768 were 2 % faster, and their float32 sums twice as far off
LOWEST_EXPONENT = -69.0  # 1e-30 next to a largest weight of 1; much smaller ones make arithmetic ten times as slow


def softmax_average(queries: Tensor, keys: Tensor, values: Tensor, temperature: float) -> Tensor:
    """Average database values by the similarity of their keys to each query: softmax(t · queries keysᵀ) values.

    Args:
        queries: (n, d) unit vectors, float32.
        keys: (N, d) unit vectors, float32.
        values: (N, v), float32.
        temperature: t, the inverse temperature of the softmax, dimensionless, in (0, 43].
    Returns:
        (n, v) float32 convex combinations of the values.
    Raises:
        ShapeError: queries and keys differ in d, keys and values differ in N, or the temperature is out of range.
    Source: arXiv:2502.19781, section 3.
    """
    numerator, denominator = softmax_sums(queries, keys, values, temperature)
    return numerator.div_(denominator)


def softmax_sums(queries: Tensor, keys: Tensor, values: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """The numerator (n, v) and the denominator (n, 1) of `softmax_average`, which takes the same arguments.

    A row adds its values times exp(t (cosine - 1)) to the one, and this weight to the other.
    """
    if queries.shape[1] != keys.shape[1] or len(keys) != len(values):
        raise ShapeError(
            f"retrieval needs queries (n, d), keys (N, d) and values (N, v), got {tuple(queries.shape)}, "
            f"{tuple(keys.shape)} and {tuple(values.shape)}"
        )
    if not 0 < temperature <= HIGHEST_TEMPERATURE:
        raise ShapeError(f"a softmax temperature must be in (0, {HIGHEST_TEMPERATURE:g}], got {temperature:g}")
    numerators = values.new_zeros(len(queries), values.shape[1])
    denominators = values.new_zeros(len(queries), 1)
    shift = queries.new_tensor(-temperature)
    key_block = min(CUDA_KEY_BLOCK if queries.is_cuda else KEY_BLOCK, len(keys))
    for start in range(0, len(queries), QUERY_BLOCK):
        own = slice(start, start + QUERY_BLOCK)
        block, numerator, denominator = queries[own], numerators[own], denominators[own]
        held = values.new_empty(len(block) * key_block)  # reused: new memory costs time in every block
        for first in range(0, len(keys), key_block):
            rows = slice(first, first + key_block)
            weights = held[: len(block) * len(keys[rows])].view(len(block), -1)
            torch.addmm(shift, block, keys[rows].T, alpha=temperature, out=weights).exp_()
            denominator += weights.sum(dim=1, keepdim=True)
            numerator.addmm_(weights, values[rows])
    return numerators, denominators


def nearest_cosine(queries: Tensor, keys: Tensor) -> Tensor:
    """The largest cosine of each query with any key: (n, 1) in the dtype of the queries, (n, d) unit vectors."""
    nearest = queries.new_full((len(queries), 1), -1.0)
    for first in range(0, len(keys), KEY_BLOCK):
        cosines = queries @ keys[first : first + KEY_BLOCK].to(queries.dtype).T
        torch.maximum(nearest, cosines.amax(dim=1, keepdim=True), out=nearest)
    return nearest


def sharp_average(queries: Tensor, keys: Tensor, values: Tensor, temperature: float) -> Tensor:
    """`softmax_average` at any temperature: cosines are float64, and the largest exponent of each query is 0.

    An error of 6e-8 in a cosine, as float32 has, would change a weight by 6e-8 times the temperature.

    Args:
        queries: (n, d) float64 unit vectors.
        keys: (N, d) float32 unit vectors; d should be small, because each key is read twice.
        values, temperature: as in `softmax_average`, and the temperature may have any size.
    Returns:
        (n, v) float32.
    """
    average = values.new_empty(len(queries), values.shape[1])
    for start in range(0, len(queries), QUERY_BLOCK):
        block = queries[start : start + QUERY_BLOCK]
        shift = -temperature * nearest_cosine(block, keys)
        numerator, denominator = values.new_zeros(len(block), values.shape[1]), values.new_zeros(len(block), 1)
        for first in range(0, len(keys), KEY_BLOCK):
            rows = slice(first, first + KEY_BLOCK)
            exponents = torch.addmm(shift, block, keys[rows].to(block.dtype).T, alpha=temperature)
            weights = exponents.to(values.dtype).clamp_(min=LOWEST_EXPONENT).exp_()
            denominator += weights.sum(dim=1, keepdim=True)
            numerator.addmm_(weights, values[rows])
        torch.div(numerator, denominator, out=average[start : start + QUERY_BLOCK])
    return average
