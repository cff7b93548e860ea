"""GeoTIFFs wherever they lie. GDAL reads those at addresses through obstore, and reaches no network itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from rangegeo.support.address import Address, QuietReader, Reader
from rangegeo.support.location import Location


@dataclass(frozen=True, slots=True)
class Opener:
    """What rasterio calls for the content of a file. It gives this one object and no file beside it.

    Attributes:
        address: the object.
        name: what GDAL calls it.
    """

    address: Address
    name: str

    def __call__(self, path: str, mode: str = "rb") -> QuietReader:
        if path != self.name:
            raise FileNotFoundError(path)
        return QuietReader(self.address)


def gives_parts(address: Address) -> bool:
    """Whether the server gives a part of an object; some web servers give files only whole.

    Raises:
        RemoteError: it cannot be asked.
    """
    try:
        return len(Reader(address).read(1)) <= 1
    except OSError:
        return False


def open_raster(place: Location, **keywords: Any) -> Any:
    """A GeoTIFF, or what else GDAL opens on this machine, open for reading.

    Close it in the same thread: rasterio keeps what it knows of an opener there. Each call has a name of its own,
    because rasterio forgets an opener as soon as one of its files is closed.

    Args:
        keywords: of `rasterio.open`.
    """
    import rasterio

    if not isinstance(place, Address):
        return rasterio.open(place.absolute(), **keywords)
    name = f"{uuid.uuid4().hex}/{place.name}"
    opener = Opener(place, name)
    return rasterio.open(name, opener=opener, driver="GTiff", **keywords)  # no other driver, which may follow names
