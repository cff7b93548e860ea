"""Spatial blocks and folds: places that lie close together are never on both sides of a split."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from rangegeo.errors import UsageError, argument
from rangegeo.support.earth import METRES_A_DEGREE

FEWEST_A_FOLD = 4  # blocks with labels for each fold, if the side of blocks is chosen here
LARGEST_DEG, SMALLEST_DEG = 10.0, 0.01  # sides that are chosen here; the suite has 10 degrees too
KM_A_DEGREE = METRES_A_DEGREE / 1000
SIDE = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(km|deg)(?:(?<=deg)rees?)?\s*")
Split = tuple[np.ndarray, np.ndarray]  # the positions of the labels to train on, and of those to test with


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSide:
    """The side of square blocks.

    Attributes:
        value: above 0, in `unit`.
        unit: "km", for blocks that are as wide as they are high on the ground, or "deg", for those of longitude and
            latitude.
    """

    value: float
    unit: str

    def __str__(self) -> str:
        degrees = "degree" if self.value == 1 else "degrees"
        return f"{self.value:g} {'km' if self.unit == 'km' else degrees}"

    @property
    def typed(self) -> str:
        """The text that `parse` takes, in one word."""
        return f"{self.value:g}{self.unit}"

    @property
    def km(self) -> float:
        """The height of a block in kilometres."""
        return self.value if self.unit == "km" else self.value * KM_A_DEGREE

    @classmethod
    def parse(cls, text: str) -> BlockSide:
        """The side that a text such as "200km" or "10deg" names.

        Raises:
            UsageError: it is no such text, or no block fits between the poles.
        """
        found = SIDE.fullmatch(str(text))
        largest = {"km": 180 * KM_A_DEGREE, "deg": 180.0}
        if not found or not 0 < float(found[1]) <= largest[found[2]]:
            expected = "kilometres or degrees, above 0 and at most half around the Earth"
            raise UsageError(argument="block", expected=expected, got=repr(text), example="200km")
        return cls(value=float(found[1]), unit=found[2])

    def numbers(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """The number of the block of each of n places (n, 2): (n,) integers from 0 on, without gaps."""
        row, column, _, _ = self._cells(lonlat_deg)
        return np.unique(np.stack([row, column], axis=1), axis=0, return_inverse=True)[1].reshape(-1)

    def bounds(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """West, south, east and north (n, 4) in degrees of the block of each of n places (n, 2)."""
        row, column, height, width = self._cells(lonlat_deg)
        west, south = column * width - 180, row * height - 90
        return np.stack([west, south, np.minimum(west + width, 180), np.minimum(south + height, 90)], axis=1)

    def _cells(self, lonlat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, np.ndarray | float]:
        """The row and the column of the block of each place, from the south and from 180° west, and its sides."""
        lon, lat = (lonlat_deg[:, 0] + 180) % 360, lonlat_deg[:, 1] + 90
        step = self.value if self.unit == "deg" else self.value / KM_A_DEGREE
        row = np.floor(lat / step)
        width: float | np.ndarray = step
        if self.unit == "km":  # as many blocks in a row as keep their width, in a whole number around the Earth
            middle = np.radians(np.clip((row + 0.5) * step, 0, 180) - 90)
            width = 360 / np.maximum(1, np.round(360 * np.cos(middle) / step))
        return row, np.floor(lon / width), step, width


def choose_side(lonlat_deg: np.ndarray, folds: int) -> BlockSide:
    """The largest side, 10 degrees halved so many times as needed, that leaves several blocks for each fold."""
    side = LARGEST_DEG
    while side > SMALLEST_DEG:
        found = BlockSide(value=float(f"{side * KM_A_DEGREE:.2g}"), unit="km")
        if found.numbers(lonlat_deg).max() + 1 >= FEWEST_A_FOLD * folds:
            return found
        side /= 2
    return found


def blocks_of(lonlat_deg: np.ndarray, together: np.ndarray, side: BlockSide, folds: int) -> np.ndarray:
    """The block of every label.

    Args:
        lonlat_deg: (n, 2) places.
        together: (n,) numbers; labels with the same number, such as those of one polygon, get the block of the first.
        side: of the blocks.
        folds: how many folds are needed.
    Raises:
        UsageError: the labels lie in fewer blocks than folds.
    """
    _, first, whose = np.unique(together, return_index=True, return_inverse=True)
    found = side.numbers(lonlat_deg[first])[whose.reshape(-1)]
    count = len(np.unique(found))
    if count < folds:
        smaller = choose_side(lonlat_deg[first], folds)
        enough = smaller.numbers(lonlat_deg[first]).max() + 1 >= folds
        lie = "all labels lie in one block" if count == 1 else f"the labels lie in {count} blocks"
        told = f"{lie} of {side}, and {folds} folds need as many"
        if not enough:
            raise UsageError(f"{told}; the places are too few or too close together for a test: give labels of others")

        raise UsageError(f"{told}; type smaller ones, for example {argument('block', smaller.typed)}")
    return found


def splits_by_block(blocks: np.ndarray, strata: np.ndarray, folds: int, seed: int) -> Iterator[Split]:
    """Folds of whole blocks.

    Args:
        blocks: (n,) the block of each label.
        strata: (n,) classes, which are spread evenly over the folds as far as blocks allow; zeros for numbers.
        folds: how many.
        seed: of the order of the blocks.
    """
    if np.unique(strata, return_counts=True)[1].max() < folds:
        raise UsageError(
            f"no class has the {folds} labels that {folds} folds need; join classes in a copy, or choose another "
            f"{argument('target')}"
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # of classes with fewer labels than folds, which are told of elsewhere
        warnings.simplefilter("ignore", UserWarning)
        yield from splitter.split(np.zeros(len(blocks)), strata, blocks)


def splits_at_random(places: np.ndarray, strata: np.ndarray, folds: int, seed: int) -> Iterator[Split]:
    """Folds at random, but for labels of one place, or of one polygon, which stay together.

    Args:
        places: (n,) numbers of places.
        strata, folds, seed: as in `splits_by_block`.
    """
    yield from splits_by_block(places, strata, folds, seed)
