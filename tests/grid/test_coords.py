"""Coordinates that other programs read: every CRS without a warning, every transform to the last bit."""

from __future__ import annotations

import warnings

import odc.geo.xr  # noqa: F401  registers .odc
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import CRS

from rangegeo.grid.coords import grid_coords
from rangegeo.grid.crs import without_cf_warnings

SWISS = ("EPSG:2056", "EPSG:21781", "EPSG:3375")  # oblique Mercators, one angle of which CF cannot say
sides = st.floats(1e-9, 1e6)
origins = st.floats(-1e7, 1e7)


def on(geobox: GeoBox) -> xr.DataArray:
    """An array with the coordinates of a grid."""
    return xr.DataArray(xr.Variable(("y", "x"), [[0] * geobox.shape.x] * geobox.shape.y), grid_coords(geobox))


@pytest.mark.parametrize("crs", SWISS)
def test_what_cf_cannot_say_of_a_crs_is_in_its_wkt_and_no_warning(crs):
    geobox = GeoBox((3, 4), Affine(10, 0, 2.6e6, 0, -10, 1.2e6), crs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        coords = grid_coords(geobox)
    assert CRS.from_wkt(coords["spatial_ref"].attrs["crs_wkt"]) == CRS(crs)


ROTATED = "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18 +datum=WGS84 +type=crs"


@pytest.mark.parametrize(
    "crs",
    [
        "+proj=ob_tran +o_proj=longlat +o_lon_c=10 +o_lat_c=50 +o_alpha=30 +datum=WGS84 +type=crs",
        "+proj=ob_tran +o_proj=longlat +o_lat_p=39.25 +lon_0=18 +datum=WGS84 +type=crs",
        "+proj=hammer +type=crs",
        "+proj=healpix +ellps=GRS80 +type=crs",
    ],
)
def test_a_projection_that_cf_has_no_name_for_has_its_wkt(crs):
    """pyproj raises KeyError where parameters have no name in CF."""
    attrs = grid_coords(GeoBox((3, 4), Affine(1, 0, 2, 0, -1, 3), crs))["spatial_ref"].attrs
    assert "grid_mapping_name" not in attrs
    assert attrs["crs_wkt"] == attrs["spatial_ref"]
    assert CRS.from_wkt(attrs["crs_wkt"]) == CRS.from_wkt(CRS(crs).to_wkt())
    assert attrs["GeoTransform"] == "2 1 0 3 0 -1"


@pytest.mark.parametrize(
    ("crs", "x", "units"),
    [
        ("EPSG:4326", "longitude", "degrees_east"),
        ("EPSG:4807", "longitude", "grad"),
        (ROTATED, "grid_longitude", "degree"),
        ("EPSG:2263", "projection_x_coordinate", "US survey foot"),
    ],
)
def test_axes_say_what_they_are(crs, x, units):
    coords = grid_coords(GeoBox((3, 4), Affine(1, 0, 2, 0, -1, 3), crs))
    assert coords["x"].attrs == {"units": units, "resolution": 1.0, "axis": "X", "standard_name": x}
    assert coords["y"].attrs["standard_name"] == x.replace("longitude", "latitude").replace("_x_", "_y_")


def test_pyproj_still_warns_of_that_elsewhere():
    with pytest.warns(UserWarning, match="lost in conversion to CF"):
        CRS("EPSG:2056").to_cf()
    with pytest.warns(UserWarning, match="of our own"), without_cf_warnings():
        warnings.warn("of our own", stacklevel=1)


@given(res=st.tuples(sides, sides), origin=st.tuples(origins, origins), shape=st.tuples(*[st.integers(1, 5)] * 2))
def test_the_transform_is_told_to_the_last_bit(res, origin, shape):
    geobox = GeoBox(shape, Affine(res[0], 0, origin[0], 0, -res[1], origin[1]), "EPSG:3035")
    told = grid_coords(geobox)["spatial_ref"].attrs["GeoTransform"]
    assert Affine.from_gdal(*map(float, told.split())) == geobox.affine
    assert "e" not in told  # as GDAL and rioxarray write it


def test_odc_and_rioxarray_read_the_same_grid():
    import rioxarray  # noqa: F401

    geobox = GeoBox((3, 4), Affine(1 / 3, 0, 0.1 + 0.2 - 0.3, 0, -1 / 7, 1e-13), "EPSG:4326")
    cube = on(geobox)
    assert cube.odc.geobox == geobox
    assert cube.rio.transform().almost_equals(geobox.affine, 1e-12)
    assert cube.rio.crs.to_epsg() == 4326
