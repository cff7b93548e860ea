"""What a folder must be before it is replaced: a Zarr cube or a planet, and nothing else in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rangegeo.errors import OutputError, argument
from rangegeo.spectral.layout import MARK
from rangegeo.support.location import Location, listing

METADATA = {"zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata"}
# What programs put into folders by themselves: GDAL's list of blocks, and the settings of file managers.
BY_THEMSELVES = re.compile(r".*\.gmac|.*\.aux\.xml|\.DS_Store|Thumbs\.db|desktop\.ini", re.IGNORECASE)
CHUNK = re.compile(r"c|c[./]?\d[\d./]*|\d+(\.\d+)*")  # a chunk, or a folder of chunks, in either format
AXES = {"band", "y", "x"}
SHOWN = 3  # foreign files named in a message


def check_replaceable(path: Location) -> None:
    """Refuse to replace anything but a folder that holds one Zarr cube, or one planet, and no other file.

    Raises:
        OutputError: it is something else, or a user's own files lie in it. Nothing was touched.
    """
    other = f"give another {argument('out')}"
    path = listing(path)
    if not is_group(path):
        raise OutputError(f"{path} is not a Zarr store and was left as it is; {other}")
    if not _is_planet(path) and not any(set(_axes(folder)) >= AXES for folder in (path, *_folders(path))):
        raise OutputError(f"{path} is a Zarr store but no cube (dims band, y, x), and was left as it is; {other}")
    foreign = sorted(str(file)[len(str(path)) + 1 :] for file in foreign_files(path))
    if foreign:
        shown = ", ".join(foreign[:SHOWN]) + (" and others" if len(foreign) > SHOWN else "")
        raise OutputError(f"{path} holds files that are no part of its store ({shown}); move them, or {other}")


def _folders(path: Location) -> list[Location]:
    return [entry for entry in path.iterdir() if entry.is_dir()]


def is_group(path: Location) -> bool:
    """Whether a folder is a group, and not an array, which is a part of a store."""
    return (path / ".zgroup").is_file() or _json(path / "zarr.json").get("node_type") == "group"


def _is_planet(path: Location) -> bool:
    """Whether a group says that it is a planet."""
    attributes = _json(path / "zarr.json").get("attributes")
    return isinstance(attributes, dict) and MARK in attributes


def _is_node(path: Location) -> bool:
    """Whether a folder is a group or an array of a Zarr store."""
    return path.is_dir() and any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))


def _json(path: Location) -> dict[str, Any]:
    """What a metadata file holds; nothing if it is missing or damaged."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _axes(path: Location) -> list[str]:
    """The names of the dimensions of an array; none for anything else."""
    told = _json(path / "zarr.json").get("dimension_names") or _json(path / ".zattrs").get("_ARRAY_DIMENSIONS")
    return [str(name) for name in told] if isinstance(told, list) else []


def foreign_files(path: Location) -> Iterator[Location]:
    """The files in a node of a store that no reader of the store would look for."""
    is_array = (path / ".zarray").is_file() or _json(path / "zarr.json").get("node_type") == "array"
    for entry in path.iterdir():
        if entry.name in METADATA or BY_THEMSELVES.fullmatch(entry.name):
            continue
        if is_array and CHUNK.fullmatch(entry.name):
            yield from _not_chunks(entry)
        elif not is_array and _is_node(entry):
            yield from foreign_files(entry)
        else:
            yield entry


def _not_chunks(entry: Location) -> Iterator[Location]:
    """The files below a folder of chunks that are no chunks; a chunk itself has none."""
    if entry.is_dir():
        for below in entry.iterdir():
            if CHUNK.fullmatch(below.name):
                yield from _not_chunks(below)
            elif not BY_THEMSELVES.fullmatch(below.name):
                yield below
