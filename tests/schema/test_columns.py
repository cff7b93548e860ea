"""Names of the columns that embeddings get in a table."""

from __future__ import annotations

import pytest

from rangegeo.field.recipe import Recipe
from rangegeo.schema.columns import band_names, layer_names


@pytest.mark.parametrize(
    ("recipe", "layers", "bands"),
    [
        (Recipe(betas=(0.5,), visual=2, location=1), ("embedding",), (("b0001", "b0002", "b0003"),)),
        (Recipe(betas=(1.0,), visual=2, location=1, keep=(2, 0)), ("embedding",), (("b0003", "b0001"),)),
        (
            Recipe(betas=(0.0, 0.5), visual=1, location=1),
            ("embedding_beta0", "embedding_beta0.5"),
            (("beta0_b0001", "beta0_b0002"), ("beta0.5_b0001", "beta0.5_b0002")),
        ),
        (Recipe(betas=(), visual=1, location=1), ("embedding",), (("b0001", "b0002", "b0003"),)),  # S, G and q
    ],
)
def test_names_of_embeddings(recipe, layers, bands):
    assert layer_names(recipe) == layers
    assert band_names(recipe) == bands
