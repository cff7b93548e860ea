"""GeoTIFFs, read back by rasterio and judged by rio-cogeo; and that nothing half made is ever left."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import dask
import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr
from pyproj import CRS
from rasterio.enums import ColorInterp
from rasterio.warp import Resampling
from rio_cogeo.cogeo import cog_validate
from writing import CRSS, BrokenBlock, ColumnsOf, listing, most_alive

import rangegeo as rg
from rangegeo.errors import CubeError, OutputError
from rangegeo.stores import geotiff
from rangegeo.stores.geotiff import write_geotiff


@pytest.fixture
def one(make_cube) -> xr.DataArray:
    """One beta, five bands, 40 x 50 pixels."""
    return make_cube(betas=(0.5,))


@pytest.fixture
def large(make_cube) -> xr.DataArray:
    """Enough pixels for overviews: 300 x 600."""
    return make_cube((0, 0, 6, 3), 0.01, betas=(1.0,), bands=4, chunks=256)


# -------------------------------------------------------------------------------------- what is in the file


@pytest.mark.parametrize("crs", CRSS)
def test_values_and_georeference_are_the_cubes(make_cube, tmp_path, crs):
    bbox, res = CRSS[crs]
    cube = make_cube(bbox, res, crs, betas=(0.5,))
    assert write_geotiff(cube, tmp_path / "a.tif") == [tmp_path / "a.tif"]
    with rasterio.open(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.read(), cube.values[0])
        assert file.transform == cube.odc.geobox.affine
        assert file.crs == rasterio.CRS.from_user_input(crs)
        assert CRS.from_user_input(file.crs).equals(CRS.from_user_input(crs), ignore_axis_order=True)
        assert tuple(file.bounds) == pytest.approx(tuple(cube.odc.geobox.boundingbox))
        assert file.tags()["AREA_OR_POINT"] == "Area"
    with rioxarray.open_rasterio(tmp_path / "a.tif", masked=True) as read:
        np.testing.assert_array_equal(read, cube.values[0])
        np.testing.assert_allclose(read["x"], cube["x"], rtol=0, atol=1e-9 * abs(float(cube["x"][-1])))
        np.testing.assert_allclose(read["y"], cube["y"], rtol=0, atol=1e-9 * abs(float(cube["y"][0])))


@pytest.mark.parametrize(("bands", "block"), [(4, 256), (128, 256), (129, 128)])
def test_it_is_a_valid_cloud_optimized_geotiff(make_cube, tmp_path, bands, block):
    cube = make_cube((0, 0, 6, 0.3), 0.01, betas=None, bands=bands, chunks=256)
    (path,) = write_geotiff(cube, tmp_path / "a.tif")
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(path) as file:
        assert file.profile["driver"] == "GTiff"
        assert file.interleaving.value == "BAND"
        assert file.block_shapes == [(block, block)] * bands
        assert file.dtypes == ("float32",) * bands
        assert np.isnan(file.nodatavals).all()
        assert file.compression.value == "ZSTD"
        assert file.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "3"
        assert ColorInterp.alpha not in file.colorinterp
        assert [len(file.overviews(band)) for band in (1, bands)] == [2, 2]
        assert file.overviews(1) == [2, 4]
    assert path.stat().st_size < cube.nbytes * 1.5


def test_a_small_file_needs_no_overviews(one, tmp_path):
    (path,) = write_geotiff(one, tmp_path / "a.tif")
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(path) as file:
        assert file.overviews(1) == []


def test_overviews_are_averages(large, tmp_path):
    (path,) = write_geotiff(large, tmp_path / "a.tif")
    with rasterio.open(path) as file:
        half = file.read(1, out_shape=(150, 300), resampling=Resampling.nearest)
    expected = large.values[0, 0].reshape(150, 2, 300, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(half, expected, rtol=0, atol=1e-6)


def test_a_plain_geotiff_has_no_overviews(large, tmp_path):
    (path,) = write_geotiff(large, tmp_path / "a.tif", overviews=False)
    with rasterio.open(path) as file:
        assert file.overviews(1) == []
        assert file.interleaving.value == "BAND"
        assert file.block_shapes[0] == (256, 256)
        np.testing.assert_array_equal(file.read(), large.values[0])


def test_bands_are_described_and_provenance_is_in_the_tags(one, tmp_path):
    (path,) = write_geotiff(one, tmp_path / "a.tif", measuring=ColumnsOf)
    with rasterio.open(path) as file:
        assert file.descriptions == tuple(one["band_name"].values)
        tags = file.tags()
    for name, value in one.attrs.items():
        if name != "grid_mapping":
            assert tags[name] == str(value)
    assert tags["beta"] == "0.5"
    assert float(tags["measured_error"]) == 3e-6


@pytest.mark.parametrize(
    ("betas", "names"),
    [
        (None, ["a.tif"]),
        ((0.5,), ["a.tif"]),
        ((0.0, 0.5, 1.0), ["a_beta0.tif", "a_beta0.5.tif", "a_beta1.tif"]),
        ((0.1, 1 / 3), ["a_beta0.1.tif", "a_beta0.333333333333.tif"]),
    ],
)
def test_one_file_a_beta_in_their_order(make_cube, tmp_path, betas, names):
    cube = make_cube(betas=betas)
    assert write_geotiff(cube, tmp_path / "a.tif") == [tmp_path / name for name in names]
    stems = [name.removesuffix(".tif") for name in names]
    beside = [f"{stem}{ending}" for stem in stems for ending in (".tif", "_rgb.tif", ".qml")]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(beside)
    for index, name in enumerate(names):
        with rasterio.open(tmp_path / name) as file:
            np.testing.assert_array_equal(file.read(), cube.values[index] if betas else cube.values)
            assert file.tags().get("beta") == (None if betas is None else repr(betas[index]))


def test_one_beta_picked_from_a_cube_keeps_its_name(cube, tmp_path):
    write_geotiff(cube.sel(beta=0.5), tmp_path / "a.tif")
    assert rg.open_cube(tmp_path / "a.tif")["beta"] == 0.5


def test_pixels_without_data_are_masked_by_every_reader(make_cube, tmp_path):
    cube = make_cube(betas=None, bands=3)
    hole = cube.where((cube["x"] > 5.3) | (cube["y"] > 44.5))
    write_geotiff(hole, tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.read(1, masked=True).mask, np.isnan(hole[0]))
        np.testing.assert_array_equal(file.dataset_mask() == 0, np.isnan(hole[0]))
    with rasterio.open(tmp_path / "a_rgb.tif") as file:
        np.testing.assert_array_equal(file.read(2) == 0, np.isnan(hole[0]))


def test_a_cube_without_any_data_is_written_too(make_cube, tmp_path):
    cube = make_cube(betas=None) * np.float32(np.nan)
    write_geotiff(cube, tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as file:
        assert np.isnan(file.read()).all()
    ET.parse(tmp_path / "a.qml")


@pytest.mark.parametrize("chunks", [((9, 16, 15), (3, 16, 16, 15)), ((40,), (50,)), ((7, 13, 20), (25, 25))])
def test_any_chunks_are_written_rightly(make_cube, tmp_path, chunks):
    cube = make_cube(chunks=chunks, betas=(1.0,))
    write_geotiff(cube, tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.read(), cube.values[0])


def test_a_cube_in_memory_is_written_as_a_lazy_one(cube, tmp_path):
    write_geotiff(cube.compute(), tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a_beta0.tif") as file:
        np.testing.assert_array_equal(file.read(), cube.values[0])


def test_blocks_stream(make_cube, tmp_path):
    """However large a cube, the blocks alive at once are those in flight."""
    cube = make_cube((0, 0, 10, 10), 0.025, bands=2)
    assert most_alive(cube, lambda counted: write_geotiff(counted, tmp_path / "a.tif")) <= 8


# ------------------------------------------------------------------------------------------------- beside it


def test_the_style_names_the_bands_and_their_ranges(large, tmp_path):
    write_geotiff(large, tmp_path / "a.tif")
    text = (tmp_path / "a.qml").read_text()
    assert text.startswith("<!DOCTYPE qgis")
    root = ET.fromstring(text)
    assert root.tag == "qgis"
    (renderer,) = root.iter("rasterrenderer")
    assert renderer.get("type") == "multibandcolor"
    assert [renderer.get(f"{colour}Band") for colour in ("red", "green", "blue")] == ["1", "2", "3"]
    assert renderer.get("alphaBand") == "-1"
    for band, colour in enumerate(("red", "green", "blue")):
        (contrast,) = renderer.iter(f"{colour}ContrastEnhancement")
        found = [float(contrast.findtext(bound)) for bound in ("minValue", "maxValue")]
        assert found == pytest.approx(np.percentile(large.values[0, band], (2, 98)), abs=0.1)
        assert contrast.findtext("algorithm") == "StretchToMinimumMaximum"


def test_chunks_do_not_change_the_colours(large, tmp_path):
    """The sample behind them is a grid of the whole raster's pixels."""
    write_geotiff(large, tmp_path / "a.tif")
    write_geotiff(large.chunk(y=100, x=70), tmp_path / "b.tif")
    assert (tmp_path / "a.qml").read_text() == (tmp_path / "b.qml").read_text()
    with rasterio.open(tmp_path / "a_rgb.tif") as one, rasterio.open(tmp_path / "b_rgb.tif") as other:
        np.testing.assert_array_equal(one.read(), other.read())


