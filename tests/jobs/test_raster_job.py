"""A raster from Python, without the shell: prepared without work, described, written, and what lies beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import dask
import numpy as np
import pytest
import rasterio
import shapely
import torch
from helpers.evaluators import refuse_to_evaluate

import rangegeo as rg
from rangegeo.engine.evaluator import FieldEvaluator
from rangegeo.errors import OutputError, RangegeoError, UsageError, for_python, for_shell
from rangegeo.jobs.options import Content, Engine, Extent, RasterOutput
from rangegeo.jobs.raster import RasterJob
from rangegeo.models import load as loading


@pytest.fixture
def prepare(extent, content):
    """`RasterJob.prepare` for a path; other options go to the groups that have them."""

    def job(out: str, *, content: Content = content, extent: Extent = extent, **options: object) -> RasterJob:
        engine = Engine(**{name: options.pop(name) for name in ("exact", "tolerance", "threads") if name in options})
        command = options.pop("command", None)
        return RasterJob.prepare(extent, content, engine, RasterOutput(out=Path(out), **options), command=command)

    return job


@pytest.fixture
def evaluations(monkeypatch) -> list[int]:
    """How many places each evaluation had."""
    seen = []
    components = FieldEvaluator.components

    def counted(self, places, wanted):
        seen.append(len(places))
        return components(self, places, wanted)

    monkeypatch.setattr(FieldEvaluator, "components", counted)
    return seen


def with_options(content: Content, **changes: object) -> Content:
    return replace(content, **changes)


# ------------------------------------------------------------------------------------------------- laziness


@pytest.mark.parametrize("out", ["a.zarr", "a.tif"])
@pytest.mark.parametrize("options", [{}, {"dtype": "float16"}, {"stac": True}, {"preview": ""}, {"exact": True}])
def test_preparing_evaluates_and_writes_nothing(prepare, folder, evaluations, out, options):
    job = prepare(out, **options)
    list(job.notes())
    assert evaluations == []
    assert list(folder.iterdir()) == []
    assert (job.facts, job.written) == ({}, [])


def test_preparing_overviews_evaluates_nothing(prepare, evaluations):
    assert len(prepare("a.zarr", extent=Extent(bbox=(5, 44, 6, 45), res=0.002), overviews=True).overviews) == 1
    assert evaluations == []


def test_a_projection_and_the_ranges_of_integers_need_a_sample(prepare, content, evaluations):
    prepare("a.tif", content=with_options(content, pca=3))
    sampled = sum(evaluations)
    assert 0 < sampled <= 8192
    evaluations.clear()
    prepare("a.tif", dtype="int8")
    assert 0 < sum(evaluations) <= 400  # pixels of the raster
    prepare("a.tif", dtype="int16")  # whose ranges are the model's own, and sampled once a process
    evaluations.clear()
    prepare("b.tif", dtype="int16")
    assert evaluations == []


def test_describing_evaluates_a_few_places(prepare, evaluations):
    job = prepare("a.tif")
    list(job.describe())
    assert 0 < sum(evaluations) <= 64 + 2 * 1681


# ------------------------------------------------------------------------------------------ what is written


@pytest.mark.parametrize("out", ["a.zarr", "a.tif"])
def test_a_job_writes_what_raster_computes(prepare, content, extent, mini, out):
    job = prepare(out, content=with_options(content, betas=(0, 1)), exact=True)
    paths = job.write()
    names = ["a.zarr"] if out == "a.zarr" else ["a_beta0.tif", "a_beta1.tif"]
    assert paths == job.written == [Path(name) for name in names]
    expected = rg.raster(extent.bbox, extent.res, model=mini, betas=(0, 1), exact=True)
    stored = [rg.open_cube(path) for path in paths]
    values = stored[0].values if out == "a.zarr" else np.stack([cube.values for cube in stored])
    np.testing.assert_array_equal(values, expected.values)
    assert list(job.outputs()) == paths


def test_a_job_interpolates_within_its_tolerance(prepare, content, mini):
    extent = Extent(bbox=(5, 44, 6, 45), res=0.005)
    job = prepare("a.zarr", extent=extent, tolerance=1e-4)
    job.write()
    exact = rg.raster(extent.bbox, extent.res, model=mini, exact=True).values
    found = rg.open_cube("a.zarr").values
    for bands in (slice(24), slice(24, None)):
        assert np.abs(found - exact)[:, bands].max() <= 1e-4 * np.abs(exact[:, bands]).max()
    (line,) = job.measured()
    assert line.startswith(f"interpolated from {job.facts['evaluations']:,} evaluations; measured error ")
    assert line.endswith(f"at {job.facts['proof_pixels']} pixels, tolerance 0.0001")


def test_an_area_leaves_pixels_out(prepare, folder):
    (folder / "area.json").write_text(json.dumps(shapely.geometry.mapping(shapely.box(5, 44, 5.5, 45))))
    job = prepare("a.tif", extent=Extent(aoi="area.json", res=0.25, bbox_crs=None))
    job.write()
    assert np.isfinite(rg.open_cube("a.tif").values).all()
    triangle = shapely.Polygon([(5, 44), (6, 44), (5, 45)])
    (folder / "area.json").write_text(json.dumps(shapely.geometry.mapping(triangle)))
    job = prepare("b.tif", extent=Extent(aoi="area.json", res=0.05))
    job.write()
    assert 0.4 < np.isnan(rg.open_cube("b.tif").values[0]).mean() < 0.6


@pytest.mark.parametrize(("command", "kept"), [(None, False), ("rangegeo raster -o a.zarr", True)])
@pytest.mark.parametrize("out", ["a.zarr", "a.tif"])
def test_a_command_line_is_kept(prepare, out, command, kept):
    job = prepare(out, command=command)
    job.write()
    assert ("command" in rg.open_cube(out).rangegeo.facts) is kept
    assert rg.open_cube(out).rangegeo.facts.get("command") == command


@pytest.mark.parametrize(
    ("out", "options", "overviews"),
    [("a.tif", {}, True), ("a.tif", {"format": "gtiff"}, False), ("a.bin", {"format": "cog"}, True)],
)
def test_the_format_is_chosen_by_name_or_suffix(prepare, content, out, options, overviews):
    large = Extent(bbox=(5, 44, 6, 45), res=0.0015)
    prepare(out, extent=large, content=with_options(content, bands=(1,)), **options).write()
    with rasterio.open(out) as file:
        assert bool(file.overviews(1)) is overviews


def test_options_reach_the_writers(prepare):
    prepare("a.zarr", zarr_format=2, creation_options={"COMPRESS": "ZSTD"}, chunks=16).write()
    assert json.loads(Path("a.zarr/.zattrs").read_text())
    array = json.loads(Path("a.zarr/embedding/.zarray").read_text())
    assert array["compressor"]["cname"] == "zstd"
    assert array["chunks"][-2:] == [16, 16]


def test_threads_are_limited(prepare):
    prepare("a.tif", threads=1)
    assert torch.get_num_threads() == 1
    assert dask.config.get("num_workers") == 1


@pytest.mark.parametrize("chunks", [16, 64])
def test_blocks_are_counted(prepare, chunks):
    assert prepare("a.zarr", chunks=chunks).blocks == (-(-20 // chunks)) ** 2


# --------------------------------------------------------------------------------------------- what is said


def test_a_job_says_what_it_will_cost(prepare):
    (line,) = prepare("a.zarr").describe()
    assert line.startswith("a.zarr: 1 beta, 40 bands, 20 x 20 pixels, 64.0 kB before compression, about ")


@pytest.mark.parametrize("dtype", ["float16", "int16", "int8"])
def test_a_job_says_what_a_dtype_loses_before_and_after(prepare, dtype):
    job = prepare("a.tif", dtype=dtype)
    _, before = job.describe()
    assert before.startswith(f"{dtype}: error at most ")
    job.write()
    _, after = job.measured()
    assert after.startswith(f"stored as {dtype}: measured error ")
    assert after.endswith("; no value was clipped")


def test_a_remedy_is_spelled_for_python_and_the_shell(prepare):
    box = Extent(bbox=(5, 44, 8, 46), res=0.1)
    _, line = prepare("a.zarr", extent=box, content=Content(), dtype="int8").describe()
    rest, each = " with a scale a band, is finer", "creation_options={'SCALES': 'BAND'}"
    assert for_python(line).endswith(f'; the bands of a Zarr array share one scale: dtype="int16", or {each}{rest}')
    assert for_shell(line).endswith(
        f"; the bands of a Zarr array share one scale: --dtype int16, or --co SCALES=BAND{rest}"
    )


def test_notes(prepare):
    assert list(prepare("a.zarr").notes()) == []
    small = prepare("a.zarr", overviews=True)
    assert list(small.notes()) == ["no overviews: at most 256 pixels a side are read whole"]
    large = prepare("a.zarr", extent=Extent(bbox=(5, 44, 6, 45), res=0.002), overviews=True)
    assert list(large.notes()) == []


def test_every_pixel_was_evaluated(prepare):
    job = prepare("a.tif", exact=True)
    job.write()
    assert list(job.measured()) == ["every pixel was evaluated"]


# --------------------------------------------------------------------------------- what lies beside an output


def test_items_and_pictures_are_made_when_they_are_asked_for(prepare, content, folder):
    job = prepare("a.tif", content=with_options(content, betas=(0, 1)), stac=True, preview="")
    job.write()
    outputs = job.outputs()
    assert not (folder / "a_beta0.stac.json").exists()
    assert next(outputs) == Path("a_beta0.tif")
    assert not (folder / "a_beta0.stac.json").exists()
    assert [*map(str, outputs)] == ["a_beta0.stac.json", "a_beta1.tif", "a_beta1.stac.json", "a_preview.png"]
    assert (folder / "a_beta1.stac.json").is_file()
    assert (folder / "a_preview.png").is_file()


def test_there_are_no_outputs_before_they_are_written(prepare):
    assert list(prepare("a.tif").outputs()) == []


# ------------------------------------------------------------------------------------------------- refusals

REFUSED = {
    "components and betas": (
        {"content": {"layout": "components", "betas": (0.5,)}},
        "leave out betas", "leave out --beta"),
    "exact and tolerance": (
        {"exact": True, "tolerance": 1e-3},
        "exact evaluates everything; leave out tolerance", "--exact evaluates everything; leave out --tolerance"),
    "overviews of a GeoTIFF": (
        {"overviews": True},
        "overviews is for .zarr; a Cloud Optimized GeoTIFF has them anyway, leave it out",
        "--overviews is for .zarr; a Cloud Optimized GeoTIFF has them anyway, leave it out"),
    "Zarr format of a GeoTIFF": (
        {"zarr_format": 2}, "zarr_format is for .zarr; leave it out", "--zarr-format is for .zarr; leave it out"),
    "an option of no driver": (
        {"creation_options": {"COLOUR": "RED"}}, "creation option COLOUR", "creation option COLOUR"),
    "a picture of no format": (
        {"preview": "a.jpg"}, "a picture must end in .png, .tif, .tiff, got 'a.jpg'", "a picture must end in .png"),
    "an output that exists": (
        {"out": "old.tif"},
        "old.tif exists and was left as it is; add overwrite=True to replace it, or give another path",
        "old.tif exists and was left as it is; add --overwrite to replace it, or give another -o"),
    "a picture that exists": (
        {"preview": "old.png"},
        'old.png exists and was left as it is; add overwrite=True to replace it, or give preview="PICTURE.png"',
        "old.png exists and was left as it is; add --overwrite to replace it, or give --preview PICTURE.png"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_before_a_model_is_loaded(prepare, content, folder, monkeypatch, case):
    options, python, shell = REFUSED[case]
    (folder / "old.tif").write_text("precious")
    (folder / "old.png").write_text("precious")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: pytest.fail("a model was loaded"))
    options = {"out": "a.tif"} | options
    if "content" in options:
        options["content"] = with_options(content, **options["content"])
    with pytest.raises(RangegeoError) as caught:
        prepare(**options)
    assert isinstance(caught.value, OutputError if "exists" in case else UsageError)
    assert python in str(caught.value)
    assert shell in caught.value.for_shell()
    assert sorted(path.name for path in folder.iterdir()) == ["old.png", "old.tif"]
    assert (folder / "old.tif").read_text() == "precious"


@pytest.mark.parametrize("out", ["a.tif", "a.zarr"])
def test_items_that_exist_are_refused_before_anything_is_evaluated(prepare, folder, monkeypatch, out):
    prepare(out)  # loads the model
    monkeypatch.setattr(FieldEvaluator, "components", lambda *_: pytest.fail("something was evaluated"))
    (folder / "a.stac.json").write_text("precious")
    with pytest.raises(OutputError, match=r"a\.stac\.json exists and was left as it is; add overwrite=True"):
        prepare(out, stac=True, dtype="int16")


def test_overwriting_replaces_an_output(prepare, content):
    prepare("a.tif").write()
    prepare("a.tif", content=with_options(content, betas=(1,)), overwrite=True).write()
    assert rg.open_cube("a.tif")["beta"] == 1


def test_nothing_is_evaluated_by_a_job_that_is_only_prepared(prepare, monkeypatch):
    job = prepare("a.zarr")
    refuse_to_evaluate(monkeypatch)
    assert job.cube.dims == ("beta", "band", "y", "x")
    assert job.blocks == 1
    with pytest.raises(AssertionError, match="something was evaluated"):
        job.write()
