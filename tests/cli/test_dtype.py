"""`rangegeo raster --dtype`: what is said before and after, and that a file keeps it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio

import rangegeo as rg
from rangegeo.cli.raster import command
from rangegeo.grid import samples
from rangegeo.stores import quantise
from rangegeo.stores.opening import stored_dtype, stored_scales

FINE = ("--res", "0.05")  # 20 x 20 pixels
SHARES = r"\d\.\de-\d\d \(visual\), \d\.\de-\d\d \(location\) of the largest value"


@pytest.mark.parametrize("name", ["a.zarr", "a.tif"])
@pytest.mark.parametrize("dtype", ["float16", "int16", "int8"])
def test_a_run_says_what_a_dtype_loses_before_and_after(raster, name, dtype):
    done = raster(*FINE, "--dtype", dtype, "-o", name)
    assert (done.code, done.out) == (0, f"{name}\n")
    size = {"float16": "32.0 kB", "int16": "32.0 kB", "int8": "16.0 kB"}[dtype]
    plan, before, *_, after = done.err.splitlines()
    assert plan.startswith(f"{name}: 1 beta, 40 bands, 20 x 20 pixels, {size} before compression, about ")
    assert re.match(f"{dtype}: error at most {SHARES}", before)
    assert re.fullmatch(f"stored as {dtype}: measured error {SHARES}; no value was clipped", after)
    announced, measured = ([float(share) for share in re.findall(r"\d\.\de-\d\d", line)] for line in (before, after))
    # int16 has the steps of the model everywhere, and its bound is a share of the largest value that the model gives
    of_the_model = dtype == "int16"
    assert before.endswith("anywhere") == of_the_model
    assert all(0 < found <= (20 if of_the_model else 1) * most for found, most in zip(measured, announced, strict=True))
    raster(*FINE, "-o", "exact.zarr")
    read, exact = (rg.open_cube(path).squeeze("beta", drop=True) if path.endswith("zarr") else rg.open_cube(path)
                   for path in (name, "exact.zarr"))  # fmt: skip
    for bands, share in zip((slice(24), slice(24, None)), measured if of_the_model else announced, strict=True):
        values = exact.values[bands]
        assert np.abs(read.values[bands] - values).max() <= 1.05 * share * np.abs(values).max()


def test_a_zarr_array_of_one_scale_is_said_to_be_coarse(rangegeo):
    """The embedded model's visual values are twenty times its location values."""
    box = ("raster", "--bbox", "5,44,8,46", "--res", "0.1", "--dtype", "int8")
    remedy = (
        "; the bands of a Zarr array share one scale: --dtype int16, or --co SCALES=BAND with a scale a band, is finer"
    )
    said = {name: rangegeo(*box, "--dry-run", "-o", name).err.splitlines()[-2] for name in ("a.zarr", "a.tif")}
    assert said["a.zarr"].endswith(remedy)
    assert "Zarr" not in said["a.tif"]
    location = {name: float(re.search(r"(\S+) \(location\)", line)[1]) for name, line in said.items()}
    assert location["a.zarr"] > 10 * location["a.tif"]
    alone = rangegeo(*box, "--bands", "location", "--dry-run", "-o", "a.zarr").err.splitlines()[-2]
    assert re.fullmatch(
        r"int8: error at most \d\.\de-03 \(location\) of the largest value, unless it is clipped", alone
    )


def test_a_dry_run_writes_nothing(raster, folder):
    done = raster("--dtype", "int8", "--dry-run", "-o", "a.tif")
    assert (done.code, done.out) == (0, "")
    assert list(folder.iterdir()) == []


def test_a_dry_run_over_an_output_says_that_it_exists(raster, folder):
    assert raster("-o", "a.tif").code == 0
    before = (folder / "a.tif").read_bytes()
    for more, said in (((), "add --overwrite to replace it"), (("--overwrite",), "it will be replaced")):
        done = raster("--dry-run", "-o", "a.tif", *more)
        assert (done.code, done.out, done.err.splitlines()[-1]) == (0, "", f"a.tif exists; {said}")
    assert (folder / "a.tif").read_bytes() == before


def test_quiet_is_quiet(raster):
    done = raster("-q", "--dtype", "int16", "-o", "a.tif")
    assert (done.code, done.out, done.err) == (0, "a.tif\n", "")


