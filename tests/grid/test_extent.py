"""Areas as grids and masks: bounds and pixels in any CRS, against the centres of pixels taken to the area's own CRS."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio.features
import rioxarray  # noqa: F401, registers .rio
import shapely
import xarray as xr
from areas import ANTARCTICA, FIJI, FIJI_ON, HOLED, LAPLAND, STATES, TRIANGLE, WORLD, in_area, projected
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import CRS

from rangegeo.errors import GridError, GridWarning, UsageError
from rangegeo.grid import make_geobox
from rangegeo.grid.extent import choose_extent
from rangegeo.grid.pixels import reaches_domain

POLE = shapely.Point(0, 0).buffer(1e6)  # in metres around a pole
# area, its CRS, that of the raster, and the resolution
AREAS = {
    "degrees": (TRIANGLE, "EPSG:4326", "EPSG:4326", 0.05),
    "degrees to mercator": (TRIANGLE, "EPSG:4326", "EPSG:3857", 5000),
    "degrees to UTM": (HOLED, "EPSG:4326", "EPSG:32632", (5000, 3000)),
    "degrees to equal area": (HOLED, "EPSG:4326", "EPSG:3035", 4000),
    "degrees to oblique mercator": (TRIANGLE, "EPSG:4326", "EPSG:2056", 5000),
    "degrees to mollweide": (HOLED, "EPSG:4326", "ESRI:54009", 5000),
    "degrees to another datum": (TRIANGLE, "EPSG:4326", "EPSG:4277", 0.05),
    "degrees to grads from paris": (TRIANGLE, "EPSG:4326", "EPSG:4807", 0.05),
    "UTM to degrees": (projected(HOLED, "EPSG:32632"), "EPSG:32632", "EPSG:4326", 0.05),
    "UTM to mercator": (projected(HOLED, "EPSG:32632"), "EPSG:32632", "EPSG:3857", 5000),
    "UTM to UTM": (projected(HOLED, "EPSG:32632"), "EPSG:32632", "EPSG:32631", 5000),
    "the antimeridian": (FIJI, "EPSG:4326", "EPSG:4326", 0.05),
    "the antimeridian on another datum": (FIJI, "EPSG:4326", "EPSG:4269", 0.05),
    "the antimeridian to mercator": (FIJI, "EPSG:4326", "EPSG:3857", 5000),
    "the antimeridian to mercator around 150° east": (FIJI, "EPSG:4326", "EPSG:3832", 5000),
    "the antimeridian to UTM": (FIJI, "EPSG:4326", "EPSG:32701", 5000),
    "the antimeridian to fiji's own": (FIJI, "EPSG:4326", "EPSG:3460", 5000),
    "the antimeridian to the ends of mollweide": (FIJI, "EPSG:4326", "ESRI:54009", 50_000),
    "beyond 180": (FIJI_ON, "EPSG:4326", "EPSG:4326", 0.05),
    "beyond 180 to mercator": (FIJI_ON, "EPSG:4326", "EPSG:3857", 5000),
    "beyond 180 to UTM": (FIJI_ON, "EPSG:4326", "EPSG:32701", 5000),
    "fiji's own to degrees": (projected(FIJI, "EPSG:3460"), "EPSG:3460", "EPSG:4326", 0.05),
    "fiji's own to mercator": (projected(FIJI, "EPSG:3460"), "EPSG:3460", "EPSG:3857", 5000),
    "mercator around 150° east to degrees": (projected(FIJI, "EPSG:3832"), "EPSG:3832", "EPSG:4326", 0.05),
    "mercator around 150° east to mercator": (projected(FIJI, "EPSG:3832"), "EPSG:3832", "EPSG:3857", 5000),
    "the far north": (LAPLAND, "EPSG:4326", "EPSG:3995", 10_000),
    "the far north from polar": (projected(LAPLAND, "EPSG:3995"), "EPSG:3995", "EPSG:4326", 0.1),
    "beside a pole": (shapely.Point(0, 1.1e6).buffer(1e6), "EPSG:3995", "EPSG:4326", 1),
    "a hole beside a pole": (
        shapely.Point(0, 3e6).buffer(2e6).difference(shapely.Point(0, 2e6).buffer(5e5)), "EPSG:3995", "EPSG:4326", 1),
    "from pole to polar": (ANTARCTICA, "EPSG:4326", "EPSG:3031", 50_000),
    "from pole to degrees": (ANTARCTICA, "EPSG:4326", "EPSG:4326", 1),
    "from pole to mollweide": (ANTARCTICA, "EPSG:4326", "ESRI:54009", 100_000),
    "a pole": (POLE, "EPSG:3031", "EPSG:3976", 50_000),
    "the world": (WORLD, "EPSG:4326", "EPSG:4326", 4),
    "the world to mollweide": (WORLD, "EPSG:4326", "ESRI:54009", 300_000),
    "the world to equal area": (WORLD, "EPSG:4326", "EPSG:6933", 300_000),
    "mercator's world": (
        shapely.box(-20037508.342789244, -2e7, 20037508.342789244, 2e7), "EPSG:3857", "EPSG:4326", 4),
    "far apart": (STATES, "EPSG:4326", "EPSG:4326", 0.5),
    "far apart to mercator": (STATES, "EPSG:4326", "EPSG:3857", 100_000),
    "far apart to equal area": (STATES, "EPSG:4326", "EPSG:5070", 100_000),
}  # fmt: skip


def laid_out(area: str | tuple, **more: object) -> tuple[GeoBox, np.ndarray]:
    """The grid over an area, and which of its pixels count."""
    shape, own, crs, res = AREAS[area] if isinstance(area, str) else area
    geobox, found = choose_extent(aoi=gpd.GeoSeries([shape], crs=own), res=res, crs=crs, **more)
    return geobox, found.mask.inside(*map(np.arange, geobox.shape))


@pytest.mark.parametrize("area", AREAS)
def test_pixels_centred_in_the_area_count_and_no_others(area):
    shape, own, _, _ = AREAS[area]
    geobox, found = laid_out(area)
    inside, clear = in_area(geobox, shape, own)
    assert clear.mean() > 0.5
    assert inside[clear].any()
    assert (found == inside)[clear].all()


@pytest.mark.parametrize("area", AREAS)
def test_its_bounds_are_the_box(area):
    """No row or column at the edge is empty but for what rounding up to whole pixels adds."""
    _, touched = laid_out(area, all_touched=True)
    assert touched[0].any()
    assert touched[:, 0].any()
    assert touched[-1].any()
    assert touched[:, -1].any()


@pytest.mark.parametrize("res", [0.05, (0.1, 0.03)])
@pytest.mark.parametrize("align", [True, False])
def test_the_grid_is_that_of_the_bounds(res, align):
    geobox, _ = choose_extent(aoi=TRIANGLE, res=res, align=align)
    assert geobox == make_geobox(TRIANGLE.bounds, res, align=align)


@pytest.mark.parametrize(
    ("area", "west", "east"),
    [
        (FIJI, 177, 182),
        (FIJI_ON, 177, 182),
        (STATES, -188, -66),  # the largest part stays
        (shapely.MultiPolygon([shapely.box(27, 60, 180, 70), shapely.box(-180, 62, -170, 68)]), 27, 190),
        (shapely.box(-190, 0, -170, 10), -190, -170),
        (shapely.MultiPolygon([shapely.box(-180, 0, -170, 1), shapely.box(-90, 0, -80, 1), shapely.box(80, 0, 120, 1)]),
         80, 280),
        (WORLD, -180, 180),
        (shapely.MultiPolygon([shapely.box(-180, 0, 0, 1), shapely.box(0, 2, 180, 3)]), -180, 180),
    ],
)  # fmt: skip
def test_over_the_antimeridian_the_box_is_as_narrow_as_can_be(area, west, east):
    box = choose_extent(aoi=area, res=1)[0].boundingbox
    assert (box.left, box.right) == (west, east)


def test_no_seam_is_left_where_an_area_was_cut():
    geobox, found = choose_extent(aoi=FIJI, res=0.25, align=True)
    assert geobox.affine.c == 177
    inside = found.mask.inside(np.array([8]), np.arange(-0.5, 20, 0.5))  # columns centred on 180° too
    assert inside[0, 1:-1].all()


# ------------------------------------------------------------------------------------------------ properties

corners = st.lists(
    st.tuples(st.floats(0, 10), st.floats(40, 50)).map(lambda p: (round(p[0], 3), round(p[1], 3))),
    min_size=3,
    max_size=9,
)


@settings(max_examples=40, deadline=None)
@given(corners=corners, size=st.sampled_from([0.37, 1.1, 3.3]), crs=st.sampled_from(["EPSG:4326", "EPSG:3035"]))
def test_any_polygon_against_rasterio_and_pixel_by_pixel(corners, size, crs):
    shape = shapely.convex_hull(shapely.MultiPoint(corners))
    assume(shape.geom_type == "Polygon" and shape.area > 1e-3)
    res = size / 4 if crs == "EPSG:4326" else size * 20_000
    try:
        geobox, found = choose_extent(aoi=shape, res=res, crs=crs)
    except GridError:  # smaller than a pixel
        assert shape.area < 25 * size**2
        return
    except GridWarning:
        return
    counted = found.mask.inside(*map(np.arange, geobox.shape))
    inside, clear = in_area(geobox, shape, "EPSG:4326")
    assert (counted == inside)[clear].all()
    burnt = rasterio.features.geometry_mask([projected(shape, crs)], geobox.shape, geobox.affine, invert=True)
    assert (counted == burnt)[clear].all()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), corners=corners)
def test_any_window_and_any_blocks_say_the_same(data, corners):
    """Chunks never change which pixels count: not even where an edge passes through centres."""
    shape = shapely.convex_hull(shapely.MultiPoint([(round(x), round(y)) for x, y in corners]))
    assume(shape.geom_type == "Polygon")
    try:
        geobox, found = choose_extent(aoi=shape, res=data.draw(st.sampled_from([0.1, 0.125, 0.2, 2 / 3])))
    except GridError:  # so small that it holds no centre
        return
    height, width = geobox.shape
    counted = found.mask.inside(np.arange(height), np.arange(width))
    side = data.draw(st.integers(1, 40))
    rows, cols = ([slice(i, min(i + side, length)) for i in range(0, length, side)] for length in (height, width))
    coverage = found.mask.coverage(rows, cols)
    for i, row in enumerate(rows):
        for j, col in enumerate(cols):
            block = found.mask.inside(np.arange(row.start, row.stop), np.arange(col.start, col.stop))
            assert (block == counted[row, col]).all()
            assert coverage[i, j] > 0 if block.any() else coverage[i, j] == 0
            assert coverage[i, j] < 2 or block.all()
    assert found.mask.any(geobox.shape)
    assert counted.any()


def test_parts_that_overlap_or_share_a_border_count_once():
    """Even and odd are for holes within one polygon."""
    parts = [shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3), shapely.box(3, 1, 4, 3), shapely.box(0, 0, 2, 2)]
    geobox, found = choose_extent(aoi=gpd.GeoSeries(parts, crs=4326), res=0.1)
    counted = found.mask.inside(*map(np.arange, geobox.shape))
    assert counted.sum() == 100 * shapely.union_all(parts).area
    borders, found = choose_extent(
        aoi=gpd.GeoSeries([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)], crs=4326), res=2 / 3
    )
    assert found.mask.inside(*map(np.arange, borders.shape))[0].all()  # the middle one is centred on the border


def test_touched_pixels_are_those_that_share_ground_with_the_area():
    shape = shapely.LineString([(0.05, 0.12), (7.3, 3.9), (2.2, 8.8)]).buffer(0.004)
    geobox, found = choose_extent(aoi=shape, res=0.25, all_touched=True)
    rows, cols = np.mgrid[: geobox.shape[0], : geobox.shape[1]]
    west, north = geobox.affine @ (cols, rows)
    pixels = shapely.box(west, north - 0.25, west + 0.25, north)
    expected = shapely.area(shapely.intersection(pixels, shape)) > 1e-12
    np.testing.assert_array_equal(found.mask.inside(*map(np.arange, geobox.shape)), expected)
    burnt = rasterio.features.geometry_mask([shape], geobox.shape, geobox.affine, invert=True, all_touched=True)
    assert (burnt >= expected).all()
    assert (burnt != expected).sum() <= 2
    with pytest.raises(GridError, match="holds the centre of no pixel"):
        choose_extent(aoi=shape, res=3)


def test_an_aligned_area_touches_nothing_beyond_its_edges():
    geobox, found = choose_extent(aoi=shapely.box(0.1, 0.2, 0.7, 0.8), res=0.1, align=True, all_touched=True)
    assert geobox.shape == (6, 6)
    assert found.mask.inside(np.arange(-1, 7), np.arange(-1, 7)).sum() == 36


def test_the_share_is_of_the_ground_and_the_reach_of_the_blocks():
    corner = shapely.union_all([shapely.box(0, 0, 1, 1), shapely.box(9.9, 9.9, 10, 10)])
    _, found = choose_extent(aoi=corner, res=1 / 256)  # ten blocks a side
    assert found.share == pytest.approx(1.01 / 100)
    assert found.reach == pytest.approx(2 / 100, abs=0.05)
    whole = choose_extent(aoi=shapely.box(0, 0, 1, 1), res=0.01)[1]
    assert (whole.share, whole.reach) == (1, 1)
    _, found = choose_extent(aoi=TRIANGLE, res=1e-5)  # 400,000 pixels a side
    assert found.share == pytest.approx(TRIANGLE.area / shapely.box(*TRIANGLE.bounds).area, rel=1e-4)
    assert found.share < found.reach < found.share + 0.01


def test_random_pixels_are_of_the_area_and_the_same_every_time():
    thin = shapely.LineString([(0, 0), (10, 10)]).buffer(0.02)
    geobox, found = choose_extent(aoi=thin, res=0.01)
    rows, cols = found.mask.sample(geobox.shape, 100)
    assert len(rows) == len(cols) == 100
    assert found.mask.holds(rows, cols).all()
    assert np.ptp(rows) > 800
    again = found.mask.sample(geobox.shape, 100)
    np.testing.assert_array_equal(again, (rows, cols))


# -------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("shape", "own", "crs", "said"),
    [
        (ANTARCTICA, "EPSG:4326", "EPSG:3857", "reaches beyond the domain of EPSG:3857"),
        (WORLD, "EPSG:4326", "EPSG:3857", "reaches beyond the domain of EPSG:3857"),
        (shapely.box(3e7, 0, 4e7, 1), "ESRI:54009", "EPSG:4326", "reaches beyond the domain of EPSG:4326"),
        (WORLD, "EPSG:4326", "EPSG:32632", "is torn by the edge of EPSG:32632"),
        (WORLD, "EPSG:4326", "EPSG:3035", "is torn by the edge of EPSG:3035"),
        (shapely.box(-179, -60, -160, -40), "EPSG:4326", "EPSG:3035", "is torn by the edge of EPSG:3035"),  # antipode
        (FIJI_ON, "EPSG:4326", "ESRI:54009", "is torn by the edge of ESRI:54009"),
        (POLE, "EPSG:3995", "ESRI:54009", "is torn by the edge of ESRI:54009"),
        (POLE, "EPSG:3995", "EPSG:4326", "goes around a pole, which is no place in EPSG:4326"),
        (POLE, "EPSG:3995", "EPSG:3857", "goes around a pole, which is no place in EPSG:3857"),
        (POLE, "EPSG:3995", "EPSG:3031", "reaches beyond the domain of EPSG:3031"),
        (POLE.difference(POLE.buffer(-5e5)), "EPSG:3995", "EPSG:4326", "goes around a pole, which is no place in"),
    ],
)
def test_what_a_projection_cannot_show_is_refused(shape, own, crs, said):
    with pytest.raises(GridError) as caught:
        laid_out((shape, own, crs, 1 if CRS(crs).is_geographic else 1e5))
    assert str(caught.value).startswith(f"aoi GeoSeries {said}")
    assert str(caught.value).endswith("; cut it, or take another crs")
    assert caught.value.for_shell().startswith(f"--aoi GeoSeries {said}")
    assert caught.value.for_shell().endswith("; cut it, or take another --crs")


def test_a_resolution_finer_than_round_off_is_refused_at_once():
    with pytest.raises(UsageError, match="the raster would have "):
        laid_out((projected(TRIANGLE, "EPSG:32632"), "EPSG:32632", "EPSG:4326", 1e-13))


@pytest.mark.filterwarnings("ignore::rangegeo.errors.GridWarning")
def test_an_area_that_holds_no_centre_is_refused():
    with pytest.raises(GridError) as caught:
        choose_extent(aoi=shapely.box(0.001, 0.001, 0.002, 0.002), res=1, align=True)
    assert str(caught.value) == (
        "aoi geometry holds the centre of no pixel; take a smaller res, or all_touched for the pixels that it touches"
    )
    assert caught.value.for_shell() == (
        "--aoi geometry holds the centre of no pixel; take a smaller --res, or --all-touched for the pixels that "
        "it touches"
    )
    _, found = choose_extent(aoi=shapely.box(0.001, 0.001, 0.002, 0.002), res=1, align=True, all_touched=True)
    assert found.mask.inside(np.arange(3), np.arange(3)).sum() == 1


@pytest.mark.parametrize(
    ("given", "python", "shell"),
    [
        (
            {},
            "give one of bbox W,S,E,N, like FILE or aoi FILE, got none of them",
            "give one of --bbox W,S,E,N, --like FILE or --aoi FILE, got none of them",
        ),
        (
            {"bbox": (0, 0, 1, 1), "like": "a.tif", "res": 1},
            "FILE or aoi FILE, got bbox and like",
            "FILE or --aoi FILE, got --bbox and --like",
        ),
        (
            {"bbox": (0, 0, 1, 1), "like": "a.tif", "aoi": "b"},
            "FILE, got bbox and like and aoi",
            "FILE, got --bbox and --like and --aoi",
        ),
        (
            {"like": "a.tif", "aoi": "b.gpkg"},
            "FILE or aoi FILE, got like and aoi",
            "FILE or --aoi FILE, got --like and --aoi",
        ),
        (
            {"bbox": (0, 0, 1, 1)},
            "bbox needs res, the pixel size in units of crs; for example res=0.01",
            "--bbox needs --res, the pixel size in units of --crs; for example --res 0.01",
        ),
        (
            {"aoi": TRIANGLE},
            "aoi needs res, the pixel size in units of crs; for example res=0.01",
            "--aoi needs --res, the pixel size in units of --crs; for example --res 0.01",
        ),
        (
            {"like": "a.tif", "res": 1},
            "like gives the whole grid; leave out res",
            "--like gives the whole grid; leave out --res",
        ),
        (
            {"like": "a.tif", "crs": "EPSG:4326"},
            "like gives the whole grid; leave out crs",
            "--like gives the whole grid; leave out --crs",
        ),
        (
            {"like": "a.tif", "bbox_crs": "EPSG:4326"},
            "like gives the whole grid; leave out bbox_crs",
            "--like gives the whole grid; leave out --bbox-crs",
        ),
        (
            {"like": "a.tif", "align": True},
            "like gives the whole grid; leave out align",
            "--like gives the whole grid; leave out --align",
        ),
        (
            {"like": "a.tif", "all_touched": True},
            "all_touched belongs to aoi; leave it out with like",
            "--all-touched belongs to --aoi; leave it out with --like",
        ),
        (
            {"bbox": (0, 0, 1, 1), "res": 1, "all_touched": True},
            "all_touched belongs to aoi; leave it out with bbox",
            "--all-touched belongs to --aoi; leave it out with --bbox",
        ),
        (
            {"aoi": TRIANGLE, "res": -1},
            "res must be one or two positive numbers",
            "--res must be one or two positive numbers",
        ),
        (
            {"aoi": TRIANGLE, "res": 1, "crs": "EPSG:1"},
            "crs must be a CRS that pyproj knows",
            "--crs must be a CRS that pyproj knows",
        ),
    ],
)
def test_exactly_one_extent_and_what_belongs_to_it(given, python, shell):
    with pytest.raises(UsageError) as caught:
        choose_extent(**given)
    assert python in str(caught.value)
    assert shell in caught.value.for_shell()


def test_a_box_is_what_it_was():
    assert choose_extent((5, 44, 10, 48), 0.01) == (make_geobox((5, 44, 10, 48), 0.01), None)
    assert choose_extent((3e5, 5e6, 4e5, 5.1e6), 500, crs=32632, bbox_crs=32632, align=True)[0] == make_geobox(
        (3e5, 5e6, 4e5, 5.1e6), 500, 32632, 32632, align=True
    )


@pytest.mark.parametrize("all_touched", [False, True])
def test_many_threads_may_ask_at_once(all_touched):
    """GEOS's prepared geometries are not made for that."""
    geobox, found = choose_extent(aoi=HOLED, res=0.005, all_touched=all_touched)
    expected = found.mask.inside(*map(np.arange, geobox.shape))

    def ask(top: int) -> np.ndarray:
        return found.mask.inside(np.arange(top, min(top + 10, geobox.shape[0])), np.arange(geobox.shape[1]))

    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(ask, range(0, geobox.shape[0], 10)))
    np.testing.assert_array_equal(np.concatenate(parts), expected)


