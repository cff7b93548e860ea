"""What a user should know about where a map is made, before it is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from scipy.spatial import KDTree

from rangegeo.errors import argument
from rangegeo.evaluation.blocks import BlockSide
from rangegeo.evaluation.fitting import unit_vectors_of
from rangegeo.grid import pixel_arc_deg
from rangegeo.grid.extent import Area
from rangegeo.grid.pixels import scattered_places
from rangegeo.grid.samples import sample_lattice
from rangegeo.models.model import Model
from rangegeo.schema.cube import as_4d, geobox_of
from rangegeo.support.earth import EARTH_RADIUS_KM, METRES_A_DEGREE
from rangegeo.weights.demo import FOLDER

DEMO_KM = 150  # that the embedded model can tell apart; workflows/demo/README.md
SAMPLE = 2000  # pixels that are looked at
MUCH = 0.25  # of the pixels far from all labels; with fewer of them nothing is said


def too_fine(model: Model, geobox: GeoBox) -> Iterator[str]:
    """A line about pixels that are smaller than what the embedded model can tell apart."""
    wide = pixel_arc_deg(geobox) * METRES_A_DEGREE / 1000
    if model.spec.weights is not None and Path(model.spec.weights).parent == FOLDER and wide < DEMO_KM:
        yield (
            f"pixels of {wide:.2g} km are finer than what the embedded model can tell apart, about {DEMO_KM} km, "
            f"so the map is smooth between them; {argument('weights', 'official')} sees landscapes of some km"
        )


def far_away(lonlat_deg: np.ndarray, side: BlockSide, places: np.ndarray) -> Iterator[str]:
    """A line about a map that lies farther from every label than the side of a block: nothing was tested so far away.

    Args:
        lonlat_deg: (n, 2) the places of the labels.
        side: of the blocks.
        places: (m, 2) some of the pixels of the map.
    """
    if not len(places):
        return
    chords = KDTree(unit_vectors_of(lonlat_deg)).query(unit_vectors_of(places))[0]
    away = 2 * np.arcsin(np.clip(chords / 2, 0, 1)) * EARTH_RADIUS_KM
    share = float((away > side.km).mean())
    if share <= MUCH:
        return
    much = "the map lies" if share == 1 else f"{share:.0%} of the map lie"
    yield (
        f"{much} more than {side.km:,.0f} km from every label, up to {away.max():,.0f} km, and nothing was tested so "
        f"far away; {argument('mask_unlike', True)} leaves out pixels unlike all labels"
    )


def places_of_grid(geobox: GeoBox, area: Area | None) -> np.ndarray:
    """(m, 2) longitude and latitude of some pixels of a grid, or of those in an area."""
    lines = sample_lattice(geobox.shape.yx, 0, SAMPLE)
    rows, cols = (part.ravel() for part in np.meshgrid(*lines, indexing="ij"))
    wanted = np.ones(len(rows), dtype=bool) if area is None else area.mask.holds(rows, cols)
    return scattered_places(geobox, rows[wanted] + 0.5, cols[wanted] + 0.5)


def places_of_map(cube: xr.DataArray) -> np.ndarray:
    """(m, 2) longitude and latitude of some pixels of a map (band, y, x) that have values."""
    rows, cols = sample_lattice((cube.sizes["y"], cube.sizes["x"]), 0, SAMPLE)
    known = np.isfinite(as_4d(cube)[0, 0].isel(y=rows).isel(x=cols).values)
    rows, cols = (part[known] for part in np.meshgrid(rows, cols, indexing="ij"))
    return scattered_places(geobox_of(cube), rows + 0.5, cols + 0.5)
