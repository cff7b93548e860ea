"""The ranges that values can have anywhere on Earth, found once for a model, so that rasters of neighbours agree.

S and G are weighted means of the database's rows, so the rows themselves bound them, also after a projection. The
location bands are sampled over the whole globe. Diagnostics are bounded by the number of rows.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import xarray as xr

from rangegeo.cubes.outline import MADE_WITH
from rangegeo.engine.values import evaluate_pixels
from rangegeo.field.recipe import Recipe
from rangegeo.grid import make_geobox, pixel_places
from rangegeo.models.load import loaded
from rangegeo.models.spec import ModelSpec
from rangegeo.schema.complete import band_names

SAMPLE_DEG = 4.0  # between the places on the globe where location bands are sampled, besides those of the database
MARGIN = 0.25  # of the span of a location band, on each side; a grid four times as fine needed at most 0.07
DIGITS = 4  # significant digits of a span; other machines round differently, and must still find the same ranges


def model_ranges(model: ModelSpec, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest value of every band of a recipe, anywhere on Earth and at any beta.

    Returns:
        Two arrays (layers, bands) float64, rounded outwards.
    """
    rows, places = _rows(model), _places(model)
    blocks = [rows] if recipe.betas else [rows, rows]
    count = sum(block.shape[1] for block in blocks) + places.shape[1]
    kept = list(range(count) if recipe.keep is None else recipe.keep)
    low, high = np.zeros(recipe.bands), np.zeros(recipe.bands)
    start = 0
    for block in (*blocks, places):
        columns = [(band - start, at) for at, band in enumerate(kept) if start <= band < start + block.shape[1]]
        start += block.shape[1]
        if not columns:
            continue
        own, kept_at = (list(part) for part in zip(*columns, strict=True))
        values = block[:, own].astype(np.float64)
        if recipe.projection is None:
            lowest, highest = low[kept_at], high[kept_at] = _extremes(values, sampled=block is places)
        else:
            lowest, highest = _extremes(values @ recipe.projection.directions[:, kept_at].T, sampled=block is places)
            low, high = low + lowest, high + highest
    if recipe.projection is not None:
        centre = recipe.projection.directions.astype(np.float64) @ recipe.projection.mean
        low, high = low - centre, high - centre
    for index, band in enumerate(kept if recipe.projection is None else ()):
        if band >= count:
            entropy = recipe.every_name[band].endswith("_entropy")
            low[index], high[index] = (0.0, math.log(len(rows))) if entropy else (1.0, len(rows))
    low, high = _rounded(low, high)
    return np.tile(low, (recipe.layers, 1)), np.tile(high, (recipe.layers, 1))


def cube_ranges(cube: xr.DataArray) -> tuple[np.ndarray, np.ndarray] | None:
    """The ranges (layers, bands) of a cube or of a slice of one.

    None if it was opened, computed from others, or read from a planet.
    """
    if MADE_WITH not in cube.encoding:
        return None
    model, recipe = cube.encoding[MADE_WITH]
    if model.planet is not None:  # it may lack parts of the globe, and has no rows of a database
        return None
    names = band_names(cube)
    if not set(names) <= set(recipe.names):
        return None
    bands = [recipe.names.index(name) for name in names]
    low, high = (np.tile(part[0, bands], (cube.sizes.get("beta", 1), 1)) for part in model_ranges(model, recipe))
    return low, high


@lru_cache(maxsize=4)
def _rows(model: ModelSpec) -> np.ndarray:
    """(N, visual) values of the database; (0, 0) without one."""
    values = getattr(getattr(loaded(model), "field", None), "values", None)
    return np.zeros((0, 0), np.float32) if values is None or callable(values) else values.cpu().numpy()


@lru_cache(maxsize=4)
def _places(model: ModelSpec) -> np.ndarray:
    """(n, location) values of the location bands: all over the globe, and in the rows of a database."""
    there = loaded(model)
    location = tuple(range(there.visual, there.dim))
    recipe = Recipe(betas=(1.0,), visual=there.visual, location=there.location, keep=location)
    globe = make_geobox((-180, -90, 180, 90), SAMPLE_DEG)
    pixels = pixel_places(globe, *(slice(0, side) for side in globe.shape))
    values = evaluate_pixels(there.evaluator, pixels, recipe)[0].reshape(there.location, -1).T
    keys = getattr(getattr(there, "field", None), "keys", None)  # the location bands at the places of the rows
    return values if keys is None else np.concatenate([values, keys.cpu().numpy()])


def _extremes(values: np.ndarray, *, sampled: bool) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest values (n,) of (places, n); with a margin, if these are not all values there are."""
    low, high = values.min(axis=0), values.max(axis=0)
    margin = MARGIN * (high - low) * sampled
    return low - margin, high + margin


def _rounded(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ranges rounded outwards, by at least a thousandth of a percent for round-off of float32."""
    slack = 1e-5 * np.maximum(np.abs(low), np.abs(high))
    low, high = low - slack, high + slack
    unit = 10.0 ** (np.floor(np.log10(np.maximum(high - low, 1e-9))) - DIGITS + 1)
    return np.floor(low / unit) * unit, np.ceil(high / unit) * unit
