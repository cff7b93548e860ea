"""Grids, against rasterio for their geometry and against pyproj, pixel by pixel, for their places."""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest
import rasterio.transform
import rasterio.warp
from affine import Affine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from rangegeo.errors import GridWarning, UsageError
from rangegeo.grid import PixelPlaces, crs_name, make_geobox, parse_bbox, parse_crs, pixel_places
from rangegeo.grid.domain import domain_of

ALPS = (5, 44, 10, 48)
LAMBERT = "+proj=lcc +lat_0=46 +lon_0=7 +lat_1=45 +lat_2=47"

# A CRS and how far its coordinates are drawn, beyond its own domain on purpose.
REACH = {
    "EPSG:4326": (400.0, 100.0),
    "EPSG:3857": (3e7, 3e7),
    "EPSG:3832": (3e7, 3e7),  # Mercator around 150° east
    "EPSG:32632": (2e6, 1.1e7),  # UTM 32 north
    "EPSG:3995": (5e6, 5e6),  # polar stereographic, north
    "EPSG:3031": (5e6, 5e6),  # polar stereographic, south
    "ESRI:54009": (2e7, 1e7),  # Mollweide: an ellipse in a rectangle
    "EPSG:3035": (1.5e7, 1.5e7),  # Lambert equal area around Europe
    "EPSG:6933": (2e7, 8e6),  # cylindrical equal area
    "EPSG:3577": (4e6, 6e6),  # Albers equal area around Australia
}
CYLINDRICAL = ("EPSG:4326", "OGC:CRS84", "EPSG:4979", "EPSG:3857", "EPSG:3832", "EPSG:3395", "EPSG:6933")


def whole(geobox: GeoBox) -> tuple[slice, slice]:
    return slice(0, geobox.shape[0]), slice(0, geobox.shape[1])


def places_of(geobox: GeoBox) -> PixelPlaces:
    return pixel_places(geobox, *whole(geobox))


