"""Small GeoTIFFs of given values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine


def write(path: Path, values: np.ndarray, transform: Affine, crs: str | None = "EPSG:4326", **profile: object) -> Path:
    """Write (bands, h, w) values."""
    count, height, width = values.shape
    shape = {"count": count, "height": height, "width": width}
    with rasterio.open(
        path, "w", driver="GTiff", dtype=values.dtype, crs=crs, transform=transform, **shape, **profile
    ) as file:
        file.write(values)
    return path
