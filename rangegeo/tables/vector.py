"""Vector files that GDAL reads (GeoJSON, GeoPackage, shapefile, FlatGeobuf …), read in batches of Arrow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import open_arrow

from rangegeo.errors import TableError, UsageError, argument, first_line
from rangegeo.grid import parse_crs
from rangegeo.tables.table import Block, Geometry, Table, in_rows

WKB_NAMES = {b"geoarrow.wkb", b"ogc.wkb"}  # Arrow extension types of columns of geometries
GEOMETRY = "geometry"  # name of the column of geometries if the file gives none


def open_vector(path: Path, name: str, layer: str | None = None) -> Table:
    """Open one layer of a vector file.

    Args:
        path: of the file.
        name: of the table, for messages.
        layer: its name; None if the file has one layer.
    Raises:
        TableError: GDAL cannot read the file. UsageError: there is no such layer, or the layer must be named.
    """
    try:
        layer = _layer([str(known) for known, _ in pyogrio.list_layers(path)], layer, name)
        with open_arrow(path, layer=layer, batch_size=1, use_pyarrow=True) as (meta, reader):
            stored = reader.schema
    except (DataSourceError, DataLayerError) as error:
        raise TableError(f"{name} cannot be read: {first_line(error)}") from error
    binary = [field.name for field in stored if (field.metadata or {}).get(b"ARROW:extension:name") in WKB_NAMES]
    called = {column: meta["geometry_name"] or GEOMETRY for column in binary}
    schema = _named(stored, called)
    crs = None if meta["crs"] is None else parse_crs(meta["crs"])

    def read(columns: Sequence[str] | None, rows: int) -> Iterator[Block]:
        wanted = schema.names if columns is None else list(columns)
        attributes = [column for column in wanted if column not in called.values()]
        options = {"layer": layer, "columns": attributes, "batch_size": rows, "use_pyarrow": True}
        options["read_geometry"] = len(attributes) < len(wanted)
        with open_arrow(path, **options) as (_, reader):
            yield from in_rows(
                pa.record_batch(batch.columns, schema=_named(batch.schema, called)).select(wanted) for batch in reader
            )

    geometry = Geometry(called[binary[0]], "WKB", crs) if binary else None
    return Table(name=name, schema=schema, read=read, geometry=geometry)


def open_geojson_lines(path: Path, name: str) -> Table:
    """Open GeoJSON with one feature per line.

    GDAL skips lines that it cannot read. So `read` checks each line itself, and raises TableError for the first one
    that is not a feature.

    Args:
        path: of the file.
        name: of the table, for messages.
    Raises:
        TableError: GDAL cannot read the file.
    """
    table = open_vector(path, name)

    def read(columns: Sequence[str] | None, rows: int) -> Iterator[Block]:
        numbers = _feature_lines(path, name)
        for block in table.read(columns, rows):
            yield Block(block.columns, np.array([next(numbers) for _ in range(len(block))]))
        if next(numbers, None) is not None:
            raise TableError(f"{name} has more features than GDAL reads; make it one feature a line")

    return replace(table, read=read, counted="line")


def _feature_lines(path: Path, name: str) -> Iterator[int]:
    """The numbers of the lines with a feature; raises TableError for a line with something else."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            text = line.strip(b"\x1e \t\r\n")  # RFC 8142 puts a record separator before each feature
            if not text:
                continue
            try:
                is_feature = json.loads(text)["type"] == "Feature"
            except (ValueError, KeyError, TypeError):
                is_feature = False
            if not is_feature:
                raise TableError(f"{name}, line {number} is no GeoJSON feature; expected one feature a line")
            yield number


def _layer(known: list[str], wanted: str | None, name: str) -> str:
    """The wanted layer, or the only one."""
    if wanted is not None and wanted not in known:
        raise UsageError(argument="layer", expected=f"one of {', '.join(known)}", got=repr(wanted))
    if wanted is None and len(known) > 1:
        raise UsageError(f"{name} has the layers {', '.join(known)}; say which with {argument('layer')}")
    return wanted or known[0]


def _named(schema: pa.Schema, called: dict[str, str]) -> pa.Schema:
    """The schema with columns of geometries as plain binary, renamed as `called` says."""
    return pa.schema([pa.field(called[field.name], pa.binary()) if field.name in called else field for field in schema])
