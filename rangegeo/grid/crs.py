"""Coordinate reference systems: as users name them, and the units they measure in."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyproj import CRS
from pyproj.exceptions import CRSError

from rangegeo.errors import UsageError
from rangegeo.support.earth import EARTH_RADIUS_M

if TYPE_CHECKING:
    pass
UNITS = {"degree": "°", "metre": " m", "kilometre": " km"}

WGS84 = "EPSG:4326"


def parse_crs(crs: object, flag: str = "--crs") -> CRS:
    """A horizontal CRS from anything pyproj reads."""
    try:
        parsed = CRS.from_user_input(crs)
    except CRSError:
        raise UsageError(
            f"{flag} must be a CRS that pyproj knows, got {str(crs)!r}; for example {flag} EPSG:3857"
        ) from None
    if not (parsed.is_geographic or parsed.is_projected):
        raise UsageError(
            f"{flag} must be a geographic or projected CRS, got {str(crs)!r}; for example {flag} EPSG:3857"
        )
    return parsed


def crs_name(crs: CRS) -> str:
    """AUTHORITY:CODE where there is one, else WKT."""
    authority = crs.to_authority(min_confidence=100)
    return ":".join(authority) if authority else crs.to_wkt()


def short_name(crs: CRS) -> str:
    """AUTHORITY:CODE where there is one, else what the CRS calls itself; for messages."""
    return crs_name(crs) if crs.to_authority(min_confidence=100) else crs.name


def units(crs: CRS) -> str:
    """What coordinates are counted in: degrees, metres, US survey feet."""
    name = crs.axis_info[0].unit_name
    return name.replace("foot", "feet") if name.endswith("foot") else f"{name}s"


def metres_a_unit(crs: CRS) -> float:
    """Length of a unit of the coordinates on the ground, along the equator where they are angles."""
    factor = crs.axis_info[0].unit_conversion_factor  # to metres or radians
    return factor * EARTH_RADIUS_M if crs.is_geographic else factor


@contextmanager
def without_cf_warnings() -> Iterator[None]:
    """pyproj warns of what CF has no words for, as of Swiss coordinates; the WKT that is written too says it all."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"pyproj\.crs\b")
        yield
