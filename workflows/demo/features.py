"""What a patch looks like, as numbers: EfficientNet-Lite0 features and colour statistics.

The raw features of a place are four vectors of 1280 pooled network features (two seasons, patches of 240
and 120 km) and 36 colour statistics for each of five months: two of the encoders of `rangegeo db build`.
`Reducer` turns them into 256 principal components; those are the values of the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from imagery import Imagery
from patches import cut
from torch import nn

from rangegeo.databases.vision import colour_statistics

PATCH_SIZES_KM = (240.0, 120.0)
PATCH_PIXELS = 64
NETWORK_WIDTH = 1280
MONTH_WIDTH = 36
BLOCKS = (NETWORK_WIDTH,) * 4 + (5 * MONTH_WIDTH,)  # widths of the parts of a raw feature vector
RAW_WIDTH = sum(BLOCKS)
# Share of the total variance that each part has before the principal components are taken.
BLOCK_SHARES = (0.15, 0.15, 0.15, 0.15, 0.40)


def raw_features(
    lonlat_deg: np.ndarray, imagery: Imagery, network: nn.Module, block: int = 256
) -> Iterator[np.ndarray]:
    """Yield (m, RAW_WIDTH) float32 blocks of raw features for (n, 2) lon, lat in degrees, in order."""
    for centres in torch.from_numpy(np.asarray(lonlat_deg, np.float64)).split(block):
        with torch.inference_mode():
            parts = [
                _network_features(network, cut(season, centres, size_km, PATCH_PIXELS))
                for season in imagery.seasons
                for size_km in PATCH_SIZES_KM
            ]
            parts.append(colour_statistics(cut(imagery.months, centres, PATCH_SIZES_KM[0], 12)))
            yield torch.cat(parts, dim=1).numpy()


def _network_features(network: nn.Module, patches: torch.Tensor) -> torch.Tensor:
    """(n, 3, p, p) in [0, 1] to (n, 1280): the last feature map, averaged over the patch."""
    inputs = (patches * 255.0 - 127.0) / 128.0  # the input range of the Lite family
    return network(inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reducer:
    """Raw features to values: (raw - mean) @ axes.

    Attributes:
        mean: (RAW_WIDTH,) float32.
        axes: (RAW_WIDTH, 256) float16; standardisation, the shares of the parts, the principal axes in
            falling order of variance and one common scale are all folded in.
    """

    mean: np.ndarray
    axes: np.ndarray

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """(n, RAW_WIDTH) to (n, 256) float32 values, root mean square 1 over all places and components."""
        return (raw - self.mean) @ self.axes.astype(np.float32)

    @classmethod
    def fit(cls, raw: np.ndarray, width: int = 256, block: int = 8192) -> Reducer:
        """Principal components of (n, RAW_WIDTH) raw features, each standardised first."""
        blocks = [raw[start : start + block] for start in range(0, len(raw), block)]
        mean = sum(part.sum(axis=0, dtype=np.float64) for part in blocks) / len(raw)
        square = sum(np.square(part - mean).sum(axis=0) for part in blocks) / len(raw)
        shares = np.concatenate([np.full(n, np.sqrt(share / n)) for n, share in zip(BLOCKS, BLOCK_SHARES, strict=True)])
        weight = (shares / np.sqrt(square + 1e-12)).astype(np.float32)
        mean = mean.astype(np.float32)

        moments = np.zeros((raw.shape[1],) * 2, np.float32)
        for part in blocks:
            scaled = (part.astype(np.float32) - mean) * weight
            moments += scaled.T @ scaled
        variances, axes = torch.linalg.eigh(torch.from_numpy(moments / len(raw)))
        variances, axes = variances.flip(0)[:width].numpy(), axes.flip(1)[:, :width].numpy()
        axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(width)])  # a definite sign
        scale = np.sqrt(variances.mean())
        return cls(mean=mean, axes=(weight[:, None] * axes / scale).astype(np.float16))
