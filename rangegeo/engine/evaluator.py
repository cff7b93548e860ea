"""What the engine evaluates: anything that gives components at places.

The engine knows this protocol and nothing of models, files or devices: a torch field, a stored planet or a module of
the user's own fits in. `FieldEvaluator` is the one of a torch field.
"""

from __future__ import annotations

import itertools
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from rangegeo.field.places import Places
from rangegeo.field.precision import full_precision
from rangegeo.field.range import Components
from rangegeo.field.recipe import Recipe
from rangegeo.grid import PixelPlaces
from rangegeo.schema.bands import DIAGNOSTICS

BLOCK_PLACES = 4096  # places evaluated at a time; bounds the float64 intermediates of the encoder


@runtime_checkable
class Evaluator(Protocol):
    """Gives components at places.

    Attributes:
        visual: number of visual bands, those of S and of G.
        location: number of location bands, those of q or of the encoder's output.
        smooth_deg: degrees over which a few Chebyshev points follow the values; 0 where they have kinks, infinite if
            they are smooth. A field of degree 40 counts as smooth: patches are made for it.
    """

    @property
    def visual(self) -> int: ...

    @property
    def location(self) -> int: ...

    @property
    def smooth_deg(self) -> float: ...

    def evaluating(self) -> AbstractContextManager[None]:
        """Within it one thread evaluates, in full precision; it may be entered again by the same thread."""
        ...

    def components(self, places: Places, wanted: Collection[str]) -> Components:
        """Those of S, G, q and the diagnostics that are wanted, by name, each (n, width), on any device."""
        ...


class FieldEvaluator(nn.Module):
    """Evaluates a torch field, one thread at a time, because an evaluation uses every core, or the GPU.

    Attributes:
        field: the torch module that is evaluated, with its `visual`, `dim`, `encoder` and `components`.
        device: where it is.
        visual, location: as of `Evaluator`.
    """

    field: Any  # one of the fields of rangegeo.field.range, or a module shaped like them

    def __init__(self, field: nn.Module, device: str) -> None:
        super().__init__()
        self.field = field.to(device)
        self.device = device
        self.visual = int(self.field.visual)
        self.location = int(self.field.dim) - self.visual
        self._lock = threading.RLock()
        _EVALUATORS.add(self)
        self.eval().requires_grad_(False)

    @property
    def smooth_deg(self) -> float:
        """Degrees over which a few Chebyshev points follow the field; see `Evaluator`."""
        return float(self.field.encoder.smooth_deg)

    def _apply(self, fn: Callable, recurse: bool = True) -> FieldEvaluator:
        """Move the tensors, as `.to` and `.cuda` ask; the device is read from them afterwards.

        `.half()`, `.float()` and the like leave the numbers as they are: a harmonic of degree 39 needs float64.
        """
        super()._apply(keeping_dtype(fn), recurse)
        for tensor in itertools.islice(itertools.chain(self.parameters(), self.buffers()), 1):
            self.device = str(tensor.device)
        return self

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Within it no other thread evaluates, and float32 products keep float32 precision."""
        with self._lock, full_precision():
            yield

    def components(self, places: Places, wanted: Collection[str]) -> Components:
        """Components at n places on the field's device, by the names in `wanted`; the others are not computed."""
        told = [name for name in DIAGNOSTICS if name in wanted]
        options = {"diagnostics": told} if told else {}
        with self.evaluating(), torch.inference_mode():
            return self.field.components(
                places.to(self.device), semantic="semantic" in wanted, geographic="geographic" in wanted, **options
            )

    def values(self, coords: Tensor, **options: object) -> Tensor:
        """What the field itself returns, (n, dim), at (n, 2) longitude, latitude in degrees, which are not checked."""
        places = Places.scattered(coords).to(self.device)
        parts = places.split(BLOCK_PLACES) or [(slice(0), places)]
        dim = self.visual + self.location
        with self.evaluating():
            return torch.cat([self.field(part, **options).reshape(len(part), dim) for _, part in parts])


_EVALUATORS: weakref.WeakSet[FieldEvaluator] = weakref.WeakSet()


def _after_fork() -> None:
    """Make a forked child work: it has none of the parent's threads, which torch would wait for, and locks are free."""
    torch.set_num_threads(1)
    for evaluator in _EVALUATORS:
        evaluator._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def keeping_dtype(fn: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """What torch applies to the tensors of a module, without a change of their dtype."""

    def moved(tensor: Tensor) -> Tensor:
        found = fn(tensor)
        return found if found.dtype == tensor.dtype else tensor.to(found.device)

    return moved


def evaluate_places(
    evaluator: Evaluator, lonlat_deg: np.ndarray, recipe: Recipe, batch_size: int = 10_000
) -> np.ndarray:
    """Evaluate (n, 2) places that are known to be in range, every one: (layers, n, bands) float32."""
    places = Places.scattered(torch.from_numpy(lonlat_deg))
    out = np.empty((recipe.layers, len(places), recipe.bands), dtype=np.float32)
    for rows, part in places.split(max(1, batch_size)):
        _fill(evaluator, torch.from_numpy(out[:, rows]), part, recipe)
    return out


def evaluate_pixels(evaluator: Evaluator, pixels: PixelPlaces, recipe: Recipe) -> np.ndarray:
    """Evaluate the pixels of a window, every one.

    Returns:
        (layers, bands, h, w) float32, bands before pixels as rasters store them; NaN where a pixel is not valid.
    """
    shape = pixels.valid.shape
    out = torch.full((recipe.layers, recipe.bands, *shape), torch.nan, dtype=torch.float32)
    flat = out.view(recipe.layers, recipe.bands, -1)
    if pixels.valid.all():
        axes = None
        if pixels.axes_deg is not None:
            lon, lat = pixels.axes_deg
            axes = torch.from_numpy(lon), torch.from_numpy(lat)
        _fill(evaluator, flat.transpose(1, 2), Places(torch.from_numpy(pixels.lonlat_deg), axes), recipe)
    elif pixels.valid.any():
        valid = torch.from_numpy(pixels.valid.ravel())
        places = Places(torch.from_numpy(pixels.lonlat_deg)[valid])
        found = torch.empty(recipe.layers, recipe.bands, len(places), dtype=torch.float32)
        _fill(evaluator, found.transpose(1, 2), places, recipe)
        flat[:, :, valid] = found
    return out.numpy()


def seconds_per_place(evaluator: Evaluator, recipe: Recipe, sample: int = 64) -> float:
    """How long one place takes, measured on a grid of `sample` places around 0°, 0°; the second run counts."""
    side = torch.linspace(0.0, 0.32, math.isqrt(sample), dtype=torch.float64)
    places = Places.grid(side, side)
    out = torch.empty(recipe.layers, len(places), recipe.bands, dtype=torch.float32)
    elapsed = 0.0
    for _ in range(2):
        start = time.perf_counter()
        _fill(evaluator, out, places, recipe)
        elapsed = time.perf_counter() - start
    return elapsed / len(places)


def _fill(evaluator: Evaluator, out: Tensor, places: Places, recipe: Recipe) -> None:
    """Evaluate n places into `out`, (layers, n, bands)."""
    with evaluator.evaluating(), torch.inference_mode():
        for rows, part in places.split(BLOCK_PLACES):
            out[:, rows] = recipe.apply(evaluator.components(part, recipe.parts)).to(out.device)
