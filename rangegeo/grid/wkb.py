"""Well-known binary of geometries, which is read only if it is not nested beyond what GEOS survives.

GEOS calls itself for each geometry within another and has no limit, so a small file can end the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.errors import GEOSException

MOST_HELD = 5000  # collections in one geometry; GEOS 3.14 reads twice as many within each other, in a thread too
# How a geometry begins that can hold others: the order of bytes, and the types 4 to 7, plain, with Z or M of ISO
# (1000 to 3000 more) or with the flags of PostGIS.
_LITTLE = rb"\x01[\x04-\x07\xec-\xef\xd4-\xd7\xbc-\xbf][\x00\x03\x07\x0b]\x00[\x00\x20\x40\x60\x80\xa0\xc0\xe0]"
_BIG = rb"\x00[\x00\x20\x40\x60\x80\xa0\xc0\xe0]\x00[\x00\x03\x07\x0b][\x04-\x07\xec-\xef\xd4-\xd7\xbc-\xbf]"
HOLDERS = re.compile(_LITTLE + b"|" + _BIG, re.DOTALL)


def from_wkb(wkb: Sequence[bytes | None] | np.ndarray, **options: Any) -> np.ndarray:
    """Geometries of their well-known binary, as `shapely.from_wkb` reads them.

    Args:
        wkb: (n,) bytes, None where there is no geometry.
        options: of `shapely.from_wkb`.
    Raises:
        GEOSException: it is damaged, or nested too deep.
    """
    if any(map(_is_deep, wkb)):
        raise GEOSException(f"a geometry holds more than {MOST_HELD} collections, which may be nested too deep")
    shapes: np.ndarray = shapely.from_wkb(wkb, **options)
    return shapes


def _is_deep(wkb: bytes | None) -> bool:
    """Whether a geometry may hold too many others within each other; each takes at least nine bytes."""
    return isinstance(wkb, bytes) and len(wkb) > 9 * MOST_HELD and _many(HOLDERS.finditer(wkb))


def _many(found: Iterable[object]) -> bool:
    return any(number >= MOST_HELD for number, _ in enumerate(found))
