"""The first reading of a table: how many rows it has, which have no place, and which types its text has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rangegeo.errors import TableError, argument
from rangegeo.grid.globe import COUNT, tile_counts
from rangegeo.support.text import counted
from rangegeo.tables.places import PlaceColumns
from rangegeo.tables.table import Table
from rangegeo.tables.text import TYPES, fitting_types

FEW = 5  # rows without a place that are reported one by one
ROWS = 65_536  # rows that are read at a time
SAMPLE = 256  # places that are kept for an estimate of time


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Survey:
    """What is known about a table before anything is computed.

    Attributes:
        name: of the table, for messages.
        rows: number of rows.
        unusable: number of rows without a place.
        reasons: why the first few of these have no place: "line 17: latitude 95.7 is beyond 90".
        remarks: what else a user should know about the table, one line each.
        types: of the columns that are carried over, by name.
        sample_deg: (n, 2) longitude, latitude of some of the places.
        tiles: number of places in each tile of `rangegeo.grid.globe`.
        row_bytes: bytes in memory that the columns which are carried over take in a row, by a sample of the first rows.
    """

    name: str
    rows: int
    unusable: int
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]
    types: dict[str, pa.DataType]
    sample_deg: np.ndarray
    tiles: np.ndarray
    row_bytes: float = 0.0

    def __str__(self) -> str:
        """A message about the rows without a place."""
        more = f"; and {self.unusable - len(self.reasons):,} more" if self.unusable > len(self.reasons) else ""
        have = "has" if self.unusable == 1 else "have"
        unplaced = f"{self.unusable:,} of {counted(self.rows, 'row')} {have} no place"
        return f"{self.name}: {unplaced}: {'; '.join(self.reasons)}{more}"


def survey(table: Table, place_columns: PlaceColumns, carried: Sequence[str], *, tell_of_zeros: bool = True) -> Survey:
    """Read a table once.

    Args:
        table: the table.
        place_columns: the columns that hold its places.
        carried: names of the columns whose types are wanted.
        tell_of_zeros: whether a remark tells of places at exactly 0, 0.
    Raises:
        TableError: the table cannot be read, or no row has a place.
    """
    located = place_columns.columns
    wanted = [*located, *(name for name in carried if table.untyped and name not in located)]
    rows = unusable = 0
    degrees = True
    short, zero = _Counted(), _Counted()
    reasons: list[str] = []
    kinds: dict[str, int] = {}
    sample: list[np.ndarray] = []
    tiles = np.zeros(COUNT, dtype=np.int64)
    for block in table.read(wanted, ROWS):
        found = place_columns.locate(block)
        for row in np.flatnonzero(~found.usable)[: FEW - len(reasons)]:
            reasons.append(f"{table.counted} {block.numbers[row]}: {place_columns.explain(block, row)}")
        short.add(block.short)
        zero.add(block.numbers[found.zero])
        degrees = degrees and place_columns.may_be_degrees(block)
        rows += len(block)
        unusable += int((~found.usable).sum())
        places = found.lonlat_deg[found.usable]
        tiles += tile_counts(places)
        if sum(map(len, sample)) < SAMPLE:
            sample.append(places[:SAMPLE])
        if table.untyped:
            kinds = fitting_types(block.columns, kinds, table.decimal)
    if rows and unusable == rows:
        none_of = f"none of the {rows:,} rows" if rows > 1 else "not even the only row"
        raise TableError(
            f"{none_of} of {table.name} has a place: {reasons[0]}; "
            f"the order is longitude, latitude in degrees, and metres need {argument(place_columns.crs_argument)}"
        )
    fitting = [*(kind for kind, _ in TYPES), pa.string()]
    types = {
        name: fitting[kinds.get(name, len(TYPES))] if table.untyped else table.schema.field(name).type
        for name in carried
    }
    return Survey(
        name=table.name,
        rows=rows,
        unusable=unusable,
        reasons=tuple(reasons),
        remarks=(
            *table.remarks,
            *_doubts(table, place_columns, degrees and rows > 0),
            *_remarks(table, rows, short, zero if tell_of_zeros else _Counted()),
        ),
        types=types,
        sample_deg=np.concatenate([np.empty((0, 2)), *sample])[:SAMPLE],
        tiles=tiles,
        row_bytes=_row_bytes(table, carried),
    )


def _row_bytes(table: Table, carried: Sequence[str]) -> float:
    """Bytes that some columns take in a row, by the first rows."""
    if not carried:
        return 0.0
    block = next(iter(table.read(list(carried), SAMPLE)), None)
    return block.columns.nbytes / len(block) if block is not None and len(block) else 0.0


@dataclass(slots=True)
class _Counted:
    """How many rows are of some kind, and the number of the first; 0 if there is none."""

    rows: int = 0
    first: int = 0

    def add(self, numbers: Sequence[int] | np.ndarray) -> None:
        """Count some rows, given their numbers in the table."""
        if len(numbers) and not self.rows:
            self.first = int(numbers[0])
        self.rows += len(numbers)


def _doubts(table: Table, place_columns: PlaceColumns, degrees: bool) -> Iterator[str]:
    """What makes it doubtful that the columns are what the user says; `degrees` is whether all values could be such."""
    if place_columns.looks_swapped:
        lon, lat = place_columns.columns
        swapped = f"{argument('lon', lat)} {argument('lat', lon)}"
        yield f"{table.name}: {lon} is taken for longitude and {lat} for latitude; their names say {swapped}"
    if degrees:
        crs = argument(place_columns.crs_argument)
        yield f"{table.name}: all coordinates are small enough to be degrees; if they are, leave out {crs}"


def _remarks(table: Table, rows: int, short: _Counted, zero: _Counted) -> Iterator[str]:
    """What a user should know about rows that are embedded all the same."""
    if not rows:
        yield f"{table.name} has no rows, so the output has none either"
    if short.rows:
        some = "1 row has" if short.rows == 1 else f"{short.rows:,} rows have"
        yield f"{table.name}: {some} fewer values than columns{_at(table, short)}; what is missing is left empty"
    if zero.rows:
        places = "1 place is" if zero.rows == 1 else f"{zero.rows:,} places are"
        yield f"{table.name}: {places} exactly 0, 0, which often stands for a missing place{_at(table, zero)}"


def _at(table: Table, counted: _Counted) -> str:
    """Where the first of some rows is."""
    return f"{', on' if counted.rows == 1 else ', the first on'} {table.counted} {counted.first}"
