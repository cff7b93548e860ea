"""`rangegeo raster` with --like, --aoi, --align and --co: what other programs read from what it makes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features
import rasterio.shutil
import rasterio.warp
import shapely
import zarr
from rasterio import Affine
from typed import MINI

import rangegeo as rg

TRIANGLE = shapely.Polygon([(5, 44), (7, 44.3), (5.4, 46)])
GRID = ("crs", "transform", "width", "height")  # of a profile
THIRDS = Affine(1 / 30, 0, 5 + 0.1 + 0.2, 0, -1 / 70, 45.7)
METRES = Affine(2000.0, 0, 312_345.678, 0, -3000.0, 5_012_345.678)


def grid_of(path: object) -> dict:
    """A profile's georeference, as rasterio has it."""
    with rasterio.open(path) as file:
        return {name: file.profile[name] for name in GRID}


def existing(path: Path, crs: str, transform: Affine) -> Path:
    """A raster of some other program."""
    sides = {"width": 21, "height": 13, "count": 2, "dtype": "int16"}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **sides) as file:
        file.write(np.ones((2, 13, 21), np.int16))
    return path


@pytest.fixture
def make(rangegeo):
    """`rangegeo raster` with the miniature model and no box."""

    def command(*arguments: object):
        return rangegeo("raster", *MINI, *arguments)

    return command


# ---------------------------------------------------------------------------------------------------- --like


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", THIRDS),
        ("EPSG:32632", METRES),
        ("EPSG:2056", Affine(1000.0, 0, 2_600_000.1, 0, -1000.0, 1_200_000.7)),
        ("EPSG:9518", THIRDS),  # with heights, as of elevation models
        ("+proj=lcc +lat_0=46 +lon_0=7 +lat_1=45 +lat_2=47", Affine(5e3, 0, -1 / 3, 0, -5e3, 1 / 7)),
    ],
)
def test_a_raster_like_another_has_its_profile(make, folder, crs, transform):
    other = existing(folder / "other.tif", crs, transform)
    done = make("--like", "other.tif", "-o", "a.tif")
    assert done.code == 0, done.err
    assert grid_of("a.tif") == grid_of(other)
    assert make("--like", other, "-o", "a.zarr").code == 0
    geobox = rg.open_cube("a.zarr").odc.geobox
    assert (geobox.affine, geobox.shape) == (transform, (13, 21))
    expected = rg.open_cube("a.tif").values
    np.testing.assert_allclose(rg.open_cube("a.zarr").values[0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["ours.tif", "ours.zarr", "old.zarr", "cog.tif", "a.vrt", "subdataset"])
def test_like_anything(make, folder, kind):
    other = existing(folder / "other.tif", "EPSG:32632", METRES)
    source = kind
    if kind in ("ours.tif", "ours.zarr"):
        assert make("--like", other, "--bands", "1", "-o", kind).code == 0
    elif kind in ("old.zarr", "subdataset"):
        assert make("--like", other, "--bands", "1", "--zarr-format", "2", "-o", "old.zarr").code == 0
        source = 'ZARR:"old.zarr":/embedding:0:0' if kind == "subdataset" else kind
    elif kind == "cog.tif":
        rasterio.shutil.copy(other, kind, driver="COG")
    else:
        rasterio.shutil.copy(other, kind, driver="VRT")
    done = make("--like", source, "-o", "b.tif")
    assert done.code == 0, done.err
    assert grid_of("b.tif") == grid_of(other)


def test_python_takes_a_path_a_grid_or_an_array(mini, folder):
    other = existing(folder / "other.tif", "EPSG:32632", METRES)
    from_path = rg.raster(like=other, model=mini)
    for like in (from_path, from_path.odc.geobox, str(other), from_path.to_dataset(name="embedding")):
        again = rg.raster(like=like, model=mini)
        assert again.odc.geobox == from_path.odc.geobox
        assert again.data.name == from_path.data.name


# ----------------------------------------------------------------------------------------------------- --aoi


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_outside_an_area_is_nodata(make, folder, name):
    gpd.GeoSeries([TRIANGLE], crs=4326).to_crs("EPSG:3035").to_file("park.gpkg")
    done = make("--aoi", "park.gpkg", "--res", "2000", "--crs", "EPSG:3035", "--bands", "1-3", "-o", name)
    assert done.code == 0, done.err
    cube = rg.open_cube(name)
    area = gpd.read_file("park.gpkg")
    geobox = cube.odc.geobox
    west, south, east, north = area.total_bounds
    assert (geobox.affine.c, geobox.affine.f) == (west, north)
    assert geobox.shape == (int(np.ceil((north - south) / 2000)), int(np.ceil((east - west) / 2000)))
    inside = rasterio.features.geometry_mask(area.geometry, geobox.shape, geobox.affine, invert=True)
    values = cube.values.reshape(3, *geobox.shape)
    assert np.isfinite(values[:, inside]).all()
    assert np.isnan(values[:, ~inside]).all()
    assert "% of it around the area" in done.err or cube.attrs["aoi_reach"] == 1


def test_geojson_on_stdin(make, folder, monkeypatch):
    geojson = json.dumps(shapely.geometry.mapping(TRIANGLE))
    (folder / "park.geojson").write_text(geojson)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(geojson.encode())))
    assert make("--aoi", "-", "--res", "0.1", "-o", "a.zarr").code == 0
    assert make("--aoi", "park.geojson", "--res", "0.1", "-o", "b.zarr").code == 0
    one, other = rg.open_cube("a.zarr"), rg.open_cube("b.zarr")
    np.testing.assert_array_equal(one, other)
    assert (one.rangegeo.facts["aoi"], other.rangegeo.facts["aoi"]) == ("stdin", "park.geojson")
    np.testing.assert_array_equal(one, rg.raster(aoi=json.loads(geojson), res=0.1, model=_mini()))


