"""Fewer bits a value: how a cube is stored as float16, int16 or int8, and what that loses.

An integer counts steps of a linear scale, value = scale * stored + offset, as CF and GDAL have it. GDAL keeps a scale
for each band of a GeoTIFF; of a Zarr array CF and GDAL read only one, which all its bands share. The ranges come from
a seeded sample of pixels, so that they are known before anything is written. What lies outside is clipped and counted,
and every value that is written is compared with what will be read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import dask
import dask.array as da
import numpy as np

from rangegeo.errors import UsageError

NODATA = {"float32": math.nan, "float16": math.nan, "int16": -32768, "int8": -128}
LARGEST_HALF = 65504.0  # the largest finite float16
HALF_ROUNDING = 2.0**-11  # of a value of 6e-5 or more: half the distance to the next float16
SMALLEST_MARGIN = 0.05  # of a band's span
ROUND_OFF = 1e-5  # of a component's largest value: the usual tolerance of interpolation
SMALLEST_SPAN = 1e-9  # of a range; readers take a scale of zero for none


@dataclass(frozen=True, slots=True)
class Loss:
    """What storing some values loses: the largest error and value of each component, and how many were clipped."""

    error: dict[str, float]
    largest: dict[str, float]
    clipped: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Storage:
    """How the values of a cube become bits.

    Attributes:
        dtype: float32, float16, int16 or int8.
        components: of each band, the part of the embedding it belongs to: visual, location …
        scale, offset: (layers, bands) float64 for integers, else None.
        largest: value of each component in the sample that the ranges were taken from.
        sampled: pixels of this sample.
        margin: by how much of a band's span the ranges are wider, on each side, than the sample.
    """

    dtype: str = "float32"
    components: tuple[str, ...] = ()
    scale: np.ndarray | None = None
    offset: np.ndarray | None = None
    largest: dict[str, float] = field(default_factory=dict)
    sampled: int = 0
    margin: float = 0.0

    @property
    def nodata(self) -> float:
        return NODATA[self.dtype]

    def encode(self, block: np.ndarray) -> tuple[np.ndarray, Loss | None]:
        """(layers, bands, h, w) float32 to what is stored, and what that loses; None if nothing."""
        if self.dtype == "float32":
            return block, None
        stored = np.empty(block.shape, self.dtype)
        error, largest = np.zeros(block.shape[:2]), np.zeros(block.shape[:2])
        clipped = 0
        for plane in np.ndindex(block.shape[:2]):  # planes stay in the processor's cache
            values = block[plane].astype(np.float64)  # round-off of float32 is a hundredth of a step of int16
            largest[plane] = _largest(values)
            scale, offset = (1.0, 0.0) if self.scale is None else (self.scale[plane], self.offset[plane])
            values -= offset
            values /= scale
            rounded = self._rounded(values)
            values -= rounded
            lost = _largest(values)
            if lost > self._most_lost:
                clipped += int(np.count_nonzero(np.abs(values) > self._most_lost))
            error[plane] = scale * lost
            np.copyto(rounded, self.nodata, where=np.isnan(rounded))
            stored[plane] = rounded
        return stored, Loss(*(_by_component(self.components, part) for part in (error, largest)), clipped)

    def _rounded(self, values: np.ndarray) -> np.ndarray:
        """float64 in steps to the nearest that can be stored."""
        if self.scale is None:
            return np.clip(values, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
        steps = -1 - self.nodata  # on each side of the offset
        return np.clip(np.rint(values), -steps, steps)

    @property
    def _most_lost(self) -> float:
        """Steps that rounding may take away; a value that loses more was clipped."""
        return 16.0 if self.scale is None else 0.5  # half the distance between the two largest float16

    def decode(self, stored: np.ndarray, layer: int) -> np.ndarray:
        """(bands, h, w) float32 of one layer from what is stored, NaN where there is no data."""
        if self.scale is None:
            return stored.astype(np.float32, copy=False)
        values = stored * self.scale[layer, :, None, None] + self.offset[layer, :, None, None]
        return np.where(stored == self.nodata, np.nan, values).astype(np.float32)

    @property
    def bounds(self) -> dict[str, float]:
        """The largest error of each component that is not clipped, relative to its largest value in the sample."""
        names = dict.fromkeys(self.components)
        if self.scale is None:
            return dict.fromkeys(names, HALF_ROUNDING)
        half = _by_component(self.components, self.scale / 2)
        return {name: half[name] / (self.largest[name] or 1.0) for name in names}

    def facts(self, losses: Sequence[Loss | None], before: Mapping[str, object]) -> dict[str, object]:
        """What a file says of how it is stored: errors are relative to each component's largest value.

        Args:
            losses: of all blocks, None of those without data.
            before: what was said of the values already; what they had lost is added.
        """
        if self.dtype == "float32":
            return {}
        known = [loss for loss in losses if loss is not None]
        measured: dict[str, float] = {"quantisation_clipped": sum(loss.clipped for loss in known)}
        for name, bound in self.bounds.items():
            error, largest = (
                max((getattr(loss, what)[name] for loss in known), default=0.0) for what in ("error", "largest")
            )
            measured |= {f"quantisation_bound_{name}": bound, f"quantisation_error_{name}": error / (largest or 1.0)}
        ranges = {} if self.scale is None else {"quantisation_sample": self.sampled, "quantisation_margin": self.margin}
        total = {name: value + before.get(name, 0) for name, value in measured.items()}
        return {"quantisation_dtype": self.dtype, **ranges, **total}


FLOAT32 = Storage()


def check_dtype(dtype: str) -> str:
    """The dtype itself.

    Raises:
        UsageError: values cannot be stored so.
    """
    if dtype not in NODATA:
        raise UsageError(f"--dtype must be one of {', '.join(NODATA)}, got {dtype!r}")
    return dtype


def fit_storage(
    dtype: str,
    band_names: Sequence[str],
    sample: Callable[[], da.Array],
    *,
    one_scale: bool,
    round_off: float = ROUND_OFF,
) -> Storage:
    """The storage of a cube; for integers with ranges that the pixels between those of a sample fit in too.

    A range is wider than the sample's by as much as the range of any band grew when the lines of the sample were
    doubled: the field is smooth, so the next doubling, and all that follow, add less.

    Args:
        sample: to (layers, bands, rows, cols) at `sample_lines` of the cube, or all of it, NaN where there is no data;
            called for integers alone.
        one_scale: for all bands together, not for each layer and band.
        round_off: how far a value may be from the sample's, relative to its component's largest.
    Raises:
        UsageError: values cannot be stored as `dtype`.
    """
    components = _components(band_names)
    if check_dtype(dtype).startswith("float"):
        return Storage(dtype=dtype, components=components)
    found = sample()
    low, high, coarse_low, coarse_high = dask.compute(*_extremes(found), *_extremes(_every_other(found)))
    largest = _by_component(components, np.maximum(np.abs(low), np.abs(high)))
    slack = round_off * np.array([largest[name] for name in components])
    span = high - low
    growth = np.maximum(coarse_low - low, high - coarse_high) / np.where(span > 100 * slack, span, np.inf)
    margin = float(np.clip(growth.max(), SMALLEST_MARGIN, 1.0))
    low, high = low - margin * span - slack, high + margin * span + slack
    if one_scale:
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    return Storage(
        dtype=dtype,
        components=components,
        scale=np.maximum(high - low, SMALLEST_SPAN) / (2 * np.iinfo(dtype).max),
        offset=(low + high) / 2,
        largest=largest,
        sampled=math.prod(found.shape[2:]),
        margin=margin,
    )


def _every_other(sample: da.Array) -> da.Array:
    """Half of its rows and columns, the outermost among them."""
    rows, cols = (sorted({*range(0, length, 2), length - 1}) for length in sample.shape[2:])
    return sample[:, :, rows][..., cols]


def _extremes(values: da.Array) -> tuple[da.Array, da.Array]:
    """The lowest and highest of (layers, bands) over rows and columns, NaN left out; 0 where nothing else is."""

    def reduction(ufunc: np.ufunc, start: float) -> da.Array:
        def reduce(block: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
            return ufunc.reduce(block, axis=axis, keepdims=keepdims, initial=start).astype(np.float64)

        found = da.reduction(values, reduce, reduce, axis=(2, 3), dtype=np.float64)
        return da.where(da.isfinite(found), found, 0.0)

    return reduction(np.fmin, np.inf), reduction(np.fmax, -np.inf)


def _largest(values: np.ndarray) -> float:
    """Of the magnitudes, NaN left out."""
    return max(np.fmax.reduce(values, axis=None, initial=0.0), -np.fmin.reduce(values, axis=None, initial=0.0))


def _by_component(components: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """The largest of (layers, bands) in each component."""
    kinds = np.array(components)
    return {name: float(values[:, kinds == name].max()) for name in dict.fromkeys(components)}


def _components(band_names: Sequence[str]) -> tuple[str, ...]:
    """visual_0012 belongs to visual."""
    return tuple(name.rpartition("_")[0] or name for name in band_names)
