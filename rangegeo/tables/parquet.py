"""Parquet and GeoParquet, as one file or as a folder of files, read in batches."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyproj import CRS

from rangegeo.errors import TableError, arguments, first_line
from rangegeo.tables.table import Block, Geometry, Table, check_unique, in_rows, is_binary, one_line, stored_crs

ENCODINGS = ("WKB", "point")
PROVENANCE = b"rangegeo"  # the key under which an output says where its values come from


def open_parquet(path: Path, name: str) -> Table:
    """Open a Parquet table; the geometry of a GeoParquet file is its primary column.

    Args:
        path: of a file or a folder.
        name: of the table, for messages.
    Raises:
        TableError: the file is not Parquet, or has geometries in an encoding that cannot be read.
    """
    with one_line(f"{name} is not a Parquet file"):
        if path.is_file():
            check_unique(pq.read_schema(path).names, name)
        dataset = ds.dataset(path, format="parquet", partitioning="hive" if path.is_dir() else None)
        files = [
            _File(part.path, part.physical_schema, ds.get_partition_keys(part.partition_expression))
            for part in dataset.get_fragments()
        ]
        schema = _common_schema(dataset.schema, files, name)
        first = next(dataset.get_fragments()).metadata.metadata or {}
        if PROVENANCE in first:  # the table holds embeddings of an earlier run
            schema = schema.with_metadata((schema.metadata or {}) | {PROVENANCE: first[PROVENANCE]})
        geometry = _geometry(schema, name)
        fault = None if geometry is None else _fault(schema, geometry, name)

    def read(columns: Sequence[str] | None, rows: int) -> Iterator[Block]:
        wanted = schema if columns is None else pa.schema([schema.field(column) for column in columns])
        with one_line(f"{name} is damaged"):
            yield from in_rows((batch for file in files for batch in _batches(file, wanted, rows)), name)

    return Table(name=name, schema=schema, read=read, geometry=None if fault else geometry, fault=fault)


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """One file of a table.

    Attributes:
        path: of the file.
        schema: of the columns that it holds.
        keys: the values of the columns that the folders around it name, such as year=2020.
    """

    path: str
    schema: pa.Schema
    keys: dict[str, Any]


def _common_schema(schema: pa.Schema, files: Sequence[_File], name: str) -> pa.Schema:
    """The columns of all files of a table, with the metadata of the first.

    Raises:
        TableError: there is no file, or the files do not fit together.
    """
    if not files:
        raise TableError(f"{name} is a folder without Parquet files; expected a table of places")
    first, *others = (_georeference(file.schema) for file in files)
    for file, other in zip(files[1:], others, strict=True):
        if other != first:
            raise TableError(
                f"{name} has files with different geometries: {files[0].path} and {file.path} differ in their column, "
                "encoding or CRS; give one at a time"
            )
    try:
        found = pa.unify_schemas([schema, *(file.schema for file in files)], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TableError(f"{name} has files whose columns do not fit together: {first_line(error)}") from error
    found = found.with_metadata(schema.metadata)
    return found if len(files) == 1 else _without_extents(found)


def _georeference(schema: pa.Schema) -> tuple | None:
    """Column, encoding and CRS of the geometries of a file, for a comparison."""
    try:
        geo = json.loads((schema.metadata or {})[b"geo"])
        described = geo["columns"][geo["primary_column"]]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    return geo["primary_column"], described.get("encoding"), json.dumps(described.get("crs", ""), sort_keys=True)


def _without_extents(schema: pa.Schema) -> pa.Schema:
    """The schema without what its metadata say about the geometries of one file of several."""
    if b"geo" not in (schema.metadata or {}):
        return schema
    geo = json.loads(schema.metadata[b"geo"])
    for described in geo["columns"].values():
        described.pop("bbox", None)
        described["geometry_types"] = []
    return schema.with_metadata(schema.metadata | {b"geo": json.dumps(geo).encode()})


def _batches(file: _File, wanted: pa.Schema, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of one file. Memory is one page per column, because no row groups are buffered, as a dataset does."""
    held = [name for name in wanted.names if name in file.schema.names]
    with pq.ParquetFile(file.path, pre_buffer=False) as opened:
        for batch in opened.iter_batches(batch_size=rows, columns=held):
            yield pa.record_batch([_column(batch, field, file) for field in wanted], schema=wanted)


