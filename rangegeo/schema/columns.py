"""Names of the columns that embeddings get in a table."""

from __future__ import annotations

from rangegeo.field.recipe import Recipe
from rangegeo.schema.cube import NAME


def layer_names(recipe: Recipe) -> tuple[str, ...]:
    """One name a layer, for embeddings that are one column each: embedding, or embedding_beta0 and so on."""
    return tuple(f"{NAME}{suffix and '_' + suffix}" for suffix in _layers(recipe))


def band_names(recipe: Recipe) -> tuple[tuple[str, ...], ...]:
    """(layers, bands) names, for embeddings with a column a band: b0001, or beta0.5_b0001 and so on."""
    kept = range(recipe.source_bands) if recipe.keep is None else recipe.keep
    return tuple(tuple(f"{suffix and suffix + '_'}b{band + 1:04d}" for band in kept) for suffix in _layers(recipe))


def _layers(recipe: Recipe) -> tuple[str, ...]:
    """What tells the layers apart; nothing where there is one."""
    return tuple(f"beta{beta:.12g}" for beta in recipe.betas) if recipe.layers > 1 else ("",)
