"""Rasters that share ground share labels: tiles, slices, overviews, stored cubes, and arrays that a raster is like."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401  registers .rio
import xarray as xr
from helpers.rasters import lazy_raster
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import golden

import rangegeo as rg
from rangegeo.cubes.overviews import make_overviews
from rangegeo.grid import make_geobox
from rangegeo.grid.coords import grid_coords
from rangegeo.models.model import Model
from rangegeo.schema.cube import geobox_of

WHOLE = {"bbox": (5.2, 44.1, 6.4, 45), "res": 0.03}


@pytest.fixture(scope="module")
def model() -> Model:
    return rg.load_model("SatCLIP", weights=str(golden.GOLDEN / "satclip-mini.ckpt"), device="cpu")


def assert_same_labels(found: xr.DataArray, expected: xr.DataArray) -> None:
    for axis in ("y", "x"):
        assert found[axis].dtype == expected[axis].dtype
        np.testing.assert_array_equal(found[axis].values, expected[axis].values)


def test_aligned_rasters_lose_no_pixel_that_they_share(model):
    one = rg.raster((-1.0, 50.0, 0.5, 51.2), res=0.02, align=True, bands=[1], model=model)
    other = rg.raster((-0.31, 50.61, 1.0, 52.0), res=0.02, align=True, bands=[1], model=model)
    assert (one - other).shape == (1, 30, 41)


@settings(deadline=None, max_examples=30)
@given(
    res=st.sampled_from([0.01, 0.03, 0.1, 1 / 3]),
    first=st.tuples(st.integers(-2000, 2000), st.integers(-800, 800)),
    size=st.tuples(*[st.integers(1, 40)] * 2),
    skipped=st.tuples(*[st.integers(0, 20)] * 2),
)
def test_a_tile_has_the_labels_of_the_whole(res, first, size, skipped):
    """Its corner is typed as a decimal, or computed in floats."""
    west, north = first[0] * res / 20, first[1] * res / 20
    (down, right), (height, width) = skipped, size
    whole = grid_coords(make_geobox((west, north - 60 * res, west + 60 * res, north), res))
    left, top = west + right * res, north - down * res
    tile = grid_coords(make_geobox((left, top - height * res, left + width * res, top), res))
    np.testing.assert_array_equal(tile["x"], whole["x"][right : right + width])
    np.testing.assert_array_equal(tile["y"], whole["y"][down : down + height])


@pytest.mark.parametrize(
    "part",
    [
        (..., slice(None), slice(None)),
        (..., slice(3, 17), slice(5, 30)),
        (..., slice(None, None, 3), slice(2, None, 7)),
    ],
)
@pytest.mark.parametrize("chunks", ["auto", None])
def test_a_stored_part_has_the_labels_of_the_whole(tmp_path, model, part, chunks):
    cube = rg.raster(**WHOLE, bands=[1, 2], model=model, chunks=chunks)[part]
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    cube.rangegeo.to_geotiff(tmp_path / "a.tif")
    for path in ("a.zarr", "a.tif"):
        assert_same_labels(rg.open_cube(tmp_path / path), cube)


def test_typed_places_are_found(model):
    cube = rg.raster(**WHOLE, bands=[1], model=model)
    assert cube.sel(x=5.215, y=44.985).shape == (1,)
    assert cube.sel(x=[5.245, 6.385], y=44.115).shape == (1, 2)


def test_overviews_of_tiles_fit_together(model):
    """A coarse pixel has the same label in the overview of a tile and in that of the whole."""
    levels = []
    for west, east in ((5, 16), (5, 10.12), (10.12, 16)):
        geobox = make_geobox((west, 44, east, 46.56), 0.01)
        levels.append(make_overviews(lazy_raster(geobox, model, model.recipe(0.5, bands=[1])))[0])
    whole, left, right = levels
    np.testing.assert_array_equal(np.concatenate([left.x, right.x]), whole.x)
    for level in (left, right):
        np.testing.assert_array_equal(level.y, whole.y)


def test_a_tile_is_written_into_the_region_of_its_labels(tmp_path, model):
    """With xarray's own to_zarr, which finds the region by the labels."""
    whole = rg.raster(**WHOLE, bands=[1, 2], model=model)
    empty = (xr.zeros_like(whole).drop_attrs() * np.nan).drop_vars(["spatial_ref", "band_name"])
    empty.to_dataset(name="embedding").to_zarr(tmp_path / "a.zarr", consolidated=False)
    tile = rg.raster((5.2 + 4 * 0.03, 44.4, 5.8, 45 - 10 * 0.03), res=0.03, bands=[1, 2], model=model)
    write_region(tile, tmp_path / "a.zarr")
    written = xr.open_zarr(tmp_path / "a.zarr", consolidated=False)["embedding"]
    assert int(written.notnull().sum()) == tile.size
    np.testing.assert_array_equal(written.sel(x=tile.x, y=tile.y), tile)


