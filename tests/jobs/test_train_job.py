"""Location encoders of a user's own: files that upstream's loaders open, the same bytes, and bad requests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import rangegeo as rg
from rangegeo.errors import ModelWarning, OutputError, UsageError, WeightsError
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.written import row_order, write_database

pytestmark = pytest.mark.filterwarnings("ignore:S explains:rangegeo.errors.ModelWarning")  # of so short a training
OPTIONS = {"degree": 5, "width": 16, "dim": 6, "epochs": 4, "batch": 32, "threads": 1}
# What upstream's loader takes from a checkpoint: PyPI rangegeo 0.1.0, satclip/load.py.
NEEDED = {"le_type", "legendre_polys", "harmonics_calculation", "min_radius", "max_radius", "frequency_num", "pe_type",
          "embed_dim", "capacity", "num_hidden_layers"}  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """200 rows with values that depend on the place, and keys of no use."""
    random = np.random.default_rng(0)
    lon, lat = random.uniform(-180, 180, 200), np.degrees(np.arcsin(random.uniform(-1, 1, 200)))
    values = np.column_stack([np.cos(np.radians(lon)), np.sin(np.radians(lat)), lat / 50]).astype(np.float32)
    path = tmp_path / "seen.safetensors"
    write_database(path, np.column_stack([lon, lat]), np.ones((200, 2), np.float32), values, {})
    return path


def test_a_trained_encoder_and_its_database_are_a_model(database, tmp_path):
    told = r"^S explains -0\.\d+ of the variance of values held out, so .*; train longer with epochs=16, or give more"
    with pytest.warns(ModelWarning, match=told):
        path = rg.train_encoder(database, tmp_path / "own.ckpt", **OPTIONS)
    content = torch.load(path, weights_only=True)
    assert set(content["hyper_parameters"]) >= NEEDED
    location = {name.removeprefix("model.location."): tensor for name, tensor in content["state_dict"].items()
                if name.startswith("model.location.")}  # fmt: skip
    assert {name: tuple(tensor.shape) for name, tensor in location.items()} == {
        "nnet.layers.0.weight": (16, 25), "nnet.layers.0.bias": (16,), "nnet.layers.1.weight": (16, 16),
        "nnet.layers.1.bias": (16,), "nnet.last_layer.weight": (6, 16), "nnet.last_layer.bias": (6,),
    }  # fmt: skip
    encoder = rg.load_satclip_location_encoder(str(path))
    assert encoder(torch.tensor([[5.0, 45.0]])).shape == (1, 6)
    model = rg.load_model("RANGE+", weights=path, db=tmp_path / "own.safetensors")
    assert model.encode([[5, 45]], beta=1).shape == (1, 9)
    told = f"made with own.ckpt .SHA-256 {file_sha256(path)[:12]}. and not with location_encoder.safetensors"
    with pytest.raises(WeightsError, match=told):
        rg.load_model("RANGE+", weights="demo", db=tmp_path / "own.safetensors")
    before, after = load_file(database), load_file(tmp_path / "own.safetensors")
    order = row_order(200)
    for name in ("locs", "values"):
        np.testing.assert_array_equal(after[name], before[name][order])
    np.testing.assert_allclose(np.linalg.norm(after["keys"], axis=1), 1, atol=1e-5)


def test_the_same_seed_gives_the_same_bytes(database, tmp_path):
    paths = [rg.train_encoder(database, tmp_path / f"{name}.ckpt", **OPTIONS, seed=seed)
             for name, seed in (("a", 0), ("b", 0), ("c", 1))]  # fmt: skip
    ckpt = [path.read_bytes() for path in paths]
    assert ckpt[0] == ckpt[1] != ckpt[2]
    keys = [load_file(path.with_suffix(".safetensors"))["keys"] for path in paths]
    np.testing.assert_array_equal(keys[0], keys[1])
    assert not np.array_equal(keys[0], keys[2])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"degree": 0}, "degree must be from 1 to 100, got 0; for example degree=40"),
        ({"epochs": 0}, "epochs must be from 1 to 100000, got 0; for example epochs=24"),
        ({"held_out": 1.0}, "held_out must be from 0 to 0.9, got 1; for example held_out=0.05"),
        ({"decay": -1.0}, "decay must be from 0 to 10, got -1; for example decay=1"),
        ({"contrast": 0, "regression": 0, "place": 0}, r"contrast and regression and place must not all be 0"),
        ({"db_out": "a.csv"}, r"db_out must be a name that ends in \.safetensors or \.npz, got a\.csv"),
    ],
)
def test_bad_requests_are_named(options, told, database, tmp_path):
    with pytest.raises(UsageError, match=told):
        rg.train_encoder(database, tmp_path / "own.ckpt", **options)


def test_bad_files_are_named(database, tmp_path):
    with pytest.raises(UsageError, match=r"must be a name that ends in \.ckpt, got .*own\.pt; for example"):
        rg.train_encoder(database, tmp_path / "own.pt")
    with pytest.raises(UsageError, match=r"would replace .*seen\.safetensors, which db reads"):
        rg.train_encoder(database, tmp_path / "seen.ckpt", overwrite=True)
    (tmp_path / "own.ckpt").touch()
    with pytest.raises(OutputError, match=r"own\.ckpt exists and was left as it is; add overwrite=True"):
        rg.train_encoder(database, tmp_path / "own.ckpt")
    arrays = load_file(database)
    write_database(tmp_path / "few.npz", arrays["locs"][:5], arrays["keys"][:5], arrays["values"][:5], {})
    with pytest.raises(UsageError, match=r"db must be a database of 8 rows or more, got 5 of .*few\.npz"):
        rg.train_encoder(tmp_path / "few.npz", tmp_path / "new.ckpt")