def _mini():
    return rg.load_model("RANGE+", weights=MINI[1], db=MINI[3], device="cpu")


def test_chunks_outside_are_not_in_the_store(make, folder):
    both = [shapely.box(5, 44, 5.5, 44.5), shapely.box(9.5, 47.5, 10, 48)]
    gpd.GeoSeries(both, crs=4326).to_file("parks.gpkg")
    done = make("--aoi", "parks.gpkg", "--res", "0.01", "--chunks", "64", "-o", "a.zarr")
    assert done.code == 0, done.err
    array = zarr.open_array("a.zarr/embedding", mode="r")
    inside = np.isfinite(rg.open_cube("a.zarr")[0, 0].values)
    holding = [[inside[i : i + 64, j : j + 64].any() for j in range(0, 500, 64)] for i in range(0, 400, 64)]
    assert (array.nchunks_initialized, array.nchunks) == (np.sum(holding), 56)
    assert array.nchunks_initialized < 6
    assert "50% of it around the area" in done.err


def test_across_the_antimeridian(make, folder):
    fiji = shapely.MultiPolygon([shapely.box(177, -19, 180, -16), shapely.box(-180, -18.5, -178, -17)])
    (folder / "fiji.geojson").write_text(json.dumps(shapely.geometry.mapping(fiji)))
    assert make("--aoi", "fiji.geojson", "--res", "0.5", "-o", "a.tif").code == 0
    with rasterio.open("a.tif") as file:
        assert tuple(file.bounds) == (177, -19, 182, -16)
        found = np.isfinite(file.read(1))
    assert found[:, :6].all()
    np.testing.assert_array_equal(found[:, 6:], np.repeat([[0], [0], [1], [1], [1], [0]], 4, axis=1))


def test_touched_pixels(make, folder):
    (folder / "a.json").write_text(json.dumps(shapely.geometry.mapping(TRIANGLE)))
    counts = []
    for index, flag in enumerate(((), ("--all-touched",))):
        assert make("--aoi", "a.json", "--res", "0.1", "--bands", "1", *flag, "-o", f"{index}.tif").code == 0
        with rasterio.open(f"{index}.tif") as file:
            counts.append(int(np.isfinite(file.read(1)).sum()))
    assert counts[1] > counts[0] + 30


