"""Validators and readers from Python: rio-cogeo on every kind of GeoTIFF; zarr, odc-geo and titiler on stores."""

from __future__ import annotations

import numpy as np
import odc.geo.xr  # noqa: F401, registers .odc
import pytest
import rioxarray  # noqa: F401, registers .rio
import xarray as xr
import zarr
from kinds import KINDS, MINI, SMALL, raster
from rio_cogeo.cogeo import cog_validate
from titiler.xarray.io import Reader

from rangegeo.grid import make_geobox
from rangegeo.stores.opening import open_cube

NO_COG = "no overviews"  # asked for with --format gtiff


@pytest.mark.parametrize("kind", [name for name in KINDS if name != NO_COG])
def test_every_geotiff_is_a_cog_without_errors_or_warnings(written, kind):
    for path in written[kind]:
        assert cog_validate(path, strict=True, quiet=True) == (True, [], [])


@pytest.fixture(params=[2, 3])
def store(request, tmp_path):
    """A store of either format, of two betas."""
    (path,) = raster(f"{SMALL} --beta 0,1 {MINI} --zarr-format {request.param}", tmp_path / "a.zarr")
    return path


def test_consolidated_metadata_says_what_the_store_says(store):
    whole, told = zarr.open_group(store, mode="r", use_consolidated=False), zarr.open_consolidated(str(store), mode="r")
    assert dict(told.attrs).items() <= dict(whole.attrs).items()
    members = {name: member for name, member in whole.members(max_depth=None) if name.split("/")[0] != "journal"}
    assert {"embedding", "x", "y", "beta", "band", "spatial_ref"} <= set(members)
    consolidated = told.metadata.consolidated_metadata.flattened_metadata
    assert set(consolidated) == set(members)
    for name, member in members.items():
        gathered, own = consolidated[name].to_dict(), member.metadata.to_dict()
        # what netCDF cannot hold is left out there, for xarray writes such attributes into netCDF files
        assert gathered.pop("attributes").items() <= own.pop("attributes").items()
        assert gathered == own


def test_the_grid_is_the_one_that_was_asked_for(store):
    """By odc-geo's reading and by rioxarray's."""
    asked = make_geobox((5, 44, 8, 46), 0.05)
    read = xr.open_dataset(store, engine="zarr", decode_coords="all")["embedding"]
    assert read.odc.geobox == asked
    assert read.rio.crs.to_epsg() == 4326
    assert read.rio.transform() == asked.affine


def test_titiler_serves_it(store):
    cube = open_cube(store)
    with Reader(str(store), variable="embedding", sel=["beta=1"]) as served:
        assert served.crs.to_epsg() == 4326
        np.testing.assert_allclose(served.bounds, list(cube.odc.geobox.boundingbox))
        part = served.part((5.5, 44.5, 6.5, 45.5), indexes=[1, 2, 40])
        expected = cube.sel(beta=1, band=[1, 2, 40], x=slice(5.5, 6.5), y=slice(45.5, 44.5))
        np.testing.assert_array_equal(part.data, expected.values)
