"""Temperatures other than the published ones: exact values, interpolation, records, and what must be told apart."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from oracles import field as reference

import rangegeo as rg
from rangegeo.engine.evaluator import evaluate_places
from rangegeo.errors import CubeError, UsageError
from rangegeo.field.places import Places, unit_vectors
from rangegeo.field.retrieval import sharp_average
from rangegeo.models.found import model_of

PLACES = np.array([[5.7, 45.2], [-120.0, 38.0], [10.0, -60.0], [179.9, 0.0], [0.0, 90.0]])
BOX = (5, 44, 6, 45)


@pytest.fixture(scope="module")
def files(golden):
    return {"weights": str(golden / "satclip-mini.ckpt"), "db": str(golden / "range_db_mini.npz"), "device": "cpu"}


def parts(model, places=PLACES):
    found = model.evaluator.components(Places.scattered(torch.from_numpy(places)), ("semantic", "geographic"))
    return found.semantic.numpy(), found.geographic.numpy(), found.location.numpy()


@pytest.mark.parametrize("temperature", [0.5, 5, 12, 30, 43])
@pytest.mark.parametrize("geographic", [1e-6, 5, 40, 160, 10_000])
def test_averages_are_those_of_plain_sums(files, temperature, geographic):
    model = rg.load_model(**files, temperature=temperature, geographic_temperature=geographic)
    semantic, average, location = parts(model)
    field = model.field
    expected = reference.softmax_average(location, field.keys.numpy(), field.values.numpy(), temperature)
    scale = np.abs(field.values.numpy()).max()
    np.testing.assert_allclose(semantic, expected, atol=5e-6 * scale)
    rows = field.xyz.numpy().astype(np.float64)
    expected = reference.softmax_average(
        reference.unit_vectors(PLACES),
        rows / np.linalg.norm(rows, axis=1, keepdims=True),
        field.values.numpy(),
        geographic,
    )
    np.testing.assert_allclose(average, expected, atol=5e-6 * scale * max(1, geographic / 100))


def test_far_from_all_rows_the_nearest_one_decides():
    rows = unit_vectors(torch.tensor([[0.0, 0.0], [10.0, 0.0]], dtype=torch.float64)).float()
    values = torch.tensor([[1.0], [2.0]])
    queries = unit_vectors(torch.tensor([[-170.0, 0.0], [-179.0, 10.0]], dtype=torch.float64))
    found = sharp_average(queries, rows, values, 10_000.0)
    np.testing.assert_allclose(found.numpy(), [[1.0], [2.0]], atol=1e-6)


def test_entropies_and_neighbours_follow(files):
    model = rg.load_model(**files, temperature=20, geographic_temperature=10_000)
    found = model.encode(PLACES, 0.5, bands="diagnostics")
    assert np.isfinite(found).all()
    assert (found[:, 3] >= 1 - 1e-6).all()
    default = rg.load_model(**files).encode(PLACES, 0.5, bands="diagnostics")
    assert (found[:, 1] < default[:, 1]).all()
    assert (found[:, 3] < default[:, 3]).all()
    listed = model.neighbors(PLACES, 3, beta=0.0)
    assert np.isfinite(listed["weight"]).all()
    assert (listed["geographic_weight"][:, 0] > 0.3).all()
    assert (listed.attrs["semantic_temperature"], listed.attrs["geographic_temperature"]) == (20, 10_000)


@pytest.mark.parametrize(("temperature", "geographic"), [(12, 5), (30, 160)])
@pytest.mark.parametrize("box", [(-31, 10, -25.88, 15.12), (5, 44, 7.56, 46.56)])
def test_interpolated_equals_exact_within_the_tolerance(temperature, geographic, box):
    """On the embedded model, over the open sea and over land."""
    model = rg.load_model(device="cpu", temperature=temperature, geographic_temperature=geographic)
    cube = rg.raster(box, 0.02, model=model, layout="components").isel(y=slice(0, 100), x=slice(0, 100)).compute()
    random = np.random.default_rng(0)
    row, col = random.integers(0, 100, (2, 150))
    places = np.stack([cube.x.values[col], cube.y.values[row]], axis=1)
    exact = evaluate_places(model.evaluator, places, model.recipe(layout="components"))[0]
    off = np.abs(cube.values[:, row, col].T - exact)
    for part in (slice(0, 256), slice(256, 512), slice(512, 768)):
        assert off[:, part].max() <= 1e-5 * np.abs(exact[:, part]).max()


def test_patches_shrink_above_the_published_temperatures_only(files):
    wide = rg.load_model(**files).evaluator.smooth_deg
    assert wide > 5.12
    assert rg.load_model(**files, temperature=5, geographic_temperature=5).evaluator.smooth_deg > 5.12
    assert rg.load_model(**files, geographic_temperature=160).evaluator.smooth_deg == 2.5
    assert rg.load_model(**files, geographic_temperature=10_000).evaluator.smooth_deg == 0.04
    assert rg.load_model(**files, temperature=38.5).evaluator.smooth_deg == 2


def test_the_published_values_are_the_default(files):
    plain = rg.load_model(**files)
    said = rg.load_model(**files, temperature=12, geographic_temperature=np.float32(40))
    assert plain.spec == said.spec
    assert said.field.folded is not None
    assert rg.load_model(**files, temperature=13).field.folded is not None
    np.testing.assert_array_equal(plain.encode(PLACES), said.encode(PLACES))


def test_copies_keep_them(files):
    model = rg.load_model(**files, temperature=20, geographic_temperature=160)
    assert model.temperatures == {"semantic_temperature": 20.0, "geographic_temperature": 160.0}
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.temperatures == model.temperatures
        np.testing.assert_array_equal(other.encode(PLACES), model.encode(PLACES))


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "12", 43.1, 1e9])
def test_temperatures_out_of_their_domain_are_refused(files, value):
    with pytest.raises(
        UsageError, match=r"^temperature must be a number above 0 and at most 43, got .*; for example temperature=15$"
    ):
        rg.load_model(**files, temperature=value)
    if value != 43.1:
        with pytest.raises(
            UsageError, match=r"^geographic_temperature must be a number above 0 and at most 10000, got"
        ):
            rg.load_model(**files, geographic_temperature=value)


def test_models_without_them_say_so(files):
    with pytest.raises(UsageError, match=r"^SatCLIP has no semantic average; leave out temperature$"):
        rg.load_model("SatCLIP", temperature=12)
    with pytest.raises(UsageError, match=r"^RANGE has no geographic average; leave out geographic_temperature$"):
        rg.load_model("RANGE", **files, geographic_temperature=40)
    assert rg.load_model("RANGE", **files, temperature=20).temperatures == {"semantic_temperature": 20.0}


# ------------------------------------------------------------------------------------------------ told apart


@pytest.fixture
def two(files, tmp_path, monkeypatch):
    """The model as published and sharper, in a folder with a cube of each."""
    monkeypatch.chdir(tmp_path)
    models = rg.load_model(**files), rg.load_model(**files, geographic_temperature=160)
    for model, name in zip(models, ("plain", "sharp"), strict=True):
        for beta in (0, 1):
            rg.raster(BOX, 0.25, model=model, beta=beta).rangegeo.to_geotiff(f"{name}{beta}.tif", dtype="int16")
    return models


def test_files_of_other_temperatures_are_no_betas_of_one_cube(two):
    assert rg.open_cube(["sharp0.tif", "sharp1.tif"]).sizes["beta"] == 2
    assert rg.open_cube("sharp0.tif").attrs["geographic_temperature"] == 160
    with pytest.raises(CubeError, match=r"they differ in geographic_temperature$"):
        rg.open_cube(["plain0.tif", "sharp1.tif"])


def test_steps_axes_and_similarities_of_other_temperatures_are_refused(two):
    plain, sharp = two
    cube = rg.raster(BOX, 0.25, model=sharp, beta=0)
    told = "made with another model: its geographic_temperature is 40.0, this one's is 160.0"
    with pytest.raises(UsageError, match=told):
        cube.rangegeo.to_geotiff("new.tif", dtype="int16", scales_from="plain0.tif")
    cube.rangegeo.to_geotiff("new.tif", dtype="int16", scales_from="sharp0.tif")
    rg.raster(BOX, 0.25, model=plain, beta=0, pca=3).rangegeo.to_zarr("axes.zarr")
    with pytest.raises(UsageError, match=told):
        rg.raster(BOX, 0.25, model=sharp, beta=0, pca_from="axes.zarr")
    with pytest.raises(UsageError, match=r"its geographic_temperature is 160.0, the model's is 40.0"):
        rg.similarity(cube, (0, 0), model=plain)
    rg.similarity(cube, (0, 0), model=sharp)
    with pytest.raises(
        CubeError, match=r"differ in geographic temperature: 40.0 and 160.0; make .* with the same geographic_t"
    ):
        rg.mosaic(["plain0.tif", "sharp0.tif"])


def test_what_is_kept_and_what_is_continued_is_not_of_other_temperatures(two, monkeypatch):
    plain, sharp = (rg.raster(BOX, 0.02, model=model, beta=0, chunks=16) for model in two)
    assert plain.data.name != sharp.data.name
    assert not np.allclose(plain.compute(), sharp.compute(), atol=1e-3)
    from rangegeo.stores.drafts import request_of
    from rangegeo.stores.quantise import FLOAT32

    asked, other = request_of(plain, FLOAT32), request_of(sharp, FLOAT32)
    assert (asked["geographic temperature"], other["geographic temperature"]) == (40.0, 160.0)


def test_int16_has_the_same_steps_at_all_temperatures(two):
    import rasterio

    with rasterio.open("plain0.tif") as one, rasterio.open("sharp0.tif") as other:
        assert one.scales == other.scales


def test_a_summary_names_what_is_not_published(two):
    assert "geographic temperature 160" in str(rg.open_cube("sharp0.tif").rangegeo)
    assert "temperature" not in str(rg.open_cube("plain0.tif").rangegeo)


def test_verify_evaluates_with_the_temperatures_of_the_cube(two, files):
    sharp = rg.raster(BOX, 0.1, model=two[1], beta=0, bands="1-3").rangegeo
    sharp.to_zarr("sharp.zarr")
    given = {"weights": files["weights"], "db": files["db"]}
    report = rg.verify("sharp.zarr", pixels=20, **given)
    assert report.sound
    assert report.pixels
    assert model_of(rg.open_cube("sharp.zarr").attrs, **given).temperatures == two[1].temperatures