def centres(geobox: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """Projected x and y of every pixel, row by row, as rasterio has them."""
    rows, cols = np.mgrid[: geobox.shape[0], : geobox.shape[1]]
    x, y = rasterio.transform.xy(geobox.affine, rows.ravel(), cols.ravel())
    return np.asarray(x), np.asarray(y)


def turns_apart(lon: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Difference of longitudes, whole turns left out."""
    return np.abs((np.asarray(lon) - other + 180) % 360 - 180)


# ----------------------------------------------------------------------------------------------- the grid


@pytest.mark.filterwarnings("ignore::rangegeo.errors.GridWarning")  # pixels larger than the box
@pytest.mark.parametrize(
    ("bbox", "res", "crs", "shape"),
    [
        (ALPS, 0.01, "EPSG:4326", (400, 500)),
        (ALPS, 0.03, "EPSG:4326", (134, 167)),
        (ALPS, (0.01, 0.02), "EPSG:4326", (200, 500)),
        ((0, 0, 1, 1), 3, "EPSG:4326", (1, 1)),
        ((0, 0, 1 + 0.9e-7, 1), 0.1, "EPSG:4326", (10, 10)),  # 0.9e-6 of a pixel too wide: not another column
        ((0, 0, 1 + 1.1e-7, 1), 0.1, "EPSG:4326", (10, 11)),
        ((0.1, 0.1, 0.4, 0.4), 0.1, "EPSG:4326", (3, 3)),  # 0.4 - 0.1 is 0.30000000000000004
        ((-180, -90, 180, 90), 1, "EPSG:4326", (180, 360)),
    ],
)
def test_origin_is_the_north_west_corner_and_the_last_pixel_covers_the_rest(bbox, res, crs, shape):
    geobox = make_geobox(bbox, res, crs)
    res_x, res_y = np.broadcast_to(res, 2)
    assert geobox.shape == shape
    expected = rasterio.transform.from_origin(bbox[0], bbox[3], res_x, res_y)
    assert geobox.affine == expected
    assert rasterio.transform.rowcol(geobox.affine, bbox[0] + res_x / 2, bbox[3] - res_y / 2) == (0, 0)
    west, south, east, north = geobox.boundingbox
    assert (west, north) == (bbox[0], bbox[3])
    assert bbox[2] - 1e-6 * res_x <= east < bbox[2] + res_x
    assert bbox[1] - res_y < south <= bbox[1] + 1e-6 * res_y


@pytest.mark.filterwarnings("ignore::rangegeo.errors.GridWarning")  # pixels larger than the box
@given(
    west=st.floats(-360, 359),
    south=st.floats(-90, 89),
    width=st.floats(0.01, 300),
    height=st.floats(0.01, 90),
    res=st.floats(0.01, 50),
)
def test_size_follows_the_contract_for_any_box(west, south, width, height, res):
    east, north = west + width, south + height
    assume(north <= 90 and east <= 360)
    geobox = make_geobox((west, south, east, north), res)
    assert geobox.shape.x == max(1, math.ceil((east - west) / res - 1e-6))
    assert geobox.shape.y == max(1, math.ceil((north - south) / res - 1e-6))
    assert (geobox.affine.c, geobox.affine.f) == (west, north)


@pytest.mark.parametrize(
    ("bbox", "res", "crs"),
    [
        ((5.003, 44.007, 9.998, 47.991), 0.01, "EPSG:4326"),
        ((5.0, 44.0, 10.0, 48.0), 0.1, "EPSG:4326"),
        ((-3.3, -2.2, -1.1, 0.4), (0.25, 0.1), "EPSG:4326"),
        ((399_123.0, 5_000_456.0, 412_000.0, 5_010_000.0), 1000, "EPSG:32632"),
        ((-1_000_001.0, -2_000_001.0, 999_999.0, 5.0), (3000, 7000), "EPSG:3995"),
    ],
)
def test_align_is_gdalwarps_tap(bbox, res, crs):
    geobox = make_geobox(bbox, res, crs, crs, align=True)
    res_x, res_y = np.broadcast_to(res, 2).tolist()
    one_pixel = rasterio.transform.from_bounds(*bbox, 1, 1)
    transform, width, height = rasterio.warp.aligned_target(one_pixel, 1, 1, (res_x, res_y))
    assert geobox.shape == (height, width)
    np.testing.assert_allclose(tuple(geobox.affine)[:6], tuple(transform)[:6], rtol=1e-13)
    for edge, size in zip(geobox.boundingbox, (res_x, res_y, res_x, res_y), strict=True):
        assert abs(edge / size - round(edge / size)) < 1e-9


def test_aligned_box_that_is_aligned_already_stays():
    assert make_geobox(ALPS, 0.1, align=True) == make_geobox(ALPS, 0.1)


@pytest.mark.filterwarnings("ignore::rangegeo.errors.GridWarning")
@given(
    west=st.floats(-1e6, 1e6),
    south=st.floats(-1e6, 1e6),
    width=st.floats(1, 1e5),
    height=st.floats(1, 1e5),
    res=st.tuples(*[st.sampled_from([0.3, 1, 7.5, 10, 30, 100, 333.3, 1e4])] * 2),
)
def test_any_aligned_box_is_covered_by_whole_pixels_of_one_lattice(west, south, width, height, res):
    bbox = (west, south, west + width, south + height)
    geobox = make_geobox(bbox, res, "EPSG:3035", "EPSG:3035", align=True)
    res_x, res_y = res
    box = geobox.boundingbox
    slack_x, slack_y = 2e-6 * res_x, 2e-6 * res_y
    assert box.left - slack_x <= bbox[0] < box.left + res_x + slack_x
    assert box.right - res_x - slack_x < bbox[2] <= box.right + slack_x
    assert box.bottom - slack_y <= bbox[1] < box.bottom + res_y + slack_y
    assert box.top - res_y - slack_y < bbox[3] <= box.top + slack_y
    for edge, size in zip(box, (res_x, res_y, res_x, res_y), strict=True):
        assert abs(edge / size - round(edge / size)) < 1e-7
    assert geobox.affine.c == round(box.left / res_x) * res_x  # to the last bit, whatever the box: rasters stack
    assert geobox.affine.f == round(box.top / res_y) * res_y
    assert make_geobox(box, res, "EPSG:3035", "EPSG:3035", align=True) == geobox


def test_west_greater_than_east_crosses_the_antimeridian():
    geobox = make_geobox((176, -19, -178, -15), 0.5)
    assert geobox.shape == (8, 12)
    assert tuple(geobox.boundingbox) == (176, -19, 182, -15)
    lon = places_of(geobox).axes_deg[0]
    np.testing.assert_allclose(
        lon, [176.25, 176.75, 177.25, 177.75, 178.25, 178.75, 179.25, 179.75, *np.arange(-179.75, -178, 0.5)]
    )


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:3832", "EPSG:32701", "EPSG:3031", "EPSG:6933", "EPSG:4269"])
def test_a_box_over_the_antimeridian_is_whole_in_every_crs(crs):
    bbox = (176, -19, -178, -15)
    res = 0.1 if CRS(crs).is_geographic else 20_000
    geobox = make_geobox(bbox, res, crs)
    places = places_of(geobox)
    assert places.valid.all()
    lon, lat = places.lonlat_deg.T
    assert {*np.sign(lon)} == {-1, 1}
    inside = (turns_apart(lon, 179) < 3) & (lat > -19) & (lat < -15)
    assert inside.mean() > (0.3 if crs == "EPSG:3031" else 0.85)
    # no corner of the box is left out
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform([176, 176, -178, -178], [-19, -15] * 2)
    period = domain_of(CRS(crs).to_wkt()).period
    x = np.where(np.array(x) < geobox.boundingbox.left - res, np.array(x) + (period if math.isfinite(period) else 0), x)
    for col, row in zip(*(~geobox.affine @ (x, np.array(y))), strict=True):
        assert -1e-6 <= col <= geobox.shape.x + 1e-6
        assert -1e-6 <= row <= geobox.shape.y + 1e-6


@pytest.mark.parametrize(
    ("bbox", "crs", "expected"),
    [
        ((-180, 60, 180, 90), "EPSG:3995", (-3333134.03, -3333134.03, 3333134.03, 3333134.03)),
        ((0, -90, 360, -60), "EPSG:3031", (-3333134.03, -3333134.03, 3333134.03, 3333134.03)),
        ((-180, -85, 180, 85), "EPSG:3857", (-20037508.34, -19971868.88, 20037508.34, 19971868.88)),
        ((176, 10, -178, 20), "EPSG:3857", (19592230.38, 1118889.97, 20260146.32, 2273030.93)),
        ((145, 0, 155, 10), "EPSG:3832", (-556597.45, 0, 556597.45, 1111475.10)),
        ((-170, 0, -160, 10), "EPSG:3832", (4452779.63, 0, 5565974.54, 1111475.10)),
        ((-40, 0, -20, 10), "EPSG:3832", (18924313.43, 0, 21150703.25, 1111475.10)),  # over the seam at 30° west
        ((-180, -90, 180, 90), "ESRI:54009", (-18040095.7, -9020047.85, 18040095.7, 9020047.85)),
    ],
)
def test_bounds_in_another_crs(bbox, crs, expected):
    west, south, east, north = make_geobox(bbox, 100, crs).boundingbox
    np.testing.assert_allclose((west, north), (expected[0], expected[3]), atol=0.02)
    np.testing.assert_allclose((south, east), (expected[1], expected[2]), atol=100.02)  # the last pixel reaches beyond


def test_the_edges_of_a_box_are_followed_between_its_corners():
    """Parallels bend in Lambert's projection: the southernmost point of the box is in the middle of its edge."""
    geobox = make_geobox((0, 40, 20, 50), 1000, "EPSG:3035")
    _, y = Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True).transform(
        np.linspace(0, 20, 999), [40.0] * 999
    )
    assert geobox.boundingbox.bottom <= min(y)
    assert min(y) < min(y[0], y[-1]) - 10_000


def test_bbox_in_the_rasters_own_crs_is_taken_as_it_is():
    bbox = (300_000.123, 4_900_000.456, 310_000.123, 4_910_000.456)
    geobox = make_geobox(bbox, 100, "EPSG:32632", "EPSG:32632")
    assert (geobox.affine.c, geobox.affine.f) == (bbox[0], bbox[3])
    assert geobox.shape == (100, 100)


def test_bbox_in_a_third_crs():
    geobox = make_geobox((-1e6, -1e6, 1e6, 1e6), 1, "EPSG:4326", "EPSG:3995")  # a box around the pole
    assert geobox.boundingbox.top == 90
    assert geobox.boundingbox.right - geobox.boundingbox.left == 360


def test_crs_may_be_anything_pyproj_reads_and_gets_its_short_name():
    for crs in ("EPSG:3857", 3857, CRS(3857), CRS(3857).to_wkt(), "urn:ogc:def:crs:EPSG::3857"):
        assert make_geobox((0, 0, 1, 1), 1000, crs).crs.to_epsg() == 3857
        assert crs_name(parse_crs(crs)) == "EPSG:3857"
    assert crs_name(parse_crs(LAMBERT)).startswith("PROJCRS")
    assert make_geobox(ALPS, 1000, LAMBERT).crs.to_wkt() == CRS(LAMBERT).to_wkt()


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("bbox", "said"),
    [
        ((5, 44, 10), "bbox must be four numbers W,S,E,N, got 5,44,10; for example bbox=(5, 44, 10, 48)"),
        ((5, 44, 10, "x"), "bbox must be four numbers W,S,E,N, got 5,44,10,x"),
        (7, "bbox must be four numbers W,S,E,N, got 7"),
        ("5,44,10,48", "bbox must be four numbers W,S,E,N"),
        ((5, 44, math.nan, 48), "bbox must be four finite numbers W,S,E,N, got 5,44,nan,48"),
        ((5, 44, math.inf, 48), "bbox must be four finite numbers W,S,E,N, got 5,44,inf,48"),
        ((5, 48, 10, 44), "bbox must have south < north, got 5,48,10,44; the order is W,S,E,N"),
        ((5, 44, 10, 44), "bbox must have south < north, got 5,44,10,44"),
        ((5, 44, 5, 48), "bbox must have west different from east, got 5,44,5,48"),
        ((5, 44, 10, 95), "bbox must have latitudes in [-90, 90], got 5,44,10,95"),
        ((5, -91, 10, 48), "bbox must have latitudes in [-90, 90], got 5,-91,10,48"),
        ((-400, 44, 10, 48), "bbox must have longitudes in [-360, 360], got -400,44,10,48"),
        ((-200, 44, 170, 48), "bbox must be at most 360 degrees wide, got -200,44,170,48"),
        ((360, 44, -10, 48), "bbox must be at most 360 degrees wide, got 360,44,-10,48"),
    ],
)
def test_bad_bbox_is_refused(bbox, said):
    with pytest.raises(UsageError) as caught:
        make_geobox(bbox, 0.01)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    shell = said.replace("bbox=(5, 44, 10, 48)", "--bbox 5,44,10,48")
    assert caught.value.for_shell().startswith(f"--{shell}")


