"""Exact values at some pixels, and how far values that were computed before may be away from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from rangegeo.engine.evaluator import BLOCK_PLACES, Evaluator
from rangegeo.field.places import Places
from rangegeo.field.range import Components
from rangegeo.field.recipe import Recipe
from rangegeo.grid.pixels import PixelPlaces


def evaluate_with_limits(
    evaluator: Evaluator, pixels: PixelPlaces, recipe: Recipe, share: float
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
    values = np.full((recipe.layers, recipe.bands, len(valid)), np.nan, np.float32)
    largest = dict.fromkeys(recipe.parts, 0.0)
    places = Places.scattered(torch.from_numpy(pixels.lonlat_deg[valid]))
    numbers = np.flatnonzero(valid)
    for rows, part in places.split(BLOCK_PLACES):
        with evaluator.evaluating(), torch.inference_mode():
            found = evaluator.components(part, recipe.parts)
            for name in largest:
                largest[name] = max(largest[name], float(found.part(name).abs().max()))
            values[:, :, numbers[rows]] = recipe.apply(found).cpu().transpose(1, 2).numpy()
    return values, _summed({name: share * value for name, value in largest.items()}, recipe)


def _summed(errors: dict[str, float], recipe: Recipe) -> np.ndarray:
    """(layers, bands) the errors of bands, if the components have these errors, all in the worst direction."""

    def part(name: str, width: int) -> Tensor:
        return torch.full((1, width), errors.get(name, 0.0), dtype=torch.float64, device="cpu")

    diagnostics = {name: part(name, 1) for name in recipe.kept_diagnostics}
    semantic, geographic = (part(name, recipe.visual) for name in ("semantic", "geographic"))
    components = Components(semantic, geographic, part("location", recipe.location), diagnostics)
    if recipe.projection is not None:
        recipe = replace(recipe, projection=recipe.projection.worst())
    return recipe.apply(components, torch.float64)[:, 0].numpy()
