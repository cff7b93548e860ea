"""The formats that an output can have, by name and by suffix, and how each one holds a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rangegeo.errors import UsageError, argument
from rangegeo.support.destination import STDOUT
from rangegeo.tables.geopackage import GpkgSink
from rangegeo.tables.npz import NpzSink
from rangegeo.tables.sinks import CsvSink, ParquetSink, Sink, StdoutSink


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One output format.

    Attributes:
        sink: the class that writes it.
        suffixes: of the files that have this format.
        lists: whether by default an embedding is one column of lists.
        choice: whether the user can choose between lists and columns.
        geometries: "kept" as they are, "made" if the table has none, or instead of them "columns" of degrees or
            "points" in WGS 84.
        room: the most bytes on disk per byte of embeddings.
        bytes_a_second: of embeddings that are written, to estimate time; measured on two busy cores.
    """

    sink: type[Sink]
    suffixes: tuple[str, ...]
    lists: bool
    choice: bool
    geometries: str
    room: float
    bytes_a_second: float = 2e8


TO_STDOUT = Format(
    sink=StdoutSink, suffixes=(), lists=False, choice=False, geometries="columns", room=0.0, bytes_a_second=3e7
)
FORMATS = {
    "parquet": Format(
        sink=ParquetSink, suffixes=(".parquet", ".pq"), lists=True, choice=True, geometries="kept", room=1.1
    ),
    "geoparquet": Format(
        sink=ParquetSink, suffixes=(".geoparquet",), lists=True, choice=True, geometries="made", room=1.1
    ),
    "csv": Format(
        sink=CsvSink,
        suffixes=(".csv", ".tsv"),
        lists=False,
        choice=False,
        geometries="columns",
        room=3.5,
        bytes_a_second=3e7,
    ),
    "gpkg": Format(
        sink=GpkgSink, suffixes=(".gpkg",), lists=False, choice=False, geometries="points", room=3.6, bytes_a_second=4e7
    ),
    "npz": Format(
        sink=NpzSink, suffixes=(".npz",), lists=True, choice=False, geometries="columns", room=2.1, bytes_a_second=5e8
    ),
}


def choose_format(path: Path, name: str | None) -> Format:
    """The format of an output.

    Args:
        path: of the output; its suffix chooses the format if no name is given. "-" is CSV on standard output.
        name: "parquet", "geoparquet", "csv", "gpkg" or "npz"; None for the format of the suffix.
    Raises:
        UsageError: neither the name nor the suffix tells the format, or they contradict each other.
    """
    if str(path) == STDOUT:
        if name not in (None, "csv"):
            raise UsageError(
                f"{argument('out')} - writes CSV to standard output; leave {argument('format')} out, or give a file"
            )
        return TO_STDOUT
    of_suffix = next((key for key, row in FORMATS.items() if path.suffix.lower() in row.suffixes), None)
    if name and of_suffix and FORMATS[name].sink is not FORMATS[of_suffix].sink:
        raise UsageError(
            f"{argument('format', name)} does not go with {argument('out', path)}; leave {argument('format')} out, or "
            f"give another {argument('out')}"
        )
    chosen = name or of_suffix
    if chosen:
        return FORMATS[chosen]
    raise UsageError(
        f"{argument('out')} must end in .parquet, .geoparquet, .csv, .tsv, .gpkg or .npz, got {path.name!r}; or say "
        f"{argument('format')} {', '.join(FORMATS)}"
    )
