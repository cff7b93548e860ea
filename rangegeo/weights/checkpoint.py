"""Published checkpoints to checked location encoders. The one place that reads pickles, and it never executes them."""

from __future__ import annotations

import pickle
import struct
import warnings
from functools import partial
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn

from rangegeo.encoders import FAMILIES, ModelInfo
from rangegeo.errors import WeightsError, first_line
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.converted import Stored, read_safetensors, stored_form
from rangegeo.weights.families import Contents, contents, expected, family_of

# what torch raises for bytes that are none of its files
UNREADABLE = (RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, AssertionError, OSError)
UNREADABLE += (struct.error,)


def load_encoder(path: Path, family: str | None = "satclip") -> tuple[nn.Module, Stored]:
    """The location encoder of a checkpoint, or of the embedded form (`.safetensors`).

    Args:
        path: of the file.
        family: one of `rangegeo.encoders.FAMILIES`; None for whichever the file is of.
    Raises:
        WeightsError: what is missing or wrong in the file, by name.
    """
    convert = partial(read_checkpoint, family=family)
    stored = stored_form(path, family, convert) if family else convert(path)
    return build_encoder(stored, family or stored.facts["family"]), stored


def build_encoder(stored: Stored, family: str = "satclip") -> nn.Module:
    """The module of checked tensors."""
    module, settings = import_module(f"rangegeo.encoders.{family}"), stored.facts["settings"]
    network = _skeleton(module.network, settings)
    network.load_state_dict(stored.tensors, assign=True)
    return module.build(settings, network).eval().requires_grad_(False)


def build_free(row: ModelInfo) -> nn.Module:
    """The encoder of a model that has no weights."""
    return import_module(f"rangegeo.encoders.{row.family}").build({"variant": row.variant}).eval()


def read_checkpoint(path: Path, family: str | None = "satclip") -> Stored:
    """Read and check a checkpoint; image towers and classes are left out.

    Returns:
        Tensors by the names of the network, in its dtypes, the family and the settings they belong to.
    """
    if path.suffix == ".npz":
        raise WeightsError(f"{path} is an .npz, as RANGE databases are; give it as --db, and --weights a checkpoint")
    if path.suffix == ".safetensors":
        raw = read_safetensors(path)
        content, metadata = raw.tensors, raw.facts
    else:
        content, metadata = _unpickle(path, family), {}
    found = family_of(content)
    if family is None and found is None:
        kinds = ", ".join(title for title, _ in FAMILIES.values())
        raise WeightsError(f"{path} is no checkpoint that is known; expected one of {kinds}")
    if family is not None and found not in (None, family):
        raise _other_family(path, family, found)
    found = family or found
    parts = contents(path, found, content, metadata)
    network = _skeleton(import_module(f"rangegeo.encoders.{found}").network, parts.settings)
    tensors = _checked(path, parts, network.state_dict())
    return Stored(
        tensors, {"family": found, "settings": parts.settings, "file": path.name, "sha256": file_sha256(path)}
    )


def _skeleton(network: object, settings: dict) -> nn.Module:
    """A network without values: nothing to allocate or draw, the weights come next."""
    with torch.device("meta"):
        return network(settings)


def _other_family(path: Path, wanted: str, found: str) -> WeightsError:
    return WeightsError(f"{path} is a {FAMILIES[found][0]} checkpoint; {expected(wanted)}")


def _unpickle(path: Path, family: str | None) -> object:
    """Tensors and plain containers only."""
    wanted = expected(family or "satclip")
    try:
        with warnings.catch_warnings():  # of what it then refuses
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} was refused: it holds pickled code or objects, or is no PyTorch file, and nothing in it was "
            f"executed; {wanted}"
        ) from error
    except UNREADABLE as error:
        raise WeightsError(
            f"{path} is damaged or not a PyTorch checkpoint ({first_line(error)}); download it again"
        ) from error


def _checked(path: Path, parts: Contents, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """Exactly the tensors of the network, finite, in its dtypes."""
    for name in sorted(wanted.keys() - parts.tensors.keys()):
        raise WeightsError(f"{path} lacks the tensor {parts.prefix}{name}, which {parts.because} calls for")
    for name in sorted(parts.tensors.keys() - wanted.keys()):
        raise WeightsError(f"{path} has the tensor {parts.prefix}{name}, which {parts.because} does not call for")
    for name, skeleton in wanted.items():
        check_tensor(path, parts.prefix + name, parts.tensors[name], tuple(skeleton.shape))
    return {name: parts.tensors[name].to(skeleton.dtype) for name, skeleton in wanted.items()}


def check_tensor(path: Path, name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Raise WeightsError unless it is a finite floating-point tensor of this shape."""
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        raise WeightsError(f"{path}: {name} must hold floating-point numbers, got {kind}")
    if tuple(tensor.shape) != shape:
        raise WeightsError(f"{path}: {name} must have shape {shape}, got {tuple(tensor.shape)}")
    if not torch.isfinite(tensor).all():
        raise WeightsError(f"{path}: {name} has NaN or infinite values")
