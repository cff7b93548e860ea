"""A table of places on disk: its columns, and its rows in batches, which can be read any number of times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import PurePath

import numpy as np
import pyarrow as pa
from pyproj import CRS
from shapely.errors import ShapelyError

from rangegeo.errors import RangegeoError, TableError, UsageError, first_line
from rangegeo.grid import parse_crs
from rangegeo.tables.bounded import check_width

LONGEST_SAID = 60  # characters of a CRS that a message shows
# What the libraries that read and write tables raise for files that are wrong.
LIBRARY_ERRORS = (
    *(pa.ArrowException, OSError, EOFError, ValueError, LookupError, RuntimeError, ShapelyError, TypeError),
    *(AttributeError, ArithmeticError, AssertionError),
)


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
        other_geometries: further columns of geometries, which are carried along.
        decimal: the sign before the decimals of numbers that are text.
        remarks: what a user should know about the table, one line each.
        fault: why its geometries cannot be read, if that is so; its columns can be.
    """

    name: str
    schema: pa.Schema
    read: Callable[[Sequence[str] | None, int], Iterator[Block]]
    counted: str = "row"
    untyped: bool = False
    geometry: Geometry | None = None
    other_geometries: tuple[Geometry, ...] = ()
    decimal: str = "."
    remarks: tuple[str, ...] = ()
    fault: str | None = None


def check_unique(names: Sequence[str], name: str) -> None:
    """Refuse a table with two columns of the same name; `name` is that of the table.

    Raises:
        TableError: there are two, or too many columns.
    """
    check_width(len(names), name)
    if len(set(names)) < len(names):
        twice = next(column for column in names if names.count(column) > 1)
        raise TableError(f"{name} has several columns named {twice!r}; give each a name of its own in a copy")


def stored_crs(crs: str | dict, name: str) -> CRS:
    """The CRS that a table says itself.

    Args:
        crs: in any form that pyproj takes.
        name: of the table, for messages.
    Raises:
        TableError: it cannot be used.
    """
    try:
        return parse_crs(crs)
    except UsageError as error:
        said = " ".join(str(crs).split())
        said = said if len(said) <= LONGEST_SAID else f"{said[:LONGEST_SAID]} …"
        raise TableError(
            f"{name} says a CRS that cannot be used, {said!r}; convert it first, for example with ogr2ogr -t_srs "
            "EPSG:4326"
        ) from error


@contextmanager
def one_line(said: str) -> Iterator[None]:
    """Turn the errors that Arrow, GDAL, GEOS and the system raise for a table into a TableError of one line.

    Args:
        said: the name of the table and what cannot be done, such as "t.parquet cannot be read".
    Raises:
        TableError: one of these errors occurred. Errors of rangegeo itself pass as they are.
    """
    try:
        yield
    except RangegeoError:
        raise
    except MemoryError as error:
        raise TableError(
            f"{said}: there is not enough memory for its rows; leave out its widest columns in a copy"
        ) from error
    except LIBRARY_ERRORS as error:
        raise TableError(f"{said}: {first_line(error).rstrip('.')}; if it is damaged, get it again") from error


def in_rows(batches: Iterator[pa.RecordBatch], name: str = "the table") -> Iterator[Block]:
    """Turn batches into blocks whose rows are counted from 1; `name` is that of the table.

    Raises:
        TableError: a column holds text in another encoding than UTF-8, which GDAL and Arrow hand on as it is.
    """
    first = 1
    for batch in batches:
        for column, values in zip(batch.schema.names, batch.columns, strict=True):
            try:
                values.validate(full=True)
            except pa.ArrowInvalid as error:
                said = f"the column {column!r} of {name} holds text that is not UTF-8 ({first_line(error)})"
                raise TableError(f"{said}; {_encoding_remedy(name)}") from error
        yield Block(batch, np.arange(first, first + batch.num_rows))
        first += batch.num_rows


def _encoding_remedy(name: str) -> str:
    """What to do about a table whose text is not UTF-8."""
    path = PurePath(name)
    if path.suffix.lower() in (".shp", ".dbf"):
        return f"say its encoding in a file {path.with_suffix('.cpg').name}, for example ISO-8859-1"
    return "convert it to UTF-8"


def free_name(wanted: str, taken: Collection[str]) -> str:
    """A name for a column that no other column has: the wanted one, or with a number behind it."""
    if wanted not in taken:
        return wanted
    return next(name for number in count(2) if (name := f"{wanted}_{number}") not in taken)


def is_binary(kind: pa.DataType) -> bool:
    """Whether a type of Arrow is one of its types of bytes."""
    tests = (
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
        pa.types.is_binary_view,
    )
    return any(test(kind) for test in tests)
