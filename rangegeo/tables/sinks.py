"""Sinks, which write embedded rows batch by batch: what all have in common, Parquet and CSV."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from rangegeo.errors import OutputError, UsageError, argument
from rangegeo.tables.columns import DROP, OutputColumns, cannot_hold, check_names
from rangegeo.tables.parquet import PROVENANCE as KEY
from rangegeo.tables.places import TablePlaces
from rangegeo.tables.table import is_binary

PROVENANCE = KEY.decode()


class Sink(ABC):
    """An output that takes rows in order, within a `with` block. It is complete after `finish`.

    Args:
        path: of the file; a sink may make other files beside it.
        output: the columns of the output.
        metadata: of the schema, for formats that can keep them.
    """

    def __init__(self, path: Path, output: OutputColumns, metadata: dict[bytes, bytes]) -> None:
        self.path, self.output, self.metadata = path, output, metadata
        self.files = ExitStack()

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *error: object) -> None:
        self.files.close()

    @classmethod
    def check(cls, output: OutputColumns) -> None:
        """Refuse columns that the format cannot hold, before any work is done.

        Raises:
            UsageError: the format cannot hold a column, or two columns have the same name.
        """
        check_names(output.carried, output.added.names)

    @abstractmethod
    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        """Write n rows.

        Args:
            columns: n rows of the table.
            places: their places.
            values: (layers, n, bands) float32 embeddings; a sink may change the values of rows without a place.
        """

    @abstractmethod
    def finish(self, provenance: dict[str, object]) -> None:
        """Complete the file, with what is known about its values after all are computed."""


def _without_view(kind: pa.DataType) -> pa.DataType:
    """The type itself, or plain text for views of text, which few writers take."""
    return pa.string() if pa.types.is_string_view(kind) else kind


def _can_write(write: Callable[[pa.Table, pa.BufferOutputStream], object], kind: pa.DataType) -> bool:
    """Whether one of Arrow's writers takes a type."""
    try:
        write(pa.table([pa.nulls(1, kind)], ["c"]), pa.BufferOutputStream())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


class ParquetSink(Sink):
    """Writes Parquet, one row group per batch.

    Embeddings get no dictionary and no statistics, because they are neither repeated nor sorted.
    """

    @classmethod
    def check(cls, output: OutputColumns) -> None:
        super().check(output)
        for name, kind in output.carried.items():
            if not _can_write(pq.write_table, kind):
                raise UsageError(f"Parquet cannot hold the column {name!r} ({kind}); leave the columns out with {DROP}")

    def __init__(self, path: Path, output: OutputColumns, metadata: dict[bytes, bytes]) -> None:
        super().__init__(path, output, metadata)
        plain = [name for name, kind in output.carried.items() if not pa.types.is_nested(kind)]
        tail = ".list.element" if output.lists else ""
        embedded = [f"{name}{tail}" for name in output.embedded]
        self._writer = self.files.enter_context(
            pq.ParquetWriter(
                path,
                output.schema.with_metadata(metadata),
                compression="zstd",
                compression_level=1,
                use_dictionary=plain,
                write_statistics=plain,
                use_byte_stream_split=embedded,
            )
        )

    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        batch = self.output.batch(columns, places, values).replace_schema_metadata(self.metadata)
        self._writer.write_table(pa.Table.from_batches([batch]), row_group_size=max(1, batch.num_rows))

    def finish(self, provenance: dict[str, object]) -> None:
        self._writer.add_key_value_metadata({PROVENANCE: json.dumps(provenance)})


class CsvSink(Sink):
    """Writes CSV, or TSV if the path ends in .tsv."""

    @classmethod
    def check(cls, output: OutputColumns) -> None:
        super().check(output)
        for name, kind in output.carried.items():
            if is_binary(kind) or not _can_write(csv.write_csv, _without_view(kind)):
                raise UsageError(cannot_hold("CSV", name, f" ({kind})"))

    def __init__(self, path: Path, output: OutputColumns, metadata: dict[bytes, bytes]) -> None:
        super().__init__(path, output, metadata)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        options = csv.WriteOptions(delimiter=delimiter)
        self._schema = pa.schema([(field.name, _without_view(field.type)) for field in output.schema])
        self._writer = self.files.enter_context(csv.CSVWriter(self._target(), self._schema, write_options=options))

    def _target(self) -> Path | pa.PythonFile:
        """Where the text goes."""
        return self.path

    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        self._writer.write_batch(self.output.batch(columns, places, values).cast(self._schema))

    def finish(self, provenance: dict[str, object]) -> None:
        """Nothing is written, because CSV cannot say where its values come from."""


class StdoutSink(CsvSink):
    """Writes CSV to standard output. It writes each batch at once, and leaves standard output open."""

    def _target(self) -> pa.PythonFile:
        if sys.stdout is None:
            raise OutputError(f"standard output is closed; give a file with {argument('out')}")
        return pa.PythonFile(_KeptOpen(sys.stdout.buffer), mode="w")

    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        super().write(columns, places, values)
        sys.stdout.buffer.flush()


class _KeptOpen:
    """A file that stays open when its user closes it."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.flush()
