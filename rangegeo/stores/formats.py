"""The formats that a cube can be written in, and how a name or a suffix chooses one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from rangegeo.errors import UsageError, argument
from rangegeo.support.address import Address
from rangegeo.support.location import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One output format.

    Attributes:
        write: writes a cube to a path and returns the paths of the embeddings.
        check: refuses a destination of a cube before any work is done.
        check_options: refuses creation options before the cube is known.
        outputs: the paths that a cube will be written to, given the cube and a path.
        suffixes: suffixes of paths that choose this format.
        one_scale: whether all bands are quantised with the same scale, unless a creation option says otherwise.
        north_up: whether the northernmost row must be the first.
        values_a_second: that are compressed and written, to estimate time; measured on two cores that did nothing else,
            and about the same for all dtypes.
        pixels_a_second: for which overviews and colours are made, for each beta.
    """

    write: Callable[..., list[Location]]
    check: Callable[..., None]
    check_options: Callable[..., object]
    outputs: Callable[..., list[Location]]
    suffixes: tuple[str, ...] = ()
    one_scale: bool = False
    north_up: bool = False
    values_a_second: float = 1.8e7
    pixels_a_second: float = 1.6e6

    @property
    def rates(self) -> tuple[float, float]:
        """The values and the pixels a second."""
        return self.values_a_second, self.pixels_a_second

    def shares_scale(self, creation_options: Mapping[str, object] | None) -> bool:
        """Whether all bands share one scale, if integers are stored with these creation options."""
        given = {name.upper(): str(value).upper() for name, value in (creation_options or {}).items()}
        return self.one_scale and given.get("SCALES") != "BAND"


def _from(module: str, name: str, **options: object) -> Callable[..., Any]:
    """A function of a module of this package. It is imported when it is called, because GDAL and zarr start slowly."""

    def call(*arguments: object, **more: object) -> Any:
        return getattr(import_module(f"rangegeo.stores.{module}"), name)(*arguments, **options, **more)

    return call


_COG = Format(
    write=_from("geotiff", "write_geotiff"),
    check=_from("geotiff", "check_outputs"),
    check_options=_from("geotiff_options", "check_options"),
    outputs=_from("geotiff", "output_paths"),
    suffixes=(".tif", ".tiff"),
    north_up=True,
)
FORMATS = {
    "zarr": Format(
        write=_from("zarr", "write_zarr"),
        check=_from("zarr", "check_store"),
        check_options=_from("zarr_options", "parse_zarr_options"),
        outputs=lambda cube, path: [path],
        suffixes=(".zarr",),
        one_scale=True,
        values_a_second=3e8,
        pixels_a_second=math.inf,
    ),
    "cog": _COG,
    "gtiff": replace(_COG, write=_from("geotiff", "write_geotiff", overviews=False), suffixes=()),
}


def tiled_format(side: int) -> Format:
    """A folder of GeoTIFFs of so many pixels a side.

    Raises:
        UsageError: they cannot have this side.
    """
    _from("tiles", "check_side")(side)
    return replace(
        _COG,
        write=_from("tiles", "write_tiles", side=side),
        check=_from("tiles", "check_tiles", side=side),
        outputs=lambda cube, path: _from("tiles", "vrt_paths")(cube, path, path.name),
        suffixes=(),
    )


def named_options(given: Mapping[str, object] | Iterable[str] | str | None) -> dict[str, object]:
    """Creation options by their names, from a dictionary, from one text NAME=VALUE or from several.

    Raises:
        UsageError: it is none of these, or an option is given twice.
    """
    if given is None:
        return {}
    pairs: Iterable[tuple[object, object]] = given.items() if isinstance(given, Mapping) else _pairs(given)
    named: dict[str, object] = {}
    for name, value in pairs:
        if not isinstance(name, str) or name.upper() in named:
            problem = f"every {argument('creation_options')} must have a name, and be given once"
            raise UsageError(f"{problem}, got {given!r}")
        named[name.upper()] = value
    return named


def _pairs(texts: object) -> list[tuple[object, object]]:
    """The names and values of one text NAME=VALUE or of several."""
    several = list(texts) if isinstance(texts, Iterable) and not isinstance(texts, str) else [texts]
    parts = [text.partition("=") if isinstance(text, str) else ("", "", "") for text in several]
    if not all(name and value for name, _, value in parts):
        example = {"COMPRESS": "ZSTD"}
        raise UsageError(
            argument="creation_options", expected="a dictionary or texts NAME=VALUE", got=repr(texts), example=example
        )
    return [(name, value) for name, _, value in parts]


def choose_format(path: Location, name: str | None) -> Format:
    """The format of an output.

    Args:
        path: the output; its suffix chooses the format if no name does: .zarr, or .tif and .tiff for "cog".
        name: "zarr", "cog" or "gtiff", or None.
    Raises:
        UsageError: neither the name nor the suffix says a format, or they disagree.
    """
    of_suffix = next((key for key, row in FORMATS.items() if path.suffix.lower() in row.suffixes), None)
    if name and of_suffix and (name == "zarr") != (of_suffix == "zarr"):
        raise UsageError(
            f"{argument('format', name)} does not go with {argument('out', path)}; "
            f"leave {argument('format')} out, or give another {argument('out')}"
        )
    chosen = name or of_suffix
    if chosen is None:
        got = str(path) if isinstance(path, Address) else path.name
        raise UsageError(
            f"{argument('out')} must end in .zarr, .tif or .tiff, got {got!r}; "
            f"or say {argument('format', 'zarr')}, cog or gtiff"
        )
    return FORMATS[chosen]
