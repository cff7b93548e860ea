"""Colours for embeddings: the three main directions in which a sample of pixels varies, as red, green and blue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rangegeo.principal import principal_directions

SAMPLE_PIXELS = 20_000  # of a raster; enough for three directions and two percentiles
SMALLEST_SPAN = 1e-4  # of the mean; less is round-off, not to be stretched from black to white
LOW, HIGH = 2.0, 98.0  # percentiles that become black and full colour, QGIS's own default cut


@dataclass(frozen=True, slots=True, eq=False)
class Colours:
    """A linear map from bands to colours.

    Attributes:
        mean: (bands,).
        directions: (3, bands), unit length, the largest loading of each positive.
        low, high: (3,) projections that become 0 and 255.
    """

    mean: np.ndarray
    directions: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def paint(self, values: np.ndarray) -> np.ndarray:
        """(bands, ...) to (3, ...) uint8 in 1 to 255; 0 where a band is NaN."""
        flat = values.reshape(len(self.mean), -1).astype(np.float32, copy=False)
        scores = self.directions @ flat - (self.directions @ self.mean)[:, None]
        with np.errstate(invalid="ignore"):
            shades = np.clip((scores - self.low[:, None]) / (self.high - self.low)[:, None], 0, 1) * 254 + 1
        shades = np.where(np.isfinite(scores), np.rint(shades), 0).astype(np.uint8)
        return shades.reshape(3, *values.shape[1:])


def fit_colours(sample: np.ndarray) -> Colours:
    """The colours of a sample (n, bands); rows with NaN are left out, and every sample gives some colours."""
    sample = sample[np.isfinite(sample).all(axis=1)].astype(np.float64)
    if len(sample) == 0:
        sample = np.zeros((1, sample.shape[1]))
    mean, directions, _ = principal_directions(sample, 3)
    low, high = np.percentile((sample - mean) @ directions.T, (LOW, HIGH), axis=0)
    narrow = np.maximum(SMALLEST_SPAN * (np.abs(mean).max() or 1.0) - (high - low), 0) / 2
    low, high = low - narrow, high + narrow
    return Colours(*(part.astype(np.float32) for part in (mean, directions, low, high)))


def sample_steps(shape: Sequence[int], pixels: int = SAMPLE_PIXELS) -> int:
    """Every which row and column to take so that a raster (h, w) gives about `pixels` of them."""
    height, width = shape
    return max(1, int((height * width / pixels) ** 0.5))
