"""Vector files that GDAL reads (GeoJSON, GeoPackage, shapefile, FlatGeobuf …), streamed as Arrow batches."""

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

from rangegeo.errors import TableError, UsageError
from rangegeo.grid import parse_crs
from rangegeo.tables.table import Block, Geometry, Table, in_rows

WKB_NAMES = {b"geoarrow.wkb", b"ogc.wkb"}
GEOMETRY = "geometry"  # what the geometry is called where the file gives no name


def open_vector(path: Path, name: str, layer: str | None = None) -> Table:
    """One layer of a vector file.

    Args:
        layer: its name; may be left out where there is one.
    Raises:
        TableError: GDAL cannot read it. UsageError: the layer must be named.
    """
    try:
        layer = _layer([str(known) for known, _ in pyogrio.list_layers(path)], layer, name)
        with open_arrow(path, layer=layer, batch_size=1, use_pyarrow=True) as (meta, reader):
            stored = reader.schema
    except (DataSourceError, DataLayerError) as error:
        raise TableError(f"{name} cannot be read: {str(error).splitlines()[0]}") from error
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
    """GeoJSON with a feature a line. GDAL skips lines that it cannot read, so each is looked at here too.

    Raises:
        TableError: a line is no feature.
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
    """The numbers of the lines that hold a feature."""
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
    if wanted is not None and wanted not in known:
        raise UsageError(f"--layer must be one of {', '.join(known)}, got {wanted!r}")
    if wanted is None and len(known) > 1:
        raise UsageError(f"{name} has the layers {', '.join(known)}; say which with --layer")
    return wanted or known[0]


def _named(schema: pa.Schema, called: dict[str, str]) -> pa.Schema:
    """Geometries under their own names, as plain binary columns."""
    return pa.schema([pa.field(called[field.name], pa.binary()) if field.name in called else field for field in schema])
