"""A cube without values: its coordinates and attributes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rangegeo.cubes.spec import RasterSpec
from rangegeo.grid.coords import grid_coords
from rangegeo.schema.cube import BETA_ATTRS, NAME, REACH, SHARE


def outline(spec: RasterSpec) -> xr.DataArray:
    """The cube of a spec with its coordinates and attributes but no values: NaN that take no memory."""
    recipe, names = spec.recipe, spec.recipe.names
    coords = grid_coords(spec.geobox, spec.labels) | {
        "band": np.arange(1, recipe.bands + 1),
        "band_name": ("band", np.array(names)),
    }
    attrs = {**spec.provenance, "grid_mapping": "spatial_ref"}
    if spec.area is not None:
        attrs |= {"aoi": spec.area.name, SHARE: spec.area.share, REACH: spec.area.reach}
    if spec.has_beta:
        coords["beta"] = ("beta", list(recipe.betas), BETA_ATTRS)
    shape = spec.shape if spec.has_beta else spec.shape[1:]
    values = np.broadcast_to(np.float32(np.nan), shape)
    return xr.DataArray(values, coords, spec.dims, NAME, attrs | spec.engine_facts)
