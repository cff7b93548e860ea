"""The spec of a stored cube, from what the cube says about itself, so that it can be evaluated again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from rangegeo.cubes.spec import RasterSpec, provenance
from rangegeo.errors import CubeError
from rangegeo.field.recipe import Projection, Recipe
from rangegeo.models.model import Model
from rangegeo.schema.complete import band_names
from rangegeo.schema.cube import geobox_of
from rangegeo.schema.facts import facts_of, facts_of_values


def is_evaluable(cube: xr.DataArray) -> bool:
    """Whether a cube holds values of a model, and says of which: no map, and not what was computed from such values."""
    facts = facts_of_values(cube)
    return "evaluation" in facts and "model" in facts_of(cube) and "target" not in facts_of(cube)


def recorded_spec(cube: xr.DataArray, model: Model, side: int) -> RasterSpec:
    """The spec that a cube was made of, or a part of it. Its area is not known any more.

    Args:
        cube: one that `is_evaluable`.
        model: the one that it was made with.
        side: of its chunks, in pixels.
    Raises:
        CubeError: what the cube says does not fit this model.
    """
    facts = facts_of(cube)
    recipe = recorded_recipe(cube, model)
    return RasterSpec(
        geobox=geobox_of(cube),
        model=model.spec,
        recipe=recipe,
        tolerance=float(facts["tolerance"]) if facts["evaluation"] == "interpolated" else None,
        side=side,
        smooth_deg=model.evaluator.smooth_deg,
        has_beta=model.has_beta and bool(recipe.betas),
        provenance=provenance(model, recipe),
    )


def recorded_recipe(cube: xr.DataArray, model: Model) -> Recipe:
    """The layers and bands of a cube. Raises as `recorded_spec` does."""
    facts, names = facts_of(cube), band_names(cube)
    projected = "pca_components" in facts
    kept = str(facts["pca_bands"]).split(",") if projected else names
    betas = np.atleast_1d(cube["beta"].values).tolist() if "beta" in cube.coords and model.has_beta else None
    try:
        recipe = model.recipe(betas, layout=facts.get("layout", "betas"), bands=kept)
        return replace(recipe, projection=_projection(facts, names)) if projected else recipe
    except (ValueError, KeyError, IndexError) as error:
        raise CubeError(f"its bands are no bands of {model.spec.name}") from error


def _projection(facts: dict, names: list[str]) -> Projection:
    """The principal components that are the bands of a cube, by their names pca_0, pca_1 and so on."""
    numbers = [int(name.removeprefix("pca_")) for name in names]
    mean, directions, explained = (
        np.array(facts[f"pca_{part}"], np.float32) for part in ("mean", "components", "explained_variance")
    )
    return Projection(mean, directions[numbers], explained[numbers])
