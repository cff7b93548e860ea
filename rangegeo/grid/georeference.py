"""The grid of an xarray object, read from its labels and from the transform that it states beside them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

import numpy as np
import odc.geo.xr  # noqa: F401  registers the accessor `odc`
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS

from rangegeo.errors import GridError
from rangegeo.grid.coords import Labels
from rangegeo.grid.labels import Lattice

Georeferenced: TypeAlias = xr.DataArray | xr.Dataset

IRREGULARITY = 1e-3  # of a pixel; how far labels that were rounded may lie off even steps
HALF = 0.1  # of a pixel; labels this near to the corners of pixels are meant to be there
SKEW = 1e-3  # of a pixel over the whole grid; a transform with a smaller skew has none, only round-off
ROUNDINGS = 2  # how many roundings of its type a label may be off


def read_geobox(data: Georeferenced, name: str) -> GeoBox | None:
    """The grid of an array, with or without a CRS.

    The labels tell where the pixels are. If the array also states a transform, and its pixels are whole pixels of it,
    or blocks of them, the transform gives their exact places.

    Args:
        data: the array, or a dataset of such arrays.
        name: what the array is called in messages.
    Returns:
        The grid; None if the array has no x and y at even steps.
    Raises:
        GridError: the labels and the transform lie half a pixel apart, so one of them is wrong.
    """
    with warnings.catch_warnings():  # of several CRSs; what is missing is told by whoever needs it
        warnings.simplefilter("ignore", UserWarning)
        found, dims = data.odc.geobox, data.odc.spatial_dims
    labels = labels_in(data)
    if not isinstance(found, GeoBox) or dims is None or labels is None:
        return unskewed(found) if isinstance(found, GeoBox) else None
    if not (is_regular(labels.x) and is_regular(labels.y)):
        return None
    said, stated = next(_transforms(data), ("", None))
    if stated is not None and is_skewed(stated, found.shape.yx):
        return found
    is_angle = found.crs is not None and CRS.from_wkt(found.crs.to_wkt()).is_geographic
    x = _Axis(dims[1], labels.x, None if stated is None else (stated.c, stated.a), is_angle, rising=True)
    y = _Axis(dims[0], labels.y, None if stated is None else (stated.f, stated.e), is_angle, rising=False)
    _check_centres(x, y, name, said)
    (left, across), (top, down) = x.read(), y.read()
    return GeoBox(found.shape, Affine(across, 0.0, left, 0.0, down, top), found.crs)


def labels_in(data: Georeferenced) -> Labels | None:
    """The labels of the columns and rows of an array, as they are; None if it has none."""
    dims = data.odc.spatial_dims
    if dims is None or any(dim not in data.coords or data.coords[dim].ndim != 1 for dim in dims):
        return None
    return Labels(x=data.coords[dims[1]].values, y=data.coords[dims[0]].values)


def is_regular(values: np.ndarray) -> bool:
    """Whether labels (n,) have even steps, apart from rounding."""
    if len(values) < 3:
        return True
    exact = values.astype(np.float64)
    even = np.linspace(exact[0], exact[-1], len(exact))
    return bool(np.abs(exact - even).max() <= IRREGULARITY * abs(even[1] - even[0]) + _noise(values))


def is_skewed(transform: Affine, shape: tuple[int, int]) -> bool:
    """Whether the rows or columns of a grid (h, w) are not parallel to the axes, by more than round-off."""
    height, width = shape
    return abs(transform.b) * height > SKEW * abs(transform.a) or abs(transform.d) * width > SKEW * abs(transform.e)


def unskewed(geobox: GeoBox) -> GeoBox:
    """The same grid without the skew that round-off leaves in a transform; a grid that is skewed stays as it is."""
    transform = geobox.affine
    if is_skewed(transform, geobox.shape.yx) or not (transform.b or transform.d):
        return geobox
    return GeoBox(geobox.shape, Affine(transform.a, 0.0, transform.c, 0.0, transform.e, transform.f), geobox.crs)


@dataclass(frozen=True)
class _Axis:
    """The labels of one axis, and what the array states about them.

    Attributes:
        dim: the name of the axis.
        values: the labels (n,), of any type.
        stated: the corner and the step of the transform, if there is one.
        is_angle: whether the labels are angles.
        rising: whether a single label begins a rising axis, as x is; y falls.
    """

    dim: str
    values: np.ndarray
    stated: tuple[float, float] | None
    is_angle: bool
    rising: bool

    @cached_property
    def labels(self) -> np.ndarray:
        """The labels (n,) as float64."""
        return self.values.astype(np.float64)

    @cached_property
    def noise(self) -> float:
        """How far a label may be off because of the type that holds it."""
        return _noise(self.values)

    @cached_property
    def first(self) -> float:
        """How many pixels of the transform lie between its first centre and the first label."""
        return math.nan if self.stated is None else float((self.labels[0] - self.stated[0]) / self.stated[1] - 0.5)

    @cached_property
    def steps(self) -> int:
        """How many steps of the transform lie between two labels; 0 if there is no transform or they are not whole."""
        if self.stated is None:
            return 0
        count, step = len(self.labels) - 1, self.stated[1]
        if not count:
            return 1 if (step > 0) == self.rising else -1
        steps = float((self.labels[-1] - self.labels[0]) / count / step)
        slack = IRREGULARITY * abs(steps) + 2 * self.noise / abs(step)
        return round(steps) if abs(steps - round(steps)) * count <= slack else 0

    @property
    def lies_on_corners(self) -> bool:
        """Whether the labels lie on the corners of the pixels of the transform, where their centres should be."""
        return len(self.labels) > 1 and abs(self.steps) == 1 and abs(abs(self.first - round(self.first)) - 0.5) < HALF

    def read(self) -> tuple[float, float]:
        """The corner and the step of the axis."""
        if self.stated is not None and self.steps:
            halves = Fraction(round(2 * self.first), 2)  # a block of two pixels has its centre between them
            slack = IRREGULARITY + self.noise / abs(self.stated[1])
            if abs(float(halves) - self.first) <= slack and (
                halves.denominator == 1 or self.steps % 2 == 0 or len(self.labels) == 1
            ):
                if (halves, self.steps) == (0, 1):
                    return self.stated
                part = Lattice.of(*self.stated, is_angle=self.is_angle).part(halves, Fraction(self.steps))
                return float(part.corner), float(part.step)
        step = self._measured_step()
        corner = float(self.labels[0]) - step / 2
        return float(Lattice.of(corner, step, is_angle=self.is_angle, noise=self.noise).corner), step

    def _measured_step(self) -> float:
        """The step between the labels, or that of the transform if there is one label."""
        count = len(self.labels) - 1
        if count:
            return _simplest(float(self.labels[-1] - self.labels[0]) / count, 2 * self.noise / count)
        assert self.stated is not None  # else odc-geo finds no grid
        return self.steps * self.stated[1]


def _noise(values: np.ndarray) -> float:
    """How far labels may be off because of the type that holds them."""
    kind = values.dtype if np.issubdtype(values.dtype, np.floating) else np.dtype(np.float64)
    return float(ROUNDINGS * np.finfo(kind).eps * np.abs(values.astype(np.float64)).max())


def _simplest(number: float, slack: float) -> float:
    """The float of the simplest ratio that lies near a number."""
    exact = Fraction(number)
    near = (exact.limit_denominator(10**digits) for digits in range(1, 16))
    return next((float(ratio) for ratio in near if ratio and abs(float(ratio - exact)) <= slack), number)


def _transforms(data: Georeferenced) -> Iterator[tuple[str, Affine]]:
    """The transforms that an array states, and what states them; as GDAL, rioxarray and odc-geo write, or stackstac."""
    for key, coord in data.coords.items():
        try:
            yield f"GeoTransform of {key}", Affine.from_gdal(*map(float, coord.attrs["GeoTransform"].split()))
        except (KeyError, AttributeError, TypeError, ValueError):
            continue
    try:
        yield "attribute transform", Affine(*map(float, list(data.attrs["transform"])[:6]))
    except (KeyError, TypeError, ValueError):
        return


def _check_centres(x: _Axis, y: _Axis, name: str, said: str) -> None:
    """Refuse labels on the corners of pixels where a transform says that the centres are elsewhere.

    Raises:
        GridError: the labels of an axis lie half a pixel off the centres.
    """
    wrong = [axis for axis in (x, y) if axis.lies_on_corners]
    if not wrong:
        return
    told, moves = [], []
    for axis in wrong:
        assert axis.stated is not None  # labels alone cannot lie on corners
        corner, step = axis.stated
        centre = float(axis.labels[0]) - (axis.first - math.floor(axis.first)) * step
        other = centre + step
        near = min((centre, other), key=lambda place: abs(place - corner - step / 2))
        label = f"{axis.dim} of its first pixel is {float(axis.labels[0]):.10g} by its labels"
        told.append(f"{label} and {near:.10g} by the {said}")
        move = near - float(axis.labels[0])
        moves.append(f"{axis.dim}=array.{axis.dim} {'+-'[move < 0]} {abs(move):.10g}")
    raise GridError(
        f"{name} lies at two places half a pixel apart: {' and '.join(told)}; if the labels are wrong, move them with "
        f"array.assign_coords({', '.join(moves)}), else leave out the {said}"
    )
