"""GeoCLIP, TaxaBind, SINR and CSP checkpoints: which load, which key refuses others, and nothing is executed."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch
from helpers.malice import Touch
from oracles import golden
from safetensors.torch import load_file, save_file

from rangegeo.encoders import FAMILIES
from rangegeo.errors import WeightsError
from rangegeo.field.places import Places
from rangegeo.weights.checkpoint import load_encoder, read_checkpoint

FILES = {
    "satclip": golden.GOLDEN / "satclip-mini-l10.ckpt",
    "geoclip": golden.GOLDEN / "patched_location_encoder_mini.pt",
    "csp": golden.GOLDEN / "csp_fmow_mini.pth.tar",
    "sinr": golden.GOLDEN / "sinr_mini" / "model.safetensors",
}
LAYERED = {  # for each family the key of a tensor
    "geoclip": "LocEnc1.capsule.3.weight",
    "csp": "loc_enc.spa_enc.ffn.layers.0.layernorm.bias",
    "sinr": "feats.3.w2.weight",
}
PLACES = Places.scattered(torch.tensor([[5.7, 45.2], [-120.0, -33.0]]))


def content_of(family: str) -> dict:
    """The content of a file of the family, for tests to damage."""
    if family == "sinr":
        return load_file(FILES["sinr"])
    return torch.load(FILES[family], weights_only=True)


def tensors_of(content: dict) -> dict:
    return content.get("state_dict", content)


def saved(content: object, folder: Path) -> Path:
    torch.save(content, folder / "spoilt.pt")
    return folder / "spoilt.pt"


def refusal(content: object, family: str, folder: Path) -> str:
    path = saved(content, folder)
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(path, family)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(folder))
    return message.removeprefix(str(path))


@pytest.mark.parametrize("family", FILES)
def test_a_file_says_itself_of_which_family_it_is(family):
    encoder, stored = load_encoder(FILES[family], family=None)
    assert stored.facts["family"] == family
    again, _ = load_encoder(FILES[family], family)
    assert torch.equal(encoder(PLACES), again(PLACES))
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


@pytest.mark.parametrize("family", FILES)
@pytest.mark.parametrize("wanted", FILES)
def test_a_file_of_another_family_is_named(family, wanted):
    if family == wanted:
        return
    title, example = FAMILIES[wanted]
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(FILES[family], wanted)
    said = f"{FILES[family]} is a {FAMILIES[family][0]} checkpoint; expected a {title} checkpoint such as {example}"
    assert str(caught.value) == said
    load_encoder(FILES[family], family)  # puts it into the cache
    with pytest.raises(WeightsError) as caught:
        load_encoder(FILES[family], wanted)
    assert str(caught.value) == said


@pytest.mark.parametrize("family", LAYERED)
def test_a_missing_tensor_is_named(family, tmp_path):
    content = content_of(family)
    del tensors_of(content)[LAYERED[family]]
    assert f" lacks the tensor {LAYERED[family]}, which" in refusal(content, family, tmp_path)


@pytest.mark.parametrize("family", LAYERED)
def test_a_superfluous_tensor_is_named(family, tmp_path):
    content = content_of(family)
    name = LAYERED[family] + "_more"
    tensors_of(content)[name] = torch.zeros(3)
    assert f" has the tensor {name}, which" in refusal(content, family, tmp_path)


@pytest.mark.parametrize("family", LAYERED)
def test_a_wrong_shape_is_named(family, tmp_path):
    content, name = content_of(family), LAYERED[family]
    shape = tuple(tensors_of(content)[name].shape)
    tensors_of(content)[name] = torch.zeros(*shape, 1)
    assert refusal(content, family, tmp_path) == f": {name} must have shape {shape}, got {(*shape, 1)}"


@pytest.mark.parametrize("family", LAYERED)
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda tensor: tensor.int(), "must hold floating-point numbers, got torch.int32"),
        (lambda tensor: "text", "must hold floating-point numbers, got str"),
        (lambda tensor: tensor.fill_(float("nan")), "has NaN or infinite values"),
        (lambda tensor: tensor.fill_(float("inf")), "has NaN or infinite values"),
    ],
)
def test_a_wrong_dtype_and_values_that_are_no_numbers_are_named(family, spoil, said, tmp_path):
    content, name = content_of(family), LAYERED[family]
    tensors_of(content)[name] = spoil(tensors_of(content)[name])
    assert refusal(content, family, tmp_path) == f": {name} {said}"


@pytest.mark.parametrize("family", LAYERED)
@pytest.mark.parametrize("thing", [torch.zeros(3), [1, 2], {}, {"a": torch.zeros(2)}, {"state_dict": {}}, "text"])
def test_a_file_of_no_known_layout_is_refused(family, thing, tmp_path):
    title, example = FAMILIES[family]
    assert refusal(thing, family, tmp_path).endswith(f"; expected a {title} checkpoint such as {example}")
    assert refusal(thing, None, tmp_path) == " is not a known checkpoint; expected one of SatCLIP, GeoCLIP, SINR, CSP"


@pytest.mark.parametrize("family", LAYERED)
@pytest.mark.parametrize("place", ["whole", "entry"])
def test_a_malicious_file_is_refused_and_never_executed(family, place, tmp_path):
    witness = tmp_path / "executed"
    content = Touch(witness) if place == "whole" else content_of(family) | {"optimizer": Touch(witness)}
    said = refusal(content, family, tmp_path)
    assert said.startswith(" was refused: it holds pickled code or objects")
    assert not witness.exists()


@pytest.mark.parametrize("family", LAYERED)
def test_a_refused_file_leaves_nothing_in_the_cache(family, tmp_path, monkeypatch):
    monkeypatch.setenv("RANGEGEO_CACHE", str(tmp_path / "cache"))
    content = content_of(family)
    del tensors_of(content)[LAYERED[family]]
    with pytest.raises(WeightsError):
        load_encoder(saved(content, tmp_path), family)
    assert not list(tmp_path.glob("cache/*.safetensors"))


# ------------------------------------------------------------------------------------------------ GeoCLIP and SINR


@pytest.mark.parametrize("family", ["geoclip", "sinr"])
def test_the_hubs_folders_load_with_their_config_in_either_format(family, tmp_path):
    config = {"geoclip": {"sigma": [1, 16, 256], "encoded_size": 8, "dim": 16}, "sinr": {"num_inputs": 4, "depth": 4}}
    expected = load_encoder(FILES[family], family)[0](PLACES)
    (tmp_path / "config.json").write_text(json.dumps(config[family]))
    save_file(content_of(family), tmp_path / "model.safetensors")
    torch.save(content_of(family), tmp_path / "pytorch_model.bin")
    for name in ("model.safetensors", "pytorch_model.bin"):
        encoder, _ = load_encoder(tmp_path / name, family)
        assert torch.equal(encoder(PLACES), expected)


@pytest.mark.parametrize(
    ("family", "config", "said"),
    [
        ("geoclip", {"sigma": [1, 16]}, "says sigma=2 but spoilt.pt has 3"),
        ("geoclip", {"dim": 512}, "says dim=512 but spoilt.pt has 16"),
        ("sinr", {"depth": 5}, "says depth=5 but spoilt.pt has 4"),
        ("sinr", {"num_inputs": 2}, "says num_inputs=2 but spoilt.pt has 4"),
        ("sinr", {"num_filts": 256}, "says num_filts=256 but spoilt.pt has 32"),
    ],
)
def test_a_config_that_says_otherwise_is_named(family, config, said, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert refusal(content_of(family), family, tmp_path) == f"{tmp_path / 'config.json'} {said}".removeprefix(
        str(tmp_path / "spoilt.pt")
    )


def test_a_config_that_is_no_json_is_named(tmp_path):
    (tmp_path / "config.json").write_text("<html>")
    with pytest.raises(WeightsError, match=r"config\.json is no JSON; download it again"):
        read_checkpoint(saved(content_of("sinr"), tmp_path), "sinr")


def test_sinrs_classes_are_left_out(tmp_path):
    content = content_of("sinr")
    assert "class_emb.weight" in content
    assert "class_emb.weight" not in read_checkpoint(FILES["sinr"], "sinr").tensors
    del content["class_emb.weight"]  # as in a model without classes
    assert read_checkpoint(saved(content, tmp_path), "sinr").facts["settings"] == {"dim": 32, "depth": 4}


# ------------------------------------------------------------------------------------------------------------- CSP


def test_a_bare_location_encoder_loads_too(tmp_path):
    """Upstream saves a model without pre-training in this form, which it cannot load."""
    content = content_of("csp")
    content["state_dict"] = {
        name.removeprefix("loc_enc."): tensor
        for name, tensor in content["state_dict"].items()
        if name.startswith("loc_enc.")
    }
    encoder, _ = load_encoder(saved(content, tmp_path), "csp")
    assert torch.equal(encoder(PLACES), load_encoder(FILES["csp"], "csp")[0](PLACES))


def test_csp_of_other_depths(tmp_path):
    from rangegeo.encoders.csp import network

    settings = read_checkpoint(FILES["csp"], "csp").facts["settings"] | {"num_hidden_layer": 3, "spa_f_act": "tanh"}
    made = network(settings)
    state = {f"loc_enc.spa_enc.ffn.{name}": tensor for name, tensor in made.state_dict().items()}
    encoder, _ = load_encoder(saved({"params": settings, "state_dict": state}, tmp_path), "csp")
    assert torch.equal(encoder(PLACES), made.eval()(PLACES))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("spa_enc_type", "sphere", ": spa_enc_type must be 'gridcell', got 'sphere'; other encoders of this kind were"),
        ("freq_init", "random", ": freq_init must be 'geometric', got 'random'; other encoders"),
        ("spa_f_act", "swish", ": spa_f_act must be one of gelu, sigmoid, tanh, relu, leakyrelu, got 'swish'"),
        ("spa_f_act", ["gelu"], ": spa_f_act must be one of gelu, sigmoid, tanh, relu, leakyrelu, got ['gelu']"),
        ("frequency_num", 1, ": frequency_num must be at least 2, got 1"),
        ("frequency_num", 10**12, ": frequency_num must be at most 1000000, got 1000000000000"),
        ("frequency_num", 16, ": loc_enc.spa_enc.ffn.layers.0.linear.weight must have shape (24, 64), got (24, 128)"),
        (
            "num_hidden_layer",
            2,
            " lacks the tensor loc_enc.spa_enc.ffn.layers.1.layernorm.bias, which num_hidden_layer",
        ),
        ("num_hidden_layer", 10**5, ": num_hidden_layer must be at most 64, got 100000"),
        ("hidden_dim", 25, ": loc_enc.spa_enc.ffn.layers.0.linear.weight must have shape (25, 128), got (24, 128)"),
        ("hidden_dim", 24.5, ": hidden_dim must be a whole number, got 24.5"),
        ("use_layn", "yes", ": use_layn must be true or false, got 'yes'"),
        ("use_layn", False, " has the tensor loc_enc.spa_enc.ffn.layers.0.layernorm.bias, which"),
        ("min_radius", 0, ": min_radius must be above 0, got 0"),
        ("max_radius", float("inf"), ": max_radius must be above 0, got inf"),
        ("max_radius", "far", ": max_radius must be a number, got 'far'"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(key, value, said, tmp_path):
    content = content_of("csp")
    content["params"][key] = value
    assert refusal(content, "csp", tmp_path).startswith(said)


@pytest.mark.parametrize("key", ["params", "state_dict"])
def test_a_part_that_is_missing_is_named(key, tmp_path):
    content = content_of("csp")
    del content[key]
    assert refusal(content, "csp", tmp_path).startswith(f" has no '{key}'; expected a CSP checkpoint such as")


def test_satclips_degree_has_a_bound(tmp_path):
    content = copy.deepcopy(content_of("satclip"))
    content["hyper_parameters"]["legendre_polys"] = 10**7
    assert refusal(content, "satclip", tmp_path) == ": legendre_polys must be at most 1000000, got 10000000"
    content["hyper_parameters"] |= {"legendre_polys": 10, "num_hidden_layers": 10**6}
    assert refusal(content, "satclip", tmp_path) == ": num_hidden_layers must be at most 64, got 1000000"


def test_the_name_of_a_file_does_not_matter(tmp_path):
    shutil.copy(FILES["csp"], tmp_path / "anything")
    encoder, _ = load_encoder(tmp_path / "anything", "csp")
    assert encoder.dim == 16
