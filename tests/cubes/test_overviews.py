"""Overviews hold the model's values at coarse pixels, from patches that are evaluated once for all levels."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import shapely
from helpers.rasters import lazy_cube, lazy_raster
from hypothesis import given
from hypothesis import strategies as st

from rangegeo.cubes.overviews import _blocks, make_overviews
from rangegeo.cubes.raster import TOLERANCE
from rangegeo.engine import patches
from rangegeo.grid import make_geobox
from rangegeo.grid.extent import choose_extent
from rangegeo.grid.pyramid import COARSEST, coarser, overview_factors

GRIDS = {  # what make_geobox takes, chunks
    "one patch": (((5, 44, 8.2, 46.57), 0.01), "auto"),
    "many patches": (((-3.3, 40.1, 4.7, 46.3), 0.0131), 48),
    "odd and narrow": (((5, 44, 17.01, 45.43), 0.01), 16),
    "UTM, pixels not square": (
        ((300_000, 4_700_000, 600_000, 4_950_000), (700, 900), "EPSG:32632", "EPSG:32632"),
        64,
    ),
    "beyond the antimeridian": (((176, -19, -178, -15), 0.02), 32),
    "the edge of a projection": (((1.3e7, 5.2e6, 1.4e7, 6.5e6), 5000, "ESRI:54009", "ESRI:54009"), 64),
    "pixels as coarse as patches": (((-180, -90, 180, 90), 1), 32),
}


@pytest.fixture(params=GRIDS)
def made(request, mini):
    """A raster on one of the grids, and its model."""
    grid, chunks = GRIDS[request.param]
    recipe = mini.recipe((0.0, 0.7), bands=(1, 9, 30))
    return lazy_raster(make_geobox(*grid), mini, recipe, chunks=chunks), mini


def test_coarse_pixels_hold_the_models_values(made):
    raster, model = made
    cube, recipe, levels = raster.cube, raster.spec.recipe, make_overviews(raster)
    assert [max(level.shape[2:]) <= COARSEST for level in levels] == [False] * (len(levels) - 1) + [True]
    for level, factor in zip(levels, overview_factors(cube.shape[2:]), strict=True):
        grid = coarser(cube.odc.geobox, factor)
        assert level.odc.geobox == grid
        exact = lazy_cube(grid, model, recipe, tolerance=None).values
        found = level.values
        np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
        scale = np.nanmax(np.abs(cube.values), axis=(0, 2, 3), keepdims=True)
        assert np.nanmax(np.abs(found - exact) / scale) < 2 * TOLERANCE  # of each component's largest value


def test_an_overview_says_what_the_cube_says(made):
    raster, _ = made
    cube = raster.cube
    for level in make_overviews(raster):
        assert level.attrs == cube.attrs
        assert level.dims == cube.dims
        for name in ("beta", "band", "band_name"):
            assert level[name].variable.identical(cube[name].variable)


def test_a_patch_is_evaluated_once_for_all_levels(mini, monkeypatch):
    evaluated = []
    evaluate = patches.evaluate_patches

    def counted(evaluator, geobox, windows, *more):
        evaluated.extend((window[0].start, window[1].start) for window in windows)
        return evaluate(evaluator, geobox, windows, *more)

    monkeypatch.setattr(patches, "evaluate_patches", counted)
    recipe = mini.recipe(0.5, bands=(1,))
    raster = lazy_raster(make_geobox((0, 40, 12, 48), 0.01), mini, recipe)
    dask.compute(raster.cube, *make_overviews(raster))
    assert len(evaluated) == len(set(evaluated)) == 6


def test_chunks_do_not_change_the_values(mini):
    recipe = mini.recipe(0.5, bands=(1, 2))
    geobox = make_geobox((5, 44, 9, 47), 0.01)
    one, other = (make_overviews(lazy_raster(geobox, mini, recipe, chunks=chunks)) for chunks in (32, 256))
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=2e-5 * float(np.abs(left).max()))


def test_blocks_are_as_large_as_those_of_the_cube_at_most(made):
    raster, _ = made
    side = raster.spec.side
    for level in make_overviews(raster):
        assert max(*level.chunksizes["y"], *level.chunksizes["x"]) <= -(-side // 16) * 16


def test_outside_an_area_there_is_no_data_at_any_level(mini):
    triangle = shapely.Polygon([(5.1, 44.2), (9.7, 44.6), (7.0, 47.7)])
    geobox, area = choose_extent(res=0.01, aoi=triangle)
    recipe = mini.recipe(0.5, bands=(1,))
    raster = lazy_raster(geobox, mini, recipe, area=area)
    cube, levels = raster.cube, make_overviews(raster)
    assert len(levels) == 1
    for level in levels:
        places = np.meshgrid(level["x"], level["y"])
        inside = shapely.contains_xy(triangle, *places)
        found = ~np.isnan(level.isel(beta=0, band=0).values)
        on_edge = shapely.distance(triangle.exterior, shapely.points(*places)) < 1e-6
        np.testing.assert_array_equal(found | on_edge, inside | on_edge)
        assert level.attrs == cube.attrs


def test_a_cube_without_beta_has_overviews_too(mini):
    recipe = mini.recipe(layout="components")
    raster = lazy_raster(make_geobox((5, 44, 8, 46), 0.01), mini, recipe)
    (level,) = make_overviews(raster)
    assert level.dims == raster.cube.dims == ("band", "y", "x")


@pytest.mark.parametrize(
    ("shape", "factors"),
    [((256, 256), []), ((1, 1), []), ((257, 3), [2]), ((3, 513), [2, 4]), ((4096, 100), [2, 4, 8, 16])],
)
def test_how_many_levels(shape, factors):
    assert overview_factors(shape) == factors


def test_a_coarser_grid_covers_the_finer_one_from_the_same_corner():
    geobox = make_geobox((5, 44, 8.3, 46.5), 0.01)
    grid = coarser(geobox, 4)
    assert grid.shape == (63, 83)
    assert (grid.affine.c, grid.affine.f) == (geobox.affine.c, geobox.affine.f)
    assert (grid.resolution.x, -grid.resolution.y) == pytest.approx((0.04, 0.04))


@given(
    patch=st.integers(16, 700),
    patches=st.integers(1, 5),
    short=st.integers(0, 699),
    factor=st.sampled_from([2, 4, 8, 64, 1024]),
    side=st.sampled_from([16, 48, 128]),
)
def test_every_coarse_pixel_comes_from_the_patch_its_centre_lies_in(patch, patches, short, factor, side):
    length = max(1, patch * patches - min(short, patch - 1))
    sides = [slice(start, min(start + patch, length)) for start in range(0, length, patch)]
    coarse = -(-length // factor)
    blocks, numbers = _blocks(sides, coarse, factor, side)
    assert [pixel for block in blocks for pixel in range(block.start, block.stop)] == list(range(coarse))
    for block, number in zip(blocks, numbers, strict=True):
        assert block.stop - block.start <= side
        owner = sides[number]
        for pixel in range(block.start, block.stop):
            centre = (pixel + 0.5) * factor
            assert owner.start <= centre < owner.stop or (owner is sides[-1] and centre >= owner.stop)
