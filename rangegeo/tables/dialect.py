"""How a text table is written: its encoding, its delimiter, and what its quotation marks mean.

Many tables enclose values in quotation marks, so that a value can hold delimiters and line breaks. Others, such as the
downloads of GBIF, enclose nothing, and a quotation mark is text. Whoever mixes them up merges rows without an error.
`find_dialect` reads the whole table in both ways, and refuses to choose where the choice might lose rows.
"""

from __future__ import annotations

import codecs
import csv
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rangegeo.errors import TableError, UsageError, argument

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe", " ": "space"}  # the first four are recognised
TYPED_TABS = ("\\t", "tab")
QUOTINGS = ("none", "minimal", "all")
DECIMALS = (".", ",")
QUOTE = '"'
LONGEST_VALUE = 2**24  # characters; a longer one follows a quotation mark that is never closed
ENCLOSED = re.compile(
    r'(^|(?<=[,\t;|]))"(?:[^"]|"")*("|$)'
)  # a value in quotation marks, which may end in another line
# Terms of Darwin Core and GBIF. A table with tabs and several of these is a download that encloses nothing.
DARWIN_CORE = {"gbifid", "occurrenceid", "datasetkey", "basisofrecord", "scientificname", "taxonkey"} | {
    "decimallatitude",
    "decimallongitude",
    "catalognumber",
    "eventdate",
    "countrycode",
}
_limit = threading.Lock()


