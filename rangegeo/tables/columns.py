"""The columns of an output: columns carried over from the table, then places if they are needed, then embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely

from rangegeo.errors import UsageError, argument
from rangegeo.field.recipe import Recipe
from rangegeo.schema.columns import band_names, layer_names
from rangegeo.tables.places import TablePlaces
from rangegeo.tables.text import with_types

DROP = argument("drop_columns", True)
INSTEAD = f"write .parquet, or leave the columns out with {DROP}"  # what to do if a format cannot hold a column

# The columns that an output may add for the places, in WGS 84 degrees.
PLACES: dict[str, tuple[tuple[str, pa.DataType], ...]] = {
    "none": (),
    "columns": (("longitude", pa.float64()), ("latitude", pa.float64())),
    "geometry": (("geometry", pa.binary()),),
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OutputColumns:
    """The columns of an output, in order.

    Attributes:
        carried: names and types of the columns that come from the table.
        untyped: whether the table has these columns as text, which must be converted to the types.
        places: which columns are added for the places: "none", "columns" or "geometry".
        recipe: layers and bands of the embeddings.
        lists: whether each layer is one column of lists; otherwise each band is a column.
        decimal: the sign before the decimals of numbers that the table has as text.
    """

    carried: dict[str, pa.DataType]
    untyped: bool
    places: str
    recipe: Recipe
    lists: bool
    decimal: str = "."

    @property
    def embedded(self) -> tuple[str, ...]:
        """Names of the columns of embeddings."""
        if self.lists:
            return layer_names(self.recipe)
        return tuple(name for layer in band_names(self.recipe) for name in layer)

    @property
    def added(self) -> pa.Schema:
        """The columns that do not come from the table."""
        kind = pa.list_(pa.float32(), self.recipe.bands) if self.lists else pa.float32()
        return pa.schema([*PLACES[self.places], *((name, kind) for name in self.embedded)])

    @property
    def schema(self) -> pa.Schema:
        """All columns of the output."""
        return pa.schema([*self.carried.items(), *self.added])

    def carry(self, columns: pa.RecordBatch) -> pa.RecordBatch:
        """The columns that come from the table, with their types."""
        columns = columns.select(list(self.carried))
        return with_types(columns, self.carried, self.decimal) if self.untyped else columns

    def batch(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> pa.RecordBatch:
        """n rows of the output.

        Args:
            columns: n rows of the table.
            places: their places; rows without a place get nulls.
            values: (layers, n, bands) float32 embeddings; the values in rows without a place are not used.
        """
        missing = ~places.usable
        arrays = self.carry(columns).columns
        if self.places == "columns":
            arrays += [pa.array(axis, mask=missing) for axis in places.lonlat_deg.T]
        elif self.places == "geometry":
            points = shapely.to_wkb(shapely.points(places.lonlat_deg), flavor="iso")
            arrays.append(pa.array(points, pa.binary(), mask=missing))
        for layer in values:
            if self.lists:
                kind, mask = pa.list_(pa.float32(), self.recipe.bands), pa.array(missing)
                flat = pa.array(np.ravel(layer))
                arrays.append(pa.FixedSizeListArray.from_arrays(flat, type=kind, mask=mask))
            else:
                arrays += [pa.array(band, mask=missing) for band in np.ascontiguousarray(layer.T)]
        return pa.record_batch(arrays, schema=self.schema)


def check_names(carried: dict[str, pa.DataType], added: list[str]) -> None:
    """Refuse a table with a column that has the same name as a column that is added."""
    for name in added:
        if name in carried:
            raise UsageError(
                f"the table already has a column {name!r}; rename it in a copy, or leave its columns out with {DROP}"
            )


def cannot_hold(output: str, name: str, reason: str) -> str:
    """The message about a column that a format cannot hold."""
    return f"{output} cannot hold the column {name!r}{reason}; {INSTEAD}"
