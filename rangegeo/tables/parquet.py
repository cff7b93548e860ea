"""Parquet and GeoParquet, one file or a folder of them, read in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyproj import CRS

from rangegeo.errors import TableError
from rangegeo.grid import parse_crs
from rangegeo.tables.table import Block, Geometry, Table, in_rows

ENCODINGS = ("WKB", "point")


def open_parquet(path: Path, name: str) -> Table:
    """A Parquet table; the geometry of a GeoParquet file is its primary column.

    Raises:
        TableError: the file is not Parquet, or its geometries are stored in a way that is not read here.
    """
    try:
        dataset = ds.dataset(path, format="parquet")
        geometry = _geometry(dataset.schema, name)
    except (pa.ArrowInvalid, OSError, ValueError, KeyError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"{name} is not a Parquet file: {str(error).splitlines()[0]}") from error

    def read(columns: Sequence[str] | None, rows: int) -> Iterator[Block]:
        wanted = dataset.schema.names if columns is None else list(columns)
        try:
            yield from in_rows(batch for file in dataset.files for batch in _batches(file, wanted, rows))
        except (pa.ArrowInvalid, OSError, KeyError) as error:
            raise TableError(f"{name} is damaged: {str(error).splitlines()[0]}") from error

    return Table(name=name, schema=dataset.schema, read=read, geometry=geometry)


def _batches(file: str, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    # without buffers of whole row groups, which a dataset reads ahead: memory is a page a column
    with pq.ParquetFile(file, pre_buffer=False) as opened:
        for batch in opened.iter_batches(batch_size=rows, columns=columns):
            yield batch.select(columns)


def _geometry(schema: pa.Schema, name: str) -> Geometry | None:
    if b"geo" not in (schema.metadata or {}):
        return None
    geo = json.loads(schema.metadata[b"geo"])
    column = geo["primary_column"]
    described = geo["columns"][column]
    if described["encoding"] not in ENCODINGS:
        raise TableError(
            f"{name} stores geometries as {described['encoding']}; expected {' or '.join(ENCODINGS)}, "
            "or name two columns with --lon and --lat"
        )
    crs = described.get("crs", "OGC:CRS84")  # what GeoParquet says of a file that is silent
    return Geometry(column, described["encoding"], None if crs is None else parse_crs(crs))


def geo_metadata(column: str, crs: CRS, types: Sequence[str] = ()) -> dict[bytes, bytes]:
    """What makes a Parquet file with a WKB column a GeoParquet 1.1 file; `types` of its geometries, if known."""
    described = {"encoding": "WKB", "geometry_types": list(types), "crs": crs.to_json_dict()}
    geo = {"version": "1.1.0", "primary_column": column, "columns": {column: described}}
    return {b"geo": json.dumps(geo).encode()}
