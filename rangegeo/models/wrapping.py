"""Encoders of a user's own as models: any function or torch module of longitude and latitude."""

from __future__ import annotations

import copy
import hashlib
import inspect
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import nn

from rangegeo.encoders import MODELS, installed_info
from rangegeo.encoders.installed import entry_of
from rangegeo.encoders.wrapped import WrappedEncoder
from rangegeo.errors import ShapeError, UsageError, WeightsError, argument, first_line
from rangegeo.field.places import Places
from rangegeo.field.range import EncoderField
from rangegeo.models.device import resolve_device
from rangegeo.models.model import Model
from rangegeo.models.neural import NeuralModel
from rangegeo.models.spec import ENTRY, ModelSpec, Wrapped
from rangegeo.schema.betas import DEFAULT_BETA

HASHED = "sha256:"  # how the version of a module begins whose weights tell it
UNVERSIONED = "unversioned "
ORDERS = ("lon,lat", "lat,lon")
SAME = 1e-5  # of the largest value: how much values may differ between two calls
# Places that a source is tried at: ordinary ones, the poles and the antimeridian.
PROBES = np.array(
    [[5.7, 45.2], [-60.1, -3.2], [0.0, 0.0], [139.7, 35.7], [180.0, 10.0], [-180.0, 10.0], [20.0, 90.0], [0.0, -90.0]]
)
_ENCODERS: dict[Wrapped, WrappedEncoder] = {}  # what this process has wrapped


def wrap(
    source: Callable[..., Any] | str,
    *,
    dim: int | None = None,
    smooth_deg: float = 0.0,
    name: str | None = None,
    version: str | None = None,
    order: str = "lon,lat",
    tensors: bool | None = None,
    citation: str = "",
    device: str = "auto",
) -> Model:
    """A model of your own encoder, for `rangegeo.raster`, `encode` and all else that takes a model.

    The source is tried at a few places now. It must give finite numbers everywhere, the same ones for the same place.

    Args:
        source: a function or a torch module, or its place as text, "package.module:name". It takes (n, 2) longitude,
            latitude in degrees (WGS 84), or two arguments, each (n,), and returns (n, dim). Modules are copied and put
            into evaluation mode.
        dim: the number of bands; by default what the source gives.
        smooth_deg: degrees over which a few Chebyshev points follow the values: patches of this side, at most 5.12, are
            interpolated, compared with exact values at 32 places, and cut in four where that is not enough. 0, the
            default, evaluates every pixel. Leave it at 0 for ReLU and other kinks. `math.inf` if features are wider
            than about 4 degrees.
        name: of the model, in attributes of files; by default that of the function or the class.
        version: of the code and the weights, as you count them. Cubes are compared, joined and continued if they have
            the same one. By default the SHA-256 of a module's weights; a function without one is another model each
            time that it is wrapped.
        order: "lon,lat", or "lat,lon" if the source takes the latitude first.
        tensors: whether the source takes tensors of torch, float64 or of the dtype of its weights; else it takes
            float64 arrays of NumPy. By default modules do and functions do not.
        citation: what to cite, such as "arXiv:2309.16020".
        device: "auto", "cpu", "cuda" or "cuda:1"; functions of NumPy take none.
    Raises:
        UsageError: the source cannot be used, or an argument is wrong. ShapeError: it gives another shape.
    """
    place, own = _located(source)
    is_module = isinstance(own, nn.Module)
    name = _checked_name(name, own)
    _check_options(order, smooth_deg, citation)
    if isinstance(own, nn.Module):
        own = copy.deepcopy(own).eval().requires_grad_(False)
    by_tensors = is_module if tensors is None else bool(tensors)
    encoder = WrappedEncoder(
        own,
        name=name,
        dim=0,
        smooth_deg=float(smooth_deg),
        arguments=_arguments(own, name),
        latitude_first=order == "lat,lon",
        tensors=by_tensors,
    )
    encoder.dim = _probed(encoder, dim)
    wrapped = Wrapped(
        name=name,
        source=place,
        version=str(version) if version else _version(own),
        dim=encoder.dim,
        smooth_deg=encoder.smooth_deg,
        order=order,
        tensors=by_tensors,
        citation=citation,
    )
    _check_same(wrapped, encoder)
    return _model(wrapped, encoder, resolve_device(device), DEFAULT_BETA)


