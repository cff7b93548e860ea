"""Windows of the ground have their size everywhere, and rasters are read where they lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers.geotiffs import write
from pyproj import Geod, Transformer
from rasterio.transform import from_origin
from rasterio.vrt import WarpedVRT

from rangegeo.databases.rasters import Raster
from rangegeo.databases.windows import window_places
from rangegeo.errors import ImageryError, UsageError

ELSEWHERE = [(0.0, 0.0), (179.98, 10.0), (-179.9, 70.0), (20.0, -70.0), (12.0, 89.5)]


def expected(place: tuple[float, float], size_km: float, pixels: int) -> np.ndarray:
    """The values of the globe in a window."""
    lon, lat = np.moveaxis(window_places(np.array(place), size_km, pixels), -1, 0)
    return np.stack([np.cos(np.radians(lon)), np.sin(np.radians(lon)), lat])


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_window_has_its_size_on_the_ground(place):
    lonlat = window_places(np.array(place), 200.0, 11)
    geod = Geod(ellps="WGS84")
    sides = {(5, 0): 270, (5, 10): 90, (0, 5): 0, (10, 5): 180}  # the middles of the sides, and their directions
    for (row, col), azimuth in sides.items():
        forward, _, metres = geod.inv(*place, *lonlat[row, col])
        assert metres == pytest.approx(200e3 * 5 / 11, rel=6e-3)
        assert (forward - azimuth + 180) % 360 - 180 == pytest.approx(0, abs=0.3)
    np.testing.assert_allclose(np.cos(np.radians(lonlat[5, 5, 0] - place[0])), 1, atol=1e-9)


@pytest.mark.parametrize("west", [-180.0, 0.0])
@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_raster_of_the_globe_is_read_anywhere(globe: Callable[..., Path], west, place):
    """Across the antimeridian, at 70 degrees, and around the pole."""
    with Raster(str(globe(west=west))) as raster:
        found = raster.window(np.array(place), 300.0, 12)
    tolerance = 2e-3 if abs(place[1]) < 80 else 0.06  # near the pole, columns are averaged
    np.testing.assert_allclose(found[:2], expected(place, 300.0, 12)[:2], atol=tolerance)
    np.testing.assert_allclose(found[2], expected(place, 300.0, 12)[2], atol=0.02 if abs(place[1]) < 80 else 0.3)


def test_a_window_is_that_of_gdal_in_a_projection(tmp_path):
    """GDAL warps the same raster of UTM into the same window."""
    random = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(300.0), 2 * np.arange(300.0)) + random.normal(0, 0.01, (300, 300))
    path = write(
        tmp_path / "utm.tif", smooth[None].astype(np.float32), from_origin(400e3, 5.2e6, 1000, 1000), "EPSG:32632"
    )
    place = Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True).transform(550e3, 5.05e6)
    with Raster(str(path)) as raster:
        found = raster.window(np.array(place), 100.0, 50)[0]
    crs = f"+proj=aeqd +lon_0={place[0]} +lat_0={place[1]} +datum=WGS84"
    with (
        rasterio.open(path) as file,
        WarpedVRT(
            file, crs=crs, transform=from_origin(-50e3, 50e3, 2000, 2000), width=50, height=50,
            resampling=rasterio.enums.Resampling.average,
        ) as warped,
    ):  # fmt: skip
        theirs = warped.read(1)
    assert np.abs(found - theirs).max() < 2.0  # a pixel of 1 km changes the value by 1 and by 2


def test_bands_are_chosen_in_their_order(globe: Callable[..., Path]):
    path = str(globe())
    with Raster(path, (3, 1)) as raster, Raster(path) as whole:
        place = np.array([5.0, 45.0])
        np.testing.assert_array_equal(raster.window(place, 100.0, 4), whole.window(place, 100.0, 4)[[2, 0]])
    with pytest.raises(UsageError, match=r"bands must be numbers from 1 to 3, the bands of .*, got 1,4"):
        Raster(path, (1, 4))


def test_nodata_is_no_value(tmp_path):
    """What is missing takes no part in averages, and a pixel that is mostly missing is missing."""
    values = np.full((1, 40, 40), 7.0, np.float32)
    values[:, :, 20:] = -9999
    path = write(tmp_path / "half.tif", values, from_origin(0, 10, 0.1, 0.1), nodata=-9999)
    with Raster(str(path)) as raster:
        found = raster.window(np.array([2.0, 8.0]), 200.0, 16)[0]
        assert np.isnan(found[:, 9:]).all()
        np.testing.assert_allclose(found[:, :7], 7.0, rtol=1e-6)
        assert np.isnan(raster.window(np.array([50.0, 8.0]), 200.0, 4)).all()
        here, missing, outside = raster.at(np.array([[1.0, 8.0], [3.0, 8.0], [9.0, 8.0]]))
    assert here == 7.0
    assert np.isnan([missing, outside]).all()


def test_finer_pixels_are_averaged(tmp_path):
    """A checkerboard of 0 and 1 is grey where a pixel of the window is many of its fields wide."""
    board = np.indices((400, 400)).sum(axis=0) % 2
    path = write(tmp_path / "board.tif", board[None].astype(np.float32), from_origin(0, 4, 0.01, 0.01))
    with Raster(str(path)) as raster:
        found = raster.window(np.array([2.0, 2.0]), 200.0, 8)
        assert raster.around(np.array([[2.0, 2.0]]), 200.0, 8)[0, 0] == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(found, 0.5, atol=0.05)


def test_a_raster_that_does_not_say_where_it_lies_is_refused(tmp_path):
    path = write(tmp_path / "bare.tif", np.zeros((1, 4, 8), np.uint8), from_origin(0, 4, 1, 1), None)
    with pytest.raises(ImageryError, match=r"does not say where it lies; .* gdal_translate -a_srs EPSG:4326"):
        Raster(str(path))
    with pytest.raises(UsageError, match=r"imagery must be a raster that GDAL opens, got 'no\.tif' .*; check its name"):
        Raster("no.tif")


def test_a_damaged_raster_is_named(tmp_path):
    path = write(tmp_path / "whole.tif", np.ones((1, 256, 256), np.float32), from_origin(0, 4, 0.01, 0.01), tiled=True,
                 blockxsize=64, blockysize=64, compress="deflate")  # fmt: skip
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    path.write_bytes(data)
    with Raster(str(path)) as raster, pytest.raises(ImageryError, match=r"whole\.tif cannot be read .*; get it again"):
        raster.window(np.array([1.28, 2.72]), 280.0, 64)