@pytest.mark.parametrize(
    ("bbox", "width", "rest", "narrow"),
    [
        ((10, 44, 5, 48), 355, 5, (5, 44, 10, 48)),
        ((-60, 25, -125, 49), 295, 65, (-125, 25, -60, 49)),
        ((40.5, 35, -10.125, 70), 309.375, 50.625, (-10.125, 35, 40.5, 70)),
        ((5.1234567, 0, 5, 1), 359.877, 0.123457, (5, 0, 5.1234567, 1)),
    ],
)
def test_west_and_east_swapped_are_worth_a_warning(bbox, width, rest, narrow):
    with pytest.warns(GridWarning) as caught:
        geobox = make_geobox(bbox, 5)
    assert geobox.affine.c == bbox[0]
    given, typed = (",".join(f"{number:.10g}" for number in box) for box in (bbox, narrow))
    crosses = f"{given} has west > east, so it crosses the antimeridian and is {width:.6g} degrees wide"
    for_the_rest = f"for the {rest:.6g} degrees between them give"
    (told,) = (warning.message for warning in caught if "antimeridian" in str(warning.message))
    assert str(told) == f"bbox {crosses}; {for_the_rest} bbox=({', '.join(typed.split(','))})"
    assert told.for_shell() == f"--bbox {crosses}; {for_the_rest} --bbox {typed}"


