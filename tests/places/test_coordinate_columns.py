"""Names of columns: which ones hold longitude and latitude."""

from __future__ import annotations

import pytest

from rangegeo.errors import UsageError
from rangegeo.places.columns import coordinate_columns, looks_swapped


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        ("lon", "lat"),
        ("lng", "lat"),
        ("long", "lat"),
        ("longitude", "latitude"),
        ("LONGITUDE", "Latitude"),
        ("decimalLongitude", "decimalLatitude"),  # GBIF
        ("decimal_longitude", "decimal_latitude"),
        ("location-long", "location-lat"),  # Movebank
        ("POINT_X", "POINT_Y"),  # ArcGIS
        ("xcoord", "ycoord"),  # QGIS
        ("x", "y"),
        ("Lon (deg)", "Lat (deg)"),
        ("lon_wgs84", "lat_wgs84"),
        ("GPS_Lon", "GPS_Lat"),
        ("longitude_dd", "latitude_dd"),
        ("Längengrad", "Breitengrad"),
        ("geogr. Länge", "geogr. Breite"),
        ("longitud", "latitud"),
    ],
)
def test_usual_names_are_found_in_any_order(lon, lat):
    assert coordinate_columns(["id", lon, "altitude", lat]) == (lon, lat)
    assert coordinate_columns([lat, lon]) == (lon, lat)


PYTHON, SHELL = 'type lon="NAME", lat="NAME"', "type --lon NAME --lat NAME"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["lon", "x", "lat"], "longitude may be in lon, x; "),
        (["lon", "lat", "decimalLatitude"], "latitude may be in lat, decimalLatitude; "),
        (["id", "lat"], "no column of id, lat has a usual name of longitude; "),
        (["lon", "north"], "no column of lon, north has a usual name of latitude; "),
        ([], "no column of none has a usual name of longitude; "),
        (
            [f"c{i}" for i in range(20)],
            "no column of c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11 and 8 more has a usual name of longitude; ",
        ),
    ],
)
def test_what_is_not_clear_is_refused_with_what_to_type(names, said):
    with pytest.raises(UsageError) as caught:
        coordinate_columns(names)
    assert str(caught.value) == said + PYTHON
    assert caught.value.for_shell() == said + SHELL
    with pytest.raises(UsageError) as caught:
        coordinate_columns(names, remedy="rename them")
    assert str(caught.value) == said + "rename them"


def test_names_that_are_given_win():
    assert coordinate_columns(["lon", "lat", "east", "north"], "east", "north") == ("east", "north")


@pytest.mark.parametrize(
    ("given", "python", "shell"),
    [
        (
            {"lon": "east", "lat": "up"},
            "lat must name a column, got 'up'; there are east, north",
            "--lat must name a column, got 'up'; there are east, north",
        ),
        (
            {"lon": "down", "lat": "north"},
            "lon must name a column, got 'down'; there are east, north",
            "--lon must name a column, got 'down'; there are east, north",
        ),
        ({"lon": "east"}, "lon and lat go together: type both", "--lon and --lat go together: type both"),
        ({"lat": "north"}, "lon and lat go together: type both", "--lon and --lat go together: type both"),
        (
            {"lon": "east", "lat": "east"},
            "lon and lat must be two columns, got 'east' for both",
            "--lon and --lat must be two columns, got 'east' for both",
        ),
    ],
)
def test_names_that_are_given_must_be_two_columns(given, python, shell):
    with pytest.raises(UsageError) as caught:
        coordinate_columns(["east", "north"], **given)
    assert (str(caught.value), caught.value.for_shell()) == (python, shell)


def test_names_that_contradict_the_options():
    assert looks_swapped("decimalLatitude", "decimal_longitude")
    for lon, lat in (("lon", "lat"), ("lat", "east"), ("east", "lon")):
        assert not looks_swapped(lon, lat)
