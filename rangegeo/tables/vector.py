"""Vector files that GDAL reads (GeoJSON, GeoPackage, shapefile, FlatGeobuf …), read in batches of Arrow."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
from pyogrio.errors import DataSourceError
from pyogrio.raw import open_arrow

from rangegeo.errors import TableError, UsageError, argument, first_line
from rangegeo.support.drivers import is_text_table
from rangegeo.support.foreign import check_foreign
from rangegeo.tables.bounded import bounded
from rangegeo.tables.table import Block, Geometry, Table, free_name, in_rows, one_line, stored_crs

WKB_NAMES = {b"geoarrow.wkb", b"ogc.wkb"}  # Arrow extension types of columns of geometries
ADVICE = "; It might help"  # where advice of GDAL begins that does not help here
PACKED = (".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".tgz", ".zip")  # suffixes of compressed files
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
    said = f"{name} cannot be read"
    with one_line(said), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_foreign(path, name, TableError)
        try:
            layer = _layer([str(known) for known, _ in pyogrio.list_layers(path)], layer, name)
            if is_text_table(path, layer):
                raise TableError(
                    f"{name} is or names a text table, which GDAL does not read without loss; give the table itself, "
                    f"or type {argument('input_format', 'csv')}"
                )
            with open_arrow(path, layer=layer, batch_size=1, use_pyarrow=True) as (meta, reader):
                stored = reader.schema
        except DataSourceError as error:
            reason = first_line(error).split(ADVICE)[0].rstrip(".;")
            raise TableError(
                f"{said}: {reason}; expected a table such as .csv, .geojson, .gpkg or .parquet; {_remedy(name)}"
            ) from error
    geometries = _geometries(stored, meta, name)
    called = [geometry.column for geometry in geometries]
    schema = _named(stored, called)

    def read(columns: Sequence[str] | None, rows: int) -> Iterator[Block]:
        wanted = schema.names if columns is None else list(columns)
        attributes = [column for column in wanted if column not in called]
        options = {"layer": layer, "columns": attributes, "batch_size": rows, "use_pyarrow": True}
        options["read_geometry"] = len(attributes) < len(wanted)
        with one_line(said), open_arrow(path, **options) as (_, reader):
            named = _named(reader.schema, called)
            batches = (
                pa.record_batch(list(map(_storage, batch.columns)), schema=named).select(wanted) for batch in reader
            )
            yield from in_rows(batches, name)

    geometry = geometries[0] if geometries else None
    return Table(
        name=name,
        schema=schema,
        read=read,
        geometry=geometry,
        other_geometries=tuple(geometries[1:]),
        remarks=tuple(dict.fromkeys(f"{name}: {' '.join(str(warning.message).split())}" for warning in told)),
    )


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
            raise TableError(f"{name} has more features than GDAL reads; make a copy with one feature a line")

    return replace(table, read=read, counted="line")


def _feature_lines(path: Path, name: str) -> Iterator[int]:
    """The numbers of the lines with a feature; raises TableError for a line with something else."""
    with path.open("rb") as lines:
        for number, line in enumerate(bounded(lines, name), start=1):
            text = line.strip(b"\x1e \t\r\n")  # RFC 8142 puts a record separator before each feature
            if not text:
                continue
            try:
                is_feature = json.loads(text)["type"] == "Feature"
            except (ValueError, KeyError, TypeError, RecursionError):
                is_feature = False
            if not is_feature:
                raise TableError(f"{name}, line {number} is no GeoJSON feature; expected one feature a line")
            yield number


def _layer(known: list[str], wanted: str | None, name: str) -> str:
    """The wanted layer, or the only one."""
    if wanted is not None and wanted not in known:
        raise UsageError(argument="layer", expected=f"one of {', '.join(known)}", got=repr(wanted))
    if wanted is None and len(known) > 1:
        raise UsageError(
            f"{name} has the layers {', '.join(known)}; say which, for example {argument('layer', known[0])}"
        )
    if not known:
        raise TableError(f"{name} has no layer; expected a table of places")
    return wanted or known[0]


def _remedy(name: str) -> str:
    """What to do about a file that GDAL cannot read."""
    if name.lower().endswith(PACKED):
        return "unpack it first"
    return "save a spreadsheet as .csv"


def _is_geometry(field: pa.Field) -> bool:
    """Whether a column of GDAL holds geometries."""
    registered = getattr(field.type, "extension_name", "").encode()
    return (field.metadata or {}).get(b"ARROW:extension:name", registered) in WKB_NAMES


def _geometries(stored: pa.Schema, meta: dict, name: str) -> list[Geometry]:
    """The columns of geometries, the main one first.

    GDAL calls the main one "wkb_geometry" if the file does not name it, and so may an attribute be called. So it gets
    the name "geometry", or another name if an attribute has that one.

    Args:
        stored: the columns, as GDAL gives them.
        meta: what GDAL says about the layer.
        name: of the table, for messages.
    """
    fields = [field for field in stored if _is_geometry(field)]
    taken = [field.name for field in stored if not _is_geometry(field)]
    found: list[Geometry] = []
    for field in fields:
        own = field.name if found else meta["geometry_name"] or GEOMETRY
        crs = meta["crs"] if not found else _own_crs(field)
        column = free_name(own, [*taken, *(geometry.column for geometry in found)])
        found.append(Geometry(column, "WKB", None if crs is None else stored_crs(crs, name)))
    return found


def _own_crs(field: pa.Field) -> str | dict | None:
    """The CRS that a column of geometries says itself."""
    described = (field.metadata or {}).get(b"ARROW:extension:metadata", b"{}")
    return json.loads(described or b"{}").get("crs")


def _named(schema: pa.Schema, called: list[str]) -> pa.Schema:
    """The schema with columns of geometries as plain binary, named in their order."""
    names = iter(called)
    return pa.schema([pa.field(next(names), pa.binary()) if _is_geometry(field) else field for field in schema])


def _storage(column: pa.Array) -> pa.Array:
    """A column without its extension type."""
    return column.storage if isinstance(column, pa.ExtensionArray) else column
