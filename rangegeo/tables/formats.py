"""The formats an output can have, by name and by suffix, and what each holds of a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rangegeo.errors import UsageError
from rangegeo.tables.npz import NpzSink
from rangegeo.tables.sinks import CsvSink, ParquetSink, Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One output format.

    Attributes:
        sink: what writes it.
        suffixes: that choose it.
        lists: whether an embedding is one column of lists unless asked otherwise.
        choice: whether it can be asked otherwise.
        geometries: "kept" as they are, "made" where the table has none, or "columns" of degrees instead.
        room: bytes on disk for one of the embeddings', at most.
    """

    sink: type[Sink]
    suffixes: tuple[str, ...]
    lists: bool
    choice: bool
    geometries: str
    room: float


STDOUT = "-"
FORMATS = {
    "parquet": Format(
        sink=ParquetSink, suffixes=(".parquet", ".pq"), lists=True, choice=True, geometries="kept", room=1.1
    ),
    "geoparquet": Format(
        sink=ParquetSink, suffixes=(".geoparquet",), lists=True, choice=True, geometries="made", room=1.1
    ),
    "csv": Format(sink=CsvSink, suffixes=(".csv", ".tsv"), lists=False, choice=False, geometries="columns", room=3.5),
    "npz": Format(sink=NpzSink, suffixes=(".npz",), lists=True, choice=False, geometries="columns", room=2.1),
}


def choose_format(path: Path, name: str | None) -> Format:
    """The format asked for, else the one of the suffix.

    Raises:
        UsageError: neither says one, or they say two.
    """
    if str(path) == STDOUT:
        raise UsageError("-o must be a file, got - for standard output; for example -o places.parquet")
    of_suffix = next((key for key, row in FORMATS.items() if path.suffix.lower() in row.suffixes), None)
    if name and of_suffix and FORMATS[name].sink is not FORMATS[of_suffix].sink:
        raise UsageError(f"--format {name} does not go with -o {path}; leave --format out, or give another -o")
    if name or of_suffix:
        return FORMATS[name or of_suffix]
    raise UsageError(
        f"-o must end in .parquet, .geoparquet, .csv, .tsv or .npz, got {path.name!r}; or say --format "
        f"{', '.join(FORMATS)}"
    )
