"""What the engine evaluates: anything that gives components at places.

The engine knows this protocol and nothing about models, files or devices. So it can interpolate a torch field,
precomputed values or a module of the user's own. `FieldEvaluator` evaluates a torch field.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from rangegeo.engine.card import FittingBlock, device_of, holding, on_cpu
from rangegeo.field.components import Components, joined
from rangegeo.field.places import Places
from rangegeo.field.precision import full_precision
from rangegeo.field.recipe import Recipe
from rangegeo.grid import PixelPlaces
from rangegeo.schema.bands import DIAGNOSTICS

BLOCK_PLACES = 4096  # places evaluated at a time; bounds the float64 intermediates of the encoder
# Places on each side of a probe of the time: 64 are slower by six times, each, than the 1681 of a patch.
FEW_PROBED, MANY_PROBED = 8, 41
SLOW_PROBE = 0.5  # seconds that few may take at most, if many are to be probed
QUICK_PROBE = 0.2  # seconds that many may take at most, if they are to be probed again
# Places evaluated at a time on a GPU: so many keep it busy, and need about 2 GB. If the memory is too small, fewer.
CARD_PLACES, FEWEST_CARD_PLACES = 16_384, 16

Result = TypeVar("Result")


@runtime_checkable
class Evaluator(Protocol):
    """Gives components at places.

    Attributes:
        visual: number of visual bands, those of S and of G.
        location: number of location bands, those of q or of the encoder's output.
        smooth_deg: degrees over which a few Chebyshev points follow the values; 0 where they have kinks, infinite if
            they are smooth. A field of degree 40 counts as smooth, because patches are small enough for it.
        shares: whether the points of a patch share their sums, so that all of them cost little more than a few.
    """

    @property
    def visual(self) -> int: ...

    @property
    def location(self) -> int: ...

    @property
    def smooth_deg(self) -> float: ...

    @property
    def shares(self) -> bool: ...

    def evaluating(self) -> AbstractContextManager[None]:
        """A context in which only the current thread evaluates, in full precision. The thread may enter it again."""
        ...

    def components(self, places: Places, wanted: Collection[str]) -> Components:
        """Evaluate n places.

        Args:
            wanted: "semantic" (S), "geographic" (G), "location" (q) and names of diagnostics.
        Returns:
            At least the components that are wanted, each (n, width), on any device.
        """
        ...


class FixedDtypeModule(nn.Module):
    """A module whose tensors `.to` and `.cuda` move, but whose dtypes `.half()`, `.float()` and the like do not change.

    A harmonic of degree 39 needs float64.
    """

    def _apply(self, fn: Callable, recurse: bool = True) -> Self:
        """Apply what torch applies to every tensor, without a change of its dtype."""

        def moved(tensor: Tensor) -> Tensor:
            changed = fn(tensor)
            return changed if changed.dtype == tensor.dtype else tensor.to(changed.device)

        return super()._apply(moved, recurse)


class FieldEvaluator(FixedDtypeModule):
    """Evaluates a torch field, one thread at a time, because an evaluation uses every core, or the GPU.

    Attributes:
        field: the torch module; it has `visual`, `dim`, `encoder` and `components`, as `RangeField` does.
        device: the torch device that the module is on.
        visual, location: numbers of bands, see `Evaluator`.
    """

    field: Any  # one of the fields of rangegeo.field.range, or a module shaped like them

    def __init__(self, field: nn.Module, device: str) -> None:
        super().__init__()
        with holding(device, _nbytes(field)):
            self.field = field.to(device)
        self.device = device
        self.visual = int(self.field.visual)
        self.location = int(self.field.dim) - self.visual
        self._block = _block_of(device)
        self._lock = threading.RLock()
        _EVALUATORS.add(self)
        self.eval().requires_grad_(False)

    @property
    def smooth_deg(self) -> float:
        """Degrees over which a few Chebyshev points follow the field; see `Evaluator`."""
        return float(self.field.smooth_deg)

    @property
    def shares(self) -> bool:
        """Whether the points of a patch share their sums; see `Evaluator`."""
        return bool(getattr(self.field, "shares", False))

    def _apply(self, fn: Callable, recurse: bool = True) -> Self:
        """Move the tensors, and note the device that they are on then; of a field without any, where one would be."""
        there = str(fn(torch.empty(0, device=self.device)).device)
        with holding(there, _nbytes(self)):
            super()._apply(fn, recurse)
        tensors = itertools.chain(self.parameters(), self.buffers())
        first = next(tensors, None)
        self.device = there if first is None else str(first.device)
        self._block = _block_of(self.device)
        return self

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """A context in which no other thread evaluates, and in which float32 products keep float32 precision."""
        with self._lock, full_precision():
            yield

    def components(self, places: Places, wanted: Collection[str]) -> Components:
        """The components that are wanted at n places, on the field's device; the others are not computed."""
        diagnostics = [name for name in DIAGNOSTICS if name in wanted]
        options: dict[str, Any] = {"semantic": "semantic" in wanted, "geographic": "geographic" in wanted}
        if diagnostics:
            options["diagnostics"] = diagnostics
        with torch.inference_mode():
            parts = self.in_blocks(places, partial(self.field.components, **options), max(1, len(places)))
        return joined(parts)

    def values(self, coords: Tensor, **options: object) -> Tensor:
        """Call the field at (n, 2) longitude, latitude in degrees, which are not checked: (n, dim)."""
        dim = self.visual + self.location
        return torch.cat(
            self.in_blocks(
                Places.scattered(coords), lambda part: self.field(part, **options).reshape(len(part), dim), BLOCK_PLACES
            )
        )

    def in_blocks(self, places: Places, evaluate: Callable[[Places], Result], size: int) -> list[Result]:
        """Evaluate n places block by block.

        Args:
            evaluate: is called with some of the places, which are on the field's device.
            size: places of a block; on a GPU blocks are as large as its memory allows instead.
        Returns:
            the results in the order of the places; at least one.
        Raises:
            DeviceError: the memory of the GPU is too small for a few places.
        """
        places = places.to(self.device)

        def work(size: int) -> list[Result]:
            return [evaluate(part) for _, part in places.split(size) or [(slice(0), places)]]

        with self.evaluating():
            return work(size) if self._block is None else self._block.run(work, len(places))


