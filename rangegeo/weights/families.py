"""The layouts of published checkpoints: which tensors of a file belong to its location encoder, and its settings.

`rangegeo.weights.checkpoint` opens the file, calls `contents`, and compares the tensors with the network.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rangegeo.encoders import FAMILIES
from rangegeo.encoders.csp import ACTIVATIONS
from rangegeo.errors import WeightsError

MOST_LAYERS, LARGEST_WIDTH = 64, 1_000_000  # larger numbers are taken for mistakes
SATCLIP_PREFIX = "model.location.nnet."
CSP_PREFIXES = ("loc_enc.spa_enc.ffn.", "spa_enc.ffn.")
SATCLIP_DEFAULTS: dict[str, Any] = {  # those of the published constructor, for keys that a checkpoint does not have
    "le_type": "grid",
    "pe_type": "siren",
    "legendre_polys": 16,
    "harmonics_calculation": "analytic",
    "embed_dim": 512,
    "capacity": 256,
    "num_hidden_layers": 2,
}
CSP_DEFAULTS: dict[str, Any] = {  # those of the published training script
    "spa_enc_type": "gridcell",
    "freq_init": "geometric",
    "frequency_num": 32,
    "max_radius": 360.0,
    "min_radius": 0.1,
    "num_hidden_layer": 1,
    "hidden_dim": 512,
    "num_filts": 256,
    "spa_f_act": "gelu",
    "use_layn": True,
    "skip_connection": True,
}

Settings = dict[str, Any]  # what a network is built from: numbers, text and truth values by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The location encoder of a checkpoint; the tensors are not yet checked.

    Attributes:
        tensors: by their names in the encoder's network.
        settings: what the network is built from.
        prefix: what the names in the file begin with, before the network's names.
        because: the setting that decides how many tensors there are, for messages.
    """

    tensors: dict[str, Tensor]
    settings: Settings
    prefix: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the checkpoints of one family are laid out.

    Attributes:
        has_keys: whether a file is of this family, by the keys of the dict that it holds.
        read: finds the location encoder, given what `contents` takes.
    """

    has_keys: Callable[[set[str]], bool]
    read: Callable[[Path, object, dict[str, str]], Contents]


def family_of(content: object) -> str | None:
    """The family of what a checkpoint holds, a key of `LAYOUTS`; None if it is of no known family."""
    if not isinstance(content, dict):
        return None
    keys = {str(key) for key in content}
    return next((family for family, layout in LAYOUTS.items() if layout.has_keys(keys)), None)


def contents(path: Path, family: str, content: object, metadata: dict[str, str]) -> Contents:
    """Find the location encoder in what a file holds.

    Args:
        path: of the file, for messages and for the config.json beside it.
        family: a key of `LAYOUTS`.
        content: what a pickle holds, or the tensors of a safetensors file by name.
        metadata: those of a safetensors file; else empty.
    Raises:
        WeightsError: something is missing or wrong; the message names its key.
    """
    return LAYOUTS[family].read(path, content, metadata)


def expected(family: str) -> str:
    """The part of a message that says which file was expected."""
    title, example = FAMILIES[family]
    return f"expected a {title} checkpoint such as {example}"


def _satclip(path: Path, content: object, metadata: dict[str, str]) -> Contents:
    """PyTorch-Lightning's `hyper_parameters` and `state_dict`, or the embedded model's file; microsoft/satclip."""
    if isinstance(content, dict) and "last_layer.weight" in content:
        # the metadata of safetensors are always text
        settings: Settings = {key: int(value) if str(value).isdigit() else value for key, value in metadata.items()}
        tensors, prefix = content, ""
    else:
        settings, tensors = (_dict_at(path, "satclip", content, key) for key in ("hyper_parameters", "state_dict"))
        prefix = SATCLIP_PREFIX
    settings = _settings(path, settings, SATCLIP_DEFAULTS)
    for key, only in (("le_type", "sphericalharmonics"), ("pe_type", "siren")):
        _check_only(path, key, settings[key], only)
    _check_depth(path, "num_hidden_layers", settings["num_hidden_layers"])
    return Contents(
        tensors=_with_prefix(path, "satclip", tensors, prefix),
        settings=settings,
        prefix=prefix,
        because=f"num_hidden_layers={settings['num_hidden_layers']}",
    )


def _csp(path: Path, content: object, metadata: dict[str, str]) -> Contents:
    """`params` and `state_dict`; names may begin with that of the pre-training module; gengchenmai/csp."""
    params, state = (_dict_at(path, "csp", content, key) for key in ("params", "state_dict"))
    settings = _settings(path, params, CSP_DEFAULTS)
    for key in ("spa_enc_type", "freq_init"):
        _check_only(path, key, settings[key], CSP_DEFAULTS[key])
    if settings["spa_f_act"] not in list(ACTIVATIONS):  # a list, because the value may be unhashable
        raise WeightsError(f"{path}: spa_f_act must be one of {', '.join(ACTIVATIONS)}, got {settings['spa_f_act']!r}")
    if settings["frequency_num"] < 2:
        raise WeightsError(f"{path}: frequency_num must be at least 2, got {settings['frequency_num']}")
    _check_depth(path, "num_hidden_layer", settings["num_hidden_layer"])
    prefix = next((p for p in CSP_PREFIXES if any(str(name).startswith(p) for name in state)), CSP_PREFIXES[0])
    return Contents(
        tensors=_with_prefix(path, "csp", state, prefix),
        settings=settings,
        prefix=prefix,
        because=f"num_hidden_layer={settings['num_hidden_layer']}",
    )


def _geoclip(path: Path, content: object, metadata: dict[str, str]) -> Contents:
    """A plain dict of tensors. Their shapes give all settings; a config.json beside the file must agree."""
    tensors = _with_prefix(path, "geoclip", content, "")
    capsules = 1 + _highest(tensors, r"LocEnc(\d{1,3})\.")
    sizes = {
        "encoded": ("LocEnc0.capsule.0.b", 0),
        "hidden": ("LocEnc0.capsule.1.weight", 0),
        "dim": ("LocEnc0.head.0.weight", 0),
    }
    settings = {"capsules": capsules} | {key: _axis_length(path, "geoclip", tensors, *at) for key, at in sizes.items()}
    _check_depth(path, "capsules", capsules)
    config = _config(path)
    if isinstance(config.get("sigma"), list):
        config["sigma"] = len(config["sigma"])  # each capsule has one scale
    _check_config(path, config, {"sigma": capsules, "encoded_size": settings["encoded"], "dim": settings["dim"]})
    return Contents(tensors=tensors, settings=settings, prefix="", because=f"capsules={capsules}")


def _sinr(path: Path, content: object, metadata: dict[str, str]) -> Contents:
    """A plain dict of tensors; a config.json beside the file must agree. The weights of classes are not used."""
    tensors = _with_prefix(path, "sinr", content, "")
    tensors = {name: tensor for name, tensor in tensors.items() if name != "class_emb.weight"}
    dim = _axis_length(path, "sinr", tensors, "feats.0.weight", 0)
    depth = max(0, _highest(tensors, r"feats\.(\d{1,3})\.") - 1)  # feats.0 is the first layer and feats.1 its ReLU
    _check_depth(path, "depth", depth)
    _check_config(path, _config(path), {"num_inputs": 4, "num_filts": dim, "depth": depth})
    return Contents(tensors=tensors, settings={"dim": dim, "depth": depth}, prefix="", because=f"depth={depth}")


LAYOUTS = {  # by family; a file is of the first family whose keys it has
    "satclip": Layout(has_keys=lambda keys: bool(keys & {"hyper_parameters", "last_layer.weight"}), read=_satclip),
    "csp": Layout(has_keys=lambda keys: keys >= {"state_dict", "params"}, read=_csp),
    "sinr": Layout(has_keys=lambda keys: "feats.0.weight" in keys, read=_sinr),
    "geoclip": Layout(has_keys=lambda keys: any(key.startswith("LocEnc") for key in keys), read=_geoclip),
}


def _dict_at(path: Path, family: str, content: object, key: str) -> dict[str, Any]:
    """The dict that a file holds under a key."""
    if not isinstance(content, dict) or not isinstance(content.get(key), dict):
        raise WeightsError(f"{path} has no {key!r}; {expected(family)}")
    return content[key]


def _with_prefix(path: Path, family: str, tensors: object, prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with the prefix, by their names without it."""
    named = tensors if isinstance(tensors, dict) else {}
    chosen = {str(name).removeprefix(prefix): value for name, value in named.items() if str(name).startswith(prefix)}
    if not chosen:
        what = f"tensors named {prefix}*" if prefix else "named tensors"
        raise WeightsError(f"{path} has no {what}; {expected(family)}")
    return chosen