@pytest.mark.parametrize("bbox", [(176, -19, -178, -15), (100, -60, -60, 60), (-180, 0, 180, 1), (0, 0, 360, 1)])
def test_wide_boxes_that_are_meant_get_no_warning(bbox):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_geobox(bbox, 1)


def test_projected_bbox_must_not_be_turned_round():
    with pytest.raises(UsageError, match=r"^bbox must have west < east in EPSG:32632, got 9,0,5,1"):
        make_geobox((9, 0, 5, 1), 1, "EPSG:32632", "EPSG:32632")


@pytest.mark.parametrize("res", [0, -0.01, math.nan, math.inf, "fine", (1, 2, 3), (0.1, 0), (), None])
def test_bad_resolution_is_refused(res):
    with pytest.raises(UsageError) as caught:
        make_geobox(ALPS, res)
    said = r"res must be one or two positive numbers in units of the CRS, got .*; for example"
    assert re.fullmatch(rf"{said} res=0\.01", str(caught.value))
    assert re.fullmatch(rf"--{said} --res 0\.01", caught.value.for_shell())


@pytest.mark.parametrize(("name", "flag"), [("crs", "--crs"), ("bbox_crs", "--bbox-crs")])
@pytest.mark.parametrize("crs", ["EPSG:1", "nonsense", "", None, 3.5])
def test_bad_crs_is_refused(crs, name, flag):
    with pytest.raises(UsageError) as caught:
        make_geobox(ALPS, 0.01, **{name: crs})
    said = f"must be a CRS that pyproj knows, got '{crs}'; for example"
    assert str(caught.value) == f'{name} {said} {name}="EPSG:4326"'
    assert caught.value.for_shell() == f"{flag} {said} {flag} EPSG:4326"


@pytest.mark.parametrize("crs", ["EPSG:4978", "EPSG:5773"])  # geocentric, vertical
def test_crs_without_a_map_is_refused(crs):
    with pytest.raises(UsageError, match=rf"^crs must be a geographic or projected CRS, got '{crs}'; for example crs="):
        make_geobox(ALPS, 0.01, crs)


