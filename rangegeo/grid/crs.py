"""Coordinate reference systems: as users name them, and the units they measure in."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

from odc.geo.geobox import GeoBox
from pyproj import CRS
from pyproj.exceptions import CRSError

from rangegeo.errors import UsageError, argument
from rangegeo.support.earth import EARTH_RADIUS_M

WGS84 = "EPSG:4326"
UNITS = {"degree": "°", "metre": " m", "kilometre": " km"}
NAMELESS = ("unknown", "unnamed", "undefined")  # names of CRSs that PROJ strings describe
LONGEST_SAID = 200  # characters of a CRS that a message shows
OTHER_BODY = 0.01  # a radius that is off by more belongs to another planet; those of the Earth differ by 0.2 %


class HasWkt(Protocol):
    """A CRS of another package, such as rasterio's or odc-geo's."""

    def to_wkt(self) -> str: ...


# What pyproj reads as a CRS: "EPSG:3035" and other text, a number, a CRS of any package, or PROJJSON.
CrsLike: TypeAlias = str | int | CRS | HasWkt | dict[str, Any]


def parse_crs(crs: CrsLike, name: str = "crs", *, source: str | None = None, example: str = WGS84) -> CRS:
    """A horizontal CRS from anything that pyproj reads.

    Args:
        crs: the CRS.
        name: the argument that holds it, for messages.
        source: the file or object that says it is in this CRS, if the argument holds such a source.
        example: a CRS that goes with the other arguments, for messages.
    Raises:
        UsageError: pyproj does not know the CRS, or it is neither geographic nor projected, or it is one of Mars.
    """
    try:
        parsed = CRS.from_user_input(crs)
    except CRSError:
        raise _refusal("a CRS that pyproj knows", crs, name, source, example) from None
    if not (parsed.is_geographic or parsed.is_projected):
        raise _refusal("a geographic or projected CRS", crs, name, source, example)
    if parsed.ellipsoid and abs(parsed.ellipsoid.semi_major_metre / EARTH_RADIUS_M - 1) > OTHER_BODY:
        raise _refusal("a CRS of the Earth", crs, name, source, example)
    return parsed


def _refusal(expected: str, crs: CrsLike, name: str, source: str | None, example: str) -> UsageError:
    said = str(crs)
    got = repr(said if len(said) <= LONGEST_SAID else f"{said[:LONGEST_SAID]} …")
    told = f"{argument(name)}" if source is None else f"the CRS of {argument(name)} {source}"
    shown = argument(name, example) if source is None else example
    return UsageError(f"{told} must be {expected}, got {got}; for example {shown}{other_proj()}")


def other_proj() -> str:
    """What ends a message about a CRS that GDAL may have misread, because it was sent to the files of another PROJ.

    GDAL then finds no CRS by its code, and reads those of files as "engineering CRSs". pyproj keeps to its own files.
    """
    names = [name for name in ("PROJ_DATA", "PROJ_LIB") if os.environ.get(name)]
    if not names:
        return ""
    return f"; {names[0]}={os.environ[names[0]]} may be of another PROJ, so try again after: unset {' '.join(names)}"


def crs_name(crs: CRS) -> str:
    """AUTHORITY:CODE of a CRS that has one, else its WKT."""
    authority = crs.to_authority(min_confidence=100)
    return ":".join(authority) if authority else crs.to_wkt()


def short_name(crs: CRS) -> str:
    """AUTHORITY:CODE of a CRS that has one, else its own name, else that of its projection; for messages."""
    authority = crs.to_authority(min_confidence=100)
    if authority:
        return ":".join(authority)
    projection = crs.coordinate_operation
    return projection.method_name if crs.name in NAMELESS and projection is not None else crs.name


def wkt_of(geobox: GeoBox) -> str:
    """The WKT of the CRS of a grid."""
    assert geobox.crs is not None  # every grid that is made or read here has a CRS
    return geobox.crs.to_wkt()


def crs_of(geobox: GeoBox) -> CRS:
    """The CRS of a grid, as pyproj has it."""
    return CRS.from_wkt(wkt_of(geobox))


def units(crs: CRS) -> str:
    """The units of the coordinates, in the plural: "degrees", "metres", "US survey feet"."""
    name = crs.axis_info[0].unit_name
    return name.replace("foot", "feet") if name.endswith("foot") else f"{name}s"


def unit_suffix(crs: CRS) -> str:
    """What follows a number in the units of the coordinates: "°", " m", " US survey foot"."""
    name = crs.axis_info[0].unit_name
    return UNITS.get(name, f" {name}")


def metres_a_unit(crs: CRS) -> float:
    """The length of one unit of the coordinates on the ground; along the equator if they are angles."""
    factor = crs.axis_info[0].unit_conversion_factor  # to metres, or to radians
    return factor * EARTH_RADIUS_M if crs.is_geographic else factor


@contextmanager
def without_cf_warnings() -> Iterator[None]:
    """Silence pyproj's warnings about what CF attributes cannot say of a CRS, such as the Swiss one.

    The WKT that is written beside these attributes says all of it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"pyproj\.crs\b")
        yield
