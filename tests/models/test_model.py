"""Models: the numbers of the published code through the public API, arguments and their refusals, and the spec."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import field as reference
from oracles import golden

import rangegeo as rg
from rangegeo.encoders import MODELS
from rangegeo.engine import evaluator
from rangegeo.engine.evaluator import seconds_per_place
from rangegeo.errors import ModelWarning, RangegeoError, ShapeError, UsageError, WeightsError
from rangegeo.field.places import Places
from rangegeo.models import load as module
from rangegeo.models.device import described, resolve_device
from rangegeo.models.load import load_model, loaded
from rangegeo.models.spec import ModelSpec
from rangegeo.schema.betas import check_betas

CHECKPOINT = str(golden.GOLDEN / "satclip-mini.ckpt")
DATABASE = str(golden.GOLDEN / "range_db_mini.npz")
FILES = {"pretrained_path": CHECKPOINT, "db_path": DATABASE}
BETAS = (0.0, 0.3, 0.5, 1.0)
ROUND_OFF = 4e-6  # of the largest value: what float32 retrieval in another order of sums may change
POINTS = [[5.7, 45.2], [-122.4, 37.8], [139.7, -35.7], [0.0, 90.0], [180.0, -89.9]]


def mini_model(name: str, **changes: str) -> rg.Model:
    arguments = {"weights": CHECKPOINT, "db": DATABASE, "device": "cpu"} | changes
    return load_model(name, **arguments)


@pytest.fixture(scope="module")
def mini_range():
    return mini_model("RANGE")


@pytest.fixture(scope="module")
def mini_satclip():
    return mini_model("SatCLIP", db=None)


# ------------------------------------------------------------------------------------------------- encode


def test_shapes_and_dtypes(mini, mini_range, mini_satclip):
    for model, bands in ((mini, 40), (mini_range, 40), (mini_satclip, 16)):
        assert (model.dim, model.visual, model.location) == (bands, bands - 16, 16)
        found = model.encode(POINTS)
        assert (found.shape, found.dtype) == ((5, bands), np.float32)
        assert np.isfinite(found).all()
        assert model.encode(POINTS[0]).shape == (1, bands)
        assert model.encode(np.empty((0, 2))).shape == (0, bands)
    assert mini.encode(POINTS, beta=BETAS).shape == (4, 5, 40)
    assert mini.encode(POINTS, beta=[0.5]).shape == (1, 5, 40)
    assert mini.encode(np.empty((0, 2)), beta=BETAS).shape == (4, 0, 40)


def test_models_without_beta_take_any_and_give_one(mini_range):
    expected = mini_range.encode(POINTS)
    for beta in (0.0, 1.0, (0, 1)):
        with pytest.warns(ModelWarning, match="^RANGE has no betas, so beta changes nothing; leave it out$") as told:
            np.testing.assert_array_equal(mini_range.encode(POINTS, beta), expected)
        assert told[0].filename == __file__
    with pytest.warns(ModelWarning, match="Theory has no betas") as told:
        model = rg.load_model("Theory", beta=0.3)
    assert told[0].filename == __file__
    assert pickle.loads(pickle.dumps(model)).beta == 0.3  # without another warning


def test_several_betas_are_each_beta(mini):
    together = mini.encode(POINTS, beta=BETAS)
    for index, beta in enumerate(BETAS):
        np.testing.assert_allclose(together[index], mini.encode(POINTS, beta=beta), rtol=0, atol=1e-6)
    assert np.abs(together[0] - together[3]).max() > 0.01
    np.testing.assert_array_equal(together[0, :, 24:], together[3, :, 24:])  # the location bands have no beta


@settings(max_examples=10, deadline=None)
@given(beta=st.floats(0, 1))
def test_beta_is_linear(mini, beta):
    geographic, semantic = mini.encode(POINTS, beta=(0, 1))
    np.testing.assert_allclose(mini.encode(POINTS, beta), (1 - beta) * geographic + beta * semantic, atol=2e-6)


@pytest.mark.parametrize(
    "given_as",
    [
        np.array(POINTS),
        np.array(POINTS[::-1], dtype=np.float64)[::-1],  # a negative stride
        np.array(POINTS).repeat(2, axis=0)[::2],  # not contiguous
        np.broadcast_to(POINTS, (5, 2)),  # read-only
        np.asfortranarray(POINTS),
        tuple(map(tuple, POINTS)),
        torch.tensor(POINTS, dtype=torch.float64),
        torch.tensor(POINTS, dtype=torch.float64, requires_grad=True),
    ],
)
def test_places_may_be_lists_arrays_and_tensors(mini, given_as):
    np.testing.assert_array_equal(mini.encode(given_as), mini.encode(POINTS))


def test_float32_and_integer_places_are_taken_at_their_value(mini):
    for kind in (np.float32, np.int64):
        places = np.array(POINTS).astype(kind)
        np.testing.assert_array_equal(mini.encode(places), mini.encode(places.astype(np.float64)))
        np.testing.assert_array_equal(mini.encode(torch.from_numpy(places)), mini.encode(places.astype(np.float64)))


def test_whole_turns_of_longitude_change_nothing(mini):
    lon, lat = np.array(POINTS).T
    shifted = np.stack([np.where(lon > 0, lon - 360, lon + 360), lat], axis=1)
    np.testing.assert_allclose(mini.encode(shifted), mini.encode(POINTS), atol=ROUND_OFF * 3)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 10**6])
def test_batch_size_does_not_change_values(mini, batch_size, monkeypatch):
    lonlat = golden.load("range_pypi")["lonlat"][::6]
    expected = mini.encode(lonlat, beta=BETAS)
    monkeypatch.setattr(evaluator, "BLOCK_PLACES", 13)
    found = mini.encode(lonlat, BETAS, batch_size)
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUND_OFF * np.abs(expected).max())


@pytest.mark.parametrize("name", ["RANGE+", "RANGE"])
def test_values_are_those_of_the_plain_loops(name, mini, mini_range):
    lonlat = np.random.default_rng(1).uniform((-180, -45), (180, 45), (20, 2))
    encoder = golden.encoder("satclip-mini.ckpt", 40)
    location = encoder(Places.scattered(torch.from_numpy(lonlat))).numpy()
    raw = golden.load("range_db_mini")
    keys, values, places = raw["satclip_embeddings"], raw["image_embeddings"], raw["locs"]
    if name == "RANGE":
        found, expected = mini_range.encode(lonlat), reference.range_only(location, keys, values)
    else:
        found = mini.encode(lonlat, 0.3)
        expected = reference.range_plus(location, lonlat, keys, places, values, 0.3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("lonlat", "kind", "said"),
    [
        ([1.0, 2.0, 3.0], ShapeError, "places must have shape (n, 2), longitude and latitude, got (3,)"),
        ([[1.0, 2.0, 3.0]], ShapeError, "places must have shape (n, 2), longitude and latitude, got (1, 3)"),
        (np.zeros((2, 2, 2)), ShapeError, "places must have shape (n, 2), longitude and latitude, got (2, 2, 2)"),
        (5.0, ShapeError, "places must have shape (n, 2), longitude and latitude, got ()"),
        (torch.zeros(3), ShapeError, "places must have shape (n, 2), longitude and latitude, got (3,)"),
        ("Grenoble", ShapeError, "places must be numbers of shape (n, 2), longitude and latitude; "),
        ([[1.0, 2.0], [3.0]], ShapeError, "places must be numbers of shape (n, 2), longitude and latitude; "),
        (None, ShapeError, "places must"),
        ([[0, 0], [45.2, 95.7]], UsageError, "longitude must be in [-360, 360] and latitude in [-90, 90], got 45.2, "
         "95.7 in row 1; the order is longitude, latitude"),
        ([[361, 0]], UsageError, "longitude must be in [-360, 360] and latitude in [-90, 90], got 361, 0 in row 0"),
        ([[0, np.nan]], UsageError, "longitude must be in [-360, 360] and latitude in [-90, 90], got 0, nan in row 0"),
        ([[np.inf, 0]], UsageError, "longitude must be in [-360, 360] and latitude in [-90, 90], got inf, 0 in row 0"),
    ],
)  # fmt: skip
def test_bad_places_are_refused(mini, lonlat, kind, said):
    with pytest.raises(kind) as caught:
        mini.encode(lonlat)
    assert str(caught.value).startswith(said)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, RangegeoError)


@pytest.mark.parametrize(
    ("coords", "kind", "said"),
    [
        ([5, 45], ShapeError, "places must have shape (n, 2), longitude and latitude, got (2,); one place is"),
        (torch.zeros(2), ShapeError, "places must have shape (n, 2), longitude and latitude, got (2,); one place is"),
        (torch.zeros(1, 3), ShapeError, "places must have shape (n, 2), longitude and latitude, got (1, 3)"),
        (torch.zeros(2, 2, dtype=torch.complex64), ShapeError, "places must have shape (n, 2), longitude and latitude, "
         "got complex numbers of shape (2, 2)"),
        (None, ShapeError, "places must be a tensor of shape (n, 2), longitude and latitude, got NoneType; model.enc"),
        (pd.DataFrame({"lon": [5.0], "lat": [45.0]}), ShapeError, "places must be a tensor of shape (n, 2), longitude "
         "and latitude, got DataFrame; model.encode takes tables"),
        (torch.tensor([[0.0, 0.0], [95.0, 145.0]]), UsageError, "longitude must be in [-360, 360] and latitude in "
         "[-90, 90], got 95, 145 in row 1; the order is longitude, latitude"),
        (torch.tensor([[361, 0]]), UsageError, "longitude must be in [-360, 360]"),
        (torch.tensor([[0, -torch.inf]]), UsageError, "longitude must be in [-360, 360]"),
    ],
)  # fmt: skip
def test_calls_refuse_what_is_no_place(mini, coords, kind, said):
    calls = [mini]
    if isinstance(coords, torch.Tensor):  # as upstream's, these take tensors alone
        calls += [rg.RANGE(device="cpu", **FILES), rg.load_satclip_location_encoder(FILES["pretrained_path"])]
    for call in calls:
        with pytest.raises(kind) as caught:
            call(coords)
        assert str(caught.value).startswith(said)


def test_calls_give_nan_where_a_place_is_not_known(mini):
    found = mini(torch.tensor([[torch.nan, 45.0], [5.0, 45.0]]))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


@pytest.mark.parametrize("make", [rg.load_model, rg.RANGE])
def test_a_beta_that_is_none_cannot_be_set(make):
    model = make(device="cpu", **FILES)
    with pytest.raises(UsageError, match=r"beta must be in \[0, 1\], got 7"):
        model.beta = 7
    with pytest.raises(UsageError, match="takes one beta"):
        model.beta = (0, 1)
    assert model.beta == 0.5


@pytest.mark.parametrize(
    ("beta", "said"),
    [
        (1.5, "beta must be in [0, 1], got 1.5; for example betas=(0, 0.5, 1)"),
        (-0.1, "beta must be in [0, 1], got -0.1"),
        (np.nan, "beta must be in [0, 1], got nan"),
        ([0, 0.5, 2], "beta must be in [0, 1], got 2"),
        ("half", "beta must be a number in [0, 1], got 'half'"),
        (None, "beta must be a number in [0, 1], got None"),
        ([], "beta must have at least one value; for example betas=(0, 0.5, 1)"),
        ([0.5, 0.5], "every beta must be given once, got 0.5,0.5"),
        ([[0.5, 1], [0, 0.1]], "beta must be a number in [0, 1], got [[0.5, 1], [0, 0.1]]"),
    ],
)
def test_bad_betas_are_refused(mini, beta, said):
    with pytest.raises(UsageError) as caught:
        check_betas(beta)
    assert str(caught.value).startswith(said)
    if beta is not None:  # the model's own
        with pytest.raises(UsageError, match=re.escape(said)):
            mini.encode(POINTS, beta)


def test_a_tolerance_below_round_off_names_what_encode_has(mini):
    with pytest.raises(UsageError, match=r"for example tolerance=1e-5, or leave it out to evaluate every place$"):
        mini.encode(POINTS, tolerance=1e-7)


def test_a_latitude_is_no_beta(mini):
    with pytest.raises(UsageError, match=r"^places come as one argument: encode\(\[5.7, 45.2\]\)$"):
        mini.encode(5.7, 45.2)


def test_good_betas():
    assert check_betas(0.5) == (0.5,)
    assert check_betas((0, 1)) == (0.0, 1.0)
    assert check_betas(np.array([1.0, 0.25])) == (1.0, 0.25)
    assert check_betas("0.5") == (0.5,)


def test_what_a_model_says_of_itself(mini, mini_range, mini_satclip):
    assert repr(mini) == "<rangegeo.Model RANGE+: 40 bands on cpu>"
    assert (mini.has_beta, mini_range.has_beta, mini_satclip.has_beta) == (True, False, False)
    assert mini.temperatures == {"semantic_temperature": 12.0, "geographic_temperature": 40.0}
    assert mini_range.temperatures == {"semantic_temperature": 15.0}
    assert mini_satclip.temperatures == {}
    assert (mini.citation, mini_satclip.citation) == ("arXiv:2502.19781", "arXiv:2311.17179")
    names = mini.recipe().names
    assert names[:2] + names[-1:] == ("visual_00", "visual_01", "location_15")
    assert len(set(names)) == mini.dim
    assert mini_satclip.recipe().names[0] == "location_00"
    assert mini.facts["database"]["rows"] == 500


def test_the_estimate_of_time_is_a_time(mini):
    assert 0 < seconds_per_place(mini.evaluator, mini.recipe((0, 1))) < 0.1


# ---------------------------------------------------------------------------------------- load_model and spec


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("RANGE++", "did you mean RANGE+?"),
        ("range+", "did you mean RANGE+?"),
        ("geoclip", "did you mean GeoCLIP?"),
        ("CSP-INat", "did you mean CSP_INat?"),
        ("Cartesian", "did you mean Cartesian_3D?"),
        ("spheremplus", "did you mean s2vec_spheremplus?"),
        ("", 'for example model="RANGE+"'),
        ("CLAY", 'for example model="RANGE+"'),
    ],
)
def test_unknown_models_are_refused_with_the_list_and_the_nearest_name(name, hint):
    with pytest.raises(UsageError) as caught:
        load_model(name)
    assert str(caught.value) == f"model must be one of {', '.join(MODELS)}, got {name!r}; {hint}"


def test_a_location_encoder_needs_no_database():
    assert load_model("SatCLIP", weights=CHECKPOINT, device="cpu").spec.db is None
    with pytest.raises(UsageError, match="a database must be given with weights"):
        load_model("RANGE", weights=CHECKPOINT, device="cpu")


def test_a_database_of_another_width_is_refused(tmp_path):
    raw = golden.load("range_db_mini")
    np.savez(tmp_path / "wide.npz", **raw | {"satclip_embeddings": np.ones((500, 17))})
    with pytest.raises(
        ShapeError, match="the encoder gives 16 values a place but the database's keys have 17; use the dat"
    ):
        mini_model("RANGE+", db=str(tmp_path / "wide.npz"))


def test_the_spec_holds_names_and_hashes_and_no_weights(mini):
    spec = mini.spec
    assert (spec.name, spec.weights, spec.db, spec.device) == ("RANGE+", CHECKPOINT, DATABASE, "cpu")
    assert len(spec.weights_sha256) == len(spec.db_sha256) == 64
    assert len(pickle.dumps(spec)) < 2000
    again = pickle.loads(pickle.dumps(spec))
    assert again == spec
    assert hash(again) == hash(spec)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "RANGE"


def test_a_model_is_loaded_once_a_process_and_shared_by_its_threads(mini, monkeypatch):
    monkeypatch.setattr(module, "_LOADED", {})
    calls = []

    def counting(*arguments: object, **more: object) -> rg.Model:
        calls.append(arguments)
        return load_model(*arguments, **more)

    monkeypatch.setattr(module, "load_model", counting)
    found: list[rg.Model] = []
    start = threading.Barrier(4)

    def load() -> None:
        start.wait()
        found.append(loaded(pickle.loads(pickle.dumps(mini.spec))))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(found) == 4
    assert len({id(model) for model in found}) == 1
    assert found[0].spec == mini.spec
    np.testing.assert_array_equal(found[0].encode(POINTS), mini.encode(POINTS))


def test_a_spec_refuses_other_files_than_it_was_made_with(mini, tmp_path):
    path = tmp_path / "weights.ckpt"
    shutil.copy(CHECKPOINT, path)
    spec = mini_model("SatCLIP", weights=str(path), db=None).spec
    content = torch.load(path, weights_only=True)
    content["state_dict"]["model.location.nnet.last_layer.bias"] += 1
    torch.save(content, path)
    with pytest.raises(
        WeightsError, match=r"weights\.ckpt or None is not the file this cube was planned with; make the"
    ):
        loaded(spec)
    with pytest.raises(WeightsError, match="is not the file this cube was planned with"):
        loaded(dataclasses.replace(mini.spec, db_sha256="0" * 64))


def test_models_are_equal_by_their_spec():
    assert mini_model("RANGE").spec == mini_model("RANGE").spec
    assert mini_model("RANGE").spec != mini_model("RANGE+").spec
    assert isinstance(mini_model("RANGE").spec, ModelSpec)


@pytest.mark.parametrize(
    ("device", "devices", "expected"),
    [
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:0"),
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_devices(device, devices, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: devices > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    assert resolve_device(device) == expected


def test_devices_are_told_in_words(monkeypatch):
    card = SimpleNamespace(name="NVIDIA H100 80GB HBM3", total_memory=85_029_158_912)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    assert described("cpu") == "the CPU"
    assert described("cuda:1") == "cuda:1, NVIDIA H100 80GB HBM3 with 85 GB"


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("cuda", 'device="cuda" is not there: 0 CUDA devices found; use device="cpu"'),
        ("cuda:1", 'device="cuda:1" is not there: 0 CUDA devices found; use device="cpu"'),
        ("mps", 'device="mps" cannot evaluate the model, which needs float64; use device="cpu"'),
        ("gpu", "device must be auto, cpu, cuda or cuda:N, got 'gpu'"),
        ("cuda:x", "device must be auto, cpu, cuda or cuda:N, got 'cuda:x'"),
        ("cuda:-1", "device must be auto, cpu, cuda or cuda:N, got 'cuda:-1'"),
        ("cpu:0", "device must be auto, cpu, cuda or cuda:N, got 'cpu:0'"),
        ("", "device must be auto, cpu, cuda or cuda:N, got ''"),
    ],
)
def test_devices_that_are_not_there_are_refused(device, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UsageError) as caught:
        resolve_device(device)
    assert str(caught.value) == said


def test_public_names():
    assert rg.load_model is load_model
    assert set(rg.__all__) <= set(dir(rg))
    for name in rg.__all__:
        assert getattr(rg, name) is not None
    with pytest.raises(AttributeError, match="module 'rangegeo' has no attribute 'nothing'"):
        _ = rg.nothing


# ----------------------------------------------------------------------------------- drop-in for the point package


def drop_in(name: str, beta: float = 0.5) -> rg.RANGE:
    return rg.RANGE(model_name=name, beta=beta, device="cpu", pretrained_path=CHECKPOINT, db_path=DATABASE)


CASES = [("RANGE", 0.5, "RANGE"), *[("RANGE+", beta, f"RANGE+_beta{beta:g}") for beta in BETAS]]


@pytest.mark.parametrize(("name", "beta", "vector"), CASES)
def test_drop_in_gives_the_published_numbers(name, beta, vector):
    """At most 2e-5 of the largest value to 45° latitude; beyond, upstream's own round-off, band by band."""
    expected = golden.load("range_pypi")
    lonlat, lat = expected["lonlat"], expected["lonlat"][:, 1]
    model = drop_in(name, beta)
    found = model(torch.from_numpy(lonlat))
    assert found.dtype == torch.float64
    assert found.shape == (200, 40)
    encoded = model.encode(lonlat)
    assert encoded.dtype == np.float32
    for result, published in ((found.numpy(), f"output_{vector}"), (encoded, f"output_encode_{vector}")):
        assert result.dtype == expected[published].dtype
        scale = np.abs(expected[published]).max()
        low = np.abs(lat) <= 45
        np.testing.assert_allclose(result[low], expected[published][low], rtol=0, atol=2e-5 * scale)
        golden.assert_within_bands(result[:, :24], expected[published][:, :24], lat, golden.VALUES)
        location = np.array(golden.UNIT_OUTPUT) + (golden.FLOAT32 if result.dtype == np.float32 else 0)
        golden.assert_within_bands(result[:, 24:], expected[published][:, 24:], lat, location)
    if vector == "RANGE+_beta0":  # no harmonics in the visual half, so no excuse at any latitude
        np.testing.assert_allclose(found[:, :24], expected[f"output_{vector}"][:, :24], rtol=0, atol=5e-6)