def write_region(tile: xr.DataArray, path: object) -> None:
    plain = tile.compute().drop_attrs().drop_vars(["spatial_ref", "band_name"]).to_dataset(name="embedding")
    plain.to_zarr(path, region="auto", consolidated=False)


def arrays() -> dict[str, xr.DataArray]:
    """Arrays whose labels are not those that a lattice would have."""
    even = xr.DataArray(
        np.ones((40, 51)), {"y": np.linspace(47.3, 45.1, 40), "x": np.linspace(5.7, 9.1, 51)}, ("y", "x")
    ).rio.write_crs(4326)
    single = even.assign_coords({axis: even[axis].astype("float32") for axis in ("y", "x")})
    found = {}
    for kind, array in (("linspace", even), ("float32", single), ("with a transform", even.rio.write_transform())):
        found |= {
            kind: array,
            f"{kind}, sliced": array[3:31, 7:],
            f"{kind}, every third": array[::3, 1::3],
            f"{kind}, clipped": array.rio.clip_box(6.01, 45.5, 8.03, 46.7),
            f"{kind}, coarsened": array.coarsen(y=2, x=3).mean(),
        }
    return found


@pytest.mark.parametrize("kind", arrays())
def test_a_raster_like_an_array_has_its_labels(tmp_path, model, kind):
    array = arrays()[kind]
    cube = rg.raster(like=array, bands=[1], model=model)
    assert_same_labels(cube, array)
    assert (cube - array).shape == (1, *array.shape)
    assert_same_labels(rg.raster(like=array.to_dataset(name="height"), bands=[1], model=model, chunks=None), array)
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    assert_same_labels(rg.open_cube(tmp_path / "a.zarr"), array)
    array.drop_vars("spatial_ref").rio.write_crs(4326).to_dataset(name="height").to_zarr(
        tmp_path / "b.zarr", consolidated=False
    )
    assert_same_labels(rg.raster(like=tmp_path / "b.zarr", bands=[1], model=model), array)


def test_values_are_those_of_the_true_centres(model):
    """Labels that were rounded to float32 change no value."""
    exact = xr.DataArray(np.zeros((9, 9)), grid_coords(make_geobox((5, 44, 5.9, 44.9), 0.1)), ("y", "x"))
    rounded = exact.assign_coords({axis: exact[axis].astype("float32") for axis in ("y", "x")})
    cubes = [rg.raster(like=array, bands=[1, 2], model=model) for array in (exact, rounded)]
    np.testing.assert_array_equal(*cubes)
    assert geobox_of(cubes[0]) == geobox_of(cubes[1])


@pytest.mark.parametrize("turned", [("y",), ("x",), ("y", "x")])
def test_a_turned_cube_makes_the_same_geotiff(tmp_path, model, turned):
    """Its rows run from south to north, its columns from east to west; a GeoTIFF has the north and the west first."""
    cube = rg.raster(**WHOLE, bands=[1, 2, 3], model=model).compute()
    cube.rangegeo.to_geotiff(tmp_path / "expected.tif")
    cube.isel({axis: slice(None, None, -1) for axis in turned}).rangegeo.to_geotiff(tmp_path / "found.tif")
    for name in ("", "_rgb"):
        with (
            rasterio.open(tmp_path / f"expected{name}.tif") as expected,
            rasterio.open(tmp_path / f"found{name}.tif") as found,
        ):
            assert found.transform == expected.transform
            np.testing.assert_array_equal(found.read(), expected.read())
