"""CSV and TSV. All values are read as text with their lines; then types are found that fit whole columns."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rangegeo.errors import RangegeoError, TableError, argument, first_line
from rangegeo.support.text import counted
from rangegeo.tables.bounded import check_width
from rangegeo.tables.dialect import QUOTE, Dialect, TextOptions, find_dialect, long_values
from rangegeo.tables.packed import ERRORS, unpacked
from rangegeo.tables.table import Block, Table, check_unique, free_name

EXCEL = r'"?sep=([^"\r\n])"?\s*'  # a first line by which Excel names the delimiter

# The types that a column can have, the narrowest first, each with a pattern that all its values must match. Values with
# leading zeros are taken for codes, and values with more than 18 digits for names; both stay text.
TYPES = (
    (pa.int64(), r"^-?(0|[1-9]\d{0,17})$"),
    (pa.float64(), r"^-?(0|[1-9]\d{0,17})(\.\d+)?([eE][-+]?\d{1,3})?$"),
    (pa.bool_(), r"^([Tt]rue|TRUE|[Ff]alse|FALSE)$"),
)


def open_text(path: Path, name: str, options: TextOptions | None = None) -> Table:
    """Open a text table whose first line names the columns.

    Args:
        path: of the file, which may be compressed with gzip, bzip2, xz or zip.
        name: of the table, for messages.
        options: what the user says about how it is written; None for nothing.
    Raises:
        TableError: the file cannot be read as text, the first line does not name columns, or the table can be read in
            two ways that give other rows.
    """
    packed = unpacked(path, name, options or TextOptions())
    name, options = packed.name, packed.options
    with _lines(packed.open, name, options.encoding) as lines:
        dialect = _dialect(lines, options, name)
        lines.seek(0)
        try:
            with long_values():
                header = next((row for row in dialect.rows(_without_excels(lines)) if row), [])
        except csv.Error as error:
            raise TableError(
                f"{name}, line 1: {dialect.complaint(error)}; expected a line of column names such as lon,lat"
            ) from error
    names = _checked_header(header, name)

    def read(columns: Sequence[str] | None, rows: int) -> Iterator[Block]:
        kept = range(len(names)) if columns is None else [names.index(column) for column in columns]
        with _lines(packed.open, name, options.encoding) as lines:
            yield from _blocks(lines, dialect, names, kept, rows, name)

    return Table(
        name=name,
        schema=pa.schema([(column, pa.string()) for column in names]),
        read=read,
        counted="line",
        untyped=True,
        remarks=dialect.remarks,
    )


def _dialect(lines: io.TextIOWrapper, options: TextOptions, name: str) -> Dialect:
    """How a table is written; only a table with quotation marks must be read to find it out."""
    first = list(islice((line for line in lines if line.strip("\r\n")), 3))
    if first and "\0" in first[0]:
        raise TableError(_no_text(name, first[0].encode()))
    if first and (named := re.fullmatch(EXCEL, first[0])):
        first = first[1:]
        options = options if options.delimiter is not None else replace(options, delimiter=named[1])
    lines.seek(0)
    quoted = any(QUOTE in part for part in iter(lambda: lines.read(2**20), ""))
    lines.seek(0)
    return find_dialect(_without_excels(lines) if quoted else (), first[:2], options, name)


def _without_excels(lines: io.TextIOWrapper) -> Iterator[str]:
    """The lines of a table, with an empty one instead of the line by which Excel names the delimiter."""
    start: list[str] = []
    for line in lines:
        start.append(line)
        if line.strip("\r\n"):
            break
    if start and re.fullmatch(EXCEL, start[-1]):
        start[-1] = "\n"
    return chain(start, lines)


def fitting_types(batch: pa.RecordBatch, known: dict[str, int], decimal: str = ".") -> dict[str, int]:
    """For each column the position of the first of TYPES that fits all batches so far; len(TYPES) for text.

    Args:
        batch: the next batch, all columns text.
        known: the positions after the batches before; empty before the first.
        decimal: the sign before the decimals of a number.
    """
    fitting = {}
    patterns = [pattern.replace(r"\.", re.escape(decimal)) for _, pattern in TYPES]
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        values = column.filter(pc.not_equal(column, ""))
        kind = known.get(name, 0)
        while kind < len(TYPES) and not pc.all(pc.match_substring_regex(values, patterns[kind]), min_count=0).as_py():
            kind += 1
        fitting[name] = kind
    return fitting


def with_types(batch: pa.RecordBatch, types: dict[str, pa.DataType], decimal: str = ".") -> pa.RecordBatch:
    """Convert a batch of text to the types that were found; in columns that are not text, empty text becomes null."""
    columns = [
        column if types[name] == pa.string() else _converted(column, types[name], decimal)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.record_batch(columns, names=batch.schema.names)


def _converted(column: pa.Array, kind: pa.DataType, decimal: str) -> pa.Array:
    """A column of text with another type."""
    text = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    return (text if decimal == "." else pc.replace_substring(text, decimal, ".")).cast(kind)


@contextmanager
def _lines(opener: Callable[[], IO[bytes]], name: str, encoding: str | None) -> Iterator[io.TextIOWrapper]:
    """The text of a file, decompressed; an unreadable file is a TableError of one line."""
    is_utf8 = encoding is None or codecs.lookup(encoding).name == "utf-8"
    try:
        with (
            opener() as raw,
            io.TextIOWrapper(raw, encoding="utf-8-sig" if is_utf8 else encoding, newline="") as lines,
        ):
            yield lines
    except UnicodeError as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else first_line(error)
        if not is_utf8:
            raise TableError(
                f"{name} is not {encoding} text ({reason}); type another {argument('encoding')}"
            ) from error
        with opener() as raw:
            raise TableError(_not_utf8(name, raw, reason)) from error
    except RangegeoError:
        raise
    except ERRORS as error:
        raise TableError(f"{name} cannot be read: {first_line(error)}; if it is damaged, get it again") from error


def _not_utf8(name: str, raw: Any, reason: str) -> str:
    """The message about a file that is not UTF-8, with the encoding that it may have."""
    start = raw.peek(64)[:64]
    line, number = next(
        ((line, number) for number, line in enumerate(raw, start=1) if not _is(line, "utf-8")), (b"", 1)
    )
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"{name} is UTF-16 text; type {argument('encoding', 'utf-16')}"
    if b"\0" in start + line:
        return _no_text(name, start)
    windows = any(0x80 <= byte < 0xA0 for byte in line)  # Latin-1 has no letters there
    windows = windows and all(_is(part, "cp1252") for part in (line, *raw))  # which has no letters for some bytes
    likely = argument("encoding", "cp1252" if windows else "latin-1")
    return f"{name} is not UTF-8 text ({reason} on line {number}); type its encoding, for example {likely}"


def _is(line: bytes, encoding: str) -> bool:
    """Whether a line is text in an encoding."""
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _no_text(name: str, start: bytes) -> str:
    """The message about a file that has NUL bytes."""
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(start) > 8 and start[offset:40:2].strip(b"\0") == b"" and b"\0" not in start[1 - offset : 40 : 2]:
            return f"{name} looks like UTF-16 text; type {argument('encoding', encoding)}"
    what = f"say what it is with {argument('input_format')}"
    return f"{name} is no text; expected CSV, or {what}, or convert a copy to UTF-8"


def _checked_header(header: list[str], name: str) -> list[str]:
    """The names of the columns; nameless columns get one. Raises TableError if the line does not name columns."""
    if not header:
        raise TableError(f"{name} is empty; expected a line of column names such as lon,lat")
    if all(_is_number(text) for text in header):
        told = f"the first line of {name} must name the columns, got {','.join(header[:4])}"
        raise TableError(f"{told}; put a line such as lon,lat before it in a copy")
    check_width(len(header), name)
    names = [text.strip() for text in header]
    taken = set(names)
    for index, column in enumerate(names):
        if not column:
            names[index] = free_name(f"unnamed_{index + 1}", taken)
            taken.add(names[index])
    check_unique(names, name)
    return names


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _blocks(
    lines: io.TextIOWrapper, dialect: Dialect, names: list[str], kept: Sequence[int], rows: int, name: str
) -> Iterator[Block]:
    """The rows of a table in blocks.

    Args:
        lines: the whole file, at its beginning.
        dialect: how it is written.
        names: of all columns.
        kept: positions of the wanted columns.
        rows: the most rows of a block.
        name: of the table, for messages.
    """
    reader = dialect.rows(_without_excels(lines))
    with long_values():
        next(row for row in reader if row)
    while True:
        values: list[list[str]] = []
        numbers: list[int] = []
        short: list[int] = []
        line = reader.line_num + 1  # the line on which the next row begins
        try:
            with long_values():
                for row in reader:
                    if row:  # blank lines are skipped
                        if len(row) != len(names):
                            row = _fitted(row, len(names), f"{name}, line {line}", dialect, short, line)
                        values.append(row)
                        numbers.append(line)
                    line = reader.line_num + 1
                    if len(values) == rows:
                        break
        except csv.Error as error:
            raise TableError(f"{name}, line {line}: {dialect.complaint(error)}") from error
        if not values:
            return
        columns = list(zip(*values, strict=True))
        arrays = [pa.array(columns[index], pa.string()) for index in kept]
        batch = pa.record_batch(arrays, names=[names[index] for index in kept])
        yield Block(batch, np.array(numbers), tuple(short))


def _fitted(row: list[str], width: int, where: str, dialect: Dialect, short: list[int], line: int) -> list[str]:
    """A row with one value for each column. Missing values become empty; surplus values must be empty.

    Args:
        row: the values on the line.
        width: the number of columns.
        where: the line, for messages.
        dialect: how the table is written.
        short: takes the number of the line if values are missing.
        line: its number.
    """
    if any(row[width:]):
        remedy = "quote the values that hold delimiters in a copy"
        if not dialect.enclosing:
            minimal = argument("quoting", "minimal")
            remedy = f"take the delimiters out of values in a copy, or type {minimal} if they are enclosed"
        raise TableError(
            f"{where} has {counted(len(row), 'value')} for {counted(width, 'column')}; {remedy}; the "
            f"{argument('delimiter')} is {'a ' if dialect.name.isalpha() else ''}{dialect.name}"
        )
    if len(row) < width:
        short.append(line)
    return row[:width] + [""] * (width - len(row))
