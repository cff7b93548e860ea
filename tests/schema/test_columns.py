"""Names of columns: which are coordinates, and what embeddings are called."""

from __future__ import annotations

import pytest

from rangegeo.errors import UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.places.columns import coordinate_columns
from rangegeo.schema.columns import band_names, layer_names


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


@pytest.mark.parametrize(
    ("recipe", "layers", "bands"),
    [
        (Recipe(betas=(0.5,), visual=2, location=1), ("embedding",), (("b0001", "b0002", "b0003"),)),
        (Recipe(betas=(1.0,), visual=2, location=1, keep=(2, 0)), ("embedding",), (("b0003", "b0001"),)),
        (
            Recipe(betas=(0.0, 0.5), visual=1, location=1),
            ("embedding_beta0", "embedding_beta0.5"),
            (("beta0_b0001", "beta0_b0002"), ("beta0.5_b0001", "beta0.5_b0002")),
        ),
        (Recipe(betas=(), visual=1, location=1), ("embedding",), (("b0001", "b0002", "b0003"),)),  # S, G and q
    ],
)
def test_names_of_embeddings(recipe, layers, bands):
    assert layer_names(recipe) == layers
    assert band_names(recipe) == bands
