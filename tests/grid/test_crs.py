"""Coordinate reference systems: their names, their units, and the messages about those that cannot be used."""

from __future__ import annotations

import math

import pytest
from odc.geo.geobox import GeoBox
from pyproj import CRS

from rangegeo.errors import UsageError
from rangegeo.grid.crs import crs_of, metres_a_unit, parse_crs, short_name, unit_suffix, units

LAMBERT = CRS("+proj=lcc +lat_0=46 +lon_0=7 +lat_1=45 +lat_2=47")


@pytest.mark.parametrize(
    ("crs", "plural", "suffix", "metres"),
    [
        ("EPSG:4326", "degrees", "°", 111_195.08),
        ("EPSG:3035", "metres", " m", 1),
        ("EPSG:2263", "US survey feet", " US survey foot", 1200 / 3937),
        ("EPSG:4807", "grads", " grad", 111_195.08 * 0.9),
    ],
)
def test_units(crs, plural, suffix, metres):
    parsed = parse_crs(crs)
    assert (units(parsed), unit_suffix(parsed)) == (plural, suffix)
    assert math.isclose(metres_a_unit(parsed), metres, rel_tol=1e-6)


def test_short_names():
    assert short_name(CRS(3035)) == "EPSG:3035"
    assert short_name(LAMBERT) == "Lambert Conic Conformal (2SP)"  # PROJ calls the CRS itself "unknown"


def test_the_crs_of_a_grid():
    assert crs_of(GeoBox.from_bbox((0, 0, 1, 1), "EPSG:4326", resolution=1)) == CRS(4326)


@pytest.mark.parametrize(
    ("crs", "expected"), [("EPSG:1", "a CRS that pyproj knows"), ("EPSG:4978", "a geographic or projected CRS")]
)
def test_a_crs_that_cannot_be_used_is_refused(crs, expected):
    with pytest.raises(UsageError) as caught:
        parse_crs(crs, "bbox_crs")
    said = f"must be {expected}, got '{crs}'; for example"
    assert str(caught.value) == f'bbox_crs {said} bbox_crs="EPSG:4326"'
    assert caught.value.for_shell() == f"--bbox-crs {said} --bbox-crs EPSG:4326"
    with pytest.raises(UsageError) as caught:
        parse_crs(crs, "aoi", source="a.gpkg")
    assert str(caught.value) == f"the CRS of aoi a.gpkg {said} EPSG:4326"
    assert caught.value.for_shell() == f"the CRS of --aoi a.gpkg {said} EPSG:4326"


@pytest.mark.parametrize("crs", ["IAU_2015:49900", "+proj=longlat +a=1737400 +b=1737400 +type=crs"])
def test_a_crs_of_another_planet_is_refused(crs):
    with pytest.raises(UsageError, match="crs must be a CRS of the Earth, got "):
        parse_crs(crs)


@pytest.mark.parametrize(
    "crs", ["+proj=sinu +R=6371007.181 +type=crs", "EPSG:4326+5773", "+proj=laea +a=6378000 +b=6356000"]
)
def test_a_ball_of_about_the_size_of_the_earth_is_the_earth(crs):
    assert parse_crs(crs).ellipsoid is not None