def _column(batch: pa.RecordBatch, field: pa.Field, file: _File) -> pa.Array:
    """One column of a batch: from the file, from the names of its folders, or nulls if the file has none."""
    if field.name in file.schema.names:
        column = batch.column(field.name)
        return column if column.type == field.type else column.cast(field.type)
    value = file.keys.get(field.name)
    if value is None:
        return pa.nulls(batch.num_rows, field.type)
    return pa.repeat(pa.scalar(value, field.type), batch.num_rows)


def _geometry(schema: pa.Schema, name: str) -> Geometry | None:
    """The geometries that the metadata of GeoParquet describe; None for a table without them."""
    if b"geo" not in (schema.metadata or {}):
        return None
    try:
        geo = json.loads(schema.metadata[b"geo"])
        column = geo["primary_column"]
        described = geo["columns"][column]
        encoding, crs = described["encoding"], described.get("crs", "OGC:CRS84")  # the default of GeoParquet
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise TableError(
            f"{name} has metadata of GeoParquet that are not complete ({first_line(error)}); write "
            "another file, for example with geopandas"
        ) from error
    if column not in schema.names:  # the column was dropped, and its metadata were left behind
        return None
    return Geometry(column, encoding, None if crs is None else stored_crs(crs, name))


def _fault(schema: pa.Schema, geometry: Geometry, name: str) -> str | None:
    """Why geometries cannot be read; None if they can."""
    column, encoding = geometry.column, geometry.encoding
    if encoding not in ENCODINGS:
        return (
            f"{name} stores geometries as {encoding}; expected {' or '.join(ENCODINGS)}, or name two columns: "
            f"{arguments(lon='NAME', lat='NAME')}"
        )
    kind = schema.field(column).type
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    if not (is_binary(kind) if encoding == "WKB" else pa.types.is_struct(kind) and kind.num_fields >= 2):
        return (
            f"{name} says that its column {column!r} holds {encoding} geometries, but it holds {kind}; name two "
            f"columns: {arguments(lon='NAME', lat='NAME')}, or write another file, for example with geopandas"
        )
    return None


def kept_geo(stored: bytes, kept: Collection[str]) -> bytes | None:
    """Metadata of GeoParquet that speak only of the columns that are kept.

    Args:
        stored: the metadata.
        kept: the names of the columns.
    Returns:
        The metadata; None if the primary column is not kept.
    """
    geo = json.loads(stored)
    geo["columns"] = {name: described for name, described in geo["columns"].items() if name in kept}
    if geo["primary_column"] not in geo["columns"]:
        return None
    for described in geo["columns"].values():
        covering = described.get("covering", {})
        if any(paths[0] not in kept for sides in covering.values() for paths in sides.values()):
            del described["covering"]
    return json.dumps(geo).encode()


def geo_metadata(
    column: str, crs: CRS, types: Sequence[str] = (), others: Sequence[Geometry] = ()
) -> dict[bytes, bytes]:
    """The metadata that make a Parquet file a GeoParquet 1.1 file.

    Args:
        column: name of its column of WKB geometries.
        crs: of the geometries.
        types: of the geometries, such as "Point", if they are known.
        others: further columns of WKB geometries.
    """
    columns: dict[str, dict[str, Any]]
    columns = {column: {"encoding": "WKB", "geometry_types": list(types), "crs": crs.to_json_dict()}}
    for other in others:
        said = None if other.crs is None else other.crs.to_json_dict()
        columns[other.column] = {"encoding": "WKB", "geometry_types": [], "crs": said}
    geo = {"version": "1.1.0", "primary_column": column, "columns": columns}
    return {b"geo": json.dumps(geo).encode()}
