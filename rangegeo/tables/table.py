"""A table of places on disk: its columns, and its rows in batches, as often as they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyproj import CRS


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some consecutive rows.

    Attributes:
        columns: their values.
        numbers: (n,) int64, where each row is found in the file: its line, or its place counted from 1.
    """

    columns: pa.RecordBatch
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Which column holds the geometries, and how.

    Attributes:
        column: its name.
        encoding: "WKB", or "point" for a struct of x and y.
        crs: None where the file does not say.
    """

    column: str
    encoding: str
    crs: CRS | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Table:
    """A table of places.

    Attributes:
        name: as the user typed it, for messages.
        schema: of all columns; text for every one if `untyped`.
        read: rows in batches: the columns wanted (None for all) and the most rows of a batch, to blocks.
        counted: what the numbers of a block count, "line" or "row".
        untyped: whether the columns are text whose types are still to be found.
        geometry: None for a table of plain columns.
    """

    name: str
    schema: pa.Schema
    read: Callable[[Sequence[str] | None, int], Iterator[Block]]
    counted: str = "row"
    untyped: bool = False
    geometry: Geometry | None = None


def in_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[Block]:
    """Batches as blocks, their rows counted from 1."""
    first = 1
    for batch in batches:
        yield Block(batch, np.arange(first, first + batch.num_rows))
        first += batch.num_rows
