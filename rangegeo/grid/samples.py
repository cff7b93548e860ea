"""Pixels of a grid that stand for all of them; the random choices are seeded."""

from __future__ import annotations

import math

import numpy as np
from odc.geo.geobox import GeoBox

from rangegeo.grid.pixels import pixel_arc_deg
from rangegeo.support.numbers import check_seed

FEWEST_LINES = 16  # a sample has at least so many rows and columns if the raster has as many
SAMPLE_PIXELS = 8192  # enough to fit three directions and the histograms of three colours


def sample_lines(geobox: GeoBox, arc_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns whose crossings are a sample of a raster.

    Each axis is cut into stretches and has one random line in each, and its first and its last line.

    Args:
        geobox: the grid of the raster.
        arc_deg: the length of a stretch in degrees of arc; a stretch has at least two pixels.
    Returns:
        Rising indices of rows and of columns.
    """
    random = np.random.default_rng(0)
    pixels = max(arc_deg / pixel_arc_deg(geobox), 2.0)
    height, width = geobox.shape
    return _lines(height, math.ceil(height / pixels), random), _lines(width, math.ceil(width / pixels), random)


def _lines(length: int, wanted: int, random: np.random.Generator) -> np.ndarray:
    """The first line, the last line, and a random one of each stretch between them."""
    edges = np.linspace(0, length, min(length, max(FEWEST_LINES, wanted)) + 1).astype(int)
    lines = random.integers(edges[:-1], edges[1:])
    lines[0], lines[-1] = 0, length - 1
    return np.unique(lines)


def sample_lattice(shape: tuple[int, int], seed: int = 0, pixels: int = SAMPLE_PIXELS) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns whose crossings are a sample of a raster, spread evenly over it.

    Args:
        shape: (h, w) pixels.
        seed: the seed of the random numbers.
        pixels: about how many crossings there are; a raster with fewer pixels is taken whole.
    Returns:
        Rising indices of rows and of columns.
    """
    random = np.random.default_rng(check_seed(seed))
    height, width = shape
    rows = min(height, max(1, round((pixels * height / width) ** 0.5)))
    cols = min(width, -(-pixels // rows))
    rows = min(height, -(-pixels // cols))
    return _one_a_strip(height, rows, random), _one_a_strip(width, cols, random)


def _one_a_strip(length: int, count: int, random: np.random.Generator) -> np.ndarray:
    """One random line in each of `count` strips of equal width."""
    return np.unique(((np.arange(count) + random.random(count)) * (length / count)).astype(int))
