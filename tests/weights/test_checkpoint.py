"""SatCLIP checkpoints: which load, which are refused with what message, and that none of their code is executed."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.malice import Touch
from oracles import golden

from rangegeo.errors import WeightsError
from rangegeo.field.places import Places
from rangegeo.weights import cache as files
from rangegeo.weights.checkpoint import load_encoder, read_checkpoint
from rangegeo.weights.families import SATCLIP_PREFIX as PREFIX

TENSORS = [f"{layer}.{part}" for layer in ("layers.0", "layers.1", "last_layer") for part in ("weight", "bias")]


@pytest.fixture
def content() -> dict:
    """The content of a small published checkpoint, for tests to damage."""
    return torch.load(golden.GOLDEN / "satclip-mini-l10.ckpt", weights_only=True)


@pytest.fixture
def refusal(content, tmp_path) -> Callable[[], str]:
    """Save the content in its present state, and return the one line with which it is refused."""

    def refuse() -> str:
        path = tmp_path / "spoilt.ckpt"
        torch.save(content, path)
        with pytest.raises(WeightsError) as caught:
            read_checkpoint(path)
        message = str(caught.value)
        assert message.startswith(str(path))
        assert "\n" not in message
        return message.removeprefix(str(path))

    return refuse


@pytest.mark.parametrize(("file", "degree"), [("satclip-mini.ckpt", 40), ("satclip-mini-l10.ckpt", 10)])
def test_published_layout_loads(file, degree):
    encoder, known = load_encoder(golden.GOLDEN / file)
    assert encoder.dim == 16
    assert encoder.harmonics.degree == degree
    assert known.facts["settings"] == {
        "le_type": "sphericalharmonics",
        "pe_type": "siren",
        "legendre_polys": degree,
        "harmonics_calculation": "analytic",
        "embed_dim": 16,
        "capacity": 32,
        "num_hidden_layers": 2,
    }
    assert known.facts["file"] == file
    assert known.sha256 == files.file_sha256(golden.GOLDEN / file)
    assert sorted(known.tensors) == sorted(TENSORS)
    for name, tensor in golden.location_weights(file).items():
        assert torch.equal(known.tensors[name], tensor)


def test_the_encoder_is_frozen_and_gives_what_the_network_gives():
    encoder, _ = load_encoder(golden.GOLDEN / "satclip-mini-l10.ckpt")
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    lonlat = torch.tensor([[5.7, 45.2], [-120.0, -33.0]], dtype=torch.float64)
    expected = golden.encoder("satclip-mini-l10.ckpt", 10)(Places.scattered(lonlat))
    assert torch.equal(encoder(Places.scattered(lonlat)), expected)


def test_float32_weights_become_float64(content, tmp_path):
    for name, tensor in content["state_dict"].items():
        content["state_dict"][name] = tensor.float()
    torch.save(content, tmp_path / "single.ckpt")
    assert {tensor.dtype for tensor in read_checkpoint(tmp_path / "single.ckpt").tensors.values()} == {torch.float64}


def test_settings_that_are_left_out_have_the_published_defaults(content, tmp_path):
    del content["hyper_parameters"]["pe_type"], content["hyper_parameters"]["harmonics_calculation"]
    del content["hyper_parameters"]["num_hidden_layers"]
    torch.save(content, tmp_path / "terse.ckpt")
    settings = read_checkpoint(tmp_path / "terse.ckpt").facts["settings"]
    assert (settings["pe_type"], settings["harmonics_calculation"], settings["num_hidden_layers"]) == (
        "siren",
        "analytic",
        2,
    )


# ------------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize("key", ["hyper_parameters", "state_dict"])
@pytest.mark.parametrize("value", [None, [1, 2], "text"])
def test_a_part_that_is_missing_or_no_mapping_is_named(content, refusal, key, value):
    if value is None:
        del content[key]
    else:
        content[key] = value
    assert refusal() == f" has no '{key}'; expected a SatCLIP checkpoint such as satclip-vit16-l40.ckpt"


def test_a_file_that_is_a_tensor_or_a_bare_state_dict_is_refused(content, tmp_path):
    for thing in (torch.zeros(3), content["state_dict"], [1, 2]):
        torch.save(thing, tmp_path / "other.ckpt")
        with pytest.raises(WeightsError, match="has no 'hyper_parameters'; expected a SatCLIP checkpoint"):
            read_checkpoint(tmp_path / "other.ckpt")


def test_a_checkpoint_without_location_branch_is_named(content, refusal):
    content["state_dict"] = {"model.visual.weight": torch.zeros(3)}
    assert (
        refusal()
        == " has no tensors named model.location.nnet.*; expected a SatCLIP checkpoint such as satclip-vit16-l40.ckpt"
    )


@pytest.mark.parametrize("name", TENSORS)
def test_a_missing_tensor_is_named(content, refusal, name):
    del content["state_dict"][PREFIX + name]
    assert refusal() == f" lacks the tensor {PREFIX}{name}, which num_hidden_layers=2 calls for"


def test_a_superfluous_tensor_is_named(content, refusal):
    content["state_dict"][f"{PREFIX}layers.2.bias"] = torch.zeros(32)
    assert refusal() == f" has the tensor {PREFIX}layers.2.bias, which num_hidden_layers=2 does not call for"


@pytest.mark.parametrize("name", TENSORS)
def test_a_wrong_shape_is_named(content, refusal, name):
    shape = tuple(content["state_dict"][PREFIX + name].shape)
    content["state_dict"][PREFIX + name] = torch.zeros(*shape, 1)
    assert refusal() == f": {PREFIX}{name} must have shape {shape}, got {(*shape, 1)}"


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_named(content, refusal, name, bad):
    content["state_dict"][PREFIX + name].view(-1)[-1] = bad
    assert refusal() == f": {PREFIX}{name} has NaN or infinite values"


@pytest.mark.parametrize("name", TENSORS)
def test_a_wrong_dtype_is_named(content, refusal, name):
    content["state_dict"][PREFIX + name] = content["state_dict"][PREFIX + name].int()
    assert refusal() == f": {PREFIX}{name} must hold floating-point numbers, got torch.int32"
    content["state_dict"][PREFIX + name] = [1.0, 2.0]
    assert refusal() == f": {PREFIX}{name} must hold floating-point numbers, got list"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "le_type",
            "grid",
            ": le_type must be 'sphericalharmonics', got 'grid'; other encoders of this kind were never",
        ),
        (
            "le_type",
            None,
            ": le_type must be 'sphericalharmonics', got 'grid'",
        ),  # the default of the published constructor
        ("pe_type", "fcnet", ": pe_type must be 'siren', got 'fcnet'"),
        ("legendre_polys", "many", ": legendre_polys must be a whole number, got 'many'"),
        ("legendre_polys", 9.5, ": legendre_polys must be a whole number, got 9.5"),
        ("capacity", [3], ": capacity must be a whole number, got [3]"),
        ("num_hidden_layers", 0, ": num_hidden_layers must be at least 1, got 0"),
        ("legendre_polys", 11, f": {PREFIX}layers.0.weight must have shape (32, 121), got (32, 100)"),
        ("capacity", 31, f": {PREFIX}layers.0.weight must have shape (31, 100), got (32, 100)"),
        ("embed_dim", 17, f": {PREFIX}last_layer.weight must have shape (17, 32), got (16, 32)"),
        ("num_hidden_layers", 3, f" lacks the tensor {PREFIX}layers.2.bias, which num_hidden_layers=3 calls for"),
        ("num_hidden_layers", 1, f" has the tensor {PREFIX}layers.1.bias, which num_hidden_layers=1 does not call for"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(content, refusal, key, value, said):
    content["hyper_parameters"][key] = value
    if value is None:
        del content["hyper_parameters"][key]
    assert refusal().startswith(said)


def test_an_unknown_harmonics_calculation_is_named(content, tmp_path):
    content["hyper_parameters"]["harmonics_calculation"] = "guessed"
    torch.save(content, tmp_path / "guessed.ckpt")
    with pytest.raises(WeightsError, match="harmonics_calculation must be one of analytic, closed-form, got 'guessed'"):
        load_encoder(tmp_path / "guessed.ckpt")


# ------------------------------------------------------------------------------------------- hostile and broken


def save_zip(thing: object, path: Path) -> None:
    torch.save(thing, path)


def save_legacy(thing: object, path: Path) -> None:
    torch.save(thing, path, _use_new_zipfile_serialization=False)


def save_pickle(thing: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(thing))


@pytest.mark.parametrize("save", [save_zip, save_legacy, save_pickle])
@pytest.mark.parametrize("place", ["hyper_parameters", "state_dict", "callbacks", "whole"])
def test_a_malicious_checkpoint_is_refused_and_never_executed(content, tmp_path, save, place):
    witness = tmp_path / "executed"
    payload = Touch(witness)
    if place == "whole":
        content = payload
    elif place == "callbacks":
        content["callbacks"] = payload
    else:
        content[place]["extra"] = payload
    path = tmp_path / "malicious.ckpt"
    save(content, path)
    with pytest.raises(
        WeightsError, match=r"was refused: it holds pickled code or objects.* nothing in it was executed"
    ):
        load_encoder(path)
    assert not witness.exists()


def test_the_payload_of_these_tests_does_run_when_it_is_unpickled(tmp_path):
    pickle.loads(pickle.dumps(Touch(tmp_path / "executed")))
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("kept", [0, 10, 1000, 200_000])
def test_a_truncated_checkpoint_is_refused(tmp_path, kept):
    path = tmp_path / "truncated.ckpt"
    path.write_bytes((golden.GOLDEN / "satclip-mini-l10.ckpt").read_bytes()[:kept])
    with pytest.raises(WeightsError) as caught:
        load_encoder(path)
    assert str(caught.value).startswith(f"{path} is damaged or not a PyTorch checkpoint") or "was refused" in str(
        caught.value
    )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["hello\n", "<html>404 Not Found</html>", '{"a": 1}', "version https://git-lfs.github.com/spec/v1\n"]
)
def test_a_text_file_is_refused(tmp_path, text):
    path = tmp_path / "text.ckpt"
    path.write_text(text)
    with pytest.raises(
        WeightsError, match=r"expected a SatCLIP checkpoint such as satclip-vit16-l40\.ckpt|download it again"
    ):
        load_encoder(path)


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    path = tmp_path / "text.safetensors"
    path.write_text("hello")
    said = r"text\.safetensors is not a readable safetensors file \(.+\); get it again$"
    with pytest.raises(WeightsError, match=said):
        load_encoder(path)


def test_a_refused_checkpoint_leaves_nothing_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RANGEGEO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "text.ckpt").write_text("hello")
    with pytest.raises(WeightsError):
        load_encoder(tmp_path / "text.ckpt")
    assert not list(tmp_path.glob("cache/*.safetensors"))
    shutil.copy(golden.GOLDEN / "satclip-mini-l10.ckpt", tmp_path / "good.ckpt")
    load_encoder(tmp_path / "good.ckpt")
    assert [path.name.split("-")[:2] for path in tmp_path.glob("cache/*.safetensors")] == [["satclip", "good"]]
