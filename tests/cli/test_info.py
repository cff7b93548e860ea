"""`rangegeo info`: cubes, models, checkpoints, databases, names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio.shutil
import zarr
from oracles import golden
from typed import MINI

import rangegeo as rg
from rangegeo.weights.cache import file_sha256

CHECKPOINT = golden.GOLDEN / "satclip-mini.ckpt"
DATABASE = golden.GOLDEN / "range_db_mini.npz"


def facts_of(rangegeo, *arguments: str) -> dict:
    """The same facts as text and as JSON."""
    done = rangegeo("info", *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    facts = json.loads(done.out, parse_constant=pytest.fail)
    text = rangegeo("info", *arguments)
    assert (text.code, text.err) == (0, "")
    for name, value in facts.items():
        if isinstance(value, (str, int, float)):
            assert f"{name}: {value}" in text.out.splitlines()
    return facts


def test_several_files(rangegeo, raster):
    assert raster("--beta", "0,0.5", "-o", "a.tif").code == 0
    names = ["a_beta0.tif", "a_beta0.5.tif"]
    facts = json.loads(rangegeo("info", *names, "--json").out)
    assert {name: facts[name]["betas"] for name in names} == {names[0]: [0.0], names[1]: [0.5]}
    said = rangegeo("info", *names).out.splitlines()
    assert [line for line in said if not line.startswith(" ")] == [f"{name}:" for name in names]
    assert said.count("  crs: EPSG:4326") == 2
    done = rangegeo("info", names[0], "none.tif")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("rangegeo: none.tif does not exist; ")


def test_netcdf_and_virtual_files_are_read_as_cubes(rangegeo, raster):
    assert raster("--bands", "1,2", "-o", "a.tif").code == 0
    rasterio.shutil.copy("a.tif", "a.vrt", driver="VRT")
    rg.open_cube("a.tif").to_netcdf("a.nc")
    for name in ("a.vrt", "a.nc"):
        facts = json.loads(rangegeo("info", name, "--json").out)
        assert (facts["kind"], facts["crs"], facts["dims"]) == ("cube", "EPSG:4326", "band 2 x y 4 x x 4")
    for suffix, kind in (("vrt", "GeoTIFF"), ("nc", "netCDF file")):
        Path(f"b.{suffix}").write_text("no raster")
        done = rangegeo("info", f"b.{suffix}")
        assert done.code == 1
        assert done.err.startswith(f"rangegeo: b.{suffix} is not a readable {kind}")


@pytest.mark.parametrize(
    ("out", "name", "dims", "betas"),
    [
        ("a.zarr", "a.zarr", "beta 2 x band 40 x y 4 x x 4", [0.0, 0.5]),
        ("a.tif", "a_beta0.5.tif", "band 40 x y 4 x x 4", [0.5]),
    ],
)
def test_a_cube(rangegeo, raster, out, name, dims, betas):
    assert raster("--beta", "0,0.5", "-o", out).code == 0
    facts = facts_of(rangegeo, name)
    assert facts["kind"] == "cube"
    assert facts["path"] == name
    assert facts["complete"] is True
    assert (facts["dims"], facts["betas"]) == (dims, betas)
    assert facts["crs"] == "EPSG:4326"
    assert facts["bounds"] == pytest.approx([5, 44, 6, 45])
    assert facts["res"] == pytest.approx([0.25, 0.25])
    assert facts["bytes"] == 40 * 16 * 4 * len(betas)
    assert facts["model"] == "RANGE+"
    assert facts["encoder_sha256"] == file_sha256(CHECKPOINT)
    assert facts["semantic_temperature"] == 12


def test_a_cube_of_a_model_without_beta_in_a_projection(rangegeo, raster):
    raster("--model", "SatCLIP", "--crs", "EPSG:3995", "--bbox", "-180,85,180,90", "--res", "200000", "-o", "a.zarr")
    facts = facts_of(rangegeo, "a.zarr")
    assert facts["betas"] is None
    assert facts["crs"] == "EPSG:3995"


@pytest.mark.filterwarnings("always::rangegeo.errors.CubeWarning")
@pytest.mark.filterwarnings("default::rangegeo.errors.CubeWarning")
def test_an_unfinished_cube_says_so(rangegeo, raster):
    assert raster("-o", "a.zarr").code == 0
    zarr.open_group("a.zarr", mode="r+", use_consolidated=False).attrs["rangegeo_complete"] = 0
    ran = rangegeo("info", "a.zarr", "--json")
    assert json.loads(ran.out)["complete"] is False
    assert ran.err == "rangegeo: warning: a.zarr is unfinished: chunks that were not written read as NaN\n"


def test_models(rangegeo):
    facts = facts_of(rangegeo, "RANGE+", *MINI)
    assert (facts["kind"], facts["name"]) == ("model", "RANGE+")
    assert (facts["bands"], facts["visual_bands"], facts["location_bands"]) == (40, 24, 16)
    assert facts["betas"] == "any in [0, 1]"
    assert facts["geographic_temperature"] == 40
    assert facts["encoder"]["sha256"] == file_sha256(CHECKPOINT)
    assert facts["database"]["rows"] == 500
    assert facts_of(rangegeo, "RANGE", *MINI)["betas"] is None
    assert "database" not in facts_of(rangegeo, "SatCLIP", *MINI[:2])


def test_a_checkpoint(rangegeo):
    facts = facts_of(rangegeo, str(CHECKPOINT))
    assert facts["kind"] == "checkpoint"
    assert facts["settings"]["legendre_polys"] == 40
    assert facts["sha256"] == file_sha256(CHECKPOINT)
    assert "  legendre_polys: 40" in rangegeo("info", str(CHECKPOINT)).out.splitlines()


def test_a_database(rangegeo):
    facts = facts_of(rangegeo, str(DATABASE))
    assert facts["kind"] == "database"
    assert (facts["rows"], facts["key_width"], facts["value_width"]) == (500, 16, 24)
    locs = golden.load("range_db_mini")["locs"]
    np.testing.assert_allclose(facts["bounds"], [*locs.min(axis=0), *locs.max(axis=0)], atol=1e-3)


def test_the_embedded_model(rangegeo):
    facts = facts_of(rangegeo, "demo")
    assert facts["weights"]["settings"]["legendre_polys"] == 40
    assert facts["weights"]["settings"]["embed_dim"] == facts["db"]["key_width"] == 256
    assert facts["db"]["rows"] >= 15_000


def test_the_embedded_files_by_their_paths(rangegeo):
    from rangegeo.weights.demo import DATABASE as KEYS
    from rangegeo.weights.demo import ENCODER, FOLDER

    assert facts_of(rangegeo, str(FOLDER / ENCODER))["kind"] == "checkpoint"
    assert facts_of(rangegeo, str(FOLDER / KEYS))["kind"] == "database"