def installed_model(name: str, device: str, beta: float) -> Model:
    """The model that another package installs under this name.

    Raises:
        UsageError: there is none, it cannot be imported, or it is no model from `wrap`.
    """
    entry = entry_of(name)
    if entry is None:
        raise UsageError(f"no package installs a model {name!r} any more")
    try:
        found = entry.load()
        found = found if isinstance(found, Model) or not callable(found) else found()
    except Exception as error:
        raise UsageError(f"the model {name!r}, {entry.value}, cannot be made: {first_line(error)}") from error
    wrapped = found.spec.wrapped if isinstance(found, Model) else None
    if wrapped is None:
        raise UsageError(
            f"the model {name!r}, {entry.value}, must be what rangegeo.wrap returns, or a function without arguments "
            f"that returns it, got {type(found).__name__}"
        )
    if wrapped.version.startswith(UNVERSIONED) and entry.dist is not None:
        wrapped = replace(wrapped, version=f"{entry.dist.name} {entry.dist.version}")
    return _model(replace(wrapped, name=name, source=f"{ENTRY}{name}"), found.field.encoder, device, beta)


def rebuilt(spec: ModelSpec, beta: float) -> Model:
    """The model of the spec of a wrapped encoder, in this process or in another.

    Raises:
        UsageError: the encoder is not here and cannot be imported. WeightsError: another one is here.
    """
    wrapped = spec.wrapped
    assert wrapped is not None
    encoder = _ENCODERS.get(wrapped)
    if encoder is None:
        wrapped.check_travels()
        assert wrapped.source is not None
        if wrapped.is_installed:
            found = installed_model(wrapped.source.removeprefix(ENTRY), spec.device, beta).spec.wrapped
        else:
            options = {"smooth_deg": wrapped.smooth_deg, "order": wrapped.order, "tensors": wrapped.tensors}
            named = {"name": spec.name, "citation": wrapped.citation, "version": _given(wrapped.version)}
            found = wrap(wrapped.source, dim=wrapped.dim, device=spec.device, **options, **named).spec.wrapped  # type: ignore[arg-type]
        assert found is not None
        if found.version != wrapped.version:
            raise WeightsError(
                f"{wrapped.source} is version {found.version} here, and the cube was planned with "
                f"{wrapped.version}; make the cube again"
            )
        encoder = _ENCODERS[found]
    return _model(wrapped, encoder, spec.device, beta)


def _model(wrapped: Wrapped, encoder: WrappedEncoder, device: str, beta: float) -> Model:
    """A model with an encoder of its own, which is kept for the tasks of this process."""
    _ENCODERS.setdefault(wrapped, encoder)
    own = copy.copy(encoder)
    own.name = wrapped.name
    if isinstance(encoder.source, nn.Module):
        own.source = copy.deepcopy(encoder.source)
    spec = ModelSpec(
        name=wrapped.name, weights=None, db=None, device=device, weights_sha256=None, db_sha256=None, wrapped=wrapped
    )
    return NeuralModel(spec, EncoderField(own), {}, beta, row=installed_info(wrapped.dim, wrapped.citation))


def _located(source: Any) -> tuple[str | None, Callable[..., Any]]:
    """Where other processes find a source, None if they cannot; and the source itself."""
    if isinstance(source, str):
        module, _, path = source.partition(":")
        try:
            found = import_module(module)
            for part in path.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError, ValueError) as error:
            raise UsageError(
                argument="source", expected='"package.module:name"', got=f"{source!r}: {first_line(error)}"
            ) from error
        if not callable(found):
            raise UsageError(f"{source} must be a function or a torch module, got {type(found).__name__}")
        return source, found
    if not callable(source) or isinstance(source, type):
        got = f"the class {source.__name__}" if isinstance(source, type) else type(source).__name__
        raise UsageError(argument="source", expected="a function or a torch module", got=got)
    home, own = getattr(source, "__module__", None), getattr(source, "__qualname__", None)
    if home in (None, "__main__") or not isinstance(own, str) or "<" in own:
        return None, source
    try:
        return (f"{home}:{own}", source) if _located(f"{home}:{own}")[1] is source else (None, source)
    except UsageError:
        return None, source


def _checked_name(name: str | None, source: Any) -> str:
    """The name of a model."""
    chosen = name or getattr(source, "__name__", None) or type(source).__name__
    if not isinstance(chosen, str) or not re.fullmatch(r"\w[\w .+-]*", chosen):
        raise UsageError(
            argument="name", expected="letters, digits, . + - _ or spaces", got=repr(chosen), example="mine"
        )
    if chosen in MODELS:
        raise UsageError(f"{chosen} is a model of rangegeo; give another {argument('name')}")
    return chosen


