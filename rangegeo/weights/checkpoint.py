"""Location encoders from checkpoints. No other module reads pickles, and this module never executes code in them."""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rangegeo.encoders import FAMILIES, ModelInfo
from rangegeo.errors import WeightsError, argument, first_line
from rangegeo.field.encoder import LocationEncoder
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.converted import Stored, read_safetensors, stored_form
from rangegeo.weights.families import Contents, Settings, contents, expected, family_of
from rangegeo.weights.headers import check_archive

# The errors of torch for a file that torch did not write.
UNREADABLE: tuple[type[Exception], ...] = (RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError)
UNREADABLE += (AssertionError, OSError, struct.error, zipfile.BadZipFile, NotImplementedError, ArithmeticError)
UNREADABLE += (MemoryError,)


def load_encoder(path: Path, family: str | None = "satclip") -> tuple[LocationEncoder, Stored]:
    """The location encoder of a checkpoint, or of the embedded model's file (`.safetensors`).

    Args:
        path: the file.
        family: a key of `rangegeo.encoders.FAMILIES`; None to find out from the file.
    Returns:
        the encoder, and the checked tensors and facts of the file.
    Raises:
        WeightsError: the file cannot be used; the message names what is missing or wrong.
    """
    convert = partial(read_checkpoint, family=family)
    stored = stored_form(path, family, convert) if family else convert(path)
    return build_encoder(stored, family or stored.facts["family"]), stored


def build_encoder(stored: Stored, family: str = "satclip") -> LocationEncoder:
    """The encoder with these checked tensors."""
    module, settings = import_module(f"rangegeo.encoders.{family}"), stored.facts["settings"]
    network = _skeleton(module.network, settings)
    network.load_state_dict(stored.tensors, assign=True)
    encoder: LocationEncoder = module.from_network(settings, network) if hasattr(module, "from_network") else network
    return encoder.eval().requires_grad_(False)


def build_free(row: ModelInfo) -> LocationEncoder:
    """The encoder of a model without weights."""
    return import_module(f"rangegeo.encoders.{row.family}").build(row.variant).eval()


def read_checkpoint(path: Path, family: str | None = "satclip") -> Stored:
    """Read and check the location encoder of a checkpoint. Image towers and classes are not used.

    Args:
        path: the file.
        family: a key of `rangegeo.encoders.FAMILIES`; None to find out from the file.
    Returns:
        the tensors with the names and dtypes of the network; the facts are family, settings, file and sha256.
    Raises:
        WeightsError: the file cannot be used; the message names what is missing or wrong.
    """
    if path.suffix == ".npz":
        raise WeightsError(
            f"{path} is an .npz, as RANGE databases are; give it as {argument('db')}, and {argument('weights')} a "
            "checkpoint"
        )
    content: object
    metadata: dict[str, str] = {}
    if path.suffix == ".safetensors":
        raw = read_safetensors(path)
        content, metadata = raw.tensors, raw.facts
    else:
        content = _unpickle(path, family)
    family = _checked_family(path, content, family)
    parts = contents(path, family, content, metadata)
    network = _skeleton(import_module(f"rangegeo.encoders.{family}").network, parts.settings)
    tensors = _checked_tensors(path, parts, network.state_dict())
    return Stored(
        tensors, {"family": family, "settings": parts.settings, "file": path.name, "sha256": file_sha256(path)}
    )


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of any network by their names, as `torch.save` or safetensors stores them.

    Raises:
        WeightsError: the file holds something else, or cannot be read.
    """
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; expected a file with the weights of a network")
    content = read_safetensors(path).tensors if path.suffix == ".safetensors" else _unpickle(path, None)
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise WeightsError(f"{path} does not hold tensors by their names; expected the weights of a network")
    return {str(name): tensor for name, tensor in content.items()}


def _skeleton(network: Callable[[Settings], nn.Module], settings: Settings) -> Any:
    """A network without values. It takes no memory and no random numbers; weights replace its tensors later."""
    with torch.device("meta"):
        return network(settings)


def _checked_family(path: Path, content: object, wanted: str | None) -> str:
    """The family of what a file holds. Raises WeightsError if it is not known, or is not the wanted one."""
    found = family_of(content)
    if wanted is None:
        if found is None:
            kinds = ", ".join(title for title, _ in FAMILIES.values())
            raise WeightsError(f"{path} is not a known checkpoint; expected one of {kinds}")
        return found
    if found not in (None, wanted):
        raise WeightsError(f"{path} is a {FAMILIES[found][0]} checkpoint; {expected(wanted)}")
    return wanted


def _unpickle(path: Path, family: str | None) -> object:
    """What a pickle holds. It may hold tensors and plain containers only."""
    wanted = expected(family or "satclip")
    try:
        with warnings.catch_warnings():  # torch warns about what it then refuses
            warnings.simplefilter("ignore")
            check_archive(path)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} was refused: it holds pickled code or objects, or is no PyTorch file, and nothing in it was "
            f"executed; {wanted}"
        ) from error
    except WeightsError:
        raise
    except UNREADABLE as error:
        raise WeightsError(
            f"{path} is damaged or not a PyTorch checkpoint ({first_line(error)}); download it again"
        ) from error


def _checked_tensors(path: Path, parts: Contents, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors in the network's dtypes. Raises WeightsError unless they are exactly its tensors, and finite."""
    for name in sorted(wanted.keys() - parts.tensors.keys()):
        raise WeightsError(f"{path} lacks the tensor {parts.prefix}{name}, which {parts.because} calls for")
    for name in sorted(parts.tensors.keys() - wanted.keys()):
        raise WeightsError(f"{path} has the tensor {parts.prefix}{name}, which {parts.because} does not call for")
    for name, skeleton in wanted.items():
        check_tensor(path, parts.prefix + name, parts.tensors[name], tuple(skeleton.shape))
    return {name: parts.tensors[name].to(skeleton.dtype) for name, skeleton in wanted.items()}


def check_tensor(path: Path, name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Raise WeightsError unless a tensor has floating-point numbers, all finite, and this shape."""
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        raise WeightsError(f"{path}: {name} must hold floating-point numbers, got {kind}")
    if tuple(tensor.shape) != shape:
        raise WeightsError(f"{path}: {name} must have shape {shape}, got {tuple(tensor.shape)}")
    if not torch.isfinite(tensor).all():
        raise WeightsError(f"{path}: {name} has NaN or infinite values")
