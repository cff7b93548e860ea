"""What is taken along the axes of an array, by xarray's indexers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """What is taken along one axis.

    Attributes:
        taken: (n,) each index once, ascending.
        order: where in `taken` each index asked for is; None if they are as asked for.
        scalar: whether one index was asked for, and the axis is to go.
    """

    taken: np.ndarray
    order: np.ndarray | None = None
    scalar: bool = False

    @classmethod
    def of(cls, asked: int | slice | np.ndarray, length: int) -> Axis:
        if isinstance(asked, slice):
            asked = np.arange(*asked.indices(length))
        given = np.atleast_1d(np.asarray(asked))
        taken, order = unique(given)
        return cls(taken, None if np.array_equal(taken, given) else order, np.ndim(asked) == 0)

    @property
    def step(self) -> int:
        """Constant distance of neighbouring indices; 0 if there is none."""
        steps = np.diff(self.taken)
        if len(steps) == 0:
            return 1
        return int(steps[0]) if (steps == steps[0]).all() else 0

    @property
    def whole(self) -> Axis:
        """Every index from the first to the last."""
        return Axis(np.arange(self.taken[0], self.taken[-1] + 1)) if len(self.taken) else self


def axes_of(key: tuple, shape: tuple[int, ...]) -> list[Axis]:
    return [Axis.of(part, length) for part, length in zip(key, shape, strict=True)]


def sub_grid(geobox: GeoBox, rows: Axis, cols: Axis) -> GeoBox:
    """The grid whose pixel centres are those of every nth row and column."""
    affine = geobox.affine
    (left, across), (top, down) = ((axis.taken[0], axis.step) if len(axis.taken) else (0, 1) for axis in (cols, rows))
    transform = Affine(
        *(affine.a * across, 0.0, affine.c + affine.a * (left + 0.5 - across / 2)),
        *(0.0, affine.e * down, affine.f + affine.e * (top + 0.5 - down / 2)),
    )
    return GeoBox((len(rows.taken), len(cols.taken)), transform, geobox.crs)


def arranged(block: np.ndarray, axes: list[Axis]) -> np.ndarray:
    """Indices in the order they were asked for, and scalar ones without an axis; of numpy or dask arrays."""
    for number, axis in enumerate(axes):
        if axis.order is not None:
            block = block[(slice(None),) * number + (axis.order,)]
    return block[tuple(0 if axis.scalar else slice(None) for axis in axes)]


def unique(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each index once, ascending, and where in that each one is, in the shape of the indices."""
    unique, inverse = np.unique(indices, return_inverse=True)
    return unique, inverse.reshape(np.shape(indices))


def compact(indices: np.ndarray) -> np.ndarray:
    """Indices without the repetitions that broadcasting made: length 1 along axes where nothing changes."""
    for axis, length in enumerate(indices.shape):
        if length > 1 and (indices == indices.take([0], axis=axis)).all():
            indices = indices.take([0], axis=axis)
    return indices
