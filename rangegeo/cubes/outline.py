"""A cube without values: its coordinates and attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from rangegeo.cubes.spec import RasterSpec
from rangegeo.grid.coords import grid_coords
from rangegeo.schema.complete import text
from rangegeo.schema.cube import BETA_ATTRS, NAME, REACH, SHARE
from rangegeo.schema.facts import with_facts

MADE_WITH = "rangegeo_made_with"  # of the encoding: the spec of the model and the recipe, while values are its own


def outline(spec: RasterSpec) -> xr.DataArray:
    """The cube of a spec with its coordinates and attributes but no values: NaN that take no memory."""
    recipe, names = spec.recipe, spec.recipe.names
    # In this order: xarray titles a plot of one beta and band with the first coordinates that are single values.
    coords: dict[str, Any] = {"beta": ("beta", list(recipe.betas), BETA_ATTRS)} if spec.has_beta else {}
    coords |= {"band": np.arange(1, recipe.bands + 1), "band_name": ("band", text(names))}
    coords |= grid_coords(spec.geobox, spec.labels)
    facts = dict(spec.provenance)
    if spec.area is not None:
        facts |= {"aoi": spec.area.name, SHARE: spec.area.share, REACH: spec.area.reach}
    shape = spec.shape if spec.has_beta else spec.shape[1:]
    values = np.broadcast_to(np.float32(np.nan), shape)
    cube = with_facts(xr.DataArray(values, coords, spec.dims, NAME), facts | spec.engine_facts)
    cube.encoding[MADE_WITH] = spec.model, spec.recipe
    return cube
