"""Some pixels of a stored cube, compared with the model that made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import xarray as xr

from rangegeo.cubes.recorded import recorded_recipe
from rangegeo.engine.limits import evaluate_with_limits
from rangegeo.field.recipe import Recipe
from rangegeo.grid.pixels import scattered_pixels
from rangegeo.models.model import Model
from rangegeo.schema.cube import geobox_of
from rangegeo.schema.facts import facts_of
from rangegeo.stores.checked import CORRUPT, Checked, Level, size_of
from rangegeo.stores.quantise import HALF_ROUNDING, Storage
from rangegeo.stores.taken import storage_at
from rangegeo.support.location import Location

WRONG = "wrong"
Pixels: TypeAlias = Mapping[int, tuple[np.ndarray, np.ndarray]]  # rows and columns within blocks, by their numbers
# How far a value may be off, in each component relative to its largest value: twice the tolerance, because the largest
# value of a small part may be larger than that of the sample; and what round-off may differ between machines.
TIMES_TOLERANCE, ROUND_OFF = 2.0, 4e-6
MORE = 1.001  # times the rounding of integers, which round-off may add to
AT_A_TIME = 1024  # pixels that are compared at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison found.

    Attributes:
        faults: WRONG, or CORRUPT for blocks that could not be read, by the numbers of level and block.
        pixels: how many were compared.
        error: the largest difference, as a share of what is allowed, where both have a value.
    """

    faults: Mapping[tuple[int, int], str] = field(default_factory=dict)
    pixels: int = 0
    error: float = 0.0


NOTHING = Compared()


def compare(
    path: Location, checked: Checked, cubes: Sequence[xr.DataArray], model: Model, pixels: int, seed: int
) -> Compared:
    """Evaluate some pixels of all blocks again that have data and no fault, and compare them with what is stored.

    Args:
        path: of the cube.
        cubes: the levels of the cube, opened.
        pixels: how many; each block has its share of them.
        seed: of their choice.
    """
    chosen = _chosen(checked, pixels, np.random.default_rng(seed))
    comparison = _Comparison(
        recipe=recorded_recipe(cubes[0], model),
        storage=storage_at(path, cubes[0]),
        model=model,
        cubes=cubes,
        share=TIMES_TOLERANCE * float(facts_of(cubes[0]).get("tolerance", 0.0)) + ROUND_OFF,
        loss=checked.loss,
    )
    faults: dict[tuple[int, int], str] = {}
    error, done = 0.0, 0
    for level, pixels_of in chosen:
        found = comparison.errors(level, pixels_of)
        for block, off in found.items():
            if off is None or off > 1:
                faults[level.number, block] = CORRUPT if off is None else WRONG
        error = max([error, *(off for off in found.values() if off is not None and np.isfinite(off))])
        done += sum(len(rows) for block, (rows, _) in pixels_of.items() if found[block] is not None)
    return Compared(faults=faults, pixels=done, error=error)


def _chosen(checked: Checked, pixels: int, random: np.random.Generator) -> Iterator[tuple[Level, Pixels]]:
    """Seeded pixels of all blocks that have data and no fault, in parts of one level and about `AT_A_TIME` pixels."""
    blocks = [
        (level, block)
        for level in checked.levels
        if level.is_evaluated
        for block in range(len(level.windows))
        if block not in level.faults and _may_have_data(level, block)
    ]
    counts = np.full(len(blocks), pixels // max(1, len(blocks)))
    counts[random.permutation(len(blocks))[: pixels - counts.sum()]] += 1
    part: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for (level, block), count, following in zip(blocks, counts.tolist(), [*blocks[1:], None], strict=False):
        if count:
            height, width = size_of(level.windows[block])
            part[block] = np.divmod(np.sort(random.integers(0, height * width, count)), width)
        ends = following is None or following[0] is not level
        if part and (ends or sum(len(rows) for rows, _ in part.values()) >= AT_A_TIME):
            yield level, part
            part = {}


def _may_have_data(level: Level, block: int) -> bool:
    has_data = level.has_data(block)
    return has_data is None or bool(has_data.any())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Comparison:
    """Compares pixels of one cube with its model."""

    recipe: Recipe
    storage: Storage
    model: Model
    cubes: Sequence[xr.DataArray]
    share: float
    loss: tuple[float, float]

    def errors(self, level: Level, pixels: Pixels) -> dict[int, float | None]:
        """The largest error in each block, as a share of what is allowed; None for a block that cannot be read."""
        stored = {block: self._stored(level, block, *at) for block, at in pixels.items()}
        readable = {block: part for block, part in stored.items() if part is not None}
        found: dict[int, float | None] = dict.fromkeys(pixels)
        if not readable:
            return found
        values = np.concatenate(list(readable.values()), axis=-1)
        rows, cols = (
            np.concatenate([pixels[block][axis] + level.windows[block][axis].start for block in readable])
            for axis in (0, 1)
        )
        places = scattered_pixels(geobox_of(self.cubes[level.number]), rows, cols)
        exact, limits = evaluate_with_limits(self.model.evaluator, places, self.recipe, self.share)
        exact, allowed = self._as_stored(exact, limits)
        off = np.nanmax(np.abs(values - exact) / allowed, axis=(0, 1), initial=0.0)
        expected, empty = ~np.isnan(exact).all(axis=(0, 1)), np.isnan(values).any(axis=(0, 1))
        start = 0
        for block, part in readable.items():
            own = slice(start, start := start + part.shape[-1])
            has_data = expected[own] & self._has_data(level, block, *pixels[block], ~empty[own])
            found[block] = np.inf if (has_data == empty[own]).any() else float(off[own].max())
        return found

    def _stored(self, level: Level, block: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray | None:
        """(layers, bands, n) the values of pixels of a block; None if it cannot be read."""
        try:
            part = level.read(level.windows[block])[:, :, rows, cols]
        except Exception:  # damaged bytes raise whatever the decompressor raises
            return None
        return np.stack([self.storage.decode(one[..., None], layer)[..., 0] for layer, one in enumerate(part)])

    def _has_data(
        self, level: Level, block: int, rows: np.ndarray, cols: np.ndarray, seems: np.ndarray
    ) -> np.ndarray | bool:
        """Which pixels of a block are known to have data; of an area that nobody knows, those that seem to."""
        known = level.has_data(block)
        if known is not None:
            return known[rows, cols]
        return seems if "aoi" in facts_of(self.cubes[0]) else True

    def _as_stored(self, exact: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exact values within the range of integers, and how far what is stored may be away from them."""
        storage, allowed = self.storage, np.broadcast_to(limits[..., None], exact.shape).copy()
        absolute, relative = self.loss
        allowed += relative * np.abs(exact)
        if storage.scale is not None and storage.offset is not None:
            scale, offset = storage.scale[..., None], storage.offset[..., None]
            reach = scale * (-1 - storage.nodata)
            return np.clip(exact, offset - reach, offset + reach), allowed + MORE * scale * (0.5 + absolute)
        rounding = HALF_ROUNDING if storage.dtype == "float16" else 0.0
        return exact, allowed + rounding * np.abs(exact) + absolute
