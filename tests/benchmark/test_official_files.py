"""The benchmark's checkpoint and database are in the published formats, and its arithmetic is right."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import rangegeo as rg

FOLDER = Path(__file__).parents[2] / "workflows" / "benchmark"


@pytest.fixture
def official(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("official")


@pytest.fixture
def points(official):
    return importlib.import_module("points")


@pytest.fixture
def small(official):
    return official.Sizes(degree=6, capacity=12, embed=8)


@pytest.fixture
def files(official, small, tmp_path):
    encoder = official.make_encoder(small)
    official.write_checkpoint(tmp_path / "satclip.ckpt", encoder)
    official.write_database(tmp_path / "database.npz", encoder, rows=300, values=20)
    return tmp_path


def test_both_files_load_as_published_ones(files):
    model = rg.load_model("RANGE+", weights=str(files / "satclip.ckpt"), db=str(files / "database.npz"), device="cpu")
    assert model.encode([[5.7, 45.2], [0.0, 0.0]], beta=0.5).shape == (2, 28)
    assert model.encode([[5.7, 45.2]], beta=(0, 0.5, 1)).shape == (3, 1, 28)


def test_the_checkpoint_holds_every_tensor_twice_and_no_code(files, small):
    content = torch.load(files / "satclip.ckpt", weights_only=True)
    names = {f"{layer}.{part}" for layer in ("layers.0", "layers.1", "last_layer") for part in ("weight", "bias")}
    for prefix in ("model.nnet.", "model.location.nnet."):
        tensors = {key: value for key, value in content["state_dict"].items() if key.startswith(prefix)}
        assert {key.removeprefix(prefix) for key in tensors} == names
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float64}
    assert content["hyper_parameters"]["legendre_polys"] == small.degree
    assert content["hyper_parameters"]["embed_dim"] == small.embed


def test_the_database_has_plain_float64_arrays_and_keys_near_the_encoder(files, official, small):
    with np.load(files / "database.npz", allow_pickle=False) as database:
        shapes = {name: (database[name].shape, database[name].dtype.name) for name in database.files}
        keys, locs = database["satclip_embeddings"], database["locs"]
    assert shapes == {
        "locs": ((300, 2), "float64"),
        "satclip_embeddings": ((300, 8), "float64"),
        "image_embeddings": ((300, 20), "float64"),
    }
    assert np.abs(locs).max(axis=0)[0] <= 180
    assert np.abs(locs).max(axis=0)[1] <= 90
    given = official.make_encoder(small)(official.Places.scattered(torch.from_numpy(locs))).numpy()
    cosine = (given * keys).sum(axis=1) / np.linalg.norm(given, axis=1) / np.linalg.norm(keys, axis=1)
    assert cosine.mean() > 0.8


def test_points_are_uniform_on_the_sphere(points):
    lonlat = points.points_on_the_sphere(4000)
    assert np.abs(lonlat).max(axis=0)[0] <= 180
    assert np.mean(np.abs(lonlat[:, 1]) < 30) == pytest.approx(math.sin(math.radians(30)), abs=0.03)


def test_the_report_names_what_is_met_and_what_is_missed(points):
    times = {turn: [2.0, 1.0, 9.0] for turn in points.TURNS}
    times["upstream", "one"] = [4.0, 4.0, 4.0]
    lines = points.report(times, points=100).splitlines()
    assert lines[1].split()[-4:] == ["25", "4.000", "4.000", "4.000"]
    assert lines[2].split()[-4:] == ["50", "2.000", "1.000", "9.000"]
    assert [line.split()[-1] for line in lines[-3:]] == ["met", "met", "MISSED"]


def test_deviation_leaves_out_high_latitudes(points, tmp_path):
    np.save(tmp_path / "points.npy", np.array([[0.0, 10.0], [0.0, 80.0]]))
    np.save(tmp_path / "upstream-one-points.npy", np.array([[1.0, -4.0], [1.0, 1.0]]))
    np.save(tmp_path / "ours-one-points.npy", np.array([[1.5, -4.0], [9.0, 1.0]]))
    assert points.deviation(tmp_path) == 0.125
