"""The columns of an output: those of the table that are carried along, places where they are needed, embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely

from rangegeo.errors import UsageError
from rangegeo.field.recipe import Recipe
from rangegeo.schema.columns import band_names, layer_names
from rangegeo.tables.places import TablePlaces
from rangegeo.tables.text import with_types

# How an output holds places beside the columns that are carried along: WGS 84 degrees, added as these columns.
PLACES = {
    "none": (),
    "columns": (("longitude", pa.float64()), ("latitude", pa.float64())),
    "geometry": (("geometry", pa.binary()),),
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OutputColumns:
    """The columns of an output, in order.

    Attributes:
        carried: names and types of the columns that come from the table.
        untyped: whether these are text that has still to be given its type.
        places: one of PLACES.
        recipe: layers and bands of the embeddings.
        lists: whether a layer is one column of lists; else every band is a column.
    """

    carried: dict[str, pa.DataType]
    untyped: bool
    places: str
    recipe: Recipe
    lists: bool

    @property
    def embedded(self) -> tuple[str, ...]:
        """Names of the columns that hold embeddings."""
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
        """All columns."""
        return pa.schema([*self.carried.items(), *self.added])

    def carry(self, columns: pa.RecordBatch) -> pa.RecordBatch:
        """The columns that come from the table, with their types."""
        columns = columns.select(list(self.carried))
        return with_types(columns, self.carried) if self.untyped else columns

    def batch(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> pa.RecordBatch:
        """Some rows of the output.

        Args:
            columns: of the table, (n) rows.
            values: (layers, n, bands) float32; what stands in rows without a place does not matter.
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
    """Refuse a table that has a column of a name that the output needs."""
    for name in added:
        if name in carried:
            raise UsageError(
                f"the table already has a column {name!r}; rename it, or leave its columns out with --drop-columns"
            )
