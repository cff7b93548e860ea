"""Names of columns: which ones hold longitude and latitude."""

from __future__ import annotations

import pytest

from rangegeo.errors import UsageError
from rangegeo.places.columns import coordinate_columns


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
    ],
)
def test_usual_names_are_found_in_any_order(lon, lat):
    assert coordinate_columns(["id", lon, "altitude", lat]) == (lon, lat)
    assert coordinate_columns([lat, lon]) == (lon, lat)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["lon", "x", "lat"], "longitude may be in lon, x; type --lon NAME --lat NAME"),
        (["lon", "lat", "decimalLatitude"], "latitude may be in lat, decimalLatitude; type --lon"),
        (["id", "lat"], "no column of id, lat has a usual name of longitude; type --lon NAME --lat NAME"),
        (["lon", "north"], "no column of lon, north has a usual name of latitude; type --lon"),
        ([], "no column of none has"),
        ([f"c{i}" for i in range(20)], "c10, c11 and 8 more has a usual name"),
    ],
)
def test_what_is_not_clear_is_refused_with_the_flag_to_type(names, said):
    with pytest.raises(UsageError) as caught:
        coordinate_columns(names)
    assert said in str(caught.value)


def test_names_that_are_given_win():
    assert coordinate_columns(["lon", "lat", "east", "north"], "east", "north") == ("east", "north")
    with pytest.raises(UsageError, match="--lat must name a column, got 'up'; there are east, north"):
        coordinate_columns(["east", "north"], "east", "up")
    for one in ({"lon": "east"}, {"lat": "north"}):
        with pytest.raises(UsageError, match="--lon and --lat go together: type both"):
            coordinate_columns(["east", "north"], **one)
