"""The formats a cube can be written in, by name and by suffix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rangegeo.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One output format.

    Attributes:
        write: cube, path and options to the paths written.
        check: the same destination, refused before any work is done.
        check_options: options of `write`, refused before the cube is known.
        outputs: cube and path to the paths that will be written.
        suffixes: that choose it.
        one_scale: whether all bands must be quantised alike.
        north_up: whether the northernmost row must be the first.
        bytes_a_second: compressed and written on two cores, for an estimate of time.
    """

    write: Callable[..., list[Path]]
    check: Callable[..., None]
    check_options: Callable[..., object]
    outputs: Callable[..., list[Path]]
    suffixes: tuple[str, ...] = ()
    one_scale: bool = False
    north_up: bool = False
    bytes_a_second: float = 5e7


def _from(module: str, name: str, **options: object) -> Callable:
    """A function of a writer, imported when it is called: nobody waits for the format that was not asked for."""

    def call(*arguments: object, **more: object) -> list[Path] | None:
        return getattr(import_module(f"rangegeo.stores.{module}"), name)(*arguments, **options, **more)

    return call


_GEOTIFF = {
    "north_up": True,
    "check": _from("geotiff", "check_outputs"),
    "check_options": _from("geotiff_options", "check_options"),
    "outputs": _from("geotiff", "output_paths"),
}
FORMATS = {
    "zarr": Format(
        write=_from("zarr", "write_zarr"),
        check=_from("zarr", "check_store"),
        check_options=_from("zarr_options", "parse_zarr_options"),
        outputs=lambda cube, path: [path],
        suffixes=(".zarr",),
        one_scale=True,
        bytes_a_second=4e8,
    ),
    "cog": Format(write=_from("geotiff", "write_geotiff"), suffixes=(".tif", ".tiff"), **_GEOTIFF),
    "gtiff": Format(write=_from("geotiff", "write_geotiff", overviews=False), **_GEOTIFF),
}


def choose_format(path: Path, name: str | None) -> Format:
    """The format asked for, else the one of the suffix.

    Raises:
        UsageError: neither says one, or they say two.
    """
    of_suffix = next((key for key, row in FORMATS.items() if path.suffix.lower() in row.suffixes), None)
    if name and of_suffix and (name == "zarr") != (of_suffix == "zarr"):
        raise UsageError(f"--format {name} does not go with -o {path}; leave --format out, or give another -o")
    if name or of_suffix:
        return FORMATS[name or of_suffix]
    raise UsageError(f"-o must end in .zarr, .tif or .tiff, got {path.name!r}; or say --format zarr, cog or gtiff")
