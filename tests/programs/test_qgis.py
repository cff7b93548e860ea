"""Real QGIS opens and draws every kind of GeoTIFF that the program writes, as rasterio reads it."""

from __future__ import annotations

import shutil
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import rasterio
from helpers.programs import need, version
from kinds import KINDS, MINI, SMALL, Seen, raster
from pyproj import CRS
from rasterio.errors import NotGeoreferencedWarning

from rangegeo.schema.bands import DIAGNOSTICS
from rangegeo.stores.opening import open_cube

FAINTEST = 24  # of 255: the least a picture varies if it shows anything


@pytest.fixture(params=KINDS)
def kind(request, seen) -> list[Seen]:
    """All files of one kind, if the GDAL that QGIS is built with is new enough for them."""
    found, oldest = seen[request.param], KINDS[request.param].gdal
    if found[0].gdal < oldest:
        pytest.skip(f"QGIS with GDAL {found[0].gdal} is older than {oldest}: see the test of signed bytes")
    return found


def scaled(file: rasterio.DatasetReader) -> np.ndarray:
    """(bands, h, w) as values, NaN where there is no data."""
    values = file.read(masked=True).astype(np.float64).filled(np.nan)
    return values * np.array(file.scales)[:, None, None] + np.array(file.offsets)[:, None, None]


