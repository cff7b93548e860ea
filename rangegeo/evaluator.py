"""A field at work: places in, the layers and bands of a recipe out, whatever the model is called and where it lies."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from rangegeo.bands import DIAGNOSTICS
from rangegeo.field.places import Places
from rangegeo.field.precision import full_precision
from rangegeo.field.range import Components
from rangegeo.field.recipe import Recipe
from rangegeo.grid import PixelPlaces

BLOCK_PLACES = 4096  # places evaluated at a time; bounds the float64 intermediates of the encoder


class Evaluator(nn.Module):
    """Evaluates a field, one thread at a time: an evaluation uses every core, or the GPU.

    Attributes:
        field: the torch module that is evaluated.
        device: where it is.
        visual, location: how many bands are visual (S and G blended) and location (q, or the encoder's output).
    """

    def __init__(self, field: nn.Module, device: str) -> None:
        super().__init__()
        self.field = field.to(device)
        self.device = device
        self.visual: int = field.visual
        self.location: int = field.dim - field.visual
        self._lock = threading.Lock()
        self.eval().requires_grad_(False)

    @property
    def dim(self) -> int:
        return self.visual + self.location

    def _apply(self, fn: Callable, recurse: bool = True) -> Evaluator:
        """What `.to` and `.cuda` do; the device follows the tensors."""
        super()._apply(fn, recurse)
        for tensor in itertools.islice(itertools.chain(self.parameters(), self.buffers()), 1):
            self.device = str(tensor.device)
        return self

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """As the only thread, in full float32."""
        with self._lock, full_precision():
            yield

    def values(self, coords: Tensor, **options: object) -> Tensor:
        """What the field itself returns at (n, 2) lon, lat in degrees, unchecked: (n, dim)."""
        places = Places.scattered(coords).to(self.device)
        parts = places.split(BLOCK_PLACES) or [(slice(0), places)]
        with self.evaluating():
            return torch.cat([self.field(part, **options).reshape(len(part), self.dim) for _, part in parts])

    def points_block(self, lonlat_deg: np.ndarray, recipe: Recipe, batch_size: int = 10_000) -> np.ndarray:
        """Evaluate (n, 2) places that are known to be in range, every one: (layers, n, bands) float32."""
        places = Places.scattered(torch.from_numpy(lonlat_deg))
        out = np.empty((recipe.layers, len(places), recipe.bands), dtype=np.float32)
        for rows, part in places.split(max(1, batch_size)):
            self._fill(torch.from_numpy(out[:, rows]), part, recipe)
        return out

    def raster_block(self, pixels: PixelPlaces, recipe: Recipe) -> np.ndarray:
        """Evaluate the pixels of a window, every one.

        Returns:
            (layers, bands, h, w) float32, bands before pixels as rasters store them; NaN where a pixel is not valid.
        """
        shape = pixels.valid.shape
        out = torch.full((recipe.layers, recipe.bands, *shape), torch.nan)
        flat = out.view(recipe.layers, recipe.bands, -1)
        if pixels.valid.all():
            axes = None if pixels.axes_deg is None else tuple(map(torch.from_numpy, pixels.axes_deg))
            self._fill(flat.transpose(1, 2), Places(torch.from_numpy(pixels.lonlat_deg), axes), recipe)
        elif pixels.valid.any():
            valid = torch.from_numpy(pixels.valid.ravel())
            places = Places(torch.from_numpy(pixels.lonlat_deg)[valid])
            found = torch.empty(recipe.layers, recipe.bands, len(places))
            self._fill(found.transpose(1, 2), places, recipe)
            flat[:, :, valid] = found
        return out.numpy()

    def components(self, lonlat_deg: np.ndarray, wanted: Collection[str]) -> dict[str, Tensor]:
        """Those of S, G, q and the diagnostics that are wanted, at (n, 2) places: (n, width) float32, CPU."""
        places = Places(torch.from_numpy(lonlat_deg)).to(self.device)
        with self.evaluating(), torch.inference_mode():
            found = self._evaluate(places, wanted)
        return {name: found.part(name).float().cpu() for name in wanted}

    def _evaluate(self, places: Places, wanted: Collection[str]) -> Components:
        told = [name for name in DIAGNOSTICS if name in wanted]
        options = {"diagnostics": told} if told else {}
        return self.field.components(
            places, semantic="semantic" in wanted, geographic="geographic" in wanted, **options
        )

    def _fill(self, out: Tensor, places: Places, recipe: Recipe) -> None:
        """Evaluate into (layers, n, bands)."""
        with self.evaluating(), torch.inference_mode():
            for rows, part in places.split(BLOCK_PLACES):
                found = self._evaluate(part.to(self.device), recipe.parts)
                out[:, rows] = recipe.apply(found).to(out.device)

    def seconds_per_place(self, recipe: Recipe, sample: int = 64) -> float:
        """Measured on a grid of `sample` places around 0°, 0°; the second run counts."""
        side = torch.linspace(0.0, 0.32, math.isqrt(sample), dtype=torch.float64)
        places = Places.grid(side, side)
        out = torch.empty(recipe.layers, len(places), recipe.bands)
        elapsed = 0.0
        for _ in range(2):
            start = time.perf_counter()
            self._fill(out, places, recipe)
            elapsed = time.perf_counter() - start
        return elapsed / len(places)
