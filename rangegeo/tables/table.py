"""A table of places on disk: its columns, and its rows in batches, which can be read any number of times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import pyarrow as pa
from pyproj import CRS


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """n consecutive rows.

    Attributes:
        columns: their values.
        numbers: (n,) int64, for each row the line on which it begins, or its number counted from 1.
        short: the numbers of the rows that have fewer values than there are columns; what is missing is empty.
    """

    columns: pa.RecordBatch
    numbers: np.ndarray
    short: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """The column of geometries of a table.

    Attributes:
        column: its name.
        encoding: "WKB", or "point" for a struct of x and y.
        crs: of the geometries; None if the file does not tell.
    """

    column: str
    encoding: str
    crs: CRS | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Table:
    """A table of places.

    Attributes:
        name: as the user typed it, for messages.
        schema: of all columns; if `untyped`, all are text.
        read: returns all rows in blocks, given the names of the wanted columns (None for all) and the most rows of a
            block.
        counted: what the numbers of a block count, "line" or "row".
        untyped: whether the columns are text whose types must still be found.
        geometry: the column of geometries; None for a table of plain columns.
        decimal: the sign before the decimals of numbers that are text.
        remarks: what a user should know about the table, one line each.
    """

    name: str
    schema: pa.Schema
    read: Callable[[Sequence[str] | None, int], Iterator[Block]]
    counted: str = "row"
    untyped: bool = False
    geometry: Geometry | None = None
    decimal: str = "."
    remarks: tuple[str, ...] = ()


def in_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[Block]:
    """Turn batches into blocks whose rows are counted from 1."""
    first = 1
    for batch in batches:
        yield Block(batch, np.arange(first, first + batch.num_rows))
        first += batch.num_rows


def free_name(wanted: str, taken: Collection[str]) -> str:
    """A name for a column that no other column has: the wanted one, or with a number behind it."""
    if wanted not in taken:
        return wanted
    return next(name for number in count(2) if (name := f"{wanted}_{number}") not in taken)
