"""A GeoTIFF keeps its CRS, or is refused before any work."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from pyproj import CRS

import rangegeo as rg
import rangegeo.accessor  # registers .rangegeo
from rangegeo.errors import UsageError
from rangegeo.grid.coords import grid_coords
from rangegeo.picture.preview import preview
from rangegeo.schema.cube import geobox_of
from rangegeo.stores.geotiff_crs import check_crs

HELD = (
    "EPSG:4326",
    "EPSG:3857",
    "EPSG:32632",
    "EPSG:2056",
    "EPSG:5514",
    "EPSG:2263",
    "EPSG:4807",
    "EPSG:8857",
    "EPSG:7415",
    "EPSG:7405",
    "EPSG:4979",
    "ESRI:54009",
    "ESRI:102008",
    "+proj=laea +lat_0=45 +lon_0=7 +ellps=GRS80",
    "+proj=sinu +R=6371007.181",
    "+proj=longlat +R=6371000",
    "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80",
    "+proj=lcc +lat_0=46 +lon_0=7 +lat_1=45 +lat_2=47 +towgs84=1,2,3",
)
LOST = {  # and what is read instead
    "+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=0 +datum=WGS84": "none at all",
    "+proj=ob_tran +o_proj=moll +o_lon_p=40 +o_lat_p=50 +lon_0=60": "none at all",
    "+proj=healpix +ellps=WGS84": "none at all",
    "+proj=isea": "none at all",
    "+proj=tpers +h=2000000 +lat_0=40": "none at all",
    "+proj=krovak +ellps=bessel": "Krovak, which is another one",
}


def grid(crs: str) -> GeoBox:
    wkt = CRS.from_user_input(crs if ":" in crs else f"{crs} +type=crs").to_wkt()
    return GeoBox.from_bbox((-4, -3, 4, 3), wkt, resolution=1)


def cube_on(geobox: GeoBox) -> xr.DataArray:
    """A cube that must not be computed."""

    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError("something was computed")

    values = da.zeros((2, *geobox.shape), dtype=np.float32).map_blocks(fail, meta=np.zeros((0, 0, 0), np.float32))
    coords = grid_coords(geobox) | {"band": [1, 2], "band_name": ("band", ["a", "b"])}
    return xr.DataArray(values, coords, ("band", "y", "x"), "embedding", {"rangegeo_version": "0"})


@pytest.mark.parametrize("crs", HELD)
def test_these_are_read_back(crs):
    check_crs(grid(crs))


@pytest.mark.parametrize("crs", LOST)
def test_these_are_refused_before_any_work(tmp_path, crs):
    cube = cube_on(grid(crs))
    with pytest.raises(UsageError) as caught:
        cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    said = f"GDAL would read {LOST[crs]}; write a .zarr, or take another "
    assert str(caught.value).startswith("a GeoTIFF cannot hold the CRS ")
    assert str(caught.value).endswith(f"{said}crs")
    assert caught.value.for_shell().endswith(f"{said}--crs")
    assert not list(tmp_path.iterdir())


def test_a_store_holds_them_and_its_map_is_no_geotiff(tmp_path):
    for number, crs in enumerate(LOST):
        cube = cube_on(grid(crs))
        cube = cube.copy(data=np.random.default_rng(0).random(cube.shape, dtype=np.float32))
        cube.rangegeo.to_zarr(tmp_path / f"{number}.zarr")
        opened = rg.open_cube(tmp_path / f"{number}.zarr")
        assert geobox_of(opened) == geobox_of(cube)
        with pytest.raises(UsageError, match="a GeoTIFF cannot hold the CRS"):
            preview([tmp_path / f"{number}.zarr"], tmp_path / "a.tif")


def test_what_is_held_is_written(tmp_path):
    geobox = grid("+proj=laea +lat_0=45 +lon_0=7 +ellps=GRS80")
    cube = cube_on(geobox).copy(data=np.ones((2, *geobox.shape), np.float32))
    cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as file:
        assert CRS.from_wkt(file.crs.to_wkt()).equals(CRS.from_wkt(geobox.crs.to_wkt()), ignore_axis_order=True)
