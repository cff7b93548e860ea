"""`rangegeo map`: from a table to files that QGIS draws."""

from __future__ import annotations

import re
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import rasterio
from helpers.hint_files import MINI
from helpers.hints import run_line
from PIL import Image

import rangegeo as rg
from rangegeo.errors import PlaceWarning
from rangegeo.reports.describe import describe

QUICK = f"--block 5deg --seeds 1 --no-baselines {MINI}"
BOX = "--bbox 5,44,8,46 --res 0.05"


@pytest.fixture(scope="module")
def labels(mini) -> pd.DataFrame:
    """200 labels: a number and its class."""
    random = np.random.default_rng(0)
    lonlat = random.uniform((-20, 30), (40, 65), (200, 2))
    height = 100 + 900 * mini.encode(lonlat, beta=0.5)[:, 3]
    cover = np.array(["low", "mid land", "high"])[np.digitize(height, np.quantile(height, [0.33, 0.66]))]
    return pd.DataFrame({"lon": lonlat[:, 0], "lat": lonlat[:, 1], "height": height, "cover": cover})


@pytest.fixture
def here(labels, tmp_path, monkeypatch):
    """A folder with the table of labels."""
    monkeypatch.chdir(tmp_path)
    labels.to_csv("t.csv", index=False)
    return tmp_path


def map_line(line: str) -> str:
    code, said = run_line(f"map {line}".split())
    assert code == 0, said
    return said


def test_numbers_are_written_with_their_spread(here, labels, mini):
    said = map_line(f"t.csv --target height {BOX} {QUICK} -o h.tif --preview")
    assert "in blocks that were left out" in said
    assert re.search(
        r"height: of the labels .* \d+% lie within one spread of their prediction \(68% should\), and", said
    )
    with rasterio.open("h.tif") as file:
        assert file.descriptions == ("height", "height_spread")
        assert file.tags()["long_name"] == "height, predicted from RANGE+"
        assert "layout" not in file.tags()
        assert file.tags()["command"].startswith("rangegeo ")
        values = file.read(masked=True)
    expected = rg.fit_map(labels, "height", model=mini, block="5deg", seeds=1, baselines=False)
    assert values.filled(np.nan) == pytest.approx(expected.raster((5, 44, 8, 46), 0.05).values, rel=1e-5, abs=1e-3)
    with Image.open("h_preview.png") as picture:
        assert picture.text["Title"] == "height, predicted from RANGE+"
        assert "in blocks that were left out" in picture.text["Description"]
    (renderer,) = ET.parse("h.qml").iter("rasterrenderer")
    assert renderer.get("type") == "singlebandpseudocolor"


def test_classes_are_written_with_names_and_colours(here):
    map_line(f"t.csv --target cover {BOX} {QUICK} --probabilities -o c.tif --report c.html")
    with rasterio.open("c.tif") as file:
        assert file.dtypes == ("uint8",)
        assert file.nodata == 255
        assert file.scales == (1.0,)
        colours = file.colormap(1)
        codes = file.read(1)
        assert set(np.unique(codes)) <= {0, 1, 2}
        assert file.tags()["flag_meanings"] == "high low mid_land"
        assert "quantisation_dtype" not in file.tags()
    rows = [[field.text for field in row.iter("F")] for row in ET.parse("c.tif.aux.xml").iter("Row")]
    assert [row[1] for row in rows] == ["high", "low", "mid land"]
    assert [tuple(map(int, row[2:])) for row in rows] == [colours[number][:3] for number in range(3)]
    with rasterio.open("c_probability.tif") as file:
        assert file.descriptions == (
            "cover_probability",
            "cover_spread",
            "cover: high",
            "cover: low",
            "cover: mid land",
        )
        assert (file.read()[2:].argmax(axis=0) == codes).all()
    page = (here / "c.html").read_text(encoding="utf-8")
    assert "0.05° pixels" in page
    assert "<pre><code>rangegeo " in page  # the command line
    assert page.count("<img") == 3
    with rasterio.open("c_rgb.tif") as file:
        painted = file.read()
    assert [tuple(painted[:, *np.argwhere(codes == code)[0]]) for code in np.unique(codes)] == [
        colours[code][:3] for code in np.unique(codes)
    ]


def test_classes_outside_an_area_are_nodata_and_overviews_mix_none(here):
    import geopandas
    import shapely

    geopandas.GeoSeries([shapely.Point(6.5, 45).buffer(0.8)], crs=4326).to_file("a.gpkg")
    map_line(f"t.csv --target cover --aoi a.gpkg --res 0.002 {QUICK} --no-spread -o c.tif")
    with rasterio.open("c.tif") as file:
        codes = file.read(1)
        assert codes[0, 0] == 255
        assert codes[400, 400] != 255
        assert file.overviews(1) == [2, 4]
    with rasterio.open("c.tif", overview_level=0) as file:
        assert set(np.unique(file.read(1))) <= {0, 1, 2, 255}


