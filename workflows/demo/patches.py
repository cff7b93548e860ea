"""Square patches on the ground, and the places that they are cut at.

A patch is `size_km` high and wide: its height in degrees is the same everywhere, its width in degrees of
longitude grows with 1 / cos(latitude). It wraps across the antimeridian and repeats the last row of
pixels beyond a pole.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from imagery import Imagery

KM_PER_DEGREE = 6371.0088 * math.pi / 180.0  # mean Earth radius of GRS 80, IUGG
GOLDEN_ANGLE_DEG = 180.0 * (3.0 - math.sqrt(5.0))

LAND_WINDOW_KM = 120.0
LAND_SHARE = 0.10
ICE_BRIGHTNESS = 0.85
ICE_KEPT = 1.0 / 3.0


def cut(picture: torch.Tensor, lonlat_deg: torch.Tensor, size_km: float, pixels: int) -> torch.Tensor:
    """Sample square patches bilinearly.

    Args:
        picture: (bands, H, W) on the whole globe, north up, from -180 degrees of longitude.
        lonlat_deg: (n, 2) patch centres, float64.
        size_km: side of the patch on the ground.
        pixels: side of the patch in pixels.
    Returns:
        (n, bands, pixels, pixels), north up.
    """
    width = picture.shape[2]
    lon, lat = lonlat_deg[:, 0, None], lonlat_deg[:, 1, None]
    steps = (torch.arange(pixels, dtype=torch.float64) + 0.5) / pixels - 0.5
    tall = size_km / KM_PER_DEGREE
    wide = (tall / torch.cos(torch.deg2rad(lat)).clamp_min(1e-9)).clamp_max(360.0)
    lons = torch.remainder(lon + steps * wide + 180.0, 360.0)  # degrees east of the left edge
    lats = (lat - steps * tall).clamp(-90.0, 90.0)

    wrapped = F.pad(picture[None], (1, 1, 0, 0), mode="circular")
    x = 2.0 * (lons / 360.0 * width + 1.0) / (width + 2) - 1.0
    y = 1.0 - (lats + 90.0) / 90.0
    n = lonlat_deg.shape[0]
    grid = torch.stack((x[:, None, :].expand(n, pixels, pixels), y[:, :, None].expand(n, pixels, pixels)), dim=-1)
    grid = grid.reshape(1, n * pixels, pixels, 2).to(picture.dtype)
    sampled = F.grid_sample(wrapped, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return sampled.reshape(len(picture), n, pixels, pixels).transpose(0, 1)


def sphere_lattice(count: int) -> np.ndarray:
    """(count, 2) lon, lat in degrees: a spherical Fibonacci lattice, one point per equal area."""
    index = np.arange(count)
    lat = np.degrees(np.arcsin((2.0 * index + 1.0) / count - 1.0))
    lon = np.mod(index * GOLDEN_ANGLE_DEG, 360.0) - 180.0
    return np.stack([lon, lat], axis=1)


def sphere_random(count: int, generator: np.random.Generator) -> np.ndarray:
    """(count, 2) lon, lat in degrees, uniform by area."""
    lon = generator.uniform(-180.0, 180.0, count)
    lat = np.degrees(np.arcsin(generator.uniform(-1.0, 1.0, count)))
    return np.stack([lon, lat], axis=1)


def on_land(lonlat_deg: np.ndarray, imagery: Imagery, generator: np.random.Generator) -> np.ndarray:
    """Keep places on land and coasts, and one in three of those on ice sheets.

    A place is kept when at least a tenth of a window of 120 km is land. Ice sheets, white in every month,
    look alike over a ninth of all land and are thinned.

    Returns:
        (m, 2), the places kept, in their order, rounded to float32.
    """
    centres = _rounded(lonlat_deg)
    share = _window_means(imagery.land, centres)[:, 0]
    darkest = _window_means(imagery.months, centres).min(axis=1)
    chance = np.where(darkest > ICE_BRIGHTNESS, ICE_KEPT, 1.0)
    kept = (share >= LAND_SHARE) & (generator.random(len(centres)) < chance)
    return centres.numpy()[kept]


def on_open_sea(lonlat_deg: np.ndarray, imagery: Imagery) -> np.ndarray:
    """Keep places whose window of 120 km holds no land: (m, 2), in their order, rounded to float32."""
    centres = _rounded(lonlat_deg)
    return centres.numpy()[_window_means(imagery.land, centres)[:, 0] == 0.0]


def _rounded(lonlat_deg: np.ndarray) -> torch.Tensor:
    """Float64 places that float32 holds exactly, as the database stores them."""
    return torch.from_numpy(lonlat_deg.astype(np.float32).astype(np.float64))


def _window_means(picture: torch.Tensor, centres: torch.Tensor, block: int = 8192) -> np.ndarray:
    """(n, bands) means over windows of LAND_WINDOW_KM."""
    means = [cut(picture, part, LAND_WINDOW_KM, 12).mean(dim=(2, 3)) for part in centres.split(block)]
    return torch.cat(means).numpy()
