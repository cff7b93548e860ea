"""Values at some pixels without interpolation, and how far values that were computed before may be away from them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rangegeo.engine.values import AnyEvaluator, BandEvaluator
from rangegeo.field.components import Components
from rangegeo.field.recipe import Recipe
from rangegeo.grid.pixels import PixelPlaces

if TYPE_CHECKING:
    from rangegeo.engine.evaluator import Evaluator


def evaluate_with_limits(
    evaluator: AnyEvaluator, pixels: PixelPlaces, recipe: Recipe, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate scattered pixels, and say how large errors can be in each band.

    Args:
        pixels: n pixels, as `rangegeo.grid.pixels.scattered_pixels` finds them.
        share: the error of each component, relative to its largest value at these pixels.
    Returns:
        (layers, bands, n) float32, NaN where a pixel is not valid; and (layers, bands) float64, the largest error of a
        band that errors of the components can add up to. Every step from components to bands is linear.
    """
    valid = pixels.valid.ravel()
    lonlat_deg = pixels.lonlat_deg[valid]
    if isinstance(evaluator, BandEvaluator):
        found, largest = _ready(evaluator, lonlat_deg, recipe)
    else:
        found, largest = _exact(evaluator, lonlat_deg, recipe)
    values = np.full((recipe.layers, recipe.bands, len(valid)), np.nan, np.float32)
    values[:, :, valid] = found
    return values, _summed({name: share * value for name, value in largest.items()}, recipe)


def _ready(evaluator: BandEvaluator, lonlat_deg: np.ndarray, recipe: Recipe) -> tuple[np.ndarray, dict[str, float]]:
    """(layers, bands, n) values at (n, 2) places, and the largest value of each component there."""
    visual = evaluator.visual
    whole = Recipe(betas=() if "geographic" in recipe.parts else (1.0,), visual=visual, location=evaluator.location)
    values = np.abs(evaluator.at_places(lonlat_deg, whole)[0]).max(axis=0, initial=0.0)
    columns = {"semantic": slice(0, visual), "geographic": slice(visual, 2 * visual)}
    columns["location"] = slice(len(values) - evaluator.location, None)
    largest = {name: float(values[columns[name]].max(initial=0.0)) for name in recipe.parts}
    return evaluator.at_places(lonlat_deg, recipe).transpose(0, 2, 1), largest


def _exact(evaluator: Evaluator, lonlat_deg: np.ndarray, recipe: Recipe) -> tuple[np.ndarray, dict[str, float]]:
    """The same of an evaluator that gives components in torch."""
    import torch

    from rangegeo.engine.evaluator import BLOCK_PLACES
    from rangegeo.field.places import Places

    largest = dict.fromkeys(recipe.parts, 0.0)
    values = np.empty((recipe.layers, recipe.bands, len(lonlat_deg)), np.float32)
    for rows, part in Places.scattered(torch.from_numpy(lonlat_deg)).split(BLOCK_PLACES):
        with evaluator.evaluating(), torch.inference_mode():
            found = evaluator.components(part, recipe.parts)
            for name in largest:
                largest[name] = max(largest[name], float(found.part(name).abs().max()))
            values[:, :, rows] = recipe.apply(found).cpu().transpose(1, 2).numpy()
    return values, largest


def _summed(errors: dict[str, float], recipe: Recipe) -> np.ndarray:
    """(layers, bands) the errors of bands, if the components have these errors, all in the worst direction."""

    def part(name: str, width: int) -> np.ndarray:
        return np.full((1, width), errors.get(name, 0.0))

    diagnostics = {name: part(name, 1) for name in recipe.kept_diagnostics}
    semantic, geographic = (part(name, recipe.visual) for name in ("semantic", "geographic"))
    components = Components(semantic, geographic, part("location", recipe.location), diagnostics)
    if recipe.projection is not None:
        recipe = replace(recipe, projection=recipe.projection.worst())
    return recipe.apply(components, "float64")[:, 0]