@pytest.mark.parametrize(
    ("bbox", "crs", "bbox_crs"),
    [
        ((-180, -90, 180, 90), "EPSG:3857", "EPSG:4326"),  # Mercator's poles
        ((0, 80, 1, 90), "EPSG:3857", "EPSG:4326"),
        ((0, 80, 1, 90), "EPSG:3395", "EPSG:4326"),
        ((-180, -90, 180, 90), "EPSG:3995", "EPSG:4326"),  # the other pole
        ((-180, -90, 180, 90), "EPSG:32632", "EPSG:4326"),  # the world in a UTM zone
        ((-180, -90, 180, 90), "EPSG:3035", "EPSG:4326"),  # Europe's antipode
        ((-1e6, -1e6, 1e6, 1e6), "EPSG:3857", "EPSG:3995"),  # a pole inside, not on the edge
        ((3e7, 0, 4e7, 1), "EPSG:4326", "ESRI:54009"),
    ],
)
def test_bbox_beyond_a_projection_is_refused(bbox, crs, bbox_crs):
    with pytest.raises(UsageError) as caught:
        make_geobox(bbox, 1, crs, bbox_crs)
    said = r"bbox \S+ reaches beyond the domain of \S+; take a smaller box, or give it in that CRS with"
    assert re.fullmatch(rf"{said} bbox_crs", str(caught.value))
    assert re.fullmatch(rf"--{said} --bbox-crs", caught.value.for_shell())


def test_too_many_pixels_are_refused():
    with pytest.raises(
        UsageError, match=r"the raster would have 3600000000000 x 10 pixels; take a larger res, in units of"
    ):
        make_geobox((-180, 0, 180, 1), (1e-10, 0.1))


@pytest.mark.parametrize(
    ("bbox", "res", "crs", "said"),
    [
        ((5, 44, 6, 45), 10, "EPSG:4326", "res 10 is in degrees of EPSG:4326, more than the whole area of 1 x 1; "),
        ((5, 44, 6, 45), (10, 20), "EPSG:4326", "res 10,20 is in degrees of EPSG:4326, more than"),
        ((5, 44, 5.001, 44.001), 1000, "EPSG:32632", "res 1000 is in metres of EPSG:32632, more than the whole area"),
        ((-98, 30, -97.999, 30.001), 1e4, "EPSG:2277", "res 10000 is in US survey feet of EPSG:2277, more than"),
        ((5, 44, 5.001, 44.001), 0.01, "EPSG:32632", "res 0.01 is in metres of EPSG:32632, less than 10 cm; "),
        (
            (5, 44, 5.001, 44.001),
            1e-7,
            "EPSG:4326",
            "res 1e-07 is in degrees of EPSG:4326, less than 10 cm; take",
        ),
        (
            (5, 44, 10, 48),
            0.5,
            "EPSG:3035",
            "res 0.5 is in metres of EPSG:3035, 803,220 x 913,298 pixels of 0.5 m; take",
        ),
        ((5, 44, 5.001, 44.001), 1e-5, "EPSG:6318", None),
        ((5, 44, 6, 45), 1, "EPSG:4326", None),
        ((5, 44, 10, 44.001), 0.01, "EPSG:4326", None),  # a transect
        ((5, 44, 5.001, 44.001), 0.5, "EPSG:32632", None),
    ],
)
def test_a_resolution_that_looks_as_if_meant_in_other_units_is_doubted(bbox, res, crs, said):
    if said is None:
        make_geobox(bbox, res, crs)
        return
    with pytest.warns(GridWarning) as caught:
        make_geobox(bbox, res, crs)
    (warning,) = caught
    degrees = CRS(crs).is_geographic
    assert str(warning.message).startswith(said)
    assert str(warning.message).endswith("or a crs in metres" if degrees else "or leave out crs for degrees")
    shell = warning.message.for_shell()
    assert shell.startswith(f"--{said}")
    assert shell.endswith("or a --crs in metres" if degrees else "or leave out --crs for degrees")


def test_a_doubt_can_be_filtered_by_what_python_shows():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="res 10 is in degrees of EPSG:4326", category=GridWarning)
        make_geobox((5, 44, 6, 45), 10)


def test_degrees_taken_for_metres_are_refused_where_they_would_be_too_many_pixels():
    with pytest.raises(UsageError) as caught:
        make_geobox((5, 44, 10, 48), 0.01, "EPSG:32632")
    assert str(caught.value) == (
        "the raster would have 40088008 x 45217295 pixels; take a larger res, in units of EPSG:32632: metres"
    )
    assert caught.value.for_shell() == str(caught.value).replace("larger res", "larger --res")


