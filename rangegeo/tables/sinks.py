"""Sinks, which write embedded rows batch by batch: what all have in common, Parquet and CSV."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from rangegeo.errors import UsageError
from rangegeo.tables.columns import OutputColumns, cannot_hold, check_names
from rangegeo.tables.places import TablePlaces

PROVENANCE = "rangegeo"  # the key under which an output says where its values come from


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


class ParquetSink(Sink):
    """Writes Parquet, one row group per batch.

    Embeddings get no dictionary and no statistics, because they are neither repeated nor sorted.
    """

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
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                raise UsageError(cannot_hold("CSV", name, f" ({kind})"))

    def __init__(self, path: Path, output: OutputColumns, metadata: dict[bytes, bytes]) -> None:
        super().__init__(path, output, metadata)
        delimiter = "\t" if path.suffix == ".tsv" else ","
        options = csv.WriteOptions(delimiter=delimiter)
        self._writer = self.files.enter_context(csv.CSVWriter(path, output.schema, write_options=options))

    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        self._writer.write_batch(self.output.batch(columns, places, values))

    def finish(self, provenance: dict[str, object]) -> None:
        """Nothing is written, because CSV cannot say where its values come from."""