def test_files_of_one_cube_share_their_ranges(make_cube, tmp_path):
    cube = make_cube(betas=(0.0, 1.0))
    cube = cube * xr.DataArray(np.array([1, 100], np.float32), {"beta": [0.0, 1.0]}, "beta")
    write_geotiff(cube.assign_attrs(cube.attrs), tmp_path / "a.tif")
    assert (tmp_path / "a_beta0.qml").read_text() == (tmp_path / "a_beta1.qml").read_text()


@pytest.mark.parametrize("bands", [1, 2])
def test_the_style_of_fewer_than_three_bands_is_grey(make_cube, tmp_path, bands):
    write_geotiff(make_cube(bands=bands, betas=None), tmp_path / "a.tif")
    (renderer,) = ET.parse(tmp_path / "a.qml").getroot().iter("rasterrenderer")
    assert renderer.get("type") == "singlebandgray"
    assert renderer.get("grayBand") == "1"
    low, high = (float(renderer.findtext(f"contrastEnhancement/{bound}")) for bound in ("minValue", "maxValue"))
    assert low < high


def test_the_preview_is_a_picture_of_the_same_grid(large, tmp_path):
    write_geotiff(large, tmp_path / "a.tif")
    assert cog_validate(tmp_path / "a_rgb.tif", strict=True, quiet=True) == (True, [], [])
    with rasterio.open(tmp_path / "a.tif") as whole, rasterio.open(tmp_path / "a_rgb.tif") as preview:
        assert (preview.count, preview.shape, preview.dtypes) == (3, whole.shape, ("uint8",) * 3)
        assert (preview.transform, preview.crs) == (whole.transform, whole.crs)
        assert preview.nodata == 0
        assert preview.colorinterp == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        assert preview.descriptions == ("red", "green", "blue")
        picture = preview.read()
    assert picture.min() == 1  # black where there is data is not the black of no data
    assert all(np.ptp(colour) == 254 for colour in picture)


