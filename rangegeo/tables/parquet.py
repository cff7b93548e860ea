"""Parquet and GeoParquet, as one file or as a folder of files, read in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyproj import CRS

from rangegeo.errors import TableError, argument, first_line
from rangegeo.grid import parse_crs
from rangegeo.tables.table import Block, Geometry, Table, in_rows

ENCODINGS = ("WKB", "point")


def open_parquet(path: Path, name: str) -> Table:
    """Open a Parquet table; the geometry of a GeoParquet file is its primary column.

    Args:
        path: of a file or a folder.
        name: of the table, for messages.
    Raises:
        TableError: the file is not Parquet, or has geometries in an encoding that cannot be read.
    """
    try:
        dataset = ds.dataset(path, format="parquet")
        geometry = _geometry(dataset.schema, name)
    except (pa.ArrowInvalid, OSError, ValueError, KeyError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"{name} is not a Parquet file: {first_line(error)}") from error

    def read(columns: Sequence[str] | None, rows: int) -> Iterator[Block]:
        wanted = dataset.schema.names if columns is None else list(columns)
        try:
            yield from in_rows(batch for file in dataset.files for batch in _batches(file, wanted, rows))
        except (pa.ArrowInvalid, OSError, KeyError) as error:
            raise TableError(f"{name} is damaged: {first_line(error)}") from error

    return Table(name=name, schema=dataset.schema, read=read, geometry=geometry)


def _batches(file: str, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of one file. Memory is one page per column, because no row groups are buffered, as a dataset does."""
    with pq.ParquetFile(file, pre_buffer=False) as opened:
        for batch in opened.iter_batches(batch_size=rows, columns=columns):
            yield batch.select(columns)


def _geometry(schema: pa.Schema, name: str) -> Geometry | None:
    """The geometries that the metadata of GeoParquet describe; None for a plain Parquet file."""
    if b"geo" not in (schema.metadata or {}):
        return None
    geo = json.loads(schema.metadata[b"geo"])
    column = geo["primary_column"]
    described = geo["columns"][column]
    if described["encoding"] not in ENCODINGS:
        raise TableError(
            f"{name} stores geometries as {described['encoding']}; expected {' or '.join(ENCODINGS)}, "
            f"or name two columns with {argument('lon')} and {argument('lat')}"
        )
    crs = described.get("crs", "OGC:CRS84")  # the default of GeoParquet
    return Geometry(column, described["encoding"], None if crs is None else parse_crs(crs))


def geo_metadata(column: str, crs: CRS, types: Sequence[str] = ()) -> dict[bytes, bytes]:
    """The metadata that make a Parquet file a GeoParquet 1.1 file.

    Args:
        column: name of its column of WKB geometries.
        crs: of the geometries.
        types: of the geometries, such as "Point", if they are known.
    """
    described = {"encoding": "WKB", "geometry_types": list(types), "crs": crs.to_json_dict()}
    geo = {"version": "1.1.0", "primary_column": column, "columns": {column: described}}
    return {b"geo": json.dumps(geo).encode()}
