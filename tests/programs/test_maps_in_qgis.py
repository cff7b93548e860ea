"""Real QGIS opens maps of classes with their names and colours, and maps of numbers with a ramp."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
import rasterio
from helpers.programs import need
from kinds import MINI

from rangegeo.cli.main import run
from rangegeo.stores.legend import Classes

NAMES = ["bare", "forest", "open water"]


@pytest.fixture(scope="module")
def maps(tmp_path_factory, mini):
    """c.tif with classes, h.tif with numbers."""
    folder = tmp_path_factory.mktemp("maps")
    random = np.random.default_rng(0)
    lonlat = random.uniform((-20, 30), (40, 65), (200, 2))
    height = 100 + 900 * mini.encode(lonlat, beta=0.5)[:, 3]
    cover = np.array(NAMES)[np.digitize(height, np.quantile(height, [0.33, 0.66]))]
    table = pd.DataFrame({"lon": lonlat[:, 0], "lat": lonlat[:, 1], "height": height, "cover": cover})
    table.to_csv(folder / "t.csv", index=False)
    for target, name in (("cover", "c.tif"), ("height", "h.tif")):
        line = f"map {folder / 't.csv'} --target {target} --bbox -20,30,40,65 --res 0.5 --block 5deg --seeds 1"
        assert run([*line.split(), *MINI.split(), "--no-baselines", "-q", "-o", str(folder / name)]) == 0
    return folder


def colours_in(path) -> set[tuple[int, ...]]:
    with rasterio.open(path) as file:
        pixels = file.read()
    return {tuple(map(int, colour)) for colour in pixels[:3].reshape(3, -1).T}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_qgis_draws_classes_and_ramps(ask_qgis, maps, tmp_path):
    jobs = []
    for name in ("c.tif", "h.tif"):
        with rasterio.open(maps / name) as file:
            size = [file.width, file.height]
        jobs.append({"path": str(maps / name), "picture": str(tmp_path / f"{name}.png"), "size": size, "points": []})
    classes, ramp = ask_qgis(jobs)["rasters"]
    assert classes["renderer"]["type"] == "paletted"
    palette = [tuple(colour) for colour in Classes(tuple(NAMES)).colours.tolist()]
    assert classes["renderer"]["classes"] == [
        [number, name, "#{:02x}{:02x}{:02x}".format(*palette[number])] for number, name in enumerate(NAMES)
    ]
    assert classes["nodata"] == ["255.0"]
    assert colours_in(tmp_path / "c.tif.png") <= set(palette)
    assert len(colours_in(tmp_path / "c.tif.png")) == 3
    assert ramp["renderer"]["type"] == "singlebandpseudocolor"
    assert len(colours_in(tmp_path / "h.tif.png")) > 50


def test_gdal_reads_names_colours_and_the_table(maps):
    gdalinfo = shutil.which("gdalinfo")
    need(gdalinfo is not None, "gdalinfo", "apt-get install gdal-bin")
    answer = subprocess.run([gdalinfo, "-json", str(maps / "c.tif")], capture_output=True, text=True, check=True)
    (band,) = json.loads(answer.stdout)["bands"]
    assert band["colorInterpretation"] == "Palette"
    assert band["colorTable"]["entries"][1][:3] == Classes(tuple(NAMES)).colours[1].tolist()
    text = subprocess.run([gdalinfo, str(maps / "c.tif")], capture_output=True, text=True, check=True).stdout
    assert "<GDALRasterAttributeTable" in text
    for number, name in enumerate(NAMES):
        assert f"{number}: {name}" in text or f"<F>{name}</F>" in text
