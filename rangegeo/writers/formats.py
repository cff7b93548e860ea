"""The formats a cube can be written in, by name and by suffix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rangegeo.errors import UsageError
from rangegeo.writers.geotiff import check_outputs, write_geotiff
from rangegeo.writers.zarr import check_store, write_zarr


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One output format.

    Attributes:
        write: cube, path and options to the paths written.
        check: the same destination, refused before any work is done.
        suffixes: that choose it.
    """

    write: Callable[..., list[Path]]
    check: Callable[..., None]
    suffixes: tuple[str, ...] = ()


FORMATS = {
    "zarr": Format(write=write_zarr, check=check_store, suffixes=(".zarr",)),
    "cog": Format(write=write_geotiff, check=check_outputs, suffixes=(".tif", ".tiff")),
    "gtiff": Format(write=partial(write_geotiff, overviews=False), check=check_outputs),
}


def choose_format(path: Path, name: str | None) -> Format:
    """The format asked for, else the one of the suffix.

    Raises:
        UsageError: neither says one.
    """
    if name is not None:
        return FORMATS[name]
    for row in FORMATS.values():
        if path.suffix.lower() in row.suffixes:
            return row
    raise UsageError(f"-o must end in .zarr, .tif or .tiff, got {path.name!r}; or say --format zarr, cog or gtiff")
