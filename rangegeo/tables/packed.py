"""Text tables in compressed files (gzip, bzip2, xz, zip and Darwin Core archives), read as they are unpacked."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast
from xml.etree import ElementTree

from rangegeo.errors import TableError, first_line
from rangegeo.tables.bounded import bounded
from rangegeo.tables.dialect import QUOTE, TextOptions

ZIP = b"PK\x03\x04"  # the first bytes of a zip file
# The first bytes of a compressed file, its suffix, and what opens it.
STREAMS: tuple[tuple[bytes, str, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", ".gz", gzip.open),
    (b"BZh", ".bz2", bz2.open),
    (b"\xfd7zXZ\0", ".xz", lzma.open),
)
SUFFIXES = tuple(suffix for _, suffix, _ in STREAMS)
# What the modules of Python raise for a damaged file, and for one that is encrypted or packed in another way.
ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
TEXT = (".csv", ".tsv", ".tab", ".psv", ".txt")  # suffixes of the text tables in a zip file
# Suffixes of the vector files in a zip file that GDAL reads. A .txt beside one of them only describes it.
VECTOR = (".shp", ".gpkg", ".geojson", ".json", ".gml", ".kml", ".fgb", ".gdbtable", ".sqlite", ".parquet", ".gpx")
ARCHIVE = "meta.xml"  # describes a Darwin Core archive; https://dwc.tdwg.org/text/
USUAL_CORE = "occurrence.txt"
LARGEST_ARCHIVE = 2**20  # bytes of a description
WORKBOOK = "[Content_Types].xml"  # which every workbook of Excel holds
SHOWN = 6  # how many members a message lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A text table that can be opened any number of times.

    Attributes:
        open: opens its bytes, unpacked as they are read.
        name: for messages; it names the member of a zip file.
        options: how it is written, as the user or a Darwin Core archive says.
    """

    open: Callable[[], IO[bytes]]
    name: str
    options: TextOptions


def unpacked(path: Path, name: str, options: TextOptions) -> Packed:
    """The text table of a file, which may be compressed.

    Args:
        path: of the file.
        name: of the table, for messages.
        options: what the user says about how it is written.
    Raises:
        TableError: the file cannot be read, or it is a zip file that does not hold one text table.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise TableError(f"{name} cannot be read: {first_line(error)}; if it is damaged, get it again") from error
    if start.startswith(ZIP):
        return _of_zip(path, name, options)
    lower = path.name.lower()
    for magic, suffix, opener in STREAMS:
        if start.startswith(magic) or lower.endswith(suffix):
            return Packed(open=partial(_opened, opener, path, name), name=name, options=options)
    return Packed(open=lambda: bounded(path.open("rb"), name), name=name, options=options)


def _opened(opener: Callable[..., Any], path: Path, name: str) -> IO[bytes]:
    """A compressed file, unpacked as it is read."""
    return bounded(opener(path, "rb"), name, path.stat().st_size)


def holds_text(path: Path, name: str) -> bool:
    """Whether a zip file is to be read as text: it holds a text table and no vector file.

    Raises:
        TableError: it holds both, or it cannot be read.
    """
    members = _members(path, name)
    tables = [member for member in members if _is_text(member)]
    vectors = [member for member in members if member.lower().endswith(VECTOR)]
    if not vectors or ARCHIVE in map(_base, members):
        return bool(tables)
    rivals = [member for member in tables if not member.lower().endswith(".txt")]
    if rivals:
        raise TableError(f"{name} holds {_listed([*vectors, *rivals])}; unzip it and give one of them")
    return False


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip file does."""
    with path.open("rb") as file:
        return file.read(len(ZIP)) == ZIP


def _of_zip(path: Path, name: str, options: TextOptions) -> Packed:
    """The only text table of a zip file, or the core of a Darwin Core archive."""
    members = _members(path, name)
    tables = [member for member in members if _is_text(member)]
    described = [member for member in members if _base(member) == ARCHIVE]
    if len(described) == 1:
        core, options = _core(path, name, members, described[0], options)
        tables = [member for member in members if member == core]
    if len(tables) > 1:
        raise TableError(f"{name} holds {_listed(tables)}; unzip it and give one of them")
    if not tables:
        raise TableError(_without_table(name, members))
    (member,) = tables

    def opened() -> IO[bytes]:
        with zipfile.ZipFile(path) as archive:  # the member keeps the file open until it is closed itself
            return bounded(archive.open(member), name, archive.getinfo(member).compress_size)

    return Packed(open=opened, name=f"{name}/{member}", options=options)


def _members(path: Path, name: str) -> list[str]:
    """The names of the files in a zip file, without those that only a system has put there."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [member.filename for member in archive.infolist() if not member.is_dir()]
    except ERRORS as error:
        raise TableError(f"{name} cannot be read: {first_line(error)}; if it is damaged, get it again") from error
    return [member for member in names if not member.startswith("__MACOSX/") and not _base(member).startswith(".")]


def _base(member: str) -> str:
    return PurePosixPath(member).name


def _is_text(member: str) -> bool:
    lower = member.lower()
    return lower.endswith(TEXT) or lower.endswith(tuple(text + suffix for text in TEXT for suffix in SUFFIXES))


def _core(path: Path, name: str, members: list[str], member: str, options: TextOptions) -> tuple[str, TextOptions]:
    """The core of a Darwin Core archive, and how it is written; what the user says comes first."""
    said = f"{name}/{member} does not describe a Darwin Core archive"
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            root = ElementTree.fromstring(file.read(LARGEST_ARCHIVE))
    except (*ERRORS, ElementTree.ParseError) as error:
        raise TableError(f"{said}: {first_line(error)}; unzip it and give the table") from error
    core = next((part for part in root.iter() if _tag(part) == "core"), None)
    usual = str(PurePosixPath(member).parent / USUAL_CORE)
    if core is None and usual in members:
        return usual, options
    places = [part.text or "" for part in ([] if core is None else core.iter()) if _tag(part) == "location"]
    if core is None or len(places) != 1:
        raise TableError(f"{said} of one core file; unzip it and give the table")
    found = str(PurePosixPath(member).parent / places[0].strip())
    if core.get("ignoreHeaderLines", "0") != "1":
        raise TableError(f"{name}/{found} has no line of column names; unzip it and add one")
    said_there = {
        "encoding": core.get("encoding") or None,
        "delimiter": core.get("fieldsTerminatedBy") or None,
        "quoting": {QUOTE: "minimal", "": "none"}.get(core.get("fieldsEnclosedBy", QUOTE)),
    }
    free = {option: value for option, value in said_there.items() if getattr(options, option) is None}
    return found, replace(options, **cast(Any, free))


def _tag(part: ElementTree.Element) -> str:
    """The name of an element without its namespace."""
    return part.tag.rpartition("}")[2]


def _without_table(name: str, members: list[str]) -> str:
    """The message about a zip file without a text table."""
    if WORKBOOK in members:
        return f"{name} is a workbook of Excel and no text; save it as .csv"
    if not members:
        return f"{name} is a zip file without a file"
    return f"{name} holds no text table (.csv, .tsv, .txt) but {_listed(members)}; unzip it and give the table"


def _listed(members: list[str]) -> str:
    """The first members, and how many more there are."""
    shown = ", ".join(members[:SHOWN])
    return f"{shown} and {len(members) - SHOWN} more" if len(members) > SHOWN else shown