# ---------------------------------------------------------------------------------------- no pixel in the domain

DISK = "+proj=geos +h=35785831 +lon_0=0 +ellps=WGS84"


@pytest.mark.parametrize(
    ("bbox", "res", "crs", "name"),
    [
        ((6e6, 6e6, 7e6, 7e6), 1e5, DISK, "Geostationary Satellite (Sweep Y)"),
        ((1.7e7, 8.5e6, 1.8e7, 9e6), 1e5, "ESRI:54009", "ESRI:54009"),
        ((5e7, 1e7, 5.1e7, 1.1e7), 1e5, "+proj=ortho +lat_0=40 +lon_0=10", "Orthographic"),
    ],
)
def test_a_raster_outside_its_projection_is_refused(bbox, res, crs, name):
    with pytest.raises(GridError) as caught:
        choose_extent(bbox, res, crs=crs, bbox_crs=crs)
    said = f"no pixel lies in the domain of {name}, so every value would be nodata; take another "
    assert str(caught.value) == f"{said}bbox or crs, or a smaller res"
    assert caught.value.for_shell() == f"{said}--bbox or --crs, or a smaller --res"
    with pytest.raises(GridError, match="take another like"):
        choose_extent(like=make_geobox(bbox, res, crs, crs))


@pytest.mark.filterwarnings("ignore:.*is in degrees of")
def test_a_pixel_that_is_centred_beyond_the_world_is_refused():
    with pytest.raises(GridError, match="no pixel lies in the domain of EPSG:4326"):
        choose_extent((5, 44, 10, 48), 1000)