def test_parsed_box_goes_east():
    assert parse_bbox((170, 0, -170, 1), CRS(4326)) == (170, 0, 190, 1)
    assert parse_bbox(np.array([1, 2, 3, 4]), CRS(4326)) == (1, 2, 3, 4)


# ------------------------------------------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("bbox", "res", "crs"),
    [
        (ALPS, 0.25, "EPSG:4326"),
        (ALPS, 0.25, "OGC:CRS84"),
        (ALPS, 0.25, "EPSG:4269"),
        ((-6, 50, 1, 58), 0.25, "EPSG:4277"),  # OSGB36, in its country
        ((-6, 50, 1, 58), 50_000, "EPSG:27700"),
        (ALPS, 20_000, "EPSG:3857"),
        (ALPS, 20_000, "EPSG:32632"),
        (ALPS, (20_000, 10_000), "EPSG:3035"),
        (ALPS, 20_000, LAMBERT),
        ((-180, 60, 180, 90), 300_000, "EPSG:3995"),
        ((-180, -90, 180, -60), 300_000, "EPSG:3031"),
        ((176, -19, -178, -15), 20_000, "EPSG:3832"),
        ((-20, -30, 50, 30), 400_000, "ESRI:54009"),
    ],
)
def test_places_are_pyprojs_pixel_by_pixel(bbox, res, crs):
    geobox = make_geobox(bbox, res, crs)
    places = places_of(geobox)
    assert places.valid.all()
    to_lonlat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    for (lon, lat), x, y in zip(places.lonlat_deg, *centres(geobox), strict=True):
        expected_lon, expected_lat = to_lonlat.transform(x, y)
        assert turns_apart(lon, expected_lon) < 1e-9
        assert abs(lat - expected_lat) < 1e-9


@settings(max_examples=200, deadline=None)
@given(data=st.data(), crs=st.sampled_from(sorted(REACH)))
def test_every_valid_pixel_lies_where_its_place_says(data, crs):
    """Any box, even far outside the projection's domain: a valid pixel's place transforms to the pixel's centre."""
    reach_x, reach_y = REACH[crs]
    left, right = sorted(data.draw(st.tuples(*[st.floats(-reach_x, reach_x)] * 2)))
    bottom, top = sorted(data.draw(st.tuples(*[st.floats(-reach_y, reach_y)] * 2)))
    height, width = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    res_x, res_y = (right - left) / width, (top - bottom) / height
    assume(res_x > 1e-9 * reach_x and res_y > 1e-9 * reach_y)
    geobox = GeoBox((height, width), Affine(res_x, 0, left, 0, -res_y, top), crs)
    places = places_of(geobox)
    assert places.valid.shape == (height, width)
    assert places.lonlat_deg.shape == (height * width, 2)
    assert np.isfinite(places.lonlat_deg).all()
    lon, lat = places.lonlat_deg[places.valid.ravel()].T
    assert (np.abs(lon) <= 180).all()
    assert (np.abs(lat) <= 90).all()
    x, y = (part[places.valid.ravel()] for part in centres(geobox))
    x_back, y_back = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    period = {"EPSG:4326": 360.0, "EPSG:6933": 34735060.890322745}.get(crs, 40075016.68557848)
    off_x = np.abs(np.asarray(x_back) - x)
    if crs in CYLINDRICAL:
        off_x = np.abs(off_x - np.round(off_x / period) * period)
    tolerance = max(1.01e-3 * min(res_x, res_y), 1e-9 * reach_x)
    assert (off_x <= tolerance).all()
    assert (np.abs(np.asarray(y_back) - y) <= tolerance).all()