def test_the_golden_vectors_tell_the_betas_apart():
    expected = golden.load("range_pypi")
    model = drop_in("RANGE+", 0.3)
    assert np.abs(model.encode(expected["lonlat"]) - expected["output_encode_RANGE+_beta0.5"]).max() > 1e-3


def test_drop_in_attributes():
    plus, plain = drop_in("RANGE+", 0.25), drop_in("RANGE")
    assert (plus.embedding_dim, plus.temp, plus.geo_temp, plus.beta) == (40, 12, 40, 0.25)
    assert (plain.embedding_dim, plain.temp, plain.model_name) == (40, 15, "RANGE")
    assert not hasattr(plain, "geo_temp")
    assert plus.db_satclip_embeddings.shape == (500, 16)
    assert plus.db_image_embeddings.shape == (500, 24)
    assert plus.db_locs_xyz.shape == (500, 3)
    assert plus.device == torch.device("cpu")
    assert not any(module.training for module in plus.modules())
    assert plus.loc_model.dim == 16
    np.testing.assert_allclose(plus.db_satclip_embeddings.norm(dim=1), 1, atol=1e-6)


def test_drop_in_takes_one_place_a_list_and_a_batch_size():
    model = drop_in("RANGE+")
    assert model.encode([5.7, 45.2]).shape == (1, 40)
    np.testing.assert_allclose(model.encode(POINTS, batch_size=2), model.encode(POINTS), atol=1e-6)
    assert not model(torch.tensor(POINTS)).requires_grad