# ------------------------------------------------------------------------------------- failures and existing


@pytest.mark.parametrize("moment", ["a block", "a preview", "the second file", "the disk"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_leaves_everything_as_it_was(cube, broken, tmp_path, monkeypatch, moment, existing):
    if existing:
        write_geotiff(cube * 2, tmp_path / "a.tif")
    (tmp_path / "other.txt").write_text("other")
    before = listing(tmp_path)

    def fail(*arguments: object, **_: object) -> None:
        if moment != "the second file" or "beta0.5" in str(arguments[0]):
            raise OSError(28, "No space left on device")
        finish(*arguments, **_)

    finish = geotiff.compress
    if moment == "a preview":
        monkeypatch.setattr(geotiff.Completion, "paint_preview", fail)
    elif moment == "the second file":
        monkeypatch.setattr(geotiff, "compress", fail)
    elif moment == "the disk":
        monkeypatch.setattr(geotiff.rasterio.shutil, "copy", fail)
    with pytest.raises(BrokenBlock if moment == "a block" else OSError) as caught:
        write_geotiff(broken if moment == "a block" else cube, tmp_path / "a.tif", overwrite=True)
    kept = {name for name in listing(tmp_path) if name.startswith(".a.tif-unfinished/")}
    assert {name: data for name, data in listing(tmp_path).items() if name not in kept} == before
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"\d+ blocks? (is|are) kept; add resume=True to continue", note)
    assert len([name for name in kept if "/journal/cube/" in name]) == int(note.split()[0])


def test_an_interrupt_leaves_everything_as_it_was(cube, tmp_path, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(geotiff, "write_blocks", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_geotiff(cube, tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())


def test_no_unfinished_file_ever_has_the_final_name(cube, tmp_path, monkeypatch):
    seen = []
    finish = geotiff.compress

    def watched(*arguments: object, **more: object) -> None:
        finish(*arguments, **more)
        seen.append([path.name for path in tmp_path.iterdir() if not path.name.startswith(".")])

    monkeypatch.setattr(geotiff, "compress", watched)
    write_geotiff(cube, tmp_path / "a.tif")
    assert seen == [[]] * 4


@pytest.mark.parametrize("name", ["a_beta0.tif", "a_beta0.5.tif", "a_beta0.5.qml", "a_beta0_rgb.tif"])
def test_any_existing_file_stops_the_writing_before_it_starts(cube, broken, tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(OutputError) as caught:
        write_geotiff(broken, tmp_path / "a.tif")
    said = f"{tmp_path / name} exists and was left as it is; add "
    assert str(caught.value) == f"{said}overwrite=True to replace it, or give another path"
    assert caught.value.for_shell() == f"{said}--overwrite to replace it, or give another -o"
    assert listing(tmp_path) == {name: b"precious"}


def test_overwrite_replaces_the_files(cube, tmp_path):
    write_geotiff(cube, tmp_path / "a.tif")
    names = set(listing(tmp_path))
    write_geotiff(cube * 2, tmp_path / "a.tif", overwrite=True)
    assert set(listing(tmp_path)) == names
    with rasterio.open(tmp_path / "a_beta0.5.tif") as file:
        np.testing.assert_array_equal(file.read(), cube.values[1] * 2)


# -------------------------------------------------------------------------------------------------- opening


def write_text(path: Path) -> None:
    path.write_text("hello")


def write_picture(path: Path) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=3,
        height=3,
        count=1,
        dtype="uint8",
        transform=rasterio.Affine(1, 0, 5, 0, -1, 9),
    ) as file:
        file.write(np.ones((1, 3, 3), np.uint8))


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda path: None, "does not exist; expected a cube that rangegeo raster wrote"),
        (write_text, "is not a readable GeoTIFF; expected a cube that rangegeo raster wrote"),
        (
            write_picture,
            "was not written by rangegeo, or has lost its tags; expected a cube that rangegeo raster wrote",
        ),
    ],
)
def test_what_is_no_cube_is_refused(tmp_path, prepare, said):
    prepare(tmp_path / "a.tif")
    with pytest.raises(CubeError, match=said):
        rg.open_cube(tmp_path / "a.tif")


def test_the_preview_is_no_cube(one, tmp_path):
    write_geotiff(one, tmp_path / "a.tif")
    with pytest.raises(CubeError, match=r"a_rgb\.tif was not written by rangegeo"):
        rg.open_cube(tmp_path / "a_rgb.tif")


def test_opening_is_lazy(make_cube, tmp_path):
    cube = make_cube(betas=None, bands=20)
    write_geotiff(cube, tmp_path / "a.tif")
    read = rg.open_cube(str(tmp_path / "a.tif"))
    assert dask.is_dask_collection(read)
    assert read.chunksizes["band"] == (16, 4)
    np.testing.assert_array_equal(read.isel(band=17).values, cube.values[17])
