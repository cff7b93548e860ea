"""Upstream's README examples, unchanged but for where `load_model` comes from, and upstream's arguments of it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import hubserver
from oracles import golden

import rangegeo as rg
from rangegeo.errors import UsageError, WeightsError

EXAMPLES = re.findall(r"```python\n(.*?)```", (golden.GOLDEN / "upstream_examples.md").read_text(), re.DOTALL)
CHECKPOINT, DATABASE = str(golden.GOLDEN / "satclip-mini.ckpt"), str(golden.GOLDEN / "range_db_mini.npz")
FMOW = str(golden.GOLDEN / "csp_fmow_mini.pth.tar")


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> dict[str, Path]:
    """Files of the published widths where the hub has those, few rows."""
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "workflows" / "benchmark"))
        official = importlib.import_module("official")
        encoder = official.make_encoder()
        official.write_checkpoint(folder / "satclip-vit16-l40.ckpt", encoder)
        official.write_database(folder / "range_db_large.npz", encoder, rows=200)
    return {
        "microsoft/SatCLIP-ViT16-L40/resolve/main/satclip-vit16-l40.ckpt": folder / "satclip-vit16-l40.ckpt",
        "datasets/mvrl/RANGE-database/resolve/main/range_db_large.npz": folder / "range_db_large.npz",
    }


@pytest.mark.filterwarnings("ignore:The `local_dir_use_symlinks` argument is deprecated:UserWarning")  # theirs
@pytest.mark.parametrize(
    ("example", "printed"), list(zip(EXAMPLES, ["(2, 1280)", "(2, 1280)", "(10000, 1280)"], strict=True))
)
def test_the_examples_run_and_print_what_upstream_says(example, printed, published, tmp_path, monkeypatch, capsys):
    """They download from a hub on this machine, by huggingface_hub itself or by rangegeo."""
    names: dict = {}
    monkeypatch.chdir(tmp_path)
    with hubserver.serve(published) as hub:
        hubserver.point_to(hub.url, tmp_path / "hub", monkeypatch)
        exec(example.replace("from .load_model import load_model", "from rangegeo import load_model"), names)
    assert capsys.readouterr().out == f"{printed}\n"
    assert sorted(hub.downloads) == [("range_db_large.npz", 0), ("satclip-vit16-l40.ckpt", 0)]
    if "rangep_model" in names:
        assert (names["embeddings"].dtype, type(names["embeddings"])) == (np.float64, np.ndarray)
        assert names["rangep_model"].location_feature_dim == 1280
    else:
        assert names["embeddings"].dtype == np.float32
        coords = torch.tensor([[-90.19, 38.63], [85.32, 27.72]], dtype=torch.float64)
        np.testing.assert_allclose(names["model"](coords), names["embeddings"], rtol=0, atol=1e-5)


# ------------------------------------------------------------------------------------------ arguments of load_model


def test_both_signatures_give_the_same_model():
    upstream = rg.load_model("RANGE+", CHECKPOINT, "cpu", db_path=DATABASE, beta=0.3)
    ours = rg.load_model("RANGE+", weights=CHECKPOINT, db=DATABASE, device="cpu")
    assert upstream.spec == ours.spec
    assert (upstream.beta, ours.beta) == (0.3, 0.5)
    lonlat = [[5.7, 45.2]]
    np.testing.assert_array_equal(upstream.encode(lonlat), ours.encode(lonlat, beta=0.3))
    coords = torch.tensor(lonlat, dtype=torch.float64)
    np.testing.assert_allclose(upstream(coords), ours.encode(lonlat, beta=0.3), rtol=0, atol=1e-6)
    assert np.abs(upstream(coords) - ours(coords)).max() > 1e-4  # beta is not forgotten
    for arguments in (
        {"model_name": "RANGE+", "pretrained_path": Path(CHECKPOINT), "db_path": Path(DATABASE), "device": None},
        {"name": "RANGE+", "weights": CHECKPOINT, "db": DATABASE, "device": torch.device("cpu")},
    ):
        assert rg.load_model(**arguments).spec == ours.spec


def test_upstreams_empty_path_is_none():
    assert rg.load_model("Theory", "", "cpu").dim == 192
    assert rg.load_model("SatCLIP", "", "cpu").dim == 256
    assert rg.load_model("Direct", pretrained_path="a/path/upstream/asks/for.pt", device="cpu").dim == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model_name": "RANGE+", "db_path": DATABASE}, "pretrained_path must be given with db_path, because the two"),
        ({"model_name": "RANGE+", "pretrained_path": CHECKPOINT}, "a database must be given with weights"),
        (
            {"pretrained_path": CHECKPOINT, "weights": CHECKPOINT},
            "weights and pretrained_path mean the same; leave one",
        ),
        (
            {"pretrained_path": CHECKPOINT, "db": DATABASE, "db_path": DATABASE},
            "db and db_path mean the same; leave one out",
        ),
        ({"model_name": "RANGE_HILO"}, "model must be one of RANGE+, RANGE, SatCLIP, "),
        ({"model_name": "TaxaBind"}, "TaxaBind needs weights: weights must be official or the path of a GeoCLIP"),
        ({"model_name": "Wrap", "weights": "official"}, 'Wrap has no weights; leave out weights="official"'),
        ({"beta": 2}, "beta must be in [0, 1], got 2"),
        ({"device": "tpu"}, "device must be auto, cpu, cuda or cuda:N, got 'tpu'"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments, said):
    with pytest.raises(UsageError) as caught:
        rg.load_model(**arguments)
    assert str(caught.value).startswith(said)


def test_weights_of_another_model_are_refused():
    with pytest.raises(WeightsError, match=r"csp_fmow_mini\.pth\.tar is a CSP checkpoint; expected a SINR checkpoint"):
        rg.load_model("SINR", FMOW, "cpu")
    with pytest.raises(WeightsError, match=r"satclip-mini\.ckpt is a SatCLIP checkpoint; expected a GeoCLIP checkpoin"):
        rg.load_model("GeoCLIP", CHECKPOINT, "cpu")


# ---------------------------------------------------------------------------------------- the point package's class


def test_the_drop_in_follows_its_beta_and_its_device():
    model = rg.RANGE(device="cpu", pretrained_path=CHECKPOINT, db_path=DATABASE, beta=0.3)
    coords = torch.tensor([[5.7, 45.2], [0.0, -90.0]], dtype=torch.float64)
    first = model(coords)
    model.beta = 0.9
    assert (model(coords) - first).abs().max() > 1e-4
    np.testing.assert_allclose(model.encode(coords), model(coords), rtol=0, atol=1e-6)
    assert model.to("cpu") is model
    assert model.device == torch.device("cpu")


def test_the_drop_in_takes_any_float_and_no_array():
    model = rg.RANGE(device="cpu", pretrained_path=CHECKPOINT, db_path=DATABASE)
    for kind in (torch.float16, torch.float32, torch.float64):
        assert model(torch.zeros(2, 2, dtype=kind)).dtype == torch.float64
    assert model(torch.zeros(0, 2)).shape == (0, 40)
    assert model.encode(np.empty((0, 2))).shape == (0, 40)  # upstream fails here
    with pytest.raises(AttributeError):
        model(np.zeros((2, 2)))


def test_satclip_alone_takes_any_float_and_keeps_float64():
    encoder = rg.load_satclip_location_encoder(CHECKPOINT, device="cpu")
    for kind in (torch.float32, torch.float64):
        assert encoder(torch.zeros(2, 2, dtype=kind)).dtype == torch.float64
    assert not any(module.training for module in encoder.modules())