def test_drop_in_cuts_many_places_into_blocks(monkeypatch):
    model = drop_in("RANGE+")
    lonlat = torch.from_numpy(golden.load("range_pypi")["lonlat"][::6])
    expected = model(lonlat)
    monkeypatch.setattr(evaluator, "BLOCK_PLACES", 7)
    torch.testing.assert_close(model(lonlat), expected, rtol=0, atol=ROUND_OFF * float(expected.abs().max()))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model_name": "SatCLIP"}, "model_name must be 'RANGE' or 'RANGE+', got 'SatCLIP'"),
        ({"beta": 1.5}, "beta must be in [0, 1], got 1.5"),
        ({"device": "tpu"}, "device must be auto, cpu, cuda or cuda:N, got 'tpu'"),
        (
            {"db_path": None, "db": "huge"},
            "db must be demo, large, med or the path of a RANGE database (.safetensors or .npz); the file",
        ),
        (
            {"pretrained_path": "none.ckpt"},
            "weights must be demo, official or the path of a SatCLIP checkpoint (.ckpt)",
        ),
    ],
)
def test_drop_in_refusals(arguments, said):
    with pytest.raises(UsageError) as caught:
        rg.RANGE(**{"device": "cpu", "pretrained_path": CHECKPOINT, "db_path": DATABASE} | arguments)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("vectors", "file"), [("satclip_l40", "satclip-mini.ckpt"), ("satclip_l10", "satclip-mini-l10.ckpt")]
)
def test_location_encoder_alone_is_exact(vectors, file, tmp_path):
    """Against the network evaluated on the shipped polynomials in 60 digits: at every latitude."""
    expected = golden.load(vectors)
    checkpoint = write_checkpoint(expected, golden.GOLDEN / file, tmp_path / "of_the_vectors.ckpt")
    encoder = rg.load_satclip_location_encoder(str(checkpoint))
    found = encoder(torch.from_numpy(expected["lonlat"])).detach()
    assert found.dtype == torch.float64
    assert found.shape == (200, 16)
    exact = golden.normalised(expected["output_exact60"])
    np.testing.assert_allclose(golden.normalised(found), exact, rtol=0, atol=1e-9)
    if vectors == "satclip_l40":
        golden.assert_within_bands(
            golden.normalised(found),
            golden.normalised(expected["output"]),
            expected["lonlat"][:, 1],
            golden.UNIT_OUTPUT,
        )
    else:
        np.testing.assert_allclose(found, expected["output"], rtol=0, atol=1e-9)


