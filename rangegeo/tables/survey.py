"""The first reading of a table: how many rows, which of them have no place, what types its text has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rangegeo.errors import TableError
from rangegeo.grid.globe import COUNT, tile_counts
from rangegeo.tables.places import PlaceColumns
from rangegeo.tables.table import Table
from rangegeo.tables.text import TYPES, fitting_types

FEW = 5  # rows without a place that are told one by one
ROWS = 65_536  # read at a time
SAMPLE = 256  # places kept, for an estimate of time


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Survey:
    """What is known of a table before anything is computed.

    Attributes:
        name: of the table, for messages.
        rows: how many there are.
        unusable: how many have no place.
        reasons: why, for the first few: "line 17: latitude 95.7 is beyond 90".
        types: of the columns that are carried along, by name.
        sample_deg: (n, 2) some of the places.
        tiles: how many places lie in each of `rangegeo.grid.globe`.
    """

    name: str
    rows: int
    unusable: int
    reasons: tuple[str, ...]
    types: dict[str, pa.DataType]
    sample_deg: np.ndarray
    tiles: np.ndarray

    def __str__(self) -> str:
        """Of the rows without a place."""
        more = f"; and {self.unusable - len(self.reasons):,} more" if self.unusable > len(self.reasons) else ""
        return f"{self.name}: {self.unusable:,} of {self.rows:,} rows have no place: {'; '.join(self.reasons)}{more}"


def survey(table: Table, where: PlaceColumns, carried: Sequence[str]) -> Survey:
    """Read a table once.

    Args:
        carried: columns whose types are wanted.
    Raises:
        TableError: it cannot be read, or no row has a place.
    """
    wanted = [*where.columns, *(name for name in carried if table.untyped and name not in where.columns)]
    rows = unusable = 0
    reasons: list[str] = []
    kinds: dict[str, int] = {}
    sample: list[np.ndarray] = []
    tiles = np.zeros(COUNT, dtype=np.int64)
    for block in table.read(wanted, ROWS):
        found = where.locate(block)
        for row in np.flatnonzero(~found.usable)[: FEW - len(reasons)]:
            reasons.append(f"{where.counted} {block.numbers[row]}: {where.explain(block, row)}")
        rows += len(block)
        unusable += int((~found.usable).sum())
        places = found.lonlat_deg[found.usable]
        tiles += tile_counts(places)
        if sum(map(len, sample)) < SAMPLE:
            sample.append(places[:SAMPLE])
        if table.untyped:
            kinds = fitting_types(block.columns, kinds)
    if rows and unusable == rows:
        raise TableError(
            f"none of the {rows:,} rows of {table.name} has a place: {reasons[0]}; "
            "the order is longitude, latitude in degrees, and metres need --crs"
        )
    texts = [*(kind for kind, _ in TYPES), pa.string()]
    types = {
        name: texts[kinds.get(name, len(TYPES))] if table.untyped else table.schema.field(name).type for name in carried
    }
    return Survey(
        name=table.name,
        rows=rows,
        unusable=unusable,
        reasons=tuple(reasons),
        types=types,
        sample_deg=np.concatenate([np.empty((0, 2)), *sample])[:SAMPLE],
        tiles=tiles,
    )
