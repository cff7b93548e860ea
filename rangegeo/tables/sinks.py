"""Where embedded rows go: Parquet, GeoParquet and CSV, batch by batch."""

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
from rangegeo.tables.columns import OutputColumns, check_names
from rangegeo.tables.places import TablePlaces

PROVENANCE = "rangegeo"  # the key under which Parquet files say where their values come from


class Sink(ABC):
    """An output that takes rows in order, within a `with`; without `finish` it stays unfinished.

    Args:
        path: of the unfinished file; others may be made beside it.
        layout: its columns.
        metadata: of the table's own schema, what Parquet can keep.
    """

    def __init__(self, path: Path, layout: OutputColumns, metadata: dict[bytes, bytes]) -> None:
        self.path, self.layout, self.metadata = path, layout, metadata
        self.files = ExitStack()

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *error: object) -> None:
        self.files.close()

    @classmethod
    def check(cls, layout: OutputColumns) -> None:
        """Before any work is done.

        Raises:
            UsageError: the format cannot hold these columns.
        """
        check_names(layout.carried, layout.added.names)

    @abstractmethod
    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        """Some rows: columns of the table, places, and (layers, n, bands) float32 embeddings."""

    @abstractmethod
    def finish(self, provenance: dict[str, object]) -> None:
        """Finish the file; what is said of its values is known only now."""


class ParquetSink(Sink):
    """Parquet: a row group a batch. Embeddings are not sorted, repeated or bounded in any useful way, and say so."""

    def __init__(self, path: Path, layout: OutputColumns, metadata: dict[bytes, bytes]) -> None:
        super().__init__(path, layout, metadata)
        plain = [name for name, kind in layout.carried.items() if not pa.types.is_nested(kind)]
        tail = ".list.element" if layout.lists else ""
        embedded = [f"{name}{tail}" for name in layout.embedded]
        self._writer = self.files.enter_context(
            pq.ParquetWriter(
                path,
                layout.schema.with_metadata(metadata),
                compression="zstd",
                compression_level=1,
                use_dictionary=plain,
                write_statistics=plain,
                use_byte_stream_split=embedded,
            )
        )

    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        batch = self.layout.batch(columns, places, values).replace_schema_metadata(self.metadata)
        self._writer.write_table(pa.Table.from_batches([batch]), row_group_size=max(1, batch.num_rows))

    def finish(self, provenance: dict[str, object]) -> None:
        self._writer.add_key_value_metadata({PROVENANCE: json.dumps(provenance)})


class CsvSink(Sink):
    """CSV, or TSV if the path says so."""

    @classmethod
    def check(cls, layout: OutputColumns) -> None:
        super().check(layout)
        for name, kind in layout.carried.items():
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                raise UsageError(
                    f"CSV cannot hold the column {name!r} ({kind}); write .parquet, or leave the columns out with "
                    "--drop-columns"
                )

    def __init__(self, path: Path, layout: OutputColumns, metadata: dict[bytes, bytes]) -> None:
        super().__init__(path, layout, metadata)
        delimiter = "\t" if path.suffix == ".tsv" else ","
        options = csv.WriteOptions(delimiter=delimiter)
        self._writer = self.files.enter_context(csv.CSVWriter(path, layout.schema, write_options=options))

    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        self._writer.write_batch(self.layout.batch(columns, places, values))

    def finish(self, provenance: dict[str, object]) -> None:
        """A CSV has no place for where its values come from."""
