"""Small rasters whose values are known everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.geotiffs import write
from rasterio.transform import from_origin


@pytest.fixture
def globe(tmp_path: Path) -> Callable[..., Path]:
    """Makes a raster of the globe: the cosine and the sine of longitude, and latitude in degrees."""

    def make(step: float = 0.5, west: float = -180.0) -> Path:
        lon = np.radians(west + (np.arange(round(360 / step)) + 0.5) * step)
        lat = 90 - (np.arange(round(180 / step)) + 0.5) * step
        bands = (np.cos(lon)[None], np.sin(lon)[None], lat[:, None])
        values = np.stack([np.broadcast_to(band, (len(lat), len(lon))) for band in bands]).astype(np.float32)
        return write(tmp_path / f"globe{west:g}.tif", values, from_origin(west, 90, step, step))

    return make