def _check_options(order: object, smooth_deg: object, citation: str) -> None:
    """Refuse what `wrap` does not take."""
    if order not in ORDERS:
        raise UsageError(argument="order", expected=" or ".join(ORDERS), got=repr(order))
    if isinstance(smooth_deg, bool) or not isinstance(smooth_deg, Real) or not float(smooth_deg) >= 0:
        raise UsageError(
            argument="smooth_deg", expected="a number of degrees from 0 on", got=repr(smooth_deg), example=2
        )
    if citation and not re.fullmatch(r"arXiv:[\w./-]+", citation):
        raise UsageError(
            argument="citation", expected="a number of arXiv", got=repr(citation), example="arXiv:2309.16020"
        )


def _arguments(source: Any, name: str) -> int:
    """1 if a source takes both coordinates as one argument, 2 if it takes them apart."""
    try:
        parameters = inspect.signature(source.forward if isinstance(source, nn.Module) else source).parameters.values()
    except (TypeError, ValueError):
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [part for part in parameters if part.kind in kinds and part.default is inspect.Parameter.empty]
    if len(required) not in (1, 2):
        raise UsageError(
            f"{name} must take (n, 2) places or longitude and latitude, and takes {len(required)} arguments"
        )
    return len(required)


def _probed(encoder: WrappedEncoder, dim: int | None) -> int:
    """The number of bands that a source gives, after it was tried."""
    name = encoder.name
    places = Places.scattered(torch.from_numpy(PROBES))
    with torch.inference_mode():
        if dim is None:
            encoder.dim = _width(encoder, places)
        elif isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
            raise UsageError(argument="dim", expected="a number of bands from 1 on", got=repr(dim), example=64)
        else:
            encoder.dim = dim
        first, again = _called(encoder, places), _called(encoder, places)
        alone = torch.cat([_called(encoder, Places.scattered(place[None])) for place in places.lonlat_deg])
    allowed = SAME * max(float(first.abs().max()), 1e-30)
    if float((first - again).abs().max()) > allowed:
        raise UsageError(f"{name} must give the same numbers for the same place, and gave others the second time")
    if float((first - alone).abs().max()) > allowed:
        raise UsageError(f"{name} must give the same numbers for a place alone and among others, and gave others")
    return encoder.dim


def _check_same(wrapped: Wrapped, encoder: WrappedEncoder) -> None:
    """Refuse another encoder of a name and a version that this process knows.

    Raises:
        UsageError: they give other values.
    """
    known = _ENCODERS.get(wrapped)
    places = Places.scattered(torch.from_numpy(PROBES))
    if known is not None:
        with torch.inference_mode():
            same = torch.equal(_called(known, places), _called(encoder, places))
        if not same:
            raise UsageError(
                f"{wrapped.name} gave other values before, and its version is still {wrapped.version}; give another "
                f"{argument('version', '2')}"
            )


def _width(encoder: WrappedEncoder, places: Places) -> int:
    """The number of bands that a source gives."""
    for encoder.dim in (1, -1):
        try:
            return _called(encoder, places).shape[1]
        except ShapeError as error:
            shape = re.findall(r"got \((\d+), (\d+)\)$", str(error))
            if shape and int(shape[0][0]) == len(places):
                return int(shape[0][1])
            if encoder.dim == -1:
                raise ShapeError(str(error).replace(", -1)", ", dim)")) from None
    raise AssertionError


def _called(encoder: WrappedEncoder, places: Places) -> torch.Tensor:
    """The values of a source at places; what it raises is told in one line."""
    try:
        return encoder(places)
    except (ShapeError, UsageError):
        raise
    except Exception as error:
        shape = "two arrays of shape (n,)" if encoder.arguments == 2 else "one of shape (n, 2)"
        kind = "a tensor" if encoder.tensors else "an array of NumPy"
        raise UsageError(
            f"{encoder.name} cannot be called with {kind}, {shape}: {type(error).__name__}: {first_line(error)}; "
            f"{argument('tensors', not encoder.tensors)} gives it the other kind"
        ) from error


def _version(source: Any) -> str:
    """The hash of a module's weights; of what has none, a name that nothing else has."""
    state = source.state_dict() if isinstance(source, nn.Module) else {}
    if not state:
        return f"{UNVERSIONED}{uuid.uuid4().hex}"
    digest = hashlib.sha256(type(source).__qualname__.encode())
    for key, part in state.items():
        if isinstance(part, torch.Tensor):
            digest.update(f"{key} {part.dtype} {tuple(part.shape)}".encode())
            digest.update(part.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if part.numel() else b"")
    return HASHED + digest.hexdigest()


def _given(version: str) -> str | None:
    """The version that was given, for a source that is imported again; a module's weights tell theirs."""
    return None if version.startswith(HASHED) else version
