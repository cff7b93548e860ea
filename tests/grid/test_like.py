"""The grid of an existing raster, against rasterio and rioxarray: the same to the last bit, or refused in one line."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import rioxarray
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.control import GroundControlPoint

from rangegeo.errors import CubeError, GridError, UsageError
from rangegeo.grid.coords import grid_coords
from rangegeo.grid.like import geobox_like

THIRDS = Affine(1 / 3, 0, 0.1 + 0.2, 0, -1 / 7, 47.1)  # numbers that no short text holds
CRSS = (
    "EPSG:4326",
    "EPSG:3857",
    "EPSG:32632",
    "EPSG:3035",
    "EPSG:2056",
    "EPSG:27700",
    "EPSG:5514",
    "ESRI:54009",
    "EPSG:4807",  # in grads, from Paris
    "EPSG:4326+5773",  # with heights
    "EPSG:4979",
    "+proj=lcc +lat_0=46 +lon_0=7 +lat_1=45 +lat_2=47",
)


def make_raster(
    path: Path, crs: object = "EPSG:4326", transform: Affine | None = THIRDS, shape: tuple = (5, 7), **more
) -> str:
    """A raster of ones; its path as users type it."""
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "height": shape[0], "width": shape[1]} | more
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as file:
            file.write(np.ones((profile["count"], *shape), profile["dtype"]))
    return str(path)


def same(geobox: GeoBox, path: str) -> bool:
    """Whether a grid is the one that rasterio sees in a file."""
    with rasterio.open(path) as file:
        assert geobox.affine == file.transform
        assert geobox.shape == file.shape
        return rasterio.CRS.from_wkt(geobox.crs.to_wkt()) == file.crs


@pytest.mark.parametrize("crs", CRSS)
def test_it_is_the_grid_that_rasterio_sees(tmp_path, crs):
    path = make_raster(tmp_path / "a.tif", crs)
    assert same(geobox_like(path), path)


numbers = st.floats(-1e7, 1e7, allow_subnormal=False)


@settings(max_examples=40, deadline=None)
@given(
    origin=st.tuples(numbers, numbers),
    res=st.tuples(*[st.floats(0.1, 1e5)] * 2),
    shape=st.tuples(*[st.integers(1, 60)] * 2),
)
def test_any_transform_is_kept_to_the_last_bit_by_files_and_arrays(tmp_path_factory, origin, res, shape):
    transform = Affine(res[0], 0, origin[0], 0, -res[1], origin[1])
    path = make_raster(tmp_path_factory.mktemp("like") / "a.tif", "EPSG:3035", transform, shape)
    geobox = geobox_like(path)
    assert same(geobox, path)
    assert geobox_like(geobox) == geobox
    array = xr.DataArray(xr.Variable(("y", "x"), np.zeros(shape)), grid_coords(geobox))
    assert geobox_like(array) == geobox


@pytest.mark.parametrize("kind", ["COG", "VRT", "PNG with a world file", "in a zip"])
def test_anything_that_gdal_opens_will_do(tmp_path, kind):
    plain = make_raster(tmp_path / "a.tif", "EPSG:32632", Affine(30, 0, 3e5, 0, -20, 5e6), (300, 400))
    if kind == "COG":
        rasterio.shutil.copy(plain, path := str(tmp_path / "b.tif"), driver="COG")
    elif kind == "VRT":
        rasterio.shutil.copy(plain, path := str(tmp_path / "b.vrt"), driver="VRT")
    elif kind == "PNG with a world file":
        rasterio.shutil.copy(plain, path := str(tmp_path / "b.png"), driver="PNG", worldfile="YES")
    else:
        import zipfile

        with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            archive.write(plain, "a.tif")
        path = f"/vsizip/{tmp_path / 'b.zip'}/a.tif"
    assert same(geobox_like(path), plain)


@pytest.mark.parametrize("dims", [("y", "x"), ("latitude", "longitude")])
def test_arrays_of_other_programs(tmp_path, dims):
    path = make_raster(tmp_path / "a.tif", "EPSG:4326", shape=(20, 30), count=2)
    with rioxarray.open_rasterio(path) as array:
        array = array.rename(dict(zip(("y", "x"), dims, strict=True)))
        assert same(geobox_like(array), path)
        assert same(geobox_like(array.to_dataset(name="elevation")), path)


def test_a_part_of_an_array_is_that_part(tmp_path):
    """Its spatial_ref still tells of the whole, its coordinates do not."""
    geobox = GeoBox((40, 50), THIRDS, "EPSG:4326")
    array = xr.DataArray(xr.Variable(("y", "x"), np.zeros((40, 50))), grid_coords(geobox))
    part = geobox_like(array[7:33, 5:])
    assert part.shape == (26, 45)
    assert part.affine.almost_equals(geobox[7:33, 5:].affine, 1e-12)


def test_a_zarr_store_of_xarray(tmp_path):
    geobox = GeoBox((4, 5), Affine(30, 0, 3e5, 0, -20, 5e6), "EPSG:32632")
    array = xr.DataArray(xr.Variable(("y", "x"), np.zeros((4, 5))), grid_coords(geobox), name="height")
    array.attrs["grid_mapping"] = "spatial_ref"
    for zarr_format in (2, 3):
        path = tmp_path / f"{zarr_format}.zarr"
        array.to_dataset(promote_attrs=False).to_zarr(path, zarr_format=zarr_format, consolidated=False)
        assert geobox_like(path) == geobox


# ------------------------------------------------------------------------------------------------ refusals


def refused(source: object, error: type[Exception] = GridError) -> str:
    with pytest.raises(error) as caught:
        geobox_like(source)
    said = str(caught.value)
    assert "\n" not in said
    if isinstance(source, str | Path) and said.startswith("like="):
        assert caught.value.for_shell().startswith(f"--like {shlex.quote(str(source))} ")
    else:
        assert caught.value.for_shell() == re.sub(r"\blike\b", "--like", said, count=1)
    return said


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        (Affine(1, 0, 5, 0, 1, 44), "runs from south to north, and rasters are made north-up; "),
        (Affine(-1, 0, 5, 0, -1, 44), "runs from east to west, and rasters are made north-up; "),
        (Affine.rotation(30) @ Affine.scale(1, -1), "is rotated, and rasters are made north-up; "),
        (Affine(1, 0.1, 5, 0, -1, 44), "is rotated, and rasters are made north-up; "),
    ],
)
def test_a_raster_that_is_not_north_up_is_refused(tmp_path, transform, said):
    path = make_raster(tmp_path / "a.tif", transform=transform)
    made = tmp_path / "a_north_up.tif"
    assert refused(path) == f"like: {path} {said}make one that is, for example gdalwarp {path} {made}"
    assert said in refused(GeoBox((5, 7), transform, "EPSG:4326"))


def test_an_array_that_runs_south_to_north_is_refused():
    array = xr.DataArray(xr.Variable(("y", "x"), np.zeros((5, 7))), grid_coords(GeoBox((5, 7), THIRDS, "EPSG:4326")))
    assert "runs from south to north" in refused(array[::-1])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # while it gets its points
def test_a_raster_without_a_place_is_refused(tmp_path):
    assert (
        "has no georeference; make a copy that has, for example gdal_translate -a_srs EPSG:4326 -a_ullr W N E S"
        in refused(make_raster(tmp_path / "a.tif", None, None))
    )
    assert "has no CRS; make a copy that has, for example gdal_translate -a_srs EPSG:4326" in refused(
        make_raster(tmp_path / "b.tif", None)
    )
    points = [GroundControlPoint(row, col, 5 + col, 44 - row) for row in (0, 5) for col in (0, 7)]
    path = make_raster(tmp_path / "c.tif", None, None)
    with rasterio.open(path, "r+") as file:
        file.gcps = points, rasterio.CRS.from_epsg(4326)
    assert "ground control points alone" in refused(path)


@pytest.mark.parametrize(
    "coords",
    [
        {},
        {"x": ("x", [1.0, 2.0, 3.0])},
        {"x": ("x", [1.0, 2.0, 4.0]), "y": ("y", [3.0, 2.0])},
    ],
)
def test_an_array_without_a_grid_is_refused(coords):
    assert refused(xr.DataArray(xr.Variable(("y", "x"), np.zeros((2, 3))), coords)).startswith("like: the array has no")


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.write_text("my thesis"), "not recognized as being in a supported file format"),
        (lambda path: path.mkdir(), "not recognized as being in a supported file format"),
    ],
)
def test_what_is_no_raster_is_refused(tmp_path, prepare, said):
    prepare(tmp_path / "a.tif")
    message = refused(tmp_path / "a.tif", UsageError)
    remedy = "give another file, or get this one again" if (tmp_path / "a.tif").exists() else "check its name"
    assert message == f"like must be a raster that GDAL opens, got '{tmp_path / 'a.tif'}' ({said}); {remedy}"


def test_other_objects_are_refused():
    for source in (7, None, np.zeros((3, 3))):
        said = refused(source, UsageError)
        assert said.startswith("like must be the path of a raster, a GeoBox or an xarray object, got ")


def test_a_zarr_store_without_a_raster_is_refused(tmp_path):
    xr.Dataset({"a": ("t", [1.0])}).to_zarr(tmp_path / "a.zarr", consolidated=False)
    assert "has no coordinates x and y of even steps" in refused(tmp_path / "a.zarr")
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "b.zarr" / "zarr.json").write_text("{")
    assert "b.zarr is damaged: zarr.json holds no metadata; make the" in refused(tmp_path / "b.zarr", CubeError)


def test_a_file_of_several_rasters_names_them(tmp_path):
    xr.Dataset({name: (("y", "x"), np.ones((3, 4))) for name in "ab"}).to_zarr(
        tmp_path / "a.zarr", zarr_format=2, consolidated=False
    )
    source = f'ZARR:"{tmp_path / "a.zarr"}"'
    written = source.replace('"', r"\"")
    said = f'like="{written}" holds 2 rasters; name one of them, for example like="ZARR:{tmp_path}'
    assert refused(source, UsageError).startswith(said)


def test_a_virtual_raster_of_too_many_pixels_is_refused(tmp_path):
    geobox = GeoBox((2_000_000, 1_000_000), Affine(1e-4, 0, 0, 0, -4e-5, 45), "EPSG:4326")
    assert refused(geobox, UsageError) == (
        "the raster would have 1000000 x 2000000 pixels; the GeoBox has as many; take a smaller one for like"
    )
