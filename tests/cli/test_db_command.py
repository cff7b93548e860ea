"""`rangegeo db`: what it says, what it writes, and what it tells of a database."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from safetensors.numpy import load_file
from typed import MINI

WEIGHTS = MINI[:2]


@pytest.fixture
def variables(folder) -> str:
    """A raster of two variables, longitude and latitude, with nothing in its northern half."""
    lon, lat = np.meshgrid(np.arange(0.5, 20), 59.5 - np.arange(20))
    values = np.stack([lon, lat]).astype(np.float32)
    values[:, :10] = -1
    shape = {"width": 20, "height": 20, "count": 2, "dtype": "float32", "crs": "EPSG:4326", "nodata": -1}
    with rasterio.open("v.tif", "w", driver="GTiff", transform=from_origin(0, 60, 1, 1), **shape) as file:
        file.write(values)
    return "v.tif"


@pytest.fixture
def built(rangegeo, variables):
    sample = ("--sample", "60", "--bbox", "0,40,20,60", "--sea", "--seed", "1")
    return rangegeo("db", "build", *sample, "--values", variables, *WEIGHTS, "--npz", "-o", "own.safetensors")


def test_a_database_is_built_and_its_paths_are_printed(built, rangegeo, folder):
    assert (built.code, built.out) == (0, "own.safetensors\nown.npz\n")
    assert "own.safetensors: 60 places, 1 source, keys of 16 numbers" in built.err
    assert "of 60 places are left out; the first, at" in built.err
    found = load_file("own.safetensors")
    np.testing.assert_allclose(found["values"], np.floor(found["locs"]) + 0.5)
    assert (found["locs"][:, 1] <= 50).all()
    with np.load("own.npz") as file:
        np.testing.assert_array_equal(file["image_embeddings"], found["values"])
        np.testing.assert_array_equal(file["satclip_embeddings"], found["keys"])
    again = rangegeo("db", "build", "--sample", "5", "--values", "v.tif", *WEIGHTS, "-q", "-o", "own.safetensors")
    assert (again.code, again.err) == (
        1,
        "rangegeo: own.safetensors exists and was left as it is; add --overwrite to replace it, or give another -o\n",
    )
    points = rangegeo("neighbors", "5", "45", "--weights", WEIGHTS[1], "--db", "own.safetensors", "-k", "2", "--json")
    assert len(json.loads(points.out)["neighbours"]) == 2
    other = rangegeo("neighbors", "5", "45", "--db", "own.safetensors", "-q")
    assert other.code == 1
    assert "give --weights satclip-mini.ckpt, or build the database again with these weights" in other.err


def test_a_dry_run_writes_nothing(rangegeo, variables, folder):
    before = set(folder.iterdir())
    (folder / "p.csv").write_text("lon,lat\n5,45\n")
    ran = rangegeo("db", "build", "p.csv", "--values", variables, "--dry-run", "-o", "own.npz")
    assert (ran.code, ran.out) == (0, "")
    assert set(folder.iterdir()) - before == {folder / "p.csv"}
    assert "encoding pictures on" not in ran.err
    seen = (
        "--imagery",
        variables,
        "--size-km",
        "50",
        "--encoder",
        "colours",
        "--value-range",
        "0,20",
        "--dry-run",
        "-o",
        "own.npz",
    )
    ran = rangegeo("db", "build", "p.csv", *seen)
    assert ran.err.count("encoding pictures on ") == 1, ran.err


def test_a_sample_that_mostly_misses_the_raster_is_told_and_one_row_is_refused(rangegeo, variables, folder):
    line = ("db", "build", "--sample", "400", "--sea", "--values", variables, "--dry-run", "-o", "own.npz")
    ran = rangegeo(*line)
    assert "of 400 places lie outside the rasters; for places in them add --bbox 0,40,20,60\n" in ran.err
    assert "outside" not in rangegeo(*line, "--bbox", "0,40,20,60").err
    (folder / "p.csv").write_text("lon,lat\n5,45\n50,45\n60,45\n")
    ran = rangegeo("db", "build", "p.csv", "--values", variables, *WEIGHTS, "-o", "own.npz")
    assert ran.code == 1
    assert "only 1 of 3 places has a row: v.tif has no data there; give other places" in ran.err
    assert not (folder / "own.npz").exists()


def test_a_database_is_described_and_drawn(built, rangegeo, folder):
    ran = rangegeo("db", "info", "own.safetensors", "--json", "--plot", "rows.png")
    facts = json.loads(ran.out)
    rows = len(load_file("own.safetensors")["locs"])
    assert {"rows": rows, "key_width": 16, "value_width": 2, "repeated_places": 0, "constant_values": 0}.items() <= (
        facts.items()
    )
    assert facts["made_from_values"] == "v.tif"
    assert facts["box"][1] >= 40
    assert facts["box"][3] <= 50
    assert facts["nearest_row_km_median"] == pytest.approx(150, abs=60)  # 30 rows on 1,600 x 1,100 km
    assert 0.005 < facts["share_of_globe_near"] < 0.05
    assert 1 <= facts["rows_that_decide_S_median"] <= rows
    assert (folder / "rows.png").read_bytes().startswith(b"\x89PNG")
    assert "rows: " in rangegeo("db", "info", "own.npz").out
    none = rangegeo("db", "info", "none.npz")
    told = "DB must be demo, large, med or the path of a RANGE database (.safetensors or .npz); the file none.npz"
    assert (none.code, none.err) == (2, f"rangegeo: {told} does not exist\n")
    assert rangegeo("train", "none.npz", "-o", "a.ckpt").err == none.err
    assert rangegeo("db").code == 2


def test_rows_that_are_there_twice_are_counted(rangegeo, folder):
    random = np.random.default_rng(0)
    locs = np.array([[5, 45], [5, 45], [6, 46]], np.float32)
    np.savez("twice.npz", locs=locs, satclip_embeddings=random.normal(size=(3, 4)), image_embeddings=np.ones((3, 2)))
    facts = json.loads(rangegeo("db", "info", "twice.npz", "--json").out)
    assert (facts["repeated_places"], facts["constant_values"]) == (1, 2)
    assert facts["nearest_row_km_largest"] == pytest.approx(136, abs=1)
    assert facts["value_norm_mean"] == pytest.approx(2**0.5, abs=1e-3)
