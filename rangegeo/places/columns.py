"""Names of columns: which ones hold longitude and latitude."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rangegeo.errors import UsageError, argument, arguments

# The usual names in GBIF, Movebank, ArcGIS, QGIS, pandas and tables of loggers, some in other languages: only their
# letters and digits, in lower case.
USUAL = {
    "longitude": {"lon", "long", "lng", "longitude", "decimallongitude", "londeg", "longitudedeg", "locationlong"}
    | {"lonwgs84", "longitudewgs84", "wgs84lon", "gpslon", "gpslong", "gpslongitude", "londd", "longitudedd", "lonwgs"}
    | {"längengrad", "laengengrad", "geogrlänge", "geographischelänge", "longitud", "longitudine"}
    | {"x", "pointx", "xcoord", "coordx", "easting"},
    "latitude": {"lat", "latitude", "decimallatitude", "latdeg", "latitudedeg", "locationlat"}
    | {"latwgs84", "latitudewgs84", "wgs84lat", "gpslat", "gpslatitude", "latdd", "latitudedd", "latwgs"}
    | {"breitengrad", "geogrbreite", "geographischebreite", "latitud", "latitudine"}
    | {"y", "pointy", "ycoord", "coordy", "northing"},
}
LON, LAT = argument("lon"), argument("lat")
NAME_BOTH = f"type {arguments(lon='NAME', lat='NAME')}"
SHOWN = 12  # how many columns a message lists


def coordinate_columns(
    names: Sequence[str], lon: str | None = None, lat: str | None = None, *, remedy: str = NAME_BOTH
) -> tuple[str, str]:
    """The columns of longitude and latitude: the given ones, else the only ones with a usual name.

    Args:
        names: the names of all columns.
        lon, lat: the columns that the user names; both or neither.
        remedy: what to type or to do if the columns are not clear, for messages.
    Raises:
        UsageError: a named column does not exist, only one is named, or none or several columns have a usual name.
    """
    if (lon is None) != (lat is None):
        raise UsageError(f"{LON} and {LAT} go together: type both")
    if lon is not None and lat is not None:
        for which, name in (("lon", lon), ("lat", lat)):
            if name not in names:
                raise UsageError(f"{argument(which)} must name a column, got {name!r}; there are {_listed(names)}")
        if lon == lat:
            raise UsageError(f"{LON} and {LAT} must be two columns, got {lon!r} for both")
        return lon, lat
    longitude, latitude = (_usual_column(names, what, remedy) for what in USUAL)
    return longitude, latitude


def _usual_column(names: Sequence[str], what: str, remedy: str) -> str:
    """The only column with a usual name of longitude or latitude."""
    found = [name for name in names if _plain(name) in USUAL[what]]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{what} may be in {_listed(found)}; {remedy}")
    raise UsageError(f"no column of {_listed(names)} has a usual name of {what}; {remedy}")


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(map(str, names[:SHOWN]))
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown or "none"


def looks_swapped(lon: str, lat: str) -> bool:
    """Whether the names of two columns say that the first one is latitude and the second one is longitude."""
    return _plain(lon) in USUAL["latitude"] and _plain(lat) in USUAL["longitude"]


def _plain(name: object) -> str:
    """A name without signs and in lower case."""
    return re.sub(r"[\W_]", "", str(name).lower())
