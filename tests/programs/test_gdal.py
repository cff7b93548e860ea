"""GDAL's own tools read our files: Debian's, and the newer GDAL in pyogrio's wheel for Zarr format 3."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers.programs import need, version
from kinds import KINDS, MINI, SMALL, raster
from pyproj import CRS, Transformer

from rangegeo.stores.opening import open_cube
from rangegeo.stores.quantise import NODATA

NEWER = Path(__file__).with_name("newer_gdal.py")
LAMBERT = "+proj=lcc +lat_0=46 +lon_0=7 +lat_1=45 +lat_2=47"
GRIDS = {  # of Zarr stores: options of `rangegeo raster`, CRS
    "degrees": ("--bbox 5,44,8,46 --res 0.05 0.1", "EPSG:4326"),
    "antimeridian": ("--bbox 176,-19,-178,-15 --res 0.1", "EPSG:4326"),
    "UTM": ("--bbox-crs EPSG:32632 --bbox 300000,4900000,420000,4990000 --crs EPSG:32632 --res 3000", "EPSG:32632"),
    "Mercator": ("--bbox 5,44,8,46 --crs EPSG:3857 --res 6000", "EPSG:3857"),
    "north first": ("--bbox 5,44,8,46 --crs EPSG:3035 --res 6000", "EPSG:3035"),  # its axes are northing, easting
    "no code": (f"--bbox 5,44,8,46 --crs '{LAMBERT}' --res 6000", LAMBERT),
}


@pytest.fixture(scope="session")
def gdal():
    """A function of a tool of Debian's GDAL and its arguments to what it prints."""
    need(shutil.which("gdalinfo") is not None, "gdalinfo", "apt-get install gdal-bin")
    known = {name: value for name, value in os.environ.items() if not name.startswith(("GDAL", "PROJ"))}

    def tool(*arguments: object) -> str:
        done = subprocess.run([*map(str, arguments)], env=known, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert not set(done.stderr.splitlines()) - {"ERROR 1: Point outside of projection domain"}  # a globe's corners
        return done.stdout

    return tool


@pytest.fixture(params=KINDS)
def kind(request, gdal, written) -> list[Path]:
    """All files of one kind of GeoTIFF, if Debian's GDAL is new enough for them."""
    there, oldest = version(gdal("gdalinfo", "--version").split()[1]), KINDS[request.param].gdal
    if there < oldest:
        pytest.skip(f"GDAL {there} is older than {oldest}")
    return written[request.param]


def same_crs(wkt: str, crs: object) -> bool:
    return CRS.from_wkt(wkt).equals(CRS.from_user_input(crs), ignore_axis_order=True)


def test_gdalinfo_of_a_geotiff(gdal, kind):
    for path in kind:
        facts = json.loads(gdal("gdalinfo", "-json", path))
        with rasterio.open(path) as file:
            assert facts["size"] == [file.width, file.height]
            np.testing.assert_allclose(facts["geoTransform"], file.transform.to_gdal(), rtol=1e-14)
            assert same_crs(facts["coordinateSystem"]["wkt"], file.crs)
            assert [band["description"] for band in facts["bands"]] == list(file.descriptions)
            assert [float(band["noDataValue"]) for band in facts["bands"]] == pytest.approx(
                file.nodatavals, nan_ok=True
            )
            assert facts["metadata"]["IMAGE_STRUCTURE"]["COMPRESSION"] == "ZSTD"


def test_gdal_translate_of_a_geotiff(gdal, written, tmp_path):
    source = written["1280 bands, UTM"][0]
    gdal("gdal_translate", "-q", "-b", 1280, source, tmp_path / "out.tif")
    with rasterio.open(source) as file, rasterio.open(tmp_path / "out.tif") as copy:
        np.testing.assert_array_equal(copy.read(1), file.read(1280))
        assert (copy.transform, copy.crs, copy.descriptions) == (file.transform, file.crs, file.descriptions[-1:])


@pytest.fixture(params=GRIDS)
def store(request, tmp_path):
    """A function of a Zarr format and more options to a store on one of the grids, its cube and its CRS."""
    options, crs = GRIDS[request.param]

    def make(zarr_format: int, more: str = ""):
        (path,) = raster(f"{options} --beta 0,1 {MINI} --zarr-format {zarr_format} {more}", tmp_path / "a.zarr")
        return path, open_cube(path), crs

    return make


def test_debians_gdal_reads_format_2(gdal, store, tmp_path):
    """CRS and georeference of the array, the values of a band, and what its dimensions are."""
    path, cube, crs = store(2)
    name = f'ZARR:"{path}":/embedding:1:7'
    facts = json.loads(gdal("gdalinfo", "-json", name))
    assert facts["driverShortName"] == "Zarr"
    assert facts["size"] == [cube.sizes["x"], cube.sizes["y"]]
    assert same_crs(facts["coordinateSystem"]["wkt"], crs)
    np.testing.assert_allclose(facts["geoTransform"], cube.odc.geobox.affine.to_gdal(), rtol=1e-9, atol=1e-12)
    assert facts["bands"][0]["noDataValue"] == "NaN"
    gdal("gdal_translate", "-q", name, tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as file:
        np.testing.assert_array_equal(file.read(1), cube.values[1, 7])
        assert file.crs == rasterio.CRS.from_user_input(crs)
        assert file.transform.almost_equals(cube.odc.geobox.affine, 1e-6)
    assert "journal" not in gdal("gdalinfo", path)
    found = json.loads(gdal("gdalmdiminfo", path))
    assert {row["name"]: row.get("type") for row in found["dimensions"]} == {
        "beta": None,
        "band": None,
        "y": "HORIZONTAL_Y",
        "x": "HORIZONTAL_X",
    }
    assert same_crs(found["arrays"]["embedding"]["srs"]["wkt"], crs)


def newer(*names: str) -> list[dict]:
    """What gdalinfo of the newer GDAL says of each."""
    done = subprocess.run([sys.executable, str(NEWER), *names], capture_output=True, text=True, check=True, timeout=60)
    assert "ERROR" not in done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(version(answer["version"]) >= (3, 11) for answer in answers)
    return [answer["facts"] for answer in answers]


@pytest.mark.filterwarnings("ignore:.* did not fit into int8:rangegeo.errors.CubeWarning")
@pytest.mark.parametrize("dtype", ["float32", "float16", "int16", "int8"])
def test_newer_gdal_reads_a_geotiff_of_every_dtype(tmp_path, dtype):
    """What is stored, and the scale and offset that make values of it."""
    (path,) = raster(f"{SMALL} --dtype {dtype} --co COMPRESS=DEFLATE {MINI}", tmp_path / "a.tif")
    (facts,) = newer(str(path))
    with rasterio.open(path) as file:
        stored = file.read().astype(np.float64)
        for band, values, scale, offset in zip(facts["bands"], stored, file.scales, file.offsets, strict=True):
            assert band["type"] == dtype.capitalize()
            found = band["minimum"], band["mean"], band["maximum"]
            np.testing.assert_allclose(found, [values.min(), values.mean(), values.max()], rtol=1e-5, atol=2e-3)
            assert (band.get("scale", 1), band.get("offset", 0)) == pytest.approx((scale, offset))
            assert float(band["noDataValue"]) == pytest.approx(NODATA[dtype], nan_ok=True)


def test_newer_gdal_reads_format_3(store):
    """One band by the array's name, and all of all betas by the store's; pyogrio's GDAL has none of our codecs."""
    path, cube, crs = store(3, "--co COMPRESS=NONE")
    values = cube.values
    asked = {f'ZARR:"{path}":/embedding:0:7': values[0, 7], str(path): values[-1, -1]}
    for facts, expected, count in zip(newer(*asked), asked.values(), (1, len(values[0]) * 2), strict=True):
        assert same_crs(facts["coordinateSystem"]["wkt"], crs)
        np.testing.assert_allclose(facts["geoTransform"], cube.odc.geobox.affine.to_gdal(), rtol=1e-9, atol=1e-12)
        corner = facts["wgs84Extent"]["coordinates"][0][0]
        place = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(
            *facts["cornerCoordinates"]["upperLeft"]
        )
        np.testing.assert_allclose(corner, place, atol=1e-6)
        assert len(facts["bands"]) == count
        band = facts["bands"][-1]
        found = band["minimum"], band["mean"], band["maximum"]
        np.testing.assert_allclose(found, [expected.min(), expected.mean(), expected.max()], atol=1e-3)


@pytest.mark.parametrize("options", ["--bands 2,30 --beta 0.75", "--pca 2"])
def test_neighbours_of_int16_are_joined(gdal, tmp_path, options):
    """By every tool that joins files: none is left out, and all values are right."""
    files, truth = [], []
    for name, box in (("w", "9,40,10,41"), ("e", "10,40,11,41"), ("n", "9,41,10,42")):
        taken = f"--pca-from {files[0]}" if files and "pca" in options else options
        same = f"{taken} --bbox {box} --res 0.1 --align {MINI}"
        files += raster(f"{same} --dtype int16", tmp_path / f"{name}.tif")
        truth.append(open_cube(raster(f"{same} --dtype float32", tmp_path / f"{name}_true.tif")[0]).values)
    gdal("gdalbuildvrt", "-q", tmp_path / "a.vrt", *files)
    gdal("gdalwarp", "-q", *files, tmp_path / "b.tif")
    gdal("gdal_merge.py", "-q", "-n", -32768, "-a_nodata", -32768, "-init", -32768, "-o", tmp_path / "c.tif", *files)
    with rasterio.open(files[0]) as one:
        scale, offset = (np.array(part)[:, None, None] for part in (one.scales, one.offsets))
    for name in ("a.vrt", "b.tif", "c.tif"):
        with rasterio.open(tmp_path / name) as joined:
            assert joined.shape == (20, 20)
            values = (joined.read(masked=True) * scale + offset).filled(np.nan)
        for found, expected in zip((values[:, 10:, :10], values[:, 10:, 10:], values[:, :10, :10]), truth, strict=True):
            np.testing.assert_allclose(found, expected, atol=float(scale.max()), rtol=0)
        assert np.isnan(values[:, :10, 10:]).all()
