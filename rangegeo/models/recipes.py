"""Which layers and bands a cube of a model has. No file is needed, only the numbers of its bands."""

from __future__ import annotations

from dataclasses import replace

from rangegeo.encoders import ModelInfo
from rangegeo.errors import UsageError, argument
from rangegeo.field.recipe import Recipe
from rangegeo.schema.bands import GEOGRAPHIC_DIAGNOSTICS, SEMANTIC_DIAGNOSTICS, Bands, chosen_bands
from rangegeo.schema.betas import Betas, check_betas

LAYOUTS = ("betas", "components")


def diagnostics_of(row: ModelInfo) -> tuple[str, ...]:
    """Names of bands that describe the retrieval; none without a database."""
    semantic = () if row.temperature is None else SEMANTIC_DIAGNOSTICS
    return semantic + (GEOGRAPHIC_DIAGNOSTICS if row.has_beta else ())


def recipe_of(
    name: str,
    row: ModelInfo,
    visual: int,
    location: int,
    diagnostics: tuple[str, ...],
    *,
    betas: Betas,
    layout: str,
    bands: Bands,
) -> Recipe:
    """The layers and bands of a cube of a model.

    Args:
        name, row: of the model.
        visual, location: numbers of its bands.
        diagnostics: names of its diagnostics, see `diagnostics_of`.
        betas, layout, bands: as `rangegeo.models.model.Model.recipe` takes them.
    Raises:
        UsageError: the model does not have this layout or these bands, or a beta is out of range.
    """
    if layout not in LAYOUTS:
        raise UsageError(argument="layout", expected=f"one of {', '.join(LAYOUTS)}", got=repr(layout))
    if layout == "components" and not row.has_beta:
        raise UsageError(
            f"{argument('layout', 'components')} needs a model with betas, and {name} has none; leave it out, for the "
            "cube holds all components as it is"
        )
    layers: tuple[float, ...] = (1.0,)  # S alone, for a model without betas
    if layout == "components":
        layers = ()
    elif row.has_beta:
        layers = check_betas(betas)
    recipe = Recipe(betas=layers, visual=visual, location=location, diagnostics=diagnostics)
    return replace(recipe, keep=chosen_bands(bands, recipe.every_name))