def write_checkpoint(vectors: dict, like: Path, path: Path) -> Path:
    """The checkpoint that the weights and hyper-parameters beside some golden vectors make up."""
    content = torch.load(like, weights_only=True)
    content["hyper_parameters"] = json.loads(str(vectors["hyper_parameters"]))
    content["state_dict"] = {
        name.removeprefix("w:"): torch.from_numpy(array) for name, array in vectors.items() if name.startswith("w:")
    }
    torch.save(content, path)
    return path


def test_the_time_of_a_place_is_probed_with_as_many_as_a_patch_has(mini, monkeypatch):
    """Together they take less, each; but a model that is slow with few is not asked for many.

    Many are asked for again where that takes no time, and the faster run counts.
    """
    cases = {
        (0.01, 0.1681, 0.2): ([64, 1681, 1681], 0.1681 / 1681),
        (0.01, 0.1681, 0.1): ([64, 1681, 1681], 0.1 / 1681),
        (0.01, 0.3): ([64, 1681], 0.3 / 1681),
        (1.0, 0.9): ([64, 64], 0.9 / 64),
    }
    for lasting, (counts, expected) in cases.items():
        probed = []
        monkeypatch.setattr("rangegeo.engine.evaluator._fill", lambda *given, to=probed: to.append(len(given[2])))
        clock = iter([moment for seconds in lasting for moment in (0.0, seconds)])
        monkeypatch.setattr("rangegeo.engine.evaluator.time.perf_counter", lambda times=clock: next(times))
        seconds = seconds_per_place(mini.evaluator, mini.recipe())
        assert probed == counts
        assert seconds == pytest.approx(expected)