def _settings(path: Path, given: Settings, defaults: Settings) -> Settings:
    """The settings of the location encoder; each must have the type of its default."""
    settings = {key: given.get(key, default) for key, default in defaults.items()}
    for key, default in defaults.items():
        value: Any = settings[key]
        kind: type = type(default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind and kind in _KINDS:
            raise WeightsError(f"{path}: {key} must be {_KINDS[kind]}, got {value!r}")
        if kind is int and not 1 <= value <= LARGEST_WIDTH:
            bound = "at least 1" if value < 1 else f"at most {LARGEST_WIDTH}"
            raise WeightsError(f"{path}: {key} must be {bound}, got {value}")
        if kind is float and not 0 < value < math.inf:
            raise WeightsError(f"{path}: {key} must be above 0, got {value}")
    return settings


_KINDS = {bool: "true or false", int: "a whole number", float: "a number"}


def _check_only(path: Path, key: str, value: object, only: object) -> None:
    """Refuse a setting whose value is not the only one that was published."""
    if value != only:
        raise WeightsError(
            f"{path}: {key} must be {only!r}, got {value!r}; other encoders of this kind "
            "were never published with weights"
        )


def _check_depth(path: Path, key: str, depth: int) -> None:
    """Refuse a network with too many layers."""
    if depth > MOST_LAYERS:
        raise WeightsError(f"{path}: {key} must be at most {MOST_LAYERS}, got {depth}")


def _axis_length(path: Path, family: str, tensors: dict[str, Tensor], name: str, axis: int) -> int:
    """The length of a tensor along an axis."""
    tensor = tensors.get(name)
    if not isinstance(tensor, Tensor) or tensor.ndim <= axis:
        raise WeightsError(f"{path} lacks the tensor {name}; {expected(family)}")
    return tensor.shape[axis]


def _highest(tensors: dict[str, Tensor], pattern: str) -> int:
    """The highest number that a pattern finds in names of tensors; 0 if it finds none."""
    return max((int(found[1]) for name in tensors if (found := re.match(pattern, name))), default=0)


def _config(path: Path) -> dict[str, Any]:
    """The config.json beside a file from the hub; empty if there is none."""
    beside = path.with_name("config.json")
    if not beside.is_file():
        return {}
    try:
        config = json.loads(beside.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{beside} is no JSON; download it again") from error
    return config if isinstance(config, dict) else {}


def _check_config(path: Path, config: dict[str, Any], shapes: dict[str, int]) -> None:
    """Refuse a file whose config.json does not agree with its tensors."""
    for key, value in shapes.items():
        if key in config and config[key] != value:
            beside = path.with_name("config.json")
            raise WeightsError(f"{beside} says {key}={config[key]!r} but {path.name} has {value}")
