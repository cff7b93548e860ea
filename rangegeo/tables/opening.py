"""The kinds of tables that can be read, by name and by suffix, from files and from standard input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from rangegeo.errors import UsageError, argument
from rangegeo.support.location import COPY, check_local
from rangegeo.support.paths import local_path
from rangegeo.support.stdin import is_pipe, standard_input
from rangegeo.tables.bounded import LONGEST_LINE
from rangegeo.tables.dialect import TextOptions
from rangegeo.tables.packed import SUFFIXES, TEXT, holds_text, is_zip
from rangegeo.tables.parquet import open_parquet
from rangegeo.tables.table import Table, check_unique
from rangegeo.tables.text import open_text
from rangegeo.tables.vector import open_geojson_lines, open_vector

STDIN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of table.

    Attributes:
        open: opens a table, given its path, its name for messages and, if `layers`, the name of a layer or None, or
            if `text`, how the text is written.
        suffixes: of the files that are of this kind; a copy of standard input gets the first.
        layers: whether a file may have several layers.
        text: whether files are text tables.
    """

    open: Callable[..., Table]
    suffixes: tuple[str, ...]
    layers: bool = False
    text: bool = False


KINDS = {
    "csv": Kind(open=open_text, suffixes=(*TEXT, *(text + packed for text in TEXT for packed in SUFFIXES)), text=True),
    "geojson": Kind(open=open_vector, suffixes=(".geojson", ".json")),
    "geojsonl": Kind(
        open=open_geojson_lines, suffixes=(".geojsonl", ".geojsons", ".ndgeojson", ".ndjson", ".jsonl", ".geojsonseq")
    ),
    "gpkg": Kind(open=open_vector, suffixes=(".gpkg",), layers=True),
    "parquet": Kind(open=open_parquet, suffixes=(".parquet", ".geoparquet", ".pq")),
}
FOLDERS = (".gdb", ".parquet")  # suffixes of folders that are tables
MAGIC = {b"PAR1": "parquet", b"SQLite format 3": "gpkg"}  # the first bytes of files of a kind
OTHER = Kind(open=open_vector, suffixes=(), layers=True)  # every other file that GDAL reads


def open_table(
    source: str, folder: Path, *, kind: str | None = None, layer: str | None = None, text: TextOptions | None = None
) -> Table:
    """Open a table of places.

    Args:
        source: path, or "-" for standard input.
        folder: for a copy of standard input or of a pipe, because a table is read more than once.
        kind: "csv", "geojson", "geojsonl", "gpkg" or "parquet"; None to find out from the suffix or the first bytes.
        layer: name of a layer, for files with layers; None if there is one layer.
        text: what the user says about how a text table is written; None for nothing.
    Raises:
        UsageError: there is no such file or layer, or an option does not fit the file. TableError: the file is not a
            table of that kind.
    """
    check_local(source, remedy=COPY)
    if source == STDIN or is_pipe(local_path(source)):
        name = "standard input" if source == STDIN else source
        copy = _copied(standard_input("a table") if source == STDIN else local_path(source).open("rb"), folder)
        packed = is_zip(copy)
        row = KINDS[kind] if kind else _of_zip(copy, name) if packed else KINDS[_of_content(copy)]
        path = copy.rename(copy.with_suffix(".zip" if packed else row.suffixes[0]))
    else:
        path, name = local_path(source).absolute(), source
        if path.is_dir() and kind is None and path.suffix.lower() not in FOLDERS and _holds_parquet(path):
            kind = "parquet"
        if not source or (path.is_dir() and kind != "parquet" and path.suffix.lower() not in FOLDERS):
            given = f"the folder {source}" if source else "nothing"
            raise UsageError(argument="source", expected="a file, or - for standard input", got=given)
        if not path.exists():
            raise UsageError(f"{source} does not exist; expected a table of places (.csv, .geojson, .gpkg, .parquet …)")
        row = KINDS[kind] if kind else _of_suffix(path, name)
    if layer is not None and not row.layers:
        raise UsageError(f"{argument('layer')} is for files with layers such as .gpkg; leave it out for {name}")
    text = text or TextOptions()
    if text.for_text_alone and not row.text:
        given = argument(text.for_text_alone[0])
        raise UsageError(
            f"{given} is for text tables such as .csv; leave it out for {name}, or type "
            f"{argument('input_format', 'csv')}"
        )
    if row.text:
        opened = row.open(path, name, text)
    else:
        opened = row.open(path, name, layer) if row.layers else row.open(path, name)
    check_unique(opened.schema.names, name)
    return replace(opened, decimal=text.decimal)


def _copied(stream: BinaryIO, folder: Path) -> Path:
    """A copy of what can be read only once."""
    copy = folder / "copy"
    with copy.open("wb") as file:
        shutil.copyfileobj(stream, file)
    return copy


def _holds_parquet(folder: Path) -> bool:
    """Whether the first file with data in a folder, or in the folders in it, is Parquet, as Spark and dask write it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(("_", ".")):
            with path.open("rb") as file:
                return file.read(4) == b"PAR1"
    return False


def _of_content(path: Path) -> str:
    """The kind of a file without a suffix, by its first bytes; "csv" if these do not tell."""
    with path.open("rb") as file:
        first = file.readline(LONGEST_LINE).lstrip(b"\xef\xbb\xbf \t")
    for magic, kind in MAGIC.items():
        if first.startswith(magic):
            return kind
    if not first.startswith(b"{"):
        return "csv"
    try:
        return "geojsonl" if json.loads(first)["type"] == "Feature" else "geojson"
    except (ValueError, KeyError, TypeError, RecursionError):  # the object continues in the next lines
        return "geojson"


def _of_suffix(path: Path, name: str) -> Kind:
    """The kind of a file by its suffix, and of a zip file by what it holds."""
    lower = path.name.lower()
    if lower.endswith(".zip"):
        return _of_zip(path, name)
    return next((kind for kind in KINDS.values() if lower.endswith(kind.suffixes)), OTHER)


def _of_zip(path: Path, name: str) -> Kind:
    """The kind of a zip file: text, or what GDAL reads."""
    return KINDS["csv"] if is_zip(path) and holds_text(path, name) else OTHER