def picture(path: str) -> np.ndarray:
    """(4, h, w) red, green, blue, alpha."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            return file.read()


def test_grid_names_and_nodata_are_those_of_the_file(kind):
    for one in kind:
        facts = one.facts
        assert facts["valid"], facts
        with rasterio.open(one.path) as file:
            assert facts["size"] == [file.width, file.height]
            np.testing.assert_allclose(facts["extent"], file.bounds, rtol=1e-12)
            assert [name.partition(": ")[2] for name in facts["bands"]] == list(file.descriptions)
            assert facts["nodata"] == [repr(value) for value in file.nodatavals]
            assert facts["crs"] == ":".join(CRS.from_user_input(file.crs).to_authority())


def test_values_are_those_that_rasterio_reads(kind):
    for one in kind:
        with rasterio.open(one.path) as file:
            values = scaled(file)
            for point, found in zip(one.asked["points"], one.facts["values"], strict=True):
                row, col = file.index(*point)
                given = np.array(found, dtype=np.float64)  # None becomes NaN
                np.testing.assert_allclose(given, values[:, row, col], rtol=1e-7)


def test_the_style_beside_the_file_is_picked_up(kind):
    for one in kind:
        renderer = one.facts["renderer"]
        if one.is_preview:
            assert renderer == {"type": "multibandcolor", "bands": [1, 2, 3], "ranges": [None] * 3}
            continue
        (styled,) = ET.parse(one.path.with_suffix(".qml")).iter("rasterrenderer")
        bounds = [[float(part.text) for part in styled.iter(name)] for name in ("minValue", "maxValue")]
        assert renderer["type"] == styled.get("type")
        assert len(renderer["bands"]) == len(bounds[0]) == (3 if len(one.facts["bands"]) >= 3 else 1)
        assert renderer["bands"] == list(range(1, len(bounds[0]) + 1))
        np.testing.assert_allclose(renderer["ranges"], np.transpose(bounds), rtol=1e-12)


def test_it_is_drawn_as_the_style_declares(kind):
    """Each pixel alone: its colour from its values and the range of the style; no data is transparent."""
    for one in kind:
        drawn = picture(one.asked["picture"])
        with rasterio.open(one.path) as file:
            values = scaled(file)[np.array(one.facts["renderer"]["bands"]) - 1]
            down, across = (round(size / min(file.res)) for size in file.res[::-1])  # pictures have square pixels
            values = values.repeat(down, axis=1).repeat(across, axis=2)
        visible = np.isfinite(values).all(axis=0)
        np.testing.assert_array_equal(drawn[3], np.where(visible, 255, 0))
        ranges = [[0, 255] if bounds is None else bounds for bounds in one.facts["renderer"]["ranges"]]
        low, high = np.transpose(ranges)[:, :, None]
        expected = np.clip((values[:, visible] - low) / (high - low), 0, 1) * 255
        np.testing.assert_allclose(drawn[:3, visible], np.broadcast_to(expected, (3, visible.sum())), atol=1.01)


def test_the_pictures_show_something(kind):
    """Also where one pixel is a million times as large as the others, which QGIS's own stretch would make black.

    Files of several betas share their range, so that of beta 0 may be faint.
    """
    contrasts = {False: [], True: []}
    for one in kind:
        drawn = picture(one.asked["picture"])
        colours = drawn[:3, drawn[3] > 0].T
        assert len(np.unique(colours, axis=0)) > 30
        contrasts[one.is_preview].append(np.ptp(np.percentile(colours, (10, 90), axis=0), axis=0).max())
    assert min(max(found) for found in contrasts.values() if found) > FAINTEST


@pytest.mark.parametrize("name", [name for name in KINDS if KINDS[name].gdal])
def test_older_gdal_takes_negative_bytes_for_positive(seen, name):
    """As workflows/guide/storage.md says: by 256 steps, and has no value for no data."""
    one, *_ = seen[name]
    if one.gdal >= KINDS[name].gdal:
        pytest.skip("this QGIS is tested with the others")
    assert one.facts["valid"]
    assert set(one.facts["nodata"]) == {None}
    wrong = 0
    with rasterio.open(one.path) as file:
        stored = file.read().astype(np.int64)
        for point, found in zip(one.asked["points"], one.facts["values"], strict=True):
            row, col = file.index(*point)
            steps = stored[:, row, col] % 256
            np.testing.assert_allclose(found, steps * np.array(file.scales) + file.offsets, rtol=1e-6, atol=1e-6)
            wrong += np.count_nonzero(steps != stored[:, row, col])
    assert wrong > len(stored) / 2


def test_without_the_style_one_outlier_blackens_the_picture(written, ask_qgis, tmp_path):
    """What QGIS does by itself; were it not so, the kind of that name would prove nothing."""
    (alone, png) = tmp_path / "alone.tif", str(tmp_path / "alone.png")
    shutil.copy(written["an outlier"][0], alone)
    (facts,) = ask_qgis([{"path": str(alone), "picture": png, "size": [60, 40]}])["rasters"]
    assert facts["valid"]
    assert picture(png)[:3].max() == 0


def test_every_kind_is_what_its_name_says(written, stand_ins):
    """Or the tests above would look at something else."""
    with rasterio.open(written["1280 bands"][0]) as file:
        assert (file.count, file.dtypes[0]) == (1280, "float32")
    for dtype in ("int16", "int8"):
        with rasterio.open(written[f"1280 bands, {dtype}"][0]) as file:
            assert (file.count, file.dtypes[0]) == (1280, dtype)
            assert len(set(file.scales)) > 500
    for name in ("1280 bands, float16", "an area, float16"):
        with rasterio.open(written[name][0]) as file:
            assert file.tags(1, ns="IMAGE_STRUCTURE")["NBITS"] == "16"
    assert {*open_cube(written["diagnostics, int16"][0])["band_name"].values} >= {*DIAGNOSTICS}
    with rasterio.open(written["1280 bands, antimeridian"][0]) as file:
        assert file.bounds.right == 182
    for name in ("with overviews", "with overviews, int16"):
        with rasterio.open(written[name][0]) as file:
            assert file.overviews(1)
    assert len(written["several betas"]) == 6
    assert open_cube(written["components"][0]).attrs["layout"] == "components"
    areas = [name for name in KINDS if "an area" in name]
    for name in ("holes", "the globe with its outside", *areas):
        with rasterio.open(written[name][0]) as file:
            assert 0 < (file.read_masks(1) == 0).mean() < 0.8
    with rasterio.open(written["the grid of another"][0]) as file, rasterio.open(stand_ins["LIKE"]) as other:
        assert (file.transform, file.shape, file.crs) == (other.transform, other.shape, other.crs)
    with rasterio.open(written["an outlier"][0]) as file:
        assert file.read(1).max() == 1e6
    codes = {"1280 bands, UTM": 32632, "1280 bands, Mercator": 3857, "polar": 3995}
    assert {name: open_cube(written[name][0]).odc.geobox.crs.to_epsg() for name in codes} == codes


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_which_zarr_it_opens(ask_qgis, tmp_path, zarr_format):
    """As workflows/guide/qgis-gdal.md says: with GDAL before 3.11 format 2, one band of one beta at a time."""
    (path,) = raster(f"{SMALL} --beta 0,1 --zarr-format {zarr_format} {MINI}", tmp_path / "a.zarr")
    cube = open_cube(path)
    jobs = [{"path": f'ZARR:"{path}":/embedding:1:3', "points": [[6.525, 45.025]]}]
    answer = ask_qgis(jobs)
    (facts,) = answer["rasters"]
    if zarr_format == 3 and version(answer["gdal"]) < (3, 11):
        assert not facts["valid"]
        return
    assert facts["crs"] == "EPSG:4326"
    np.testing.assert_allclose(facts["extent"], list(cube.odc.geobox.boundingbox))
    expected = cube.isel(beta=1, band=3).sel(x=6.525, y=45.025, method="nearest")
    np.testing.assert_allclose(facts["values"], [[float(expected)]], rtol=1e-7)


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_only_outside_ci_may_a_missing_program_skip_its_tests(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    need(True, "QGIS", "install it")
    with pytest.raises(outcome, match="QGIS is not installed: install it"):
        need(False, "QGIS", "install it")
