"""What is taken along the axes of an array, by xarray's indexers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import dask.array as da
import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

Block = TypeVar("Block", np.ndarray, da.Array)


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """The indices that are taken along one axis.

    Attributes:
        taken: (n,) each index once, ascending.
        order: position in `taken` of each index that was asked for; None if they were asked for in this order.
        scalar: whether one index was asked for, so that the axis is dropped.
    """

    taken: np.ndarray
    order: np.ndarray | None = None
    scalar: bool = False

    @classmethod
    def of(cls, asked: int | slice | np.ndarray, length: int) -> Axis:
        """What an indexer takes of an axis of this length."""
        if isinstance(asked, slice):
            asked = np.arange(*asked.indices(length))
        given = np.atleast_1d(np.asarray(asked))
        taken, order = unique(given)
        return cls(taken, None if np.array_equal(taken, given) else order, np.ndim(asked) == 0)

    @property
    def step(self) -> int:
        """The constant distance between neighbouring indices; 0 if it is not constant."""
        steps = np.diff(self.taken)
        if len(steps) == 0:
            return 1
        return int(steps[0]) if (steps == steps[0]).all() else 0

    @property
    def whole(self) -> Axis:
        """Every index from the first to the last."""
        return Axis(np.arange(self.taken[0], self.taken[-1] + 1)) if len(self.taken) else self


def axes_of(key: tuple, shape: tuple[int, ...]) -> list[Axis]:
    """What a key takes along each axis of an array."""
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


def arranged(block: Block, axes: list[Axis]) -> Block:
    """The block with indices in the order they were asked for, and without the axes of scalar ones."""
    for number, axis in enumerate(axes):
        if axis.order is not None:
            block = block[(slice(None),) * number + (axis.order,)]
    return block[tuple(0 if axis.scalar else slice(None) for axis in axes)]


def unique(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct indices, ascending; and the position of each index among them, in the shape of `indices`."""
    unique, inverse = np.unique(indices, return_inverse=True)
    return unique, inverse.reshape(np.shape(indices))


def compact(indices: np.ndarray) -> np.ndarray:
    """Undo broadcasting: an axis along which all indices repeat gets length 1."""
    for axis, length in enumerate(indices.shape):
        if length > 1 and (indices == indices.take([0], axis=axis)).all():
            indices = indices.take([0], axis=axis)
    return indices
