"""Pixels of a grid that stand for all of them: seeded lines and lattices."""

from __future__ import annotations

import math

import numpy as np
from odc.geo.geobox import GeoBox

from rangegeo.grid.pixels import pixel_arc_deg

FEWEST_LINES = 16  # rows and columns of a sample, where the raster has as many
SAMPLE_PIXELS = 8192  # of a raster; enough for three directions and their histograms


def sample_lines(geobox: GeoBox, arc_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns whose crossings are a sample: the first, the last, and a seeded one of each stretch between.

    Args:
        arc_deg: of a stretch, which is two pixels at least.
    """
    random = np.random.default_rng(0)
    pixels = max(arc_deg / pixel_arc_deg(geobox), 2.0)
    return tuple(_lines(length, math.ceil(length / pixels), random) for length in geobox.shape)


def _lines(length: int, wanted: int, random: np.random.Generator) -> np.ndarray:
    edges = np.linspace(0, length, min(length, max(FEWEST_LINES, wanted)) + 1).astype(int)
    lines = random.integers(edges[:-1], edges[1:])
    lines[0], lines[-1] = 0, length - 1
    return np.unique(lines)


def sample_lattice(shape: tuple[int, int], seed: int = 0, pixels: int = SAMPLE_PIXELS) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns whose crossings are a sample of a raster: one at random in each of as many even strips.

    Args:
        shape: (h, w) pixels.
        seed: of the random numbers.
        pixels: how many crossings about; a smaller raster is taken whole.
    """
    random = np.random.default_rng(seed)
    height, width = shape
    rows = min(height, max(1, round((pixels * height / width) ** 0.5)))
    cols = min(width, -(-pixels // rows))
    rows = min(height, -(-pixels // cols))
    return _strips(height, rows, random), _strips(width, cols, random)


def _strips(length: int, count: int, random: np.random.Generator) -> np.ndarray:
    return np.unique(((np.arange(count) + random.random(count)) * (length / count)).astype(int))