@pytest.mark.filterwarnings("default::rangegeo.errors.CubeWarning")
@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_clipped_values_are_told_as_a_warning(raster, monkeypatch, quiet):
    """A sample of the corners alone, and no margin."""
    monkeypatch.setattr(samples, "_lines", lambda length, *_: np.array([0, length - 1]))
    monkeypatch.setattr(quantise, "SMALLEST_MARGIN", 0.0)
    done = raster(*FINE, *quiet, "--dtype", "int8", "-o", "a.tif")
    assert done.code == 0
    told = re.search(
        r"^rangegeo: warning: ([\d,]+) values did not fit into int8; the error of int8 is ", done.err, re.M
    )
    assert told is not None
    assert quiet or f"; {told[1]} values were clipped" in done.err
    assert not quiet or len(done.err.splitlines()) == 1
    with rasterio.open("a.tif") as file:
        assert int(file.tags()["quantisation_clipped"]) == int(told[1].replace(",", "")) > 0


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_the_files_of_several_betas_share_their_steps(raster, dtype):
    """So that they can be compared, and so that a neighbour takes the steps of any of them for all of its own."""
    assert raster(*FINE, "--beta", "0,1", "--dtype", dtype, "-o", "a.tif").code == 0
    with rasterio.open("a_beta0.tif") as smooth, rasterio.open("a_beta1.tif") as sharp:
        assert (smooth.scales, smooth.offsets) == (sharp.scales, sharp.offsets)
    done = raster(*FINE, "--beta", "0,1", "--dtype", dtype, "--scales-from", "a_beta0.tif", "-o", "b.tif")
    assert "no value was clipped" in done.err
    for beta in (0, 1):
        with rasterio.open(f"a_beta{beta}.tif") as one, rasterio.open(f"b_beta{beta}.tif") as other:
            assert one.scales == other.scales
            np.testing.assert_array_equal(one.read(), other.read())


@pytest.mark.parametrize("options", [["--pca", "3"], ["--layout", "components"], ["--model", "SatCLIP"], ["--exact"]])
@pytest.mark.parametrize("name", ["a.zarr", "a.tif"])
def test_it_goes_with_every_content(raster, options, name):
    done = raster(*FINE, *options, "--dtype", "int8", "-o", name)
    assert done.code == 0, done.err
    assert "no value was clipped" in done.err
    assert rg.open_cube(name).dtype == np.float32


def test_creation_options_are_tried_with_the_dtype(raster, folder):
    assert raster("--dtype", "int8", "--co", "PREDICTOR=2", "-o", "a.tif").code == 0
    refused = raster("--dtype", "int8", "--co", "PREDICTOR=3", "-o", "b.tif")
    assert refused.code == 2
    assert "GDAL makes no int8 GeoTIFF with --co PREDICTOR=3" in refused.err
    assert not (folder / "b.tif").exists()


def test_info_tells_the_dtype(rangegeo, raster):
    raster(*FINE, "--dtype", "int8", "-o", "a.tif")
    said = rangegeo("info", "a.tif").out.splitlines()
    assert "dtype: int8" in said
    assert "bytes: 16000" in said
    assert "quantisation_clipped: 0" in said


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float64", "INT8", ""])
def test_other_dtypes_are_refused(raster, folder, dtype):
    done = raster("--dtype", dtype, "-o", "a.tif")
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert "'float32', 'float16', 'int16', 'int8'" in line
    assert list(folder.iterdir()) == []


def test_the_choices_are_those_that_can_be_stored():
    (option,) = [option for option in command.params if option.name == "dtype"]
    assert list(option.type.choices) == list(quantise.NODATA)


def test_nothing_is_sampled_for_an_output_that_exists(raster, monkeypatch):
    Path("a.tif").write_text("precious")
    monkeypatch.setattr("rangegeo.cubes.samples.sample_values", lambda *_: pytest.fail("sampled"))
    assert raster("--dtype", "int8", "-o", "a.tif").code == 1


def test_scales_of_bands_in_the_shell(rangegeo):
    """Written with overviews and a STAC item, interrupted, and joined in the same steps."""
    box = ("--res", "0.1", "--dtype", "int8", "--bands", "1,2,300", "--co", "SCALES=BAND")
    assert rangegeo("raster", "--bbox", "5,44,8,46", *box, "--stac", "--chunks", "16", "-o", "a.zarr").code == 0
    (asset,) = json.loads(Path("a.stac.json").read_text())["assets"].values()
    scales = [band["raster:scale"] for band in asset["bands"]]
    assert scales[0] > 5 * scales[2]
    assert scales == stored_scales(Path("a.zarr"))[0]
    assert rangegeo("raster", "--bbox", "6,46,7,46.5", *box, "--scales-from", "a.zarr", "-o", "b.zarr").code == 0
    assert rangegeo("mosaic", "a.zarr", "b.zarr", "-o", "both.zarr").code == 0
    assert stored_dtype(Path("both.zarr")) == "int8"
    assert stored_scales(Path("both.zarr"))[0] == scales
    rangegeo("raster", "--bbox", "5,44,11,50", "--res", "0.01", *box[2:], "--overviews", "-o", "o.zarr")
    fine, coarse = (rg.open_cube("o.zarr", level=level) for level in (0, 1))
    assert coarse.sizes["x"] == 300
    np.testing.assert_allclose(coarse.values, fine.coarsen(x=2, y=2).mean().values, atol=4 * max(scales))
