"""Names of the columns that embeddings get in a table."""

from __future__ import annotations

from rangegeo.field.recipe import Recipe
from rangegeo.schema.cube import NAME


def layer_names(recipe: Recipe) -> tuple[str, ...]:
    """The names where each layer is one column: "embedding", or "embedding_beta0" and so on if there are several."""
    return tuple(f"{NAME}_{layer}" if layer else NAME for layer in _layer_labels(recipe))


def band_names(recipe: Recipe) -> tuple[tuple[str, ...], ...]:
    """The names where each band is one column: "b0001", or "beta0.5_b0001" and so on if there are several layers.

    Returns:
        (layers, bands) names; bands count from 1 on as in the whole embedding.
    """
    kept = range(recipe.source_bands) if recipe.keep is None else recipe.keep
    labels = _layer_labels(recipe)
    return tuple(
        tuple(f"{layer}_b{band + 1:04d}" if layer else f"b{band + 1:04d}" for band in kept) for layer in labels
    )


def _layer_labels(recipe: Recipe) -> tuple[str, ...]:
    """One label a layer, such as "beta0.5"; a single layer needs none and has an empty one."""
    return tuple(f"beta{beta:.12g}" for beta in recipe.betas) if recipe.layers > 1 else ("",)
