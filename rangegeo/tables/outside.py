"""Rows of a table whose places lie where a model gives no values, found before anything is computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rangegeo.errors import TableError
from rangegeo.support.text import counted
from rangegeo.tables.places import PlaceColumns
from rangegeo.tables.survey import FEW, ROWS
from rangegeo.tables.table import Table


def check_inside(
    table: Table, place_columns: PlaceColumns, outside: Callable[[np.ndarray], np.ndarray], covered: str
) -> None:
    """Read the places of a table once, and refuse it if some lie where the model gives no values.

    Args:
        table: the table.
        place_columns: the columns that hold its places.
        outside: says of (n, 2) longitudes and latitudes in degrees at which (n,) the model gives none.
        covered: the model and where it gives values, for the message.
    Raises:
        TableError: some do; it names the first of them. Or the table cannot be read.
    """
    rows = count = 0
    first: list[str] = []
    for block in table.read(place_columns.columns, ROWS):
        found = place_columns.locate(block)
        beyond = block.numbers[found.usable][outside(found.lonlat_deg[found.usable])]
        rows, count = rows + len(block), count + len(beyond)
        first += [f"{table.counted} {number}" for number in beyond[: FEW - len(first)]]
    if count:
        more = f" and {count - len(first):,} more" if count > len(first) else ""
        told = f"{count:,} of {counted(rows, 'row')} {'lies' if count == 1 else 'lie'} outside {covered}"
        it = "it" if count == 1 else "them"
        raise TableError(f"{table.name}: {told}: {', '.join(first)}{more}; leave {it} out in a copy")
