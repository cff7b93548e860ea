"""npz: embeddings, places and the columns of the table as plain arrays, which numpy reads without other packages.

A zip holds one array after the other, and each begins with its length. So the rows are first written to raw files
beside the output, and the npz is put together from these at the end.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rangegeo.errors import TableError, UsageError
from rangegeo.schema.columns import layer_names
from rangegeo.tables.columns import INSTEAD, OutputColumns, cannot_hold, check_names
from rangegeo.tables.places import TablePlaces, is_text
from rangegeo.tables.sinks import PROVENANCE, Sink

LONLAT = "lonlat"
COPIED_BYTES = 2**20  # copied at a time
LONGEST_TEXT = 1000  # characters; in an array of text every row takes as much room as the longest


class NpzSink(Sink):
    """Writes an uncompressed npz."""

    @classmethod
    def check(cls, output: OutputColumns) -> None:
        check_names(output.carried, [*layer_names(output.recipe), LONLAT, PROVENANCE])
        for name, kind in output.carried.items():
            if _plain(kind) is None:
                raise UsageError(cannot_hold("npz", name, f" ({kind})"))

    def __init__(self, path: Path, output: OutputColumns, metadata: dict[bytes, bytes]) -> None:
        super().__init__(path, output, metadata)
        self.rows = 0
        self._columns = [_Column(name, kind) for name, kind in output.carried.items()]
        self._raw = {
            name: self.files.enter_context((path.parent / f"{name}.raw").open("wb"))
            for name in (*layer_names(output.recipe), LONLAT)
        }
        self._carried_path = str(path.parent / "carried.arrow")
        schema = pa.schema(list(output.carried.items()))
        self._carried = self.files.enter_context(pa.ipc.new_file(self._carried_path, schema))

    def write(self, columns: pa.RecordBatch, places: TablePlaces, values: np.ndarray) -> None:
        values[:, ~places.usable] = np.nan
        for file, array in zip(self._raw.values(), (*values, places.lonlat_deg), strict=True):
            file.write(np.ascontiguousarray(array).data)
        carried = self.output.carry(columns)
        for column, array in zip(self._columns, carried.columns, strict=True):
            column.look_at(array)
        self._carried.write_batch(carried)
        self.rows += len(places.usable)

    def finish(self, provenance: dict[str, object]) -> None:
        self._carried.close()
        shapes: dict[str, tuple[np.dtype, int]]
        shapes = {name: (np.dtype(np.float32), self.output.recipe.bands) for name in self._raw}
        shapes[LONLAT] = (np.dtype(np.float64), 2)
        with zipfile.ZipFile(self.path, "w") as archive:
            for name, file in self._raw.items():
                file.close()
                dtype, width = shapes[name]
                with _member(archive, name, dtype, (self.rows, width)) as member, open(file.name, "rb") as raw:
                    shutil.copyfileobj(raw, member, COPIED_BYTES)
                Path(file.name).unlink()  # so that the disk never holds everything twice
            with pa.memory_map(self._carried_path) as mapped, pa.ipc.open_file(mapped) as carried:
                for index, column in enumerate(self._columns):
                    with _member(archive, column.name, column.dtype, (self.rows,)) as member:
                        for number in range(carried.num_record_batches):
                            member.write(column.array(carried.get_batch(number).column(index)).tobytes())
            said = np.array(json.dumps(provenance))
            with _member(archive, PROVENANCE, said.dtype, ()) as member:
                member.write(said.tobytes())


class _Column:
    """A column of the table that becomes a plain array; all its rows are looked at before it is converted."""

    def __init__(self, name: str, kind: pa.DataType) -> None:
        plain = _plain(kind)
        assert plain is not None, f"NpzSink.check refuses {kind}"
        self.name, self.plain = name, plain
        self.nulls, self.width = pa.types.is_null(plain), 1

    def look_at(self, array: pa.Array) -> None:
        """Find out whether some rows are null, and how long the longest text is.

        Raises:
            TableError: a text is too long.
        """
        self.nulls |= array.null_count > 0
        if is_text(self.plain):
            self.width = max(self.width, pc.max(pc.utf8_length(array.cast(self.plain))).as_py() or 1)
            if self.width > LONGEST_TEXT:
                raise TableError(
                    f"npz holds text of up to {LONGEST_TEXT:,} characters, and the column {self.name!r} has longer; "
                    f"{INSTEAD}"
                )

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the array.

        Text is as wide as the longest; whole numbers and truth values become float64 if some are null.
        """
        if is_text(self.plain):
            return np.dtype(f"<U{self.width}")
        is_exact = pa.types.is_integer(self.plain) or pa.types.is_boolean(self.plain) or pa.types.is_null(self.plain)
        return np.dtype(np.float64) if self.nulls and is_exact else np.dtype(self.plain.to_pandas_dtype())

    def array(self, array: pa.Array) -> np.ndarray:
        """Some rows as a plain array.

        Raises:
            TableError: they do not fit.
        """
        array = array.cast(self.plain)
        if is_text(self.plain):
            return np.array(pc.fill_null(array, "").to_pylist(), dtype=self.dtype)
        if self.dtype == np.float64:
            try:
                array = array.cast(pa.float64())
            except pa.ArrowInvalid as error:
                reason = ": some of it is missing, and the rest is too large for float64"
                raise TableError(cannot_hold("npz", self.name, reason)) from error
        return array.to_numpy(zero_copy_only=False).astype(self.dtype)


def _plain(kind: pa.DataType) -> pa.DataType | None:
    """The type to which a column is cast before it becomes an array; None if npz cannot hold it."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if is_text(kind):
        return pa.string()
    if pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind):
        return pa.timestamp(kind.unit)  # without a time zone, in UTC
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_date, pa.types.is_duration)
    return kind if any(test(kind) for test in (*tests, pa.types.is_null)) else None


def _member(archive: zipfile.ZipFile, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> IO[bytes]:
    """A new array in the archive, open so that its values can be written."""
    member = archive.open(f"{name}.npy", "w", force_zip64=True)
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, described)
    return member
