"""Seeded pixels of a raster, evaluated one by one. Ranges of values and principal components are fitted on them."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
from dask.delayed import delayed
from odc.geo.geobox import GeoBox

from rangegeo.cubes.spec import RasterSpec
from rangegeo.engine.patch import PATCH_ARC_DEG
from rangegeo.engine.values import evaluate_pixels
from rangegeo.field.recipe import Recipe
from rangegeo.grid import PixelPlaces, places_on, scattered_places
from rangegeo.grid.extent import Area
from rangegeo.grid.samples import sample_lines
from rangegeo.models.load import loaded
from rangegeo.models.spec import ModelSpec

SAMPLES_A_PATCH = 8  # sampled lines along each side of a patch; costs a twentieth of its nodes
SAMPLE_PLACES = 4096  # places evaluated in one task


def sample_values(spec: RasterSpec) -> da.Array:
    """Values of seeded pixels, evaluated when they are computed: (layers, bands, rows, cols).

    The pixels are the crossings of the grid's `sample_lines`; for an area they are as many of its pixels, in one row.
    """
    geobox, area, recipe = spec.geobox, spec.area, spec.recipe
    rows, cols = sample_lines(geobox, min(PATCH_ARC_DEG, spec.smooth_deg) / SAMPLES_A_PATCH)
    count = len(rows) * len(cols)
    batches = math.ceil(count / SAMPLE_PLACES)
    if area is None:
        places = [places_on(geobox, part + 0.5, cols + 0.5) for part in np.array_split(rows, batches)]
    else:
        places = [in_a_row(part) for part in np.array_split(places_in(area, geobox, count), batches)]
    evaluated = delayed(places_block, pure=True)
    blocks = [
        da.from_delayed(evaluated(spec.model, part, recipe), (*spec.shape[:2], *part.valid.shape), np.float32)
        for part in places
    ]
    return da.concatenate(blocks, axis=2 if area is None else 3)


def places_block(model: ModelSpec, pixels: PixelPlaces, recipe: Recipe) -> np.ndarray:
    """Evaluate every one of these pixels: (layers, bands, h, w)."""
    return evaluate_pixels(loaded(model).evaluator, pixels, recipe)


def places_in(area: Area, geobox: GeoBox, count: int) -> np.ndarray:
    """(n, 2) degrees of at most `count` seeded pixels of an area."""
    return scattered_places(geobox, *(part + 0.5 for part in area.mask.sample(geobox.shape.yx, count)))


def in_a_row(lonlat_deg: np.ndarray) -> PixelPlaces:
    """(n, 2) places as a raster of one row."""
    return PixelPlaces(lonlat_deg, np.ones((1, len(lonlat_deg)), dtype=bool), None)