def _nbytes(module: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in itertools.chain(module.parameters(), module.buffers()))


def _block_of(device: str) -> FittingBlock | None:
    """How many places a GPU has room for; None for the CPU, which has what it needs."""
    return None if torch.device(device).type == "cpu" else FittingBlock(device, CARD_PLACES, FEWEST_CARD_PLACES)


_EVALUATORS: weakref.WeakSet[FieldEvaluator] = weakref.WeakSet()


def _after_fork() -> None:
    """Let a forked child evaluate.

    The child has no threads of the parent, but torch would wait for them. So it uses one thread. It also gets new
    locks, because a thread of the parent may have held the old ones.
    """
    torch.set_num_threads(1)
    for evaluator in _EVALUATORS:
        evaluator._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def evaluate_places(
    evaluator: Evaluator, lonlat_deg: np.ndarray, recipe: Recipe, batch_size: int = 10_000
) -> np.ndarray:
    """Evaluate every one of (n, 2) places, which must be in range: (layers, n, bands) float32."""
    places = Places.scattered(torch.from_numpy(lonlat_deg))
    out = np.empty((recipe.layers, len(places), recipe.bands), dtype=np.float32)
    for rows, part in places.split(max(1, batch_size)):
        _fill(evaluator, torch.from_numpy(out[:, rows]), part, recipe)
    return out


def evaluate_pixels(evaluator: Evaluator, pixels: PixelPlaces, recipe: Recipe, *, together: bool = False) -> np.ndarray:
    """Evaluate every pixel of a window.

    Args:
        together: whether the pixels may share their sums, as the points of a patch do; see `rangegeo.field.supports`.
    Returns:
        (layers, bands, h, w) float32, bands before pixels as rasters store them; NaN where a pixel is not valid.
    """
    shape = pixels.valid.shape
    out = torch.full((recipe.layers, recipe.bands, *shape), torch.nan, dtype=torch.float32, device="cpu")
    flat = out.view(recipe.layers, recipe.bands, -1)
    patches = torch.zeros(int(pixels.valid.sum()), dtype=torch.int64, device="cpu") if together else None
    if pixels.valid.all():
        axes = None
        if pixels.axes_deg is not None:
            lon, lat = pixels.axes_deg
            axes = torch.from_numpy(lon), torch.from_numpy(lat)
        _fill(evaluator, flat.transpose(1, 2), Places(torch.from_numpy(pixels.lonlat_deg), axes, patches), recipe)
    elif pixels.valid.any():
        valid = torch.from_numpy(pixels.valid.ravel())
        places = Places(torch.from_numpy(pixels.lonlat_deg)[valid], patches=patches)
        values = torch.empty(recipe.layers, recipe.bands, len(places), dtype=torch.float32, device="cpu")
        _fill(evaluator, values.transpose(1, 2), places, recipe)
        flat[:, :, valid] = values
    return out.numpy()


def seconds_per_place(evaluator: Evaluator, recipe: Recipe, patch_deg: float | None = None) -> float:
    """How long one place takes, in seconds, if as many are evaluated together as in a patch.

    It is measured on a grid of places near 0°, 0°. A first run with few places is slower and does not count. If it is
    very slow, the second run has as few. If the second run is quick, a third one is timed too, and the faster of both
    counts.

    Args:
        patch_deg: side in degrees of the patch that the places are points of; None for places by themselves.
    """

    def seconds(side: int) -> float:
        degrees = torch.linspace(0.0, patch_deg or 0.32, side, dtype=torch.float64, device="cpu")
        places = Places.grid(degrees, degrees)
        if patch_deg is not None:
            places = replace(places, patches=torch.zeros(len(places), dtype=torch.int64, device="cpu"))
        out = torch.empty(recipe.layers, len(places), recipe.bands, dtype=torch.float32, device="cpu")
        start = time.perf_counter()
        _fill(evaluator, out, places, recipe)
        return time.perf_counter() - start

    if seconds(FEW_PROBED) > SLOW_PROBE:
        return seconds(FEW_PROBED) / FEW_PROBED**2
    once = seconds(MANY_PROBED)
    return min(once, seconds(MANY_PROBED) if once < QUICK_PROBE else once) / MANY_PROBED**2


def _fill(evaluator: Evaluator, out: Tensor, places: Places, recipe: Recipe) -> None:
    """Evaluate n places into `out`, (layers, n, bands) on the CPU.

    What a GPU has evaluated is copied when others may evaluate again.
    """

    def work(size: int) -> list[tuple[slice, Tensor]]:
        waiting: list[tuple[slice, Tensor]] = []
        with evaluator.evaluating(), torch.inference_mode():
            for rows, part in places.split(size):
                values = recipe.apply(evaluator.components(part, recipe.parts))
                if values.device.type == "cpu":
                    out[:, rows] = values
                else:
                    waiting.append((rows, values))
        return waiting

    block = FittingBlock(device_of(evaluator), BLOCK_PLACES, FEWEST_CARD_PLACES)
    for rows, values in block.run(work, len(places)):
        out[:, rows] = on_cpu(values)
