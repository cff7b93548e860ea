"""CSV and TSV. All values are read as text with their lines; then types are found that fit whole columns."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rangegeo.errors import TableError, argument
from rangegeo.tables.table import Block, Table

DELIMITERS = ",\t;|"
# The types that a column can have, the narrowest first, each with a pattern that all its values must match. Values with
# leading zeros are taken for codes, and values with more than 18 digits for names; both stay text.
TYPES = (
    (pa.int64(), r"^-?(0|[1-9]\d{0,17})$"),
    (pa.float64(), r"^-?(0|[1-9]\d{0,17})(\.\d+)?([eE][-+]?\d{1,3})?$"),
    (pa.bool_(), r"^([Tt]rue|TRUE|[Ff]alse|FALSE)$"),
)


def open_text(path: Path, name: str) -> Table:
    """Open a text table whose first line names the columns; its most frequent delimiter is the delimiter of the table.

    Args:
        path: of the file, which may be compressed with gzip.
        name: of the table, for messages.
    Raises:
        TableError: the file cannot be read as text, or the first line does not name columns.
    """
    with _lines(path, name) as lines:
        first = lines.readline()
        delimiter = max(DELIMITERS, key=first.count)
        lines.seek(0)
        try:
            header = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            raise TableError(f"{name}, line 1: {error}; expected a line of column names such as lon,lat") from error
    names = _checked_header(header, name)

    def read(columns: Sequence[str] | None, rows: int) -> Iterator[Block]:
        kept = range(len(names)) if columns is None else [names.index(column) for column in columns]
        with _lines(path, name) as lines:
            yield from _blocks(lines, delimiter, names, kept, rows, name)

    schema = pa.schema([(column, pa.string()) for column in names])
    return Table(name=name, schema=schema, read=read, counted="line", untyped=True)


def fitting_types(batch: pa.RecordBatch, known: dict[str, int]) -> dict[str, int]:
    """For each column the position of the first of TYPES that fits all batches so far; len(TYPES) for text.

    Args:
        batch: the next batch, all columns text.
        known: the positions after the batches before; empty before the first.
    """
    fitting = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        values = column.filter(pc.not_equal(column, ""))
        kind = known.get(name, 0)
        while kind < len(TYPES) and not pc.all(pc.match_substring_regex(values, TYPES[kind][1]), min_count=0).as_py():
            kind += 1
        fitting[name] = kind
    return fitting


def with_types(batch: pa.RecordBatch, types: dict[str, pa.DataType]) -> pa.RecordBatch:
    """Convert a batch of text to the types that were found; in columns that are not text, empty text becomes null."""
    columns = [
        column
        if types[name] == pa.string()
        else pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column).cast(types[name])
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.record_batch(columns, names=batch.schema.names)


@contextmanager
def _lines(path: Path, name: str) -> Iterator[io.TextIOWrapper]:
    """The text of a file, decompressed; an unreadable file is a TableError of one line."""
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
            yield lines
    except UnicodeDecodeError as error:
        if b"\0" in error.object[: error.start]:
            raise TableError(
                f"{name} is no text; expected CSV, or say what it is with {argument('input_format')}, or convert it to "
                "UTF-8"
            ) from error
        raise TableError(
            f"{name} is not UTF-8 text ({error.reason}); convert it first, for example: iconv -f latin1 -t utf-8"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{name} cannot be read: {error}") from error


def _checked_header(header: list[str], name: str) -> list[str]:
    """The names of the columns; nameless columns get one. Raises TableError if the line does not name columns."""
    if not header:
        raise TableError(f"{name} is empty; expected a line of column names such as lon,lat")
    if all(_is_number(text) for text in header):
        raise TableError(
            f"the first line of {name} must name the columns, got {','.join(header[:4])}; add a line such as lon,lat"
        )
    names = [text.strip() or f"unnamed_{index}" for index, text in enumerate(header, start=1)]
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise TableError(f"{name} has several columns named {twice[0]!r}; give each a name of its own")
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _blocks(
    lines: io.TextIOWrapper, delimiter: str, names: list[str], kept: Sequence[int], rows: int, name: str
) -> Iterator[Block]:
    """The rows of a table in blocks.

    Args:
        lines: the whole file, at its beginning.
        names: of all columns.
        kept: positions of the wanted columns.
        rows: the most rows of a block.
        name: of the table, for messages.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    values: list[list[str]] = []
    numbers: list[int] = []
    try:
        next(reader)
        line = reader.line_num + 1  # the line on which the next row begins
        for row in reader:
            if row:  # blank lines are skipped
                values.append(row if len(row) == len(names) else _fitted(row, len(names), f"{name}, line {line}"))
                numbers.append(line)
            line = reader.line_num + 1
            if len(values) == rows:
                yield _block(values, numbers, names, kept)
                values, numbers = [], []
    except csv.Error as error:
        raise TableError(f"{name}, line {line}: {error}; check the quotation marks") from error
    if values:
        yield _block(values, numbers, names, kept)


def _fitted(row: list[str], width: int, where: str) -> list[str]:
    """A row with one value for each column. Missing values become empty; surplus values must be empty."""
    if any(row[width:]):
        raise TableError(f"{where} has {len(row)} values for {width} columns; quote the values that hold delimiters")
    return row[:width] + [""] * (width - len(row))


def _block(values: list[list[str]], numbers: list[int], names: list[str], kept: Sequence[int]) -> Block:
    """A block of rows, with the wanted columns."""
    columns = list(zip(*values, strict=True))
    arrays = [pa.array(columns[index], pa.string()) for index in kept]
    return Block(pa.record_batch(arrays, names=[names[index] for index in kept]), np.array(numbers))
