"""Rasters on a given grid with a given recipe, as `rangegeo.raster` makes them of its arguments."""

from __future__ import annotations

import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.cubes.graph import LazyRaster, to_dask
from rangegeo.cubes.spec import RasterSpec
from rangegeo.field.recipe import Recipe
from rangegeo.models.model import Model


def raster_spec(geobox: GeoBox, model: Model, recipe: Recipe, **options: object) -> RasterSpec:
    """The spec; options are area, tolerance and chunks."""
    return RasterSpec.of(model, geobox, recipe, **options)


def lazy_raster(geobox: GeoBox, model: Model, recipe: Recipe, **options: object) -> LazyRaster:
    """As dask computes it."""
    return to_dask(raster_spec(geobox, model, recipe, **options))


def lazy_cube(geobox: GeoBox, model: Model, recipe: Recipe, **options: object) -> xr.DataArray:
    """As a cube."""
    return lazy_raster(geobox, model, recipe, **options).cube
