"""A stand-in for a GPU: a torch device that this machine does not have, so that forgotten devices fail without one.

Its tensors hold their data on the CPU and claim to be on the device `ELSEWHERE`. Whatever a GPU refuses, or does only
with a silent copy, raises `DevicesMeet`:

- an operation on tensors of two devices, an index or an assigned value of another device too. As on a GPU, a single
  number on the CPU (a tensor without dimensions) may meet others in operations that work number by number;
- a view of a tensor's memory as a NumPy array, without `.cpu()`.

Only `.to`, `.cpu`, `copy_` and the like bring data from one device to the other. The kernels are those of the CPU, so
results are equal to those of the CPU, bit for bit.

The device is a numbered "meta" device: every build of torch knows it, and `torch.device("meta")` itself, which has no
number, stays what it is. Torch keeps the modes that `elsewhere` switches on for the current thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from rangegeo.models import device

ELSEWHERE = torch.device("meta", 7)
aten = torch.ops.aten

COPIES = {aten._to_copy.default, aten.copy_.default}  # they bring data from one device to another
NUMBER_WELCOME = {aten.fill_.Tensor, aten.masked_fill.Tensor, aten.masked_fill_.Tensor, aten.index_put_.default}
FROM_LISTS = {torch.tensor, torch.as_tensor, torch.asarray}
INDEXED = {Tensor.__setitem__, Tensor.__getitem__}
TO_NUMPY = {Tensor.numpy, Tensor.__array__}


class DevicesMeet(AssertionError):
    """Code under test does what would fail, or copy silently, on a GPU."""


class ElsewhereTensor(Tensor):
    """A tensor that holds its data on the CPU and claims to be elsewhere."""

    data_here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> ElsewhereTensor:
        layout = {"strides": here.stride(), "storage_offset": here.storage_offset(), "dtype": here.dtype}
        with torch.inference_mode(here.is_inference()):  # a view of a tensor that is older than the mode is none of it
            made = Tensor._make_wrapper_subclass(cls, here.shape, device=ELSEWHERE, **layout)
        made.data_here = here
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _run(operation, args, kwargs or {})

    def __repr__(self) -> str:
        return f"ElsewhereTensor({self.data_here})"


class _Operations(TorchDispatchMode):
    """Sees operations that get no tensor from elsewhere too: those that make one."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _run(operation, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """Sees what never reaches an operation of its own: tensors from lists, indices, and NumPy arrays."""

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if function in INDEXED:
            _check_indexing(function, args)
            if _is_elsewhere(args[0]):
                args = (args[0], _lists_to_elsewhere(args[1]), *args[2:])
        if args and _is_elsewhere(args[0]):
            if function in TO_NUMPY:
                raise DevicesMeet("a NumPy array from a tensor elsewhere, without .cpu()")
            if function is Tensor.tolist:
                return args[0].data_here.tolist()
            if function is Tensor.new_tensor:
                return args[0].data_here.new_tensor(*args[1:], **kwargs).to(kwargs.get("device", ELSEWHERE))
        if function in FROM_LISTS and _to_elsewhere(kwargs.get("device")) and not isinstance(args[0], Tensor):
            return function(*args, **kwargs | {"device": "cpu"}).to(ELSEWHERE)
        return function(*args, **kwargs)


def _run(operation: Any, args: tuple, kwargs: dict) -> Any:
    """Run an operation on the data, and say where the result is."""
    leaves = tree_leaves((args, kwargs))
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    devices = [leaf for leaf in leaves if isinstance(leaf, torch.device)]
    if ELSEWHERE not in devices and not any(map(_is_elsewhere, tensors)):
        return operation(*args, **kwargs)
    with _Operations():
        made_of_others = operation.decompose(*args, **kwargs)  # torch leaves this to us in inference mode
    if made_of_others is not NotImplemented:
        return made_of_others
    if operation not in COPIES:
        _check(operation, tensors, written=_written(operation, args, kwargs))
    result = operation(*tree_map(_here, args), **tree_map(_here, kwargs))
    if operation._schema.is_mutable:
        changed = _written(operation, args, kwargs)
        assert all(tensor.shape == _here(tensor).shape for tensor in changed), f"{operation} changed a shape"
        return changed[0] if len(changed) == 1 else tuple(changed)
    if devices and ELSEWHERE not in devices:
        return result
    return tree_map(lambda leaf: ElsewhereTensor(leaf) if isinstance(leaf, Tensor) else leaf, result)


def _check_indexing(function: Callable, args: tuple) -> None:
    """Raise DevicesMeet if a tensor is indexed by one of another device, or gets its values; numbers are welcome."""
    tensors = [leaf for leaf in tree_leaves(args) if isinstance(leaf, Tensor)]
    strangers = [tensor for tensor in tensors if _is_stranger(tensor)]
    if len(strangers) < len(tensors) and any(tensor.ndim for tensor in strangers):
        raise DevicesMeet(f"{function.__name__} with a tensor elsewhere and {_described(strangers)}")


def _lists_to_elsewhere(index: object) -> object:
    """An index whose lists of numbers are tensors elsewhere; torch would make them on the plain meta device."""
    if isinstance(index, tuple):
        return tuple(map(_lists_to_elsewhere, index))
    return torch.tensor(index, device="cpu").to(ELSEWHERE) if isinstance(index, list) else index


def _check(operation: Any, tensors: list[Tensor], written: list[Tensor]) -> None:
    """Raise DevicesMeet unless all tensors are elsewhere, but for single numbers where a GPU takes them."""
    strangers = [tensor for tensor in tensors if _is_stranger(tensor)]
    welcome = torch.Tag.pointwise in operation.tags or operation in NUMBER_WELCOME
    if any(tensor.ndim for tensor in strangers) or (strangers and not welcome):
        raise DevicesMeet(f"{operation} of a tensor elsewhere and {_described(strangers)}")
    if any(map(_is_stranger, written)):
        raise DevicesMeet(f"{operation} of a tensor elsewhere into {_described(written)}")


def _written(operation: Any, args: tuple, kwargs: dict) -> list[Tensor]:
    """The arguments that an operation changes."""
    given = {schema.name: arg for schema, arg in zip(operation._schema.arguments, args, strict=False)} | kwargs
    aliases = {schema.name: schema.alias_info for schema in operation._schema.arguments}
    return [given[name] for name, alias in aliases.items() if name in given and alias and alias.is_write]


def _is_elsewhere(value: object) -> bool:
    return isinstance(value, ElsewhereTensor)


def _is_stranger(value: object) -> bool:
    return isinstance(value, Tensor) and not _is_elsewhere(value)


def _to_elsewhere(device: object) -> bool:
    return isinstance(device, str | torch.device) and torch.device(device) == ELSEWHERE


def _here(value: Any) -> Any:
    """What stands for a tensor or a device on the CPU."""
    if isinstance(value, torch.device):
        return torch.device("cpu") if value == ELSEWHERE else value
    return value.data_here if _is_elsewhere(value) else value


def _described(tensors: list[Tensor]) -> str:
    return ", ".join(f"one on {tensor.device} of shape {tuple(tensor.shape)}" for tensor in tensors)


@contextmanager
def elsewhere() -> Iterator[torch.device]:
    """A context in which the device exists for the current thread. Models can be loaded for it by its name."""
    known = device.resolve_device
    device.resolve_device = lambda name: name if name == str(ELSEWHERE) else known(name)
    try:
        with _Functions(), _Operations():
            yield ELSEWHERE
    finally:
        device.resolve_device = known
