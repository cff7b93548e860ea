"""GeoPackage: a layer of points in WGS 84, with the columns of the table and a column a band."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyogrio.raw import write_arrow

from rangegeo.errors import OutputError, TableError, UsageError, argument, first_line
from rangegeo.grid import WGS84
from rangegeo.tables.columns import OutputColumns, cannot_hold
from rangegeo.tables.places import TablePlaces, is_text
from rangegeo.tables.sinks import PROVENANCE, Sink
from rangegeo.tables.table import LIBRARY_ERRORS, free_name, is_binary

GEOMETRY = "geometry"
MOST_COLUMNS = 2000  # of a table of SQLite, https://sqlite.org/limits.html; one numbers the rows, one is the geometry
FORMAT = "a GeoPackage"


class GpkgSink(Sink):
    """Writes a GeoPackage with one layer, which is called like the file."""

    @classmethod
    def check(cls, output: OutputColumns) -> None:
        super().check(output)
        names = output.schema.names
        folded = [name.casefold() for name in names]  # SQLite does not tell capitals from small letters
        for position, name in enumerate(folded):
            if name in folded[:position]:
                first = names[folded.index(name)]
                raise UsageError(cannot_hold(FORMAT, names[position], f" beside {first!r}"))
        for name, kind in output.carried.items():
            if _stored(kind) is None:
                raise UsageError(cannot_hold(FORMAT, name, f" ({kind})"))
        columns = len(names) + 1
        if columns > MOST_COLUMNS:
            raise UsageError(
                f"{FORMAT} holds at most {MOST_COLUMNS:,} columns, and this one would have {columns:,}; take fewer "
                f"{argument('bands')} or {argument('betas')}, or write .parquet"
            )

    def __init__(self, path: Path, output: OutputColumns, metadata: dict[bytes, bytes]) -> None:
        super().__init__(path, output, metadata)
        kinds = [(field.name, _stored(field.type) or field.type) for field in output.schema]
        self._schema = pa.schema(kinds)
        self._layer = Path(path.name).stem
        taken = [name.casefold() for name in output.schema.names]
        self._columns = {"FID": free_name("fid", taken), "GEOMETRY_NAME": free_name("geom", taken)}  # that GDAL adds
        self._is_new = True

    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        batch = self.output.batch(columns, places, values)
        arrays = []
        for column, field in zip(batch.columns, self._schema, strict=True):
            try:
                arrays.append(column if column.type == field.type else column.cast(field.type))
            except pa.ArrowInvalid as error:
                raise TableError(cannot_hold(FORMAT, field.name, f": {first_line(error)}")) from error
        self._append(pa.record_batch(arrays, schema=self._schema))

    def finish(self, provenance: dict[str, object]) -> None:
        nothing = pa.record_batch([pa.array([], field.type) for field in self._schema], schema=self._schema)
        if self._is_new:
            self._append(nothing)
        self._append(nothing, {PROVENANCE: json.dumps(provenance)})

    def _append(self, batch: pa.RecordBatch, metadata: dict[str, str] | None = None) -> None:
        """Add rows to the layer, or metadata; the first call makes the file."""
        options = self._columns if self._is_new else {}
        try:
            write_arrow(
                batch,
                self.path,
                layer=self._layer,
                driver="GPKG",
                geometry_name=GEOMETRY,
                geometry_type="Point",
                crs=WGS84,
                append=not self._is_new,
                layer_metadata=metadata,
                layer_options=options,
            )
        except LIBRARY_ERRORS as error:
            raise OutputError(f"the GeoPackage cannot be written: {first_line(error)}") from error
        self._is_new = False


def _stored(kind: pa.DataType) -> pa.DataType | None:
    """The type in which a GeoPackage keeps a column; None if it would lose some of it."""
    if pa.types.is_dictionary(kind):
        return _stored(kind.value_type)
    if is_text(kind) or pa.types.is_null(kind):
        return pa.string()
    if is_binary(kind):
        return pa.binary()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ms", kind.tz)
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_uint64(kind):
        return None
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return kind if any(test(kind) for test in tests) else None
