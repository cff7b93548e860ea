"""Which CRSs a GeoTIFF can hold: GDAL is asked, by writing a small file in memory and reading it back.

Its keys have no place for some projections, such as a rotated pole or HEALPix, and for some the file means another one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from odc.geo.geobox import GeoBox
from pyproj import CRS

from rangegeo.errors import UsageError, argument
from rangegeo.grid.crs import crs_of, other_proj, short_name, wkt_of
from rangegeo.grid.domain import domain_of

SAME = 1e-9  # of the largest coordinate; CRSs whose coordinates differ by less are the same


def check_crs(geobox: GeoBox, remedy: str = f"write a .zarr, or take another {argument('crs')}") -> None:
    """Refuse a grid in a CRS that would not be read back from a GeoTIFF.

    Args:
        geobox: the grid.
        remedy: what to do instead, for the message.
    Raises:
        UsageError: GDAL reads no CRS back, or another one.
    """
    wkt = wkt_of(geobox)
    found = _read_back(wkt)
    if found is None or not _is_same(wkt, found):
        what = "none at all" if found is None else f"{short_name(CRS.from_wkt(found))}, which is another one"
        told = f"a GeoTIFF cannot hold the CRS {short_name(crs_of(geobox))}: GDAL would read {what}"
        raise UsageError(f"{told}; {remedy}{other_proj()}")


@lru_cache(maxsize=32)
def _read_back(wkt: str) -> str | None:
    """The CRS that GDAL reads from a GeoTIFF that it wrote with a CRS; None if it reads none."""
    import rasterio
    from rasterio.errors import CRSError
    from rasterio.io import MemoryFile

    # Without this setting GDAL puts such a CRS into a file beside the GeoTIFF, which nobody copies.
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        options = {"driver": "GTiff", "width": 1, "height": 1, "count": 1, "dtype": "uint8"}
        try:
            with memory.open(**options, crs=wkt, transform=rasterio.Affine(2, 0, 1, 0, -2, 1)) as file:
                file.write(np.ones((1, 1, 1), np.uint8))
            with memory.open() as file:
                return None if file.crs is None else file.crs.to_wkt(version="WKT2_2019")
        except CRSError:
            return None


def _is_same(wkt: str, other: str) -> bool:
    """Whether two CRSs are the same, or give places all over the globe the same coordinates; heights do not count."""
    given, found = (CRS.from_wkt(text).to_2d() for text in (wkt, other))
    if given.equals(found, ignore_axis_order=True):
        return True
    if not (found.is_geographic or found.is_projected):
        return False
    lon, lat = (part.ravel() for part in np.meshgrid(np.arange(-175.0, 180.0, 10), np.arange(-85.0, 90.0, 10)))
    one, two = (np.stack(domain_of(each).forward.transform(lon, lat)) for each in (wkt, other))
    shown = np.isfinite(one).all(axis=0)
    if not shown.any() or not np.array_equal(shown, np.isfinite(two).all(axis=0)):
        return False
    return bool(np.abs(one[:, shown] - two[:, shown]).max() <= SAME * np.abs(one[:, shown]).max())
