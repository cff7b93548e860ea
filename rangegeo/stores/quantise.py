"""Fewer bits a value: how a cube is stored as float16, int16 or int8, and how much accuracy that costs.

An integer counts steps of a linear scale: value = scale * stored + offset, as in CF and GDAL. A GeoTIFF has a scale for
each band, the same in the files of all betas: so these can be compared, and another run can take the steps of any of
them. CF and GDAL read only one scale of a Zarr array, so all its bands share it. The ranges come from a seeded sample
of pixels, so that they are known before anything is written. Values outside a range are clipped and counted. Infinite
ones, which integers cannot hold, become no data and are counted too. Every value that is written is compared with the
value that will be read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import dask
import dask.array as da
import numpy as np

from rangegeo.errors import UsageError
from rangegeo.schema.facts import Facts
from rangegeo.stores.computing import chosen_scheduler

# How values can be stored, and the stored value that means no data.
NODATA = {"float32": math.nan, "float16": math.nan, "int16": -32768, "int8": -128}
CODES, NO_CLASS = "uint8", 255  # the dtype of numbers of classes, and what stands for none
LARGEST_HALF = 65504.0  # the largest finite float16
HALF_ROUNDING = 2.0**-11  # relative error of float16 for values of 6e-5 or more: half the distance to the next number
SMALLEST_MARGIN = 0.05  # of the span of a band
ROUND_OFF = 1e-5  # of a component's largest value; the default tolerance of interpolation
SMALLEST_SPAN = 1e-9  # a smaller range would have a scale near zero, which readers take for no scale
NOISE = 100  # a range shorter than so many round-offs is noise, and its growth says nothing about the field


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What storing some values costs.

    Attributes:
        error: the largest error in each component.
        largest: the largest magnitude in each component.
        clipped: how many values lay outside the ranges and were clipped, or were infinite and have become no data.
    """

    error: dict[str, float]
    largest: dict[str, float]
    clipped: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Storage:
    """How the values of a cube are stored.

    Attributes:
        dtype: float32, float16, int16 or int8.
        components: for each band, the part of the embedding that it belongs to, such as "visual" or "location".
        scale, offset: (layers, bands) float64 for integers, else None. The layers are the betas of a cube.
        largest: the largest magnitude of each component in the sample that the ranges come from.
        sampled: the number of pixels in this sample; 0 if the ranges come from elsewhere.
        margin: how much wider than the sample the ranges are on each side, as a share of a band's span.
        origin: where the ranges come from: "cube", "model", or the name of the file that they were taken from.
        kept: whether values that were stored before are stored in the same steps again, so that they lose nothing more.
    """

    dtype: str = "float32"
    components: tuple[str, ...] = ()
    scale: np.ndarray | None = None
    offset: np.ndarray | None = None
    largest: dict[str, float] = field(default_factory=dict)
    sampled: int = 0
    margin: float = 0.0
    origin: str = "cube"
    kept: bool = False

    @property
    def nodata(self) -> float:
        """The stored value that means no data."""
        return NO_CLASS if self.dtype == CODES else NODATA[self.dtype]

    def encode(self, block: np.ndarray) -> tuple[np.ndarray, Loss | None]:
        """Turn values into what is stored.

        Args:
            block: (layers, bands, h, w) float32.
        Returns:
            The values as `dtype`, and what that costs; None if the dtype is float32, which costs nothing.
        """
        if self.dtype == "float32":
            return block, None
        stored = np.empty(block.shape, self.dtype)
        error, largest = np.zeros(block.shape[:2]), np.zeros(block.shape[:2])
        clipped = 0
        for plane in np.ndindex(block.shape[:2]):  # one plane at a time fits into the processor's cache
            values = block[plane].astype(np.float64)  # round-off of float32 would be a hundredth of a step of int16
            infinite = np.isinf(values)
            values[infinite] = np.nan
            if self.scale is not None:  # floats can hold them
                clipped += int(np.count_nonzero(infinite))
            largest[plane] = _largest(values)
            scale, offset = self._scale_and_offset(plane)
            values -= offset
            values /= scale
            rounded = self._rounded(values)
            values -= rounded
            lost = _largest(values)
            if lost > self._largest_rounding:
                clipped += int(np.count_nonzero(np.abs(values) > self._largest_rounding))
            error[plane] = scale * lost
            np.copyto(rounded, self.nodata, where=np.isnan(rounded))
            stored[plane] = rounded
            if self.scale is None:
                stored[plane][infinite] = block[plane][infinite]
        errors, magnitudes = (_by_component(self.components, part) for part in (error, largest))
        return stored, Loss(error=errors, largest=magnitudes, clipped=clipped)

    def _scale_and_offset(self, plane: tuple[int, ...]) -> tuple[float, float]:
        """The scale and the offset of a (layer, band); those of floats change nothing."""
        if self.scale is None or self.offset is None:
            return 1.0, 0.0
        return self.scale[plane], self.offset[plane]

    def _rounded(self, values: np.ndarray) -> np.ndarray:
        """Round float64 values, counted in steps, to the nearest ones that can be stored."""
        if self.scale is None:
            return np.clip(values, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
        if self.dtype == CODES:
            return np.clip(np.rint(values), 0, NO_CLASS - 1)
        steps = -1 - self.nodata  # so many steps on each side of the offset
        return np.clip(np.rint(values), -steps, steps)

    @property
    def _largest_rounding(self) -> float:
        """The most steps that rounding alone moves a value by; a value that moves further was clipped."""
        return 16.0 if self.scale is None else 0.5  # 16 is half the distance between the two largest float16

    def decode(self, stored: np.ndarray, layer: int) -> np.ndarray:
        """Turn the stored values (bands, h, w) of a layer back into float32; NaN where there is no data."""
        if self.scale is None or self.offset is None:
            return stored.astype(np.float32, copy=False)
        values = stored * self.scale[layer, :, None, None] + self.offset[layer, :, None, None]
        return np.where(stored == self.nodata, np.nan, values).astype(np.float32)

    @property
    def bounds(self) -> dict[str, float]:
        """The largest error of values that are not clipped, relative to the component's largest value in the sample."""
        names = dict.fromkeys(self.components)
        if self.scale is None:
            return dict.fromkeys(names, HALF_ROUNDING)
        half = _by_component(self.components, self.scale / 2)
        return {name: half[name] / (self.largest[name] or 1.0) for name in names}

    def facts(self, losses: Sequence[Loss | None], before: Mapping[str, Any]) -> Facts:
        """The attributes that say how a cube is stored. Errors are relative to each component's largest value.

        Args:
            losses: what storing each block cost; None for a block without data.
            before: the attributes that the cube had already. If it was quantised before, the earlier losses are added,
                unless its values are kept in the same steps.
        """
        if self.dtype in ("float32", CODES):
            return {}
        known = [loss for loss in losses if loss is not None]
        measured: dict[str, float] = {"quantisation_clipped": sum(loss.clipped for loss in known)}
        for name, bound in self.bounds.items():
            error, largest = (
                max((getattr(loss, what)[name] for loss in known), default=0.0) for what in ("error", "largest")
            )
            measured |= {f"quantisation_bound_{name}": bound, f"quantisation_error_{name}": error / (largest or 1.0)}
        ranges: Facts = {}
        if self.scale is not None:
            ranges["quantisation_ranges"] = self.origin
            if self.sampled:
                ranges |= {"quantisation_sample": self.sampled, "quantisation_margin": self.margin}
        total: dict[str, float] = {
            name: max(value, before.get(name, 0))
            if self.kept and name != "quantisation_clipped"
            else value + before.get(name, 0)
            for name, value in measured.items()
        }
        return {"quantisation_dtype": self.dtype, **ranges, **total}


FLOAT32 = Storage()
# Numbers of classes in one band.
CLASSES = Storage(dtype=CODES, components=("classes",), scale=np.ones((1, 1)), offset=np.zeros((1, 1)))


def check_dtype(dtype: object) -> str:
    """The name of a dtype if values can be stored as it: float32, float16, int16 or int8, as text or as NumPy has it.

    Raises:
        UsageError: values cannot be stored as this dtype.
    """
    try:
        name = dtype if isinstance(dtype, str) or dtype is None else np.dtype(cast(Any, dtype)).name
    except TypeError:
        name = None
    if name not in NODATA:
        raise UsageError(argument="dtype", expected=f"one of {', '.join(NODATA)}", got=repr(dtype))
    return name


def fit_storage(
    dtype: str,
    band_names: Sequence[str],
    sample: Callable[[], da.Array],
    *,
    one_scale: bool,
    round_off: float = ROUND_OFF,
) -> Storage:
    """Choose how a cube is stored. The ranges of integers have room for the pixels between those of a sample.

    A range is wider than the sample's. The margin is the largest share by which the range of any band grew when the
    lines of the sample were doubled. The field is smooth, so each further doubling adds less.

    Args:
        dtype: float32, float16, int16 or int8.
        band_names: the names of the bands; "visual_0012" belongs to the component "visual".
        sample: a function that returns (layers, bands, rows, cols) of the cube, at the lines that
            `rangegeo.grid.samples.sample_lines` chooses or at all of them, NaN where there is no data. It is called for
            integers only.
        one_scale: whether all bands share one scale; else each has its own, which all layers share.
        round_off: how much values may differ from those of the sample, relative to their component's largest value.
    Raises:
        UsageError: values cannot be stored as `dtype`.
    """
    components = components_of(band_names)
    if check_dtype(dtype).startswith("float"):
        return Storage(dtype=dtype, components=components)
    found = sample()
    low, high, coarse_low, coarse_high = dask.compute(
        *_extremes(found), *_extremes(_every_other(found)), **chosen_scheduler()
    )
    largest = _by_component(components, np.maximum(np.abs(low), np.abs(high)))
    slack = round_off * np.array([largest[name] for name in components])
    span = high - low
    growth = np.maximum(coarse_low - low, high - coarse_high) / np.where(span > NOISE * slack, span, np.inf)
    margin = float(np.clip(growth.max(), SMALLEST_MARGIN, 1.0))
    low, high = _shared(low - margin * span - slack, high + margin * span + slack, one_scale=one_scale)
    return Storage(
        dtype=dtype,
        components=components,
        scale=np.maximum(high - low, SMALLEST_SPAN) / (2 * np.iinfo(dtype).max),
        offset=(low + high) / 2,
        largest=largest,
        sampled=math.prod(found.shape[2:]),
        margin=margin,
    )


def storage_within(
    dtype: str, band_names: Sequence[str], low: np.ndarray, high: np.ndarray, *, one_scale: bool, origin: str
) -> Storage:
    """The storage of values in known ranges.

    Args:
        dtype: int16 or int8.
        band_names: the names of the bands.
        low, high: (layers, bands) the lowest and the highest values.
        one_scale: as in `fit_storage`.
        origin: where the ranges come from.
    """
    components = components_of(band_names)
    largest = _by_component(components, np.maximum(np.abs(low), np.abs(high)))  # its own, also where a scale is shared
    low, high = _shared(low, high, one_scale=one_scale)
    return Storage(
        dtype=check_dtype(dtype),
        components=components,
        scale=np.maximum(high - low, SMALLEST_SPAN) / (2 * np.iinfo(dtype).max),
        offset=(low + high) / 2,
        largest=largest,
        origin=origin,
    )


def _shared(low: np.ndarray, high: np.ndarray, *, one_scale: bool) -> tuple[np.ndarray, np.ndarray]:
    """Ranges (layers, bands) that all layers share, or all layers and bands."""
    axis = None if one_scale else 0
    lowest, highest = low.min(axis=axis, keepdims=True), high.max(axis=axis, keepdims=True)
    return np.broadcast_to(lowest, low.shape).copy(), np.broadcast_to(highest, high.shape).copy()


def components_of(band_names: Sequence[str]) -> tuple[str, ...]:
    """The component of each band; "visual_0012" belongs to "visual"."""
    return tuple(name.rpartition("_")[0] or name for name in band_names)


def _every_other(sample: da.Array) -> da.Array:
    """The sample with every other row and column, and always the last ones."""
    rows, cols = (sorted({*range(0, length, 2), length - 1}) for length in sample.shape[2:])
    return sample[:, :, rows][..., cols]


def _extremes(values: da.Array) -> tuple[da.Array, da.Array]:
    """The lowest and the highest values (layers, bands) over rows and columns.

    NaN is ignored, and a band without data has 0 for both.
    """

    def reduction(ufunc: np.ufunc, start: float) -> da.Array:
        def reduce(block: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
            finite = np.where(np.isinf(block), np.nan, block) if np.isinf(block).any() else block
            return ufunc.reduce(finite, axis=axis, keepdims=keepdims, initial=start).astype(np.float64)

        found = da.reduction(values, reduce, reduce, axis=(2, 3), dtype=np.float64)
        return da.where(da.isfinite(found), found, 0.0)

    return reduction(np.fmin, np.inf), reduction(np.fmax, -np.inf)


def _largest(values: np.ndarray) -> float:
    """The largest magnitude; NaN is ignored."""
    return max(np.fmax.reduce(values, axis=None, initial=0.0), -np.fmin.reduce(values, axis=None, initial=0.0))


def _by_component(components: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """The largest of values (layers, bands) in each component."""
    kinds = np.array(components)
    return {name: float(values[:, kinds == name].max()) for name in dict.fromkeys(components)}