def test_suitability_of_places_where_something_was_found(here, labels):
    labels[labels.cover == "high"].assign(species="Abies alba").to_csv("gbif.csv", index=False, sep="\t")
    said = map_line(f"gbif.csv --target species --background 300 {BOX} {QUICK} -o s.tif")
    assert "ROC AUC" in said
    with rasterio.open("s.tif") as file:
        assert file.descriptions == ("Abies alba_suitability", "Abies alba_spread")
        assert 0 <= file.read(1).min() <= file.read(1).max() <= 1
    labels.to_csv("other.csv", index=False)
    map_line(f"gbif.csv --background other.csv {BOX} {QUICK} -o t.tif")


def test_several_targets_of_both_kinds(here):
    map_line(f"t.csv --target height --target cover {BOX} {QUICK} --no-spread -o m.tif --preview p.png")
    with rasterio.open("m.tif") as file:
        assert file.descriptions == ("height",)
        assert file.tags()["target"] == "height"
    with rasterio.open("m_cover.tif") as file:
        assert file.descriptions == ("cover",)
        assert file.tags()["long_name"] == "cover, predicted from RANGE+"
    with rasterio.open("m_cover_probability.tif") as file:
        assert file.descriptions == ("cover_probability",)
        assert not [name for name in file.tags() if name.startswith("classes")]
    for name, panels in (("p_height.png", 1), ("p_cover.png", 2)):
        with Image.open(name) as picture:
            assert 0.8 * panels < picture.width / picture.height < 1.6 * panels


def test_a_store_holds_all_bands_and_overviews(here):
    map_line(f"t.csv --target cover --bbox 5,44,8,46 --res 0.005 --overviews {QUICK} -o c.zarr")
    cube = rg.open_cube("c.zarr")
    assert cube["band_name"].values.tolist() == ["cover", "cover_probability", "cover_spread"]
    assert cube.attrs["long_name"] == "cover, predicted from RANGE+"
    coarse = rg.open_cube("c.zarr", level=1)
    assert coarse.sizes["x"] == 300
    assert set(np.unique(coarse.values[0])) <= {0.0, 1.0, 2.0}


def test_an_interrupted_map_is_continued(here, monkeypatch):
    line = f"map t.csv --target height --bbox 5,44,8,46 --res 0.02 --chunks 48 {QUICK} -o h.zarr".split()
    from rangegeo.stores import arrays

    written = []
    honest = arrays.block_writer

    def failing(*args):
        write = honest(*args)

        def once(block, top, left):
            written.append((top, left))
            if len(written) == 4:
                raise OSError(28, "No space left on device")
            return write(block, top, left)

        return once

    monkeypatch.setattr(arrays, "block_writer", failing)
    code, said = run_line(line)
    assert code == 1
    assert "add --resume to continue" in said
    monkeypatch.setattr(arrays, "block_writer", honest)
    code, said = run_line([*line, "--resume"])
    assert code == 0, said
    whole = map_line(f"t.csv --target height --bbox 5,44,8,46 --res 0.02 --chunks 48 {QUICK} -o w.zarr")
    assert "measured error" in whole
    assert np.array_equal(rg.open_cube("h.zarr").values, rg.open_cube("w.zarr").values)


def test_files_that_an_interrupted_run_had_finished_are_kept(here, monkeypatch):
    """The classes were written; their probabilities were not."""
    import rangegeo.jobs.map as module

    line = f"map t.csv --target cover {BOX} {QUICK} -o c.tif".split()
    honest = module.compute_and_write

    def failing(cube, out, *rest):
        if "probability" in out.name:
            raise OSError(28, "No space left on device")
        return honest(cube, out, *rest)

    monkeypatch.setattr(module, "compute_and_write", failing)
    assert run_line(line)[0] == 1
    before = (here / "c.tif").stat().st_mtime_ns
    monkeypatch.setattr(module, "compute_and_write", honest)
    code, said = run_line([*line, "--resume"])
    assert code == 0, said
    assert (here / "c.tif").stat().st_mtime_ns == before
    assert (here / "c_probability.tif").exists()


def test_pictures_and_pages_are_checked_before_anything_is_learned(here):
    (here / "h_preview.png").write_text("mine")
    code, said = run_line(f"map t.csv --target height {BOX} {QUICK} -o i.tif --preview h_preview.png".split())
    assert code == 1
    assert "h_preview.png exists and was left as it is" in said
    code, said = run_line(f"map t.csv --target height {BOX} {QUICK} -o i.tif --report page.pdf".split())
    assert code == 2
    assert "--report must be a name that ends in .html or .md" in said
    assert not (here / "i.tif").exists()


