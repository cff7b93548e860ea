"""SatCLIP checkpoints to a checked location encoder. The one place that reads pickles, and it never executes them.

Source of the layout: microsoft/SatCLIP, a PyTorch-Lightning file with `hyper_parameters` and `state_dict`.
"""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import torch
from torch import Tensor

from rangegeo.encoders.satclip import SatCLIPEncoder
from rangegeo.errors import WeightsError
from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.siren import Siren
from rangegeo.weights.stored import Stored, file_sha256, first_line, read_safetensors, stored_form

PREFIX = "model.location.nnet."
DEFAULTS = {  # of the published constructor, where a checkpoint leaves the key out
    "le_type": "grid",
    "pe_type": "siren",
    "legendre_polys": 16,
    "harmonics_calculation": "analytic",
    "embed_dim": 512,
    "capacity": 256,
    "num_hidden_layers": 2,
}


def load_encoder(path: Path) -> tuple[SatCLIPEncoder, Stored]:
    """The location encoder of a SatCLIP checkpoint (`.ckpt`) or of the embedded form (`.safetensors`).

    Raises:
        WeightsError: what is missing or wrong in the file, by name.
    """
    stored = stored_form(path, "satclip", read_checkpoint)
    return build_encoder(stored), stored


def build_encoder(stored: Stored) -> SatCLIPEncoder:
    settings = stored.facts["settings"]
    harmonics = SphericalHarmonics(settings["legendre_polys"], settings["harmonics_calculation"])
    with torch.device("meta"):  # the weights come next: nothing to allocate or draw
        siren = Siren(harmonics.features, settings["capacity"], settings["num_hidden_layers"], settings["embed_dim"])
    siren.load_state_dict(stored.tensors, assign=True)
    return SatCLIPEncoder(harmonics, siren).eval().requires_grad_(False)


def read_checkpoint(path: Path) -> Stored:
    """Read and check a checkpoint; the image tower is left out.

    Returns:
        float64 tensors `layers.{i}.weight|bias` and `last_layer.weight|bias`, and the settings they belong to.
    """
    if path.suffix == ".safetensors":
        raw = read_safetensors(path)
        weights = raw.tensors
        # safetensors metadata holds text alone
        settings = {key: int(value) if str(value).isdigit() else value for key, value in raw.facts.items()}
    else:
        weights, settings = _unpickle(path)
    settings = _settings(path, settings)
    tensors = _checked(path, weights, settings)
    return Stored(tensors, {"settings": settings, "file": path.name, "sha256": file_sha256(path)})


def _unpickle(path: Path) -> tuple[dict[str, Tensor], dict]:
    """State dict without its prefix, and hyper-parameters; tensors and plain containers only."""
    try:
        with warnings.catch_warnings():  # of what it then refuses
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} was refused: it holds pickled code or objects, or is no PyTorch file, and nothing in it was "
            "executed; expected a SatCLIP checkpoint such as satclip-vit16-l40.ckpt"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(
            f"{path} is damaged or not a PyTorch checkpoint ({first_line(error)}); download it again"
        ) from error
    for key in ("hyper_parameters", "state_dict"):
        if not isinstance(content, dict) or not isinstance(content.get(key), dict):
            raise WeightsError(f"{path} has no {key!r}; expected a SatCLIP checkpoint such as satclip-vit16-l40.ckpt")
    state = content["state_dict"]
    weights = {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
    if not weights:
        raise WeightsError(f"{path} has no tensors named {PREFIX}*; expected a SatCLIP checkpoint")
    return weights, content["hyper_parameters"]


def _settings(path: Path, given: dict) -> dict:
    """The hyper-parameters of the location encoder, typed and checked."""
    settings = {key: given.get(key, default) for key, default in DEFAULTS.items()}
    for key, default in DEFAULTS.items():
        if isinstance(default, int):
            if not isinstance(settings[key], int):
                raise WeightsError(f"{path}: {key} must be a whole number, got {settings[key]!r}")
            if settings[key] < 1:
                raise WeightsError(f"{path}: {key} must be at least 1, got {settings[key]}")
    for key, expected in (("le_type", "sphericalharmonics"), ("pe_type", "siren")):
        if settings[key] != expected:
            raise WeightsError(
                f"{path}: {key} must be {expected!r}, got {settings[key]!r}; other encoders of this kind "
                "were never published with weights"
            )
    return settings


def _checked(path: Path, weights: dict[str, Tensor], settings: dict) -> dict[str, Tensor]:
    """Exactly the tensors that the settings call for, float64, finite."""
    depth, capacity = settings["num_hidden_layers"], settings["capacity"]
    widths = [settings["legendre_polys"] ** 2] + [capacity] * depth
    shapes: dict[str, tuple[int, ...]] = {}
    for index in range(depth):
        shapes[f"layers.{index}.weight"] = (capacity, widths[index])
        shapes[f"layers.{index}.bias"] = (capacity,)
    shapes["last_layer.weight"] = (settings["embed_dim"], capacity)
    shapes["last_layer.bias"] = (settings["embed_dim"],)
    for name in sorted(shapes.keys() - weights.keys()):
        raise WeightsError(f"{path} lacks the tensor {name}, which num_hidden_layers={depth} calls for")
    for name in sorted(weights.keys() - shapes.keys()):
        raise WeightsError(f"{path} has the tensor {name}, which num_hidden_layers={depth} does not call for")
    for name, shape in shapes.items():
        check_tensor(path, name, weights[name], shape)
    return {name: weights[name].double() for name in shapes}


def check_tensor(path: Path, name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Raise WeightsError unless it is a finite floating-point tensor of this shape."""
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        raise WeightsError(f"{path}: {name} must hold floating-point numbers, got {kind}")
    if tuple(tensor.shape) != shape:
        raise WeightsError(f"{path}: {name} must have shape {shape}, got {tuple(tensor.shape)}")
    if not torch.isfinite(tensor).all():
        raise WeightsError(f"{path}: {name} has NaN or infinite values")
