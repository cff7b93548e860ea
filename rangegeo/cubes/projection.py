"""Principal components of a raster's embeddings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from odc.geo.geobox import GeoBox

from rangegeo.cubes.samples import in_a_row, places_in
from rangegeo.cubes.spec import provenance
from rangegeo.engine.values import evaluate_pixels
from rangegeo.errors import UsageError, argument
from rangegeo.field.principal import principal_directions
from rangegeo.field.recipe import Projection, Recipe
from rangegeo.grid import places_on
from rangegeo.grid.extent import Area
from rangegeo.models.model import Model
from rangegeo.stores.taken import check_same, read_taken
from rangegeo.support.location import Location
from rangegeo.support.numbers import is_whole
from rangegeo.support.text import counted

PCA_PIXELS = 1024  # that the components are fitted on


def with_projection(recipe: Recipe, model: Model, geobox: GeoBox, count: int, area: Area | None = None) -> Recipe:
    """The recipe followed by a PCA that is fitted on seeded pixels of the raster, or of its area, all betas together.

    Raises:
        UsageError: there are fewer bands than components, a band is a diagnostic, or too few pixels have values:
            the others lie outside the domain of the CRS, or outside a planet.
    """
    check_components(recipe, count)
    if area is None:
        random = np.random.default_rng(0)
        side = math.isqrt(PCA_PIXELS)
        rows, cols = (np.sort(random.integers(0, length, side)) + 0.5 for length in geobox.shape)
        pixels = places_on(geobox, rows, cols)
    else:
        pixels = in_a_row(places_in(area, geobox, PCA_PIXELS))
    values = evaluate_pixels(model.evaluator, pixels, recipe, together=True)
    sample = values.transpose(0, 2, 3, 1).reshape(-1, recipe.bands)
    sample = sample[np.isfinite(sample).all(axis=1)]
    if len(sample) < count:
        model.check_covers(geobox, area)
        fewer = f"type {argument('pca', len(sample))}, or " if len(sample) else ""
        told = f"{argument('pca', count)} found {counted(len(sample), 'pixel')} with values"
        raise UsageError(f"{told}; {fewer}take another extent")
    return replace(recipe, projection=fit_projection(sample, count))


def check_components(recipe: Recipe, count: int) -> None:
    """Refuse a PCA that the bands of a recipe cannot have.

    Raises:
        UsageError: there are fewer bands than components, or a band is a diagnostic.
    """
    if not is_whole(count) or not 1 <= count <= recipe.bands:
        expected = f"from 1 to the number of bands, {recipe.bands}"
        raise UsageError(argument="pca", expected=expected, got=repr(count), example=min(3, recipe.bands))
    if recipe.kept_diagnostics:
        raise UsageError(f"{argument('pca')} projects embeddings; leave diagnostics out of {argument('bands')}")


def taken_projection(recipe: Recipe, model: Model, path: str | Location, count: int | None = None) -> Recipe:
    """The recipe followed by the PCA of another output, so that the components of both are the same.

    Args:
        recipe: before any projection.
        path: a Zarr store or a GeoTIFF of rangegeo, or the JSON of `rangegeo info`.
        count: how many of its components are taken; None for all.
    Raises:
        UsageError: the other output has no PCA, fewer components, or was made of other bands or with another model.
    """
    taken, typed = read_taken(path, "pca_from"), argument("pca_from", str(path))
    directions, mean, explained = (
        np.array(taken.facts.get(f"pca_{part}", []), np.float32)
        for part in ("components", "mean", "explained_variance")
    )
    if directions.ndim != 2 or not len(directions):
        raise UsageError(f"{typed} has no principal components; give an output that was made with {argument('pca', 3)}")
    check_same(taken, provenance(model, recipe), "pca_from")
    bands = taken.facts.get("pca_bands")
    if directions.shape[1] != recipe.bands or bands not in (None, ",".join(recipe.names)):
        raise UsageError(f"{typed} was made of other bands than {argument('bands')} chooses; choose the same ones")
    if count is not None and not 1 <= count <= len(directions):
        raise UsageError(argument="pca", expected=f"from 1 to the components of {path}, {len(directions)}", got=count)
    return replace(recipe, projection=Projection(mean, directions[:count], explained[:count]))


def fit_projection(sample: np.ndarray, count: int) -> Projection:
    """The first `count` principal components of a sample (n, bands)."""
    return Projection(*(part.astype(np.float32) for part in principal_directions(sample, count)))
