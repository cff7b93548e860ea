"""A grid as coordinates that xarray, CF, rioxarray and odc-geo read."""

from __future__ import annotations

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from rangegeo.grid.crs import crs_name, crs_of, parse_crs, without_cf_warnings, wkt_of

CRS_KEY = "crs_wkt"  # of the encoding of spatial_ref, which `drop_attrs` leaves as it is


def grid_coords(geobox: GeoBox) -> dict[str, xr.DataArray]:
    """The coordinates y, x and spatial_ref of a grid, with the attributes that CF asks for.

    The transform is written with all digits, so that the grid is read back to the last bit.
    """
    # The CRS is named by its code again, even if a file described it in its own words.
    named = GeoBox(geobox.shape, geobox.affine, crs_name(parse_crs(wkt_of(geobox))))
    with without_cf_warnings():
        coords = {str(name): coord for name, coord in xr_coords(named, dims=("y", "x")).items()}
    is_geographic = crs_of(named).is_geographic
    for axis, degrees in (("y", "latitude"), ("x", "longitude")):
        coords[axis].attrs.pop("crs", None)  # spatial_ref says the same, and CF knows no such attribute
        kind = degrees if is_geographic else f"projection_{axis}_coordinate"
        coords[axis].attrs |= {"axis": axis.upper(), "standard_name": kind}  # GDAL finds its horizontal axes by these
    exact = (np.format_float_positional(number, trim="-") for number in geobox.affine.to_gdal())
    coords["spatial_ref"].attrs["GeoTransform"] = " ".join(exact)
    coords["spatial_ref"].encoding[CRS_KEY] = coords["spatial_ref"].attrs["crs_wkt"]
    return coords
