"""Small tables of labels that follow the miniature model, so that maps of them can be good."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


def places(count: int, seed: int = 0, box: tuple[float, float, float, float] = (-20, 30, 40, 65)) -> np.ndarray:
    """(n, 2) random places in a box."""
    west, south, east, north = box
    return np.random.default_rng(seed).uniform((west, south), (east, north), (count, 2))


@pytest.fixture(scope="session")
def frame(mini) -> pd.DataFrame:
    """200 labels: a number, its class, and a second number, all of which the embedding knows."""
    lonlat = places(200)
    bands = mini.encode(lonlat, beta=0.5)
    height = 100 + 50 * bands[:, 3] / bands[:, 3].std() + np.random.default_rng(1).normal(0, 5, len(lonlat))
    names = np.array(["low", "middle", "high"])[np.digitize(height, np.quantile(height, [0.33, 0.66]))]
    return pd.DataFrame(
        {"lon": lonlat[:, 0], "lat": lonlat[:, 1], "height": height, "cover": names, "rain": 3 * bands[:, 7]}
    )


@pytest.fixture(scope="session")
def heights(mini, frame):
    """A map of numbers."""
    import rangegeo as rg

    return rg.fit_map(frame, "height", model=mini, block="5deg", seeds=2)


@pytest.fixture(scope="session")
def covers(mini, frame):
    """A map of classes."""
    import rangegeo as rg

    return rg.fit_map(frame, "cover", model=mini, block="5deg", seeds=1, baselines=False)
