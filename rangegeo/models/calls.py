"""What comes before every call of a model as a torch module: a check of the places, and a break for torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

from rangegeo.errors import ShapeError, UsageError
from rangegeo.places.frames import ORDER

Module = TypeVar("Module", bound=nn.Module)
Given = ParamSpec("Given")
Result = TypeVar("Result")


def uncompiled(
    call: Callable[Concatenate[Module, Given], Result],
) -> Callable[Concatenate[Module, Given], Result]:
    """A method that torch.compile leaves as it is; what calls it is compiled around it.

    The harmonics are a thousand steps long, so torch.compile would take minutes to hours, and nothing would be faster.
    The decorator of torch is not used, because it loads the compiler, which takes seconds.
    """

    @wraps(call)
    def method(self: Module, *given: Given.args, **named: Given.kwargs) -> Result:
        if torch.compiler.is_compiling():
            return torch.compiler.disable(call)(self, *given, **named)
        return call(self, *given, **named)

    return method


def check_coords(coords: Tensor) -> Tensor:
    """The same places, which are those of a call; refuses what is no place.

    Values are checked on the CPU alone. On a GPU the check would wait for all work that is still to be done there.

    Args:
        coords: (n, 2) longitude, latitude in degrees, of any dtype. NaN stands for a place that is not known.
    Raises:
        ShapeError: the tensor has another shape, or it holds no real numbers.
        UsageError: a longitude is not in [-360, 360] or a latitude not in [-90, 90].
    """
    if coords.ndim != 2 or coords.shape[1] != 2 or coords.is_complex():
        kind = "complex numbers of shape " if coords.is_complex() else ""
        hint = f"; one place is torch.tensor([[5.7, 45.2]]), {ORDER}" if coords.shape == (2,) else ""
        raise ShapeError(
            f"places must have shape (n, 2), longitude and latitude, got {kind}{tuple(coords.shape)}{hint}"
        )
    if coords.device.type == "cpu":
        found = coords.detach().double()
        wrong = (found.abs() > found.new_tensor([360.0, 90.0])).any(dim=1)  # False for NaN
        if wrong.any():
            row = int(wrong.int().argmax())
            lon, lat = found[row].tolist()
            raise UsageError(
                f"longitude must be in [-360, 360] and latitude in [-90, 90], got {lon:g}, {lat:g} in row {row}; "
                f"{ORDER}"
            )
    return coords


def as_coords(coords: Any) -> Tensor:
    """Places that a call was given, a tensor, an array or a list, as a tensor; raises as `check_coords`."""
    try:
        return check_coords(torch.as_tensor(coords))
    except (TypeError, RuntimeError, ValueError) as error:
        if isinstance(error, ShapeError | UsageError):
            raise
        raise ShapeError(
            f"places must be a tensor of shape (n, 2), longitude and latitude, got {type(coords).__name__}; "
            "model.encode takes tables and lists too"
        ) from None
