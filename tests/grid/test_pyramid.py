"""Coarser grids: as many as it takes, over the same ground."""

from __future__ import annotations

import pytest
from odc.geo.geobox import GeoBox

from rangegeo.grid.pyramid import COARSEST, coarser, overview_factors


@pytest.mark.parametrize(
    ("shape", "factors"),
    [((1, COARSEST), []), ((COARSEST + 1, 1), [2]), ((100, 2 * COARSEST), [2]), ((3000, 2600), [2, 4, 8, 16])],
)
def test_a_large_raster_has_coarser_ones(shape, factors):
    assert overview_factors(shape) == factors


def test_a_coarser_grid_keeps_its_corner_and_covers_the_finer_one():
    fine = GeoBox.from_bbox((5, 44, 10.1, 48.1), "EPSG:4326", resolution=0.1)
    coarse = coarser(fine, 4)
    assert (coarse.affine.c, coarse.affine.f) == (fine.affine.c, fine.affine.f)
    assert (coarse.affine.a, coarse.affine.e) == (4 * fine.affine.a, 4 * fine.affine.e)
    assert coarse.shape == tuple(-(-side // 4) for side in fine.shape)