@pytest.mark.filterwarnings("ignore:bbox .* so it crosses the antimeridian:rangegeo.errors.GridWarning")
@settings(max_examples=100, deadline=None)
@given(data=st.data(), crs=st.sampled_from(["EPSG:4326", "EPSG:3857", "EPSG:32632", "EPSG:3995", "ESRI:54009"]))
def test_any_lonlat_box_is_covered_by_its_grid(data, crs):
    """Every place inside the box falls on a pixel of the grid, and that pixel is valid and near the place."""
    lowest, highest = {"EPSG:3995": (30, 90), "EPSG:3857": (-85, 85)}.get(crs, (-80, 80))
    west, east = (3, 15) if crs == "EPSG:32632" else (-180, 180)
    bbox = (
        data.draw(st.floats(west, east - 1)),
        data.draw(st.floats(lowest, (lowest + highest) / 2 - 1)),
        data.draw(st.floats(west, east)),
        data.draw(st.floats((lowest + highest) / 2, highest)),
    )
    assume(bbox[0] != bbox[2] and (bbox[0] < bbox[2] or crs not in ("EPSG:32632", "ESRI:54009")))
    size = 1.0 if crs == "EPSG:4326" else 100_000.0
    geobox = make_geobox(bbox, size, crs)
    turn = 360 if bbox[2] < bbox[0] else 0
    lon = bbox[0] + (bbox[2] + turn - bbox[0]) * data.draw(st.floats(0, 1))
    lat = bbox[1] + (bbox[3] - bbox[1]) * data.draw(st.floats(0, 1))
    x, y = (
        (lon, lat) if crs == "EPSG:4326" else Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    )
    if crs == "EPSG:3857" and x < geobox.boundingbox.left - 1:
        x += 40075016.68557848
    col, row = ~geobox.affine @ (x, y)
    assert -1e-5 <= col <= geobox.shape.x + 1e-5
    assert -1e-5 <= row <= geobox.shape.y + 1e-5
    row, col = min(max(int(row), 0), geobox.shape.y - 1), min(max(int(col), 0), geobox.shape.x - 1)
    places = pixel_places(geobox, slice(row, row + 1), slice(col, col + 1))
    if places.valid.all():  # a pixel half outside Mollweide's ellipse may have its centre there
        assert abs(places.lonlat_deg[0, 1] - lat) < 3
    else:
        assert crs == "ESRI:54009"


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:4277", "EPSG:32632", "EPSG:3995"])
def test_a_window_does_not_change_a_pixel(crs):
    bbox = (0.1, 61.3, 7.7, 66.6)
    geobox = make_geobox(bbox, 0.1 if CRS(crs).is_geographic else 7777.7, crs)
    height, width = geobox.shape
    all_places = places_of(geobox).lonlat_deg.reshape(height, width, 2)
    generator = np.random.default_rng(0)
    for _ in range(5):
        top, left = generator.integers(0, height - 1), generator.integers(0, width - 1)
        bottom, right = generator.integers(top + 1, height + 1), generator.integers(left + 1, width + 1)
        part = pixel_places(geobox, slice(top, bottom), slice(left, right))
        expected = all_places[top:bottom, left:right]
        assert part.lonlat_deg.tobytes() == np.ascontiguousarray(expected).tobytes()
        assert part.valid.shape == (bottom - top, right - left)


@pytest.mark.parametrize("crs", CYLINDRICAL)
def test_the_axes_of_a_cylindrical_crs_say_the_same_as_the_general_way(crs, monkeypatch):
    bbox = (170, -60, -150, 80)
    geobox = make_geobox(bbox, 2.5 if CRS(crs).is_geographic else 250_000, crs)
    by_axes = places_of(geobox)
    lon, lat = by_axes.axes_deg
    assert (len(lat), len(lon)) == geobox.shape
    np.testing.assert_array_equal(by_axes.lonlat_deg.reshape(*geobox.shape, 2)[..., 0], np.tile(lon, (len(lat), 1)))
    np.testing.assert_array_equal(by_axes.lonlat_deg.reshape(*geobox.shape, 2)[..., 1], np.tile(lat[:, None], len(lon)))
    monkeypatch.setattr(domain_of(geobox.crs.to_wkt()), "cylindrical", False)
    general = places_of(geobox)
    assert general.valid.all()
    assert by_axes.valid.all()
    assert turns_apart(general.lonlat_deg[:, 0], by_axes.lonlat_deg[:, 0]).max() < 1e-9
    np.testing.assert_allclose(general.lonlat_deg[:, 1], by_axes.lonlat_deg[:, 1], rtol=0, atol=1e-9)


def test_only_straight_grids_have_axes():
    for crs in (*CYLINDRICAL, "EPSG:4258", "EPSG:4269"):  # the last two: other datums with no shift here
        lon, lat = places_of(make_geobox(ALPS, 0.5 if CRS(crs).is_geographic else 5e4, crs)).axes_deg
        assert (np.diff(lon) > 0).all()
        assert (np.diff(lat) < 0).all()
    for crs in ("EPSG:32632", "EPSG:3995", "ESRI:54009", "EPSG:3035"):
        assert places_of(make_geobox(ALPS, 5e4, crs)).axes_deg is None


def test_another_datum_is_shifted_where_it_is_shifted():
    """OSGB36 lies some 100 m off WGS 84 in Britain; degrees of one are not degrees of the other."""
    places = places_of(make_geobox((-6, 50, 1, 58), 0.5, "EPSG:4277"))
    x, y = centres(make_geobox((-6, 50, 1, 58), 0.5, "EPSG:4277"))
    assert places.axes_deg is None
    assert (np.hypot(places.lonlat_deg[:, 0] - x, places.lonlat_deg[:, 1] - y) > 3e-4).mean() > 0.9


