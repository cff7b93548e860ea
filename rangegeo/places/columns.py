"""Names of columns: those that hold longitude and latitude, and those that embeddings get."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rangegeo.errors import UsageError

# Letters and digits of the usual names, in lower case: of GBIF, Movebank, ArcGIS, QGIS, pandas and people.
USUAL = {
    "longitude": {"lon", "long", "lng", "longitude", "decimallongitude", "londeg", "longitudedeg", "locationlong"}
    | {"x", "pointx", "xcoord", "coordx", "easting"},
    "latitude": {"lat", "latitude", "decimallatitude", "latdeg", "latitudedeg", "locationlat"}
    | {"y", "pointy", "ycoord", "coordy", "northing"},
}
TYPE_FLAGS = "type --lon NAME --lat NAME"
SHOWN = 12  # columns that a message lists


def coordinate_columns(
    names: Sequence[str], lon: str | None = None, lat: str | None = None, *, remedy: str = TYPE_FLAGS
) -> tuple[str, str]:
    """The columns of longitude and latitude: those given, else the only ones with a usual name.

    Args:
        names: of all columns.
        lon, lat: given by the user, both or neither.
        remedy: what to do about it, for messages.
    Raises:
        UsageError: there is no such column, or several could be meant.
    """
    if (lon is None) != (lat is None):
        raise UsageError("--lon and --lat go together: type both")
    if lon is not None and lat is not None:
        for flag, name in (("--lon", lon), ("--lat", lat)):
            if name not in names:
                raise UsageError(f"{flag} must name a column, got {name!r}; there are {_listed(names)}")
        if lon == lat:
            raise UsageError(f"--lon and --lat must be two columns, got {lon!r} for both")
        return lon, lat
    longitude, latitude = (_only(names, what, remedy) for what in USUAL)
    return longitude, latitude


def _only(names: Sequence[str], what: str, remedy: str) -> str:
    found = [name for name in names if re.sub(r"[\W_]", "", str(name).lower()) in USUAL[what]]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{what} may be in {_listed(found)}; {remedy}")
    raise UsageError(f"no column of {_listed(names)} has a usual name of {what}; {remedy}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(str, names[:SHOWN]))
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown or "none"
