"""Plans: what a raster would cost, also of models that are not here, and what is refused with what to type instead."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import rangegeo as rg
from rangegeo.cubes import size
from rangegeo.errors import OutputError, UsageError
from rangegeo.jobs import plan as module
from rangegeo.models import sketch as sketches
from rangegeo.models.sketch import sketch
from rangegeo.support import destination

BOX = (5, 44, 10, 48)


@pytest.fixture
def nothing_here(monkeypatch):
    """No published file is on this machine, and none can be fetched."""
    monkeypatch.setattr(sketches, "cached", lambda file: None)
    monkeypatch.setattr("rangegeo.weights.names.fetch", None)


def test_a_plan_says_what_the_raster_has(mini):
    plan = rg.plan((5, 44, 6, 45), 0.05, model=mini, betas=(0, 1), bands=[1, 2, 3], chunks=16, path="a.zarr")
    cube = rg.raster((5, 44, 6, 45), 0.05, model=mini, betas=(0, 1), bands=[1, 2, 3], chunks=16)
    assert plan.sizes == dict(cube.sizes)
    assert (plan.nbytes, plan.blocks) == (cube.nbytes, cube.data.npartitions)
    assert plan.seconds > 0
    assert 0 < plan.evaluations <= 400
    assert 0 < plan.stored < plan.nbytes
    assert plan.dollars is None
    assert str(plan).startswith("2 betas, 3 bands, 20 x 20 pixels, 9.6 kB before compression, about ")


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_the_objects_are_those_that_are_written(mini, folder, dtype):
    given = {"model": mini, "betas": (0, 1), "chunks": 16}
    rg.raster((5, 44, 6, 45), 0.02, **given).rangegeo.to_zarr("a.zarr", dtype=dtype)
    chunks = sum(1 for path in (folder / "a.zarr" / "embedding" / "c").rglob("*") if path.is_file())
    assert rg.plan((5, 44, 6, 45), 0.02, **given, dtype=dtype).objects - module.METADATA == chunks


@pytest.mark.parametrize(
    ("model", "weights", "bands"),
    [("RANGE+", "official", 1280), ("SatCLIP", "satclip-vit16-l10", 256), ("SINR", "official", 256)],
)
def test_a_model_that_is_not_here_is_planned_without_a_download(nothing_here, model, weights, bands):
    plan = rg.plan(BOX, 0.01, model=model, weights=weights)
    assert plan.sizes["band"] == bands
    assert plan.seconds is None
    assert plan.evaluations > 0
    assert "time not probed" in str(plan)
    assert list(plan.details())[-1].startswith("would be downloaded first, so the time was not probed: ")


@pytest.mark.parametrize("given", [{"pca": 3}, {"bands": "visual"}, {"layout": "components"}, {"bands": [1, 5]}])
def test_bands_of_a_model_that_is_not_here(nothing_here, given):
    expected = {"pca": 3, "bands": 1024, "layout": 1024 * 2 + 256}
    count = 2 if given.get("bands") == [1, 5] else expected[next(iter(given))]
    assert rg.plan(BOX, 0.01, weights="official", **given).sizes["band"] == count


def test_what_is_wrong_is_refused_without_the_model_too(nothing_here):
    with pytest.raises(UsageError, match="pca must be from 1 to the number of bands, 1280, got 2000"):
        rg.plan(BOX, 0.01, weights="official", pca=2000)
    with pytest.raises(UsageError, match="multiple of 16"):
        rg.plan(BOX, 0.01, weights="official", chunks=17)


def test_files_that_are_here_are_no_sketch(monkeypatch):
    monkeypatch.setattr(sketches, "cached", lambda file: "here")
    assert sketch("RANGE+", "official", None) is None
    assert sketch("RANGE+", None, None) is None
    assert sketch("Direct", None, None) is None


def test_the_sketch_agrees_with_the_encoders():
    from rangegeo.encoders import geoclip, satclip, sinr

    own = {"satclip": satclip.SatCLIPEncoder, "geoclip": geoclip.GeoCLIPEncoder, "sinr": sinr.SINREncoder}
    assert {family: kind.smooth_deg for family, kind in own.items()} == sketches.SMOOTH_DEG


@pytest.mark.parametrize(("scheme", "price"), [("s3", 0.005), ("gs", 0.005), ("az", 0.0065)])
def test_a_bucket_has_its_price(mini, scheme, price):
    plan = rg.plan((5, 44, 6, 45), 0.05, model=mini, path=f"{scheme}://bucket/a.zarr")
    assert plan.dollars == pytest.approx(3 * plan.objects / 1000 * price)
    assert f"at most ${plan.dollars:.2f} for requests at list prices" in next(plan.details())


def test_too_many_pixels_are_refused_with_a_size_that_works(mini):
    with pytest.raises(UsageError) as caught:
        rg.plan(BOX, 1e-5, model=mini)
    assert str(caught.value).startswith("500,000 x 400,000 pixels are more than one raster can have")
    res = float(caught.value.for_shell().partition("--res ")[2].partition(",")[0])
    assert np.prod([5 / res, 4 / res]) <= size.MOST_PIXELS < np.prod([5 / res, 4 / res]) * 1.2
    with pytest.raises(UsageError, match="more than one raster can have"):
        rg.raster(BOX, 1e-5, model=mini)
    assert rg.raster(BOX, 1e-5, model=mini, chunks=None).shape[-1] == 500_000  # has no graph


def test_a_full_disk_is_refused_with_what_makes_the_raster_smaller(mini, folder, monkeypatch):
    monkeypatch.setattr(destination, "free_bytes", lambda path: 1000)
    with pytest.raises(OutputError) as caught:
        rg.plan(BOX, 0.01, model=mini, path="a.zarr")
    smaller = "give a coarser --res, fewer --bands or --pca 3, or write to another disk with -o"
    assert caught.value.for_shell() == f"a.zarr may need 32.0 MB but {folder} has 1.0 kB free; {smaller}"
    rg.plan(BOX, 0.01, model=mini)


def test_the_disk_of_a_plan_is_that_of_its_path(mini, folder):
    shutil.rmtree(folder / "nowhere", ignore_errors=True)
    with pytest.raises(OutputError, match="does not exist; make it first"):
        rg.plan(BOX, 0.01, model=mini, path="nowhere/a.zarr")