def test_options_that_maps_do_not_take_are_not_offered(here):
    for option in ("--tiles 512", "--extend", "--stac"):
        code, said = run_line(f"map t.csv --target height {BOX} {QUICK} -o h.zarr {option}".split())
        assert code == 2
        assert f"No such option '{option.split()[0]}'" in said


def test_verify_tells_of_maps(here):
    map_line(f"t.csv --target cover {BOX} {QUICK} -o c.tif")
    code, said = run_line(["verify", "c.tif"])
    assert code == 0, said
    assert "it is a map that was learned from labels" in said


def test_integers_and_what_was_learned(here, mini):
    said = map_line(f"t.csv --target height {BOX} {QUICK} --dtype int16 --save h.npz -o h.tif")
    assert "stored as int16" in said
    told = describe("h.npz")
    assert (told["kind"], told["labels"], told["targets"]) == ("saved map", "t.csv", ["height (numbers)"])
    assert (told["model"]["name"], told["opened_by"]) == ("RANGE+", "rangegeo.FittedMap.load")
    again = rg.FittedMap.load("h.npz", model=mini)
    assert told["places"] == len(again.labels.lonlat_deg)
    with rasterio.open("h.tif") as file:
        values = file.read(1) * file.scales[0] + file.offsets[0]
    assert values == pytest.approx(again.raster((5, 44, 8, 46), 0.05).values[0], abs=0.1)


def test_a_dry_run_tests_and_writes_nothing(here):
    said = map_line(f"t.csv --target height {BOX} {QUICK} --dry-run -o h.tif")
    assert "R²" in said
    assert sorted(path.name for path in here.iterdir()) == ["t.csv"]


def test_quiet_prints_nothing_but_paths(here):
    assert map_line(f"t.csv --target height {BOX} {QUICK} -q -o h.tif") == ""


def test_the_embedded_model_is_told_to_be_coarse(labels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlaceWarning)  # some of the places lie at sea
        fitted = rg.fit_map(labels[:60], "height", block="5deg", seeds=1, baselines=False)
    with pytest.warns(UserWarning, match=r'pixels of 5\.\d km are finer than .* about 150 km.*weights="official"'):
        fitted.raster((5, 44, 6, 45), 0.05)


def test_outputs_that_exist_are_kept(here):
    (here / "h.tif").write_text("mine")
    code, said = run_line(f"map t.csv --target height {BOX} {QUICK} -o h.tif".split())
    assert code == 1
    assert "exists and was left as it is" in said


def test_probabilities_of_numbers_are_refused_before_anything_is_learned(here, monkeypatch):
    monkeypatch.setattr("rangegeo.jobs.map.learn", None)
    code, said = run_line(f"map t.csv --target height {BOX} {QUICK} --probabilities -o h.tif".split())
    assert code == 2
    assert "--probabilities is for classes, and 'height' holds numbers; leave it out" in said


def test_a_background_lies_in_the_area_of_the_map(here, labels):
    import geopandas
    import shapely

    geopandas.GeoSeries([shapely.box(-20, 30, 20, 65)], crs=4326).to_file("land.gpkg")
    labels[labels.cover == "high"].to_csv("found.csv", index=False)
    said = map_line(f"found.csv --background 60 --aoi land.gpkg --res 5 {QUICK} --folds 2 --save s.npz -o s.tif")
    assert "lie outside land.gpkg, in which the background is drawn, and are left out" in said
    assert "--background places.csv, a table of your own" in said
    with rasterio.open("s.tif") as file:
        assert file.tags()["background"] == "60 random places in land.gpkg"
    with np.load("s.npz") as kept:
        assert kept["lonlat_deg"][:, 0].max() < 20
        assert kept["values_0"].sum() == ((labels.cover == "high") & (labels.lon < 20)).sum()


def test_a_box_far_from_all_labels_is_told(here):
    said = map_line(f"t.csv --target height --bbox 100,-10,110,0 --res 2 {QUICK} -o h.tif --report h.md")
    assert "the map lies more than 556 km from every label" in said
    assert "--mask-unlike leaves out pixels unlike all labels" in said
    page = (here / "h.md").read_text(encoding="utf-8")
    assert "the map lies more than 556 km from every label" in page
    assert "predictions are limited to the range of the labels" in page


def test_numbers_may_extrapolate(here):
    map_line(f"t.csv --target height {BOX} {QUICK} --no-clip --no-spread -o h.tif")
    with rasterio.open("h.tif") as file:
        assert "limited_height" not in file.tags()


def test_columns_in_metres_ask_for_the_crs_of_the_labels(here, labels):
    labels.assign(lon=labels.lon * 1e5, lat=labels.lat * 1e5).to_csv("m.csv", index=False)
    code, said = run_line(f"map m.csv --target height {BOX} {QUICK} -o h.tif".split())
    assert code == 1
    assert said.rstrip().endswith("and metres need --labels-crs")
