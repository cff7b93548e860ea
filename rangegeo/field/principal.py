"""Principal directions of a sample. Their signs are fixed, so that the same sample gives the same directions."""

from __future__ import annotations

import numpy as np


def principal_directions(sample: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The directions in which a sample varies most.

    Args:
        sample: (n, bands) finite values.
        count: number of directions; directions beyond the number of bands are zero.
    Returns:
        (bands,) mean, (count, bands) directions, the largest loading of each positive, and (count,) the share of
        the variance that each explains; all float64.
    """
    sample = sample.astype(np.float64)
    bands = sample.shape[1]
    mean = sample.mean(axis=0)
    centred = sample - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred)
    largest = vectors[:, ::-1].T[:count]
    signs = np.sign(largest[np.arange(len(largest)), np.abs(largest).argmax(axis=1)])
    directions, explained = np.zeros((count, bands)), np.zeros(count)
    directions[: len(largest)] = largest * signs[:, None]
    total = variances.sum()
    if total > 0:
        explained[: len(largest)] = variances[::-1][:count] / total
    return mean, directions, explained
