"""The features of places: the components S, G and q of a model side by side, with one common scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rangegeo.engine.values import evaluate_places
from rangegeo.errors import UsageError, argument
from rangegeo.field.recipe import Recipe
from rangegeo.grid.domain import whole_turns
from rangegeo.models.model import Model


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scaling:
    """How bands become features: (bands - mean) / scale, with one scale for all.

    One scale keeps what the components are to one another; a scale for each column scored worse on 15 tasks.

    Attributes:
        mean: (bands,) float64, of the labels.
        scale: the root mean square of all centred bands.
    """

    mean: np.ndarray
    scale: float

    @classmethod
    def of(cls, bands: np.ndarray) -> Scaling:
        """The scaling of a sample (n, bands)."""
        mean = bands.mean(axis=0, dtype=np.float64)
        return cls(mean=mean, scale=float(np.sqrt(((bands - mean) ** 2).mean())) or 1.0)

    def apply(self, bands: np.ndarray) -> np.ndarray:
        """The features (n, bands) float64 of bands (n, bands)."""
        return (bands - self.mean) / self.scale


def feature_recipe(model: Model, beta: float | None) -> Recipe:
    """The bands that are learned from: all components, or the embedding at one beta.

    Raises:
        UsageError: the model has no betas, or there are several.
    """
    if beta is None:
        return model.recipe(layout="components") if model.has_beta else model.recipe()
    if not model.has_beta:
        raise UsageError(f"{argument('betas')} needs a model with betas, and {model.spec.name} has none; leave it out")
    recipe = model.recipe(beta)
    if recipe.layers > 1:
        raise UsageError(argument="betas", expected="one number", got=str(beta), remedy="leave it out to use S and G")
    return recipe


def bands_at(model: Model, recipe: Recipe, lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, bands) float32 of n places, each evaluated. Raises UsageError if the model gives no values at some."""
    return evaluate_places(model.evaluator, whole_turns(lonlat_deg), recipe)[0]