def test_components_of_an_area(make, folder):
    (folder / "a.json").write_text(json.dumps(shapely.geometry.mapping(TRIANGLE)))
    assert make("--aoi", "a.json", "--res", "0.02", "--pca", "3", "-o", "a.tif").code == 0
    with rasterio.open("a.tif") as file:
        assert file.count == 3
        assert 0.2 < np.isfinite(file.read()).mean() < 0.8


# --------------------------------------------------------------------------------------------------- --align


@pytest.mark.parametrize("how", ["--bbox", "--aoi"])
def test_align_is_gdalwarps_tap(make, folder, how):
    box = shapely.box(5.003, 44.007, 5.998, 44.991)
    (folder / "a.json").write_text(json.dumps(shapely.geometry.mapping(box)))
    extent = ("--bbox", ",".join(map(str, box.bounds))) if how == "--bbox" else ("--aoi", "a.json")
    assert make(*extent, "--res", "0.1", "--align", "-o", "a.tif").code == 0
    one_pixel = rasterio.transform.from_bounds(*box.bounds, 1, 1)
    transform, width, height = rasterio.warp.aligned_target(one_pixel, 1, 1, 0.1)
    found = grid_of("a.tif")
    assert (found["width"], found["height"]) == (width, height)
    assert found["transform"].almost_equals(transform, 1e-12)


def test_aligned_rasters_lie_on_one_lattice(make):
    """Rasters of neighbouring boxes can be mosaicked without resampling."""
    for name, box in (("a.tif", "5.03,44.11,5.52,44.48"), ("b.tif", "5.47,44.2,6.01,44.77")):
        assert make("--bbox", box, "--res", "0.04", "--align", "--bands", "1", "--exact", "-o", name).code == 0
    one, other = (rg.open_cube(name).isel(band=0) for name in ("a.tif", "b.tif"))
    shared = np.intersect1d(one["x"].round(9), other["x"].round(9))
    assert len(shared) == 2
    x = one["x"].values[-2:]
    y = np.intersect1d(one["y"].round(9), other["y"].round(9))
    parts = [cube.sel(x=x, y=y, method="nearest").values for cube in (one, other)]
    np.testing.assert_allclose(*parts, rtol=0, atol=1e-5)


# ------------------------------------------------------------------------------------------------------ --co


def test_creation_options_of_geotiffs(raster):
    done = raster("--co", "COMPRESS=DEFLATE", "--co", "blocksize=64", "--co", "NUM_THREADS=1", "-o", "a.tif")
    assert done.code == 0, done.err
    with rasterio.open("a.tif") as file:
        assert (file.compression.value, file.block_shapes[0]) == ("DEFLATE", (64, 64))
    assert raster("--format", "gtiff", "--co", "COMPRESS=LZW", "-o", "b.dat").code == 0
    with rasterio.open("b.dat") as file:
        assert file.compression.value == "LZW"


def test_creation_options_of_zarr_stores(raster):
    assert raster("--co", "COMPRESS=ZSTD", "--co", "LEVEL=3", "--co", "SHARDS=YES", "-o", "a.zarr").code == 0
    array = zarr.open_array("a.zarr/embedding", mode="r")
    assert (array.compressors[0].cname.value, array.compressors[0].clevel) == ("zstd", 3)
    assert array.shards is not None


def test_creation_options_from_python(mini, folder):
    cube = rg.raster((5, 44, 6, 45), 0.25, model=mini)
    cube.rangegeo.to_geotiff("a.tif", creation_options={"COMPRESS": "LZW"})
    cube.rangegeo.to_zarr("a.zarr", creation_options={"COMPRESS": "NONE"})
    with rasterio.open("a.tif") as file:
        assert file.compression.value == "LZW"
    assert zarr.open_array("a.zarr/embedding", mode="r").compressors == ()