def test_a_grid_too_large_to_look_at_each_pixel_gets_a_warning():
    with pytest.warns(GridWarning, match="no pixel lies in the domain of ESRI:54009, so every value may be nodata"):
        choose_extent((1.7e7, 8.5e6, 1.8e7, 9e6), 100, crs="ESRI:54009", bbox_crs="ESRI:54009")


@pytest.mark.parametrize(
    ("bbox", "res", "crs"),
    [
        ((-5.5e6, -5.5e6, 5.5e6, 5.5e6), 1e5, DISK),  # the corners are outside, the middle is not
        ((0, 5.3e6, 1e6, 6.3e6), 1e4, DISK),  # the rim of the disk crosses a corner
        ((-1e9, -1e9, 1e9, 1e9), 1e5, DISK),  # a disk smaller than the steps between the pixels that are tried
        ((-180, -90, 180, 90), 1, "EPSG:4326"),
        ((1.79e7, -1e5, 1.81e7, 1e5), 1e4, "ESRI:54009"),
    ],
)
def test_a_raster_that_reaches_its_projection_gets_no_warning(bbox, res, crs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        geobox, _ = choose_extent(bbox, res, crs=crs, bbox_crs=crs)
    assert reaches_domain(geobox)


def test_a_layer_belongs_to_an_area(tmp_path):
    for layer, shape in (("parks", shapely.box(5, 44, 6, 45)), ("lakes", shapely.box(7, 44, 9, 45))):
        gpd.GeoDataFrame(geometry=[shape], crs=4326).to_file(tmp_path / "a.gpkg", layer=layer)
    geobox, _ = choose_extent(aoi=tmp_path / "a.gpkg", aoi_layer="lakes", res=0.5)
    assert geobox.shape == (2, 4)
    with pytest.raises(UsageError, match=r"^aoi_layer belongs to aoi; leave it out with bbox"):
        choose_extent((5, 44, 6, 45), 0.5, aoi_layer="lakes")


# ------------------------------------------------------------------------------ what is given as something else


@pytest.mark.parametrize(
    ("box", "belongs"),
    [
        (shapely.box(5, 44, 6, 45), "got Polygon; give it as aoi"),
        (gpd.GeoSeries([shapely.box(5, 44, 6, 45)], crs=4326), "got GeoSeries; give it as aoi"),
        (shapely.box(5, 44, 6, 45).__geo_interface__, "got dict; give it as aoi"),
        (xr.DataArray(np.ones((2, 2)), dims=("y", "x")), "got DataArray; give it as like"),
        (GeoBox.from_bbox((5, 44, 6, 45), resolution=0.5), "got GeoBox; give it as like"),
        (Path("a.tif"), "give it as aoi, if it is an area, or like, if it is a raster"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_area_or_a_raster_is_no_box(box, belongs):
    with pytest.raises(UsageError, match=rf"bbox must be four numbers W,S,E,N, {belongs}|{belongs}") as caught:
        choose_extent(box, 0.1)
    assert len(str(caught.value)) < 140


def test_the_crs_of_a_dictionary_may_be_said():
    box = shapely.box(180000, 4880000, 200000, 4900000).__geo_interface__
    geobox, _ = choose_extent(aoi=box, res=1000, crs=32632, bbox_crs="EPSG:32632")
    assert tuple(geobox.boundingbox) == (180000, 4880000, 200000, 4900000)
    with pytest.raises(GridError, match='say the CRS it is in, for example bbox_crs="EPSG:32632"'):
        choose_extent(aoi=box, res=1000, crs=32632)
    named = {**box, "crs": {"type": "name", "properties": {"name": "EPSG:32632"}}}
    with pytest.raises(UsageError, match="leave out bbox_crs"):
        choose_extent(aoi=named, res=1000, crs=32632, bbox_crs=4326)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda array: array, r"has no CRS; write one into it, for example array.rio.write_crs\("),
        (lambda array: array.rio.write_crs(4326).sortby("y"), r"runs from south to north, .*sortby\(.*ascending=False"),
        (lambda array: array.rio.write_crs(4326).sortby("x", ascending=False), r"runs from east to west, .*sortby\("),
    ],
)
def test_an_array_is_mended_in_python(change, said):
    array = xr.DataArray(np.ones((3, 2)), {"y": [47.0, 46, 45], "x": [5.0, 6]}, ("y", "x"))
    with pytest.raises(GridError, match=said):
        choose_extent(like=change(array))


def test_axes_of_other_names_are_told():
    array = xr.DataArray(np.ones((3, 2)), {"lat": [47.0, 46, 45], "lon": [5.0, 6]}, ("lat", "lon")).rio.write_crs(4326)
    with pytest.warns(GridWarning, match=r'array.rename\(lat="y", lon="x"\)'):
        geobox, _ = choose_extent(like=array)
    assert geobox.shape == (3, 2)
    renamed, _ = choose_extent(like=array.rename(lat="y", lon="x"))
    assert renamed == geobox
