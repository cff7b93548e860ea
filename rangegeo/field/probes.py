"""Linear probes: numbers that are predicted from an embedding, made instead of its bands.

A probe is linear, so it may be applied to Chebyshev points instead of pixels. Only the answers are interpolated then,
and the tolerance is that of the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rangegeo.field.arrays import as_dtype, like


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Probes:
    """Fitted linear probes, which replace the bands by offsets + (bands - mean) @ directionsᵀ.

    Attributes:
        mean: (bands,) float64, which keeps the products small.
        directions: (n, bands) float64, one row for each answer.
        offsets: (n,) float64, the answers at the mean.
        units: (n,) float64 above 0. Errors of interpolation are measured in these, such as a standard deviation.
        names: of the answers.
    """

    mean: np.ndarray
    directions: np.ndarray
    offsets: np.ndarray
    units: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __dask_tokenize__(self) -> tuple:
        """What dask hashes. Without it equal probes would get different dask keys."""
        arrays = (self.mean, self.directions, self.offsets, self.units)
        return *(array.tobytes() for array in arrays), self.names

    def narrowed(self, answers: Sequence[int]) -> Probes:
        """Some of the probes, by their positions."""
        return Probes(
            mean=self.mean,
            directions=self.directions[answers],
            offsets=self.offsets[answers],
            units=self.units[answers],
            names=tuple(self.names[answer] for answer in answers),
        )

    def worst(self) -> Probes:
        """The probes that turn errors of bands into the largest errors of answers that these can make."""
        mean, offsets = np.zeros_like(self.mean), np.zeros_like(self.offsets)
        return replace(self, mean=mean, directions=np.abs(self.directions), offsets=offsets)

    def apply(self, bands: Any) -> Any:
        """The answers (n, answers) for bands (n, bands), a tensor or an array, in the dtype of the bands.

        Products are float64: the directions of a probe are long, so float32 would lose several digits.
        """
        mean, directions, offsets = (
            like(array, bands, "float64") for array in (self.mean, self.directions, self.offsets)
        )
        answers = (as_dtype(bands, "float64") - mean) @ directions.T + offsets
        return as_dtype(answers, str(bands.dtype).removeprefix("torch."))