class Rows(Protocol):
    """Python's reader of rows, which has no public type."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """What a user says about how a text table is written.

    Attributes:
        delimiter: one character, or "tab", "comma", "semicolon", "pipe" or "space"; None to find it out.
        quoting: "none" if quotation marks are text; "minimal" or "all" if they enclose values; None to find it out.
        encoding: of the text, as Python calls it; None for UTF-8.
        decimal: "." or ",".
    """

    delimiter: str | None = None
    quoting: str | None = None
    encoding: str | None = None
    decimal: str = "."

    def __post_init__(self) -> None:
        """Check each option.

        Raises:
            UsageError: an option has a value that it cannot have.
        """
        character = self.character
        if character is not None and (len(character) != 1 or character in '"\r\n'):
            expected = "one character, or tab, comma, semicolon, pipe or space"
            raise UsageError(argument="delimiter", expected=expected, got=repr(self.delimiter), example="tab")
        if self.quoting is not None and self.quoting not in QUOTINGS:
            raise UsageError(argument="quoting", expected=f"one of {', '.join(QUOTINGS)}", got=repr(self.quoting))
        if self.decimal not in DECIMALS:
            raise UsageError(argument="decimal", expected="a point or a comma", got=repr(self.decimal), example=",")
        if self.encoding is not None and not _is_text_encoding(self.encoding):
            expected = "an encoding that Python knows"
            raise UsageError(argument="encoding", expected=expected, got=repr(self.encoding), example="latin-1")

    @property
    def character(self) -> str | None:
        """The delimiter; None if it is not given."""
        if self.delimiter in TYPED_TABS:
            return "\t"
        return next((sign for sign, name in DELIMITERS.items() if name == self.delimiter), self.delimiter)

    @property
    def for_text_alone(self) -> list[str]:
        """Names of the given options that only text tables have."""
        return [name for name in ("delimiter", "quoting", "encoding") if getattr(self, name) is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a text table is written.

    Attributes:
        delimiter: one character.
        enclosing: whether quotation marks enclose values; otherwise they are text.
        remarks: what a user should know about the choice, one line each.
    """

    delimiter: str
    enclosing: bool
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The delimiter, for messages."""
        return DELIMITERS.get(self.delimiter, repr(self.delimiter))

    def rows(self, lines: Iterable[str]) -> Rows:
        """The rows of some lines, as lists of text."""
        if self.enclosing:
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_MINIMAL, strict=True)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, strict=True)

    def complaint(self, error: csv.Error) -> str:
        """What is wrong with a line, and what to do."""
        said = str(error)
        if self.delimiter.isspace():
            said = said.replace(f"'{self.delimiter}'", self.name)
        if "field limit" in said:
            said = f"a value is longer than {LONGEST_VALUE:,} characters"
        text = argument("quoting", "none")
        return f"{said}; check the quotation marks" + (f", or type {text} if they are text" if self.enclosing else "")


def find_dialect(lines: Iterable[str], first: list[str], options: TextOptions, name: str) -> Dialect:
    """Find out how a text table is written.

    Args:
        lines: all lines of the table.
        first: the first two lines of the table, or fewer if it has fewer.
        options: what the user says.
        name: of the table, for messages.
    Raises:
        TableError: the table can be read in two ways that give other rows, or the quotation marks do not match.
    """
    delimiter = options.character or _delimiter(first)
    if options.quoting == "none":
        return Dialect(delimiter=delimiter, enclosing=False)
    dialect = Dialect(delimiter=delimiter, enclosing=True)
    found = _both_ways(lines, dialect)
    if options.quoting is None and not _encloses(first, delimiter):
        darwin = delimiter == "\t" and _is_darwin_core(first)
        if found.doubtful is None and found.error is None:
            if darwin and found.quotes and found.is_even:
                return Dialect(delimiter=delimiter, enclosing=False, remarks=(_as_text(name, found.quotes, darwin),))
        elif delimiter == "\t" and found.is_even:
            line = found.doubtful or found.quotes
            return Dialect(delimiter=delimiter, enclosing=False, remarks=(_as_text(name, line, darwin),))
        elif found.doubtful is not None:
            none, minimal = argument("quoting", "none"), argument("quoting", "minimal")
            raise TableError(
                f"{name}, line {found.doubtful}: a quotation mark may be text, or it may join what follows into one "
                f"value; type {none} for text, or {minimal} for values that are enclosed"
            )
    if found.error is not None:
        raise TableError(f"{name}, line {found.error_line}: {dialect.complaint(found.error)}")
    if found.broken:
        values = "1 value holds" if found.broken == 1 else f"{found.broken:,} values hold"
        where = "on" if found.broken == 1 else "the first on"
        remark = f"{name}: {values} line breaks, {where} line {found.first_broken}"
        return Dialect(delimiter=delimiter, enclosing=True, remarks=(remark,))
    return dialect


def _as_text(name: str, line: int, darwin: bool) -> str:
    """The remark about quotation marks that are read as text."""
    why = "as in downloads of GBIF" if darwin else f"because every line has its own values (see line {line})"
    minimal = argument("quoting", "minimal")
    return f"{name}: quotation marks are read as text, {why}; type {minimal} if they enclose values"


@dataclass(slots=True)
class _Findings:
    """What the rows of a table are if quotation marks enclose values, compared with its lines.

    Attributes:
        quotes: the first line with a quotation mark; 0 if there is none.
        is_even: whether each line has as many values as the first if quotation marks are text.
        doubtful: the first line of a row that looks like several rows, or like a row in which values were merged.
        broken, first_broken: number of values with line breaks, and the line on which the first one begins.
        error, error_line: why a row cannot be read.
    """

    quotes: int = 0
    is_even: bool = True
    doubtful: int | None = None
    broken: int = 0
    first_broken: int = 0
    error: csv.Error | None = None
    error_line: int = 0
    pending: list[int] = field(default_factory=list)  # number of values of each line since the last row

    def watch(self, lines: Iterable[str], delimiter: str) -> Iterator[str]:
        """Pass lines on, and look at each."""
        width = 0
        for number, line in enumerate(lines, start=1):
            if not self.quotes and QUOTE in line:
                self.quotes = number
            if line.strip("\r\n"):
                count = line.count(delimiter) + 1
                width = width or count
                self.is_even &= count == width
                self.pending.append(count)
            yield line


def _both_ways(lines: Iterable[str], dialect: Dialect) -> _Findings:
    """Read a table as if quotation marks enclosed values, and compare its rows with its lines."""
    found = _Findings()
    watched = found.watch(lines, dialect.delimiter)
    reader, width, line = dialect.rows(watched), 0, 1
    try:
        with long_values():
            for row in reader:
                spans, end = found.pending, reader.line_num
                if row:
                    width = width or len(row)
                    _compare(found, row, width, spans, line)
                spans.clear()
                line = end + 1
    except csv.Error as error:
        found.error, found.error_line = error, line
        for _ in watched:  # so that the other lines are looked at too
            pass
    return found


def _compare(found: _Findings, row: list[str], width: int, spans: list[int], line: int) -> None:
    """Note what is unusual about a row.

    A row is doubtful if its lines look like rows. If two of them have as many values as the table has columns, then a
    value that really is enclosed would hold just so many delimiters, which hardly ever happens.

    Args:
        found: takes the notes.
        row: its values.
        width: the number of columns.
        spans: the number of values of each of its lines, if quotation marks are text.
        line: on which it begins.
    """
    if len(spans) == 1 and spans[0] == len(row):
        return
    broken = sum("\n" in value or "\r" in value for value in row)
    if broken and not found.broken:
        found.first_broken = line
    found.broken += broken
    looks_like_rows = spans.count(width) >= (2 if len(row) == width else 1)
    if found.doubtful is None and width > 1 and looks_like_rows:
        found.doubtful = line


def _delimiter(first: list[str]) -> str:
    """The most frequent delimiter of the first line, outside of quotation marks.

    Delimiters that are as frequent in the second line as in the first are preferred.
    """
    counts = [{sign: ENCLOSED.sub("", line).count(sign) for sign in list(DELIMITERS)[:4]} for line in first]
    if not counts:
        return ","
    names, values = counts[0], counts[-1]
    return max(names, key=lambda sign: (bool(names[sign]) and names[sign] == values[sign], names[sign]))


def _encloses(first: list[str], delimiter: str) -> bool:
    """Whether the first line encloses the names of columns."""
    header = first[0].rstrip("\r\n") if first else ""
    names = re.escape(delimiter)
    return bool(re.search(rf'(^|{names})"([^"]|"")+("|$)({names}|$)', header))


def _is_darwin_core(first: list[str]) -> bool:
    """Whether the first line has several names of Darwin Core."""
    names = {text.strip().lower().rpartition(":")[2] for text in first[0].split("\t")} if first else set()
    return len(names & DARWIN_CORE) >= 2


@contextmanager
def long_values() -> Iterator[None]:
    """Let Python's reader take values of up to LONGEST_VALUE characters; a polygon as text can be long."""
    with _limit:
        before = csv.field_size_limit(LONGEST_VALUE)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _is_text_encoding(encoding: str) -> bool:
    """Whether Python can read text with this encoding."""
    try:
        found = codecs.lookup(encoding)
        return bool(getattr(found, "_is_text_encoding", True)) and found.name not in ("undefined", "idna", "punycode")
    except (LookupError, ValueError):
        return False
