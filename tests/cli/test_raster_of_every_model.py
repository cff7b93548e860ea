"""`rangegeo raster --model NAME` of every model: a GeoTIFF that rasterio opens, with the model's own values."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from oracles.every import NEEDS_GEOCLIP, SMALL, each_model

import rangegeo as rg
from rangegeo.cli.notices import DEMO_NOTICE
from rangegeo.encoders import MODELS


def options(name: str) -> list[str]:
    given = SMALL[name].arguments
    flags = {"pretrained_path": "--weights", "db_path": "--db"}
    return ["--model", name, *(text for key, flag in flags.items() if key in given for text in (flag, given[key]))]


@pytest.mark.parametrize("name", each_model())
def test_a_geotiff_of_each_opens_in_rasterio(rangegeo, name):
    box = ("raster", "--bbox", "176,-19,-178,-15", "--res", "1")
    done = rangegeo(*box, *options(name), "-o", "fiji.tif")
    assert done.code == 0, done.err
    assert DEMO_NOTICE not in done.err
    arguments = {key: value for key, value in SMALL[name].arguments.items() if key != "beta"}
    model = rg.load_model(name, device="cpu", **arguments)
    with rasterio.open("fiji.tif") as file:
        assert (file.count, file.shape, tuple(file.bounds)) == (model.dim, (4, 6), (176, -19, 182, -15))
        assert all(file.descriptions)
        assert file.tags()["model"] == name
        assert file.tags()["citation"] == MODELS[name].citation
        for lon, lat in ((176.5, -15.5), (181.5, -18.5)):  # beyond the antimeridian too
            values = next(file.sample([(lon, lat)]))
            expected = model.encode([[lon, lat]])[0]
            np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6 * max(1, np.abs(expected).max()))
    cube = rg.open_cube("fiji.tif")
    assert cube.sizes["band"] == model.dim
    assert cube.attrs["model"] == name
    assert ("encoder_sha256" in cube.attrs) == MODELS[name].has_weights


@pytest.mark.parametrize("name", ["Theory", "CSP_INat"])
def test_a_zarr_store_and_the_other_options(rangegeo, name):
    box = ("raster", "--bbox", "5,44,6,45", "--res", "0.01", *options(name))
    assert rangegeo(*box, "--pca", "3", "-o", "a.zarr").code == 0
    assert dict(rg.open_cube("a.zarr").sizes) == {"band": 3, "y": 100, "x": 100}
    assert rangegeo(*box, "--bands", "2,1", "--exact", "-o", "b.zarr").code == 0
    width = len(str(rg.load_model(name, device="cpu", **SMALL[name].arguments).dim - 1))
    assert rg.open_cube("b.zarr")["band_name"].values.tolist() == [f"location_{1:0{width}}", f"location_{0:0{width}}"]


def test_info_says_what_a_model_is(rangegeo):
    done = rangegeo("info", "s2vec_spherec")
    assert done.code == 0
    assert "bands: 288" in done.out.splitlines()
    assert "notes: upstream's radii: wavelengths down to 0.06 degrees alias" in done.out
    assert "licence: none stated" in rangegeo("info", *options("CSP")[1:]).out.splitlines()
    done = rangegeo("info", SMALL["CSP"].arguments["pretrained_path"])
    assert "family: csp" in done.out.splitlines()
    assert "  spa_f_act: gelu" in done.out.splitlines()


@NEEDS_GEOCLIP
def test_geoclip_as_it_is_installed(rangegeo):
    done = rangegeo("raster", "--bbox", "5,44,6,45", "--res", "0.5", "--model", "GeoCLIP", "-o", "a.tif")
    assert done.code == 0, done.err
    assert DEMO_NOTICE not in done.err
    with rasterio.open("a.tif") as file:
        assert file.count == 512
        assert file.tags()["encoder_file"] == "location_encoder_weights.pth"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "Wrap", "--beta", "0.5"), "--beta needs a model with betas, and Wrap has none; leave it out"),
        (("--model", "RANGE", "--beta", "0.5"), "--beta needs a model with betas, and RANGE has none; leave it out"),
        (
            ("--model", "Wrap", "--layout", "components"),
            "--layout components needs a model with betas, and Wrap has none",
        ),
        (
            ("--model", "Wrap", "--bands", "visual"),
            "--bands must be all, location, a name such as location_0 or a number",
        ),
        (("--model", "Wrap", "--weights", "demo"), "Wrap has no weights; leave out --weights demo"),
        (("--model", "wrap"), "got 'wrap'; did you mean Wrap?"),
        (("--model", "CSP"), "CSP needs weights: --weights must be the path of a CSP checkpoint (.pth.tar)"),
        (("--model", "SINR", "--weights", "demo"), "--weights must be official or the path of a SINR checkpoint"),
        (
            ("--model", "SINR", "--weights", SMALL["CSP"].arguments["pretrained_path"]),
            "is a CSP checkpoint; expected a SINR checkpoint such as model.safetensors",
        ),
    ],
)
def test_what_a_model_does_not_have_is_refused_in_one_line(rangegeo, folder, arguments, said):
    done = rangegeo("raster", "--bbox", "5,44,6,45", "--res", "0.5", *arguments, "-o", "a.tif")
    assert done.code == (1 if "checkpoint such as" in said else 2)
    (line,) = done.err.splitlines()
    assert said in line
    assert list(folder.iterdir()) == []


def test_the_notice_of_the_demo_is_for_models_that_use_it(rangegeo):
    box = ("raster", "--bbox", "5,44,6,45", "--res", "0.5")
    said = rangegeo(*box, "--model", "SatCLIP", "-o", "a.tif").err
    assert said.splitlines()[0] == DEMO_NOTICE.removesuffix(" --db large")  # SatCLIP has no database
    assert DEMO_NOTICE not in rangegeo(*box, "--model", "Direct", "-o", "b.tif").err