def test_the_corners_around_mollweides_ellipse_are_not_valid():
    geobox = make_geobox((-180, -90, 180, 90), 500_000, "ESRI:54009")
    valid = places_of(geobox).valid
    x, y = centres(geobox)
    half_width, half_height = 18040095.696147293, 9020047.848073645
    inside = ((x / half_width) ** 2 + (y / half_height) ** 2).reshape(geobox.shape)
    assert valid[inside < 0.99].all()
    assert not valid[inside > 1.01].any()
    assert not valid[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_a_datum_whose_shift_does_not_lead_back_still_has_all_its_pixels():
    """Around Britain the shift from OSGB36 ends somewhere, and elsewhere than the shift to it does."""
    assert places_of(make_geobox((-12, 46, 6, 62), 50_000, "EPSG:27700")).valid.all()


def test_rows_beyond_a_pole_are_not_valid():
    geobox = make_geobox((0, -90, 10, 90), 8.1)  # the last row's centre lies at 92.25° south
    places = places_of(geobox)
    assert geobox.shape == (23, 2)
    assert places.valid[:-1].all()
    assert not places.valid[-1].any()
    beyond = places_of(make_geobox((-180, -90, 180, 90), 500_000, "EPSG:6933"))
    assert np.abs(beyond.lonlat_deg[beyond.valid.ravel(), 1]).max() <= 90


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:4326", 90.0), ("EPSG:4258", 90.0), ("EPSG:4807", 100.0)])
@pytest.mark.parametrize("ulps", [-3, 0, 1, 1000])
def test_a_row_at_a_pole_is_not_lost_to_round_off(crs, pole, ulps):
    """Grids of climate models have rows at the poles, whose computed latitude may be 90.00000000000001."""
    for sign in (1, -1):
        top = sign * (pole + ulps * math.ulp(pole)) + 0.25
        places = places_of(GeoBox((1, 4), Affine(0.5, 0, 5, 0, -0.5, top), crs))
        assert places.valid.all()
        assert np.abs(places.lonlat_deg[:, 1]).max() <= 90
        np.testing.assert_allclose(places.lonlat_deg[:, 1], sign * 90.0, atol=0.01)  # another datum moves it a bit
    beyond = places_of(GeoBox((1, 4), Affine(0.5, 0, 5, 0, -0.5, pole + 1e-6 + 0.25), crs))
    assert not beyond.valid.any()


def test_a_box_may_exceed_a_pole_by_round_off():
    assert parse_bbox((0, -90 - 1e-10, 10, 0.1 * 900.0000000000001), CRS(4326)) == (0, -90, 10, 90)
    with pytest.raises(UsageError, match=r"latitudes in \[-90, 90\]"):
        parse_bbox((0, 0, 10, 90.001), CRS(4326))


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3995", 90), ("EPSG:3031", -90)])
def test_a_pixel_centred_on_the_pole(crs, pole):
    geobox = make_geobox((-1500, -1500, 1500, 1500), 1000, crs, crs)
    places = places_of(geobox)
    assert places.valid.all()
    lon, lat = places.lonlat_deg.reshape(3, 3, 2).transpose(2, 0, 1)
    assert lat[1, 1] == pytest.approx(pole, abs=1e-9)
    assert (np.abs(np.delete(lat.ravel(), 4)) < 89.995).all()
    assert len(np.unique(np.round(np.delete(lon.ravel(), 4)))) == 8  # eight directions around it


def test_longitudes_are_brought_within_half_a_turn_and_no_further():
    lon = places_of(make_geobox((-180, 0, 180, 1), 90)).axes_deg[0]
    assert lon.tolist() == [-135, -45, 45, 135]
    assert places_of(make_geobox((200, 0, 340, 1), 70)).axes_deg[0].tolist() == [-125, -55]
    assert places_of(make_geobox((-340, 0, -200, 1), 70)).axes_deg[0].tolist() == [55, 125]


@pytest.mark.parametrize("crs", ["EPSG:3035", "EPSG:6933", "EPSG:32632", "EPSG:5070"])
@pytest.mark.parametrize("side", [1.0, 0.1, 0.01])
def test_small_pixels_lie_on_the_globe(crs, side):
    """PROJ leads back to a point of EPSG:3035 within 2 mm only."""
    lon, lat = (-96, 40) if crs == "EPSG:5070" else (5, 44)
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
    geobox = GeoBox((20, 20), Affine(side, 0, x, 0, -side, y), crs)
    assert pixel_places(geobox, slice(0, 20), slice(0, 20)).valid.all()
