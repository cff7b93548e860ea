"""A grid as coordinates that xarray, CF, rioxarray and odc-geo read."""

from __future__ import annotations

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from rangegeo.grid.crs import crs_name, parse_crs, without_cf_warnings


def grid_coords(geobox: GeoBox) -> dict[str, xr.DataArray]:
    """Coordinates y, x and spatial_ref of a grid, as CF has them; the transform is told to the last bit."""
    # by its name, so that a CRS that went through a file's own wording is again the one asked for
    named = GeoBox(geobox.shape, geobox.affine, crs_name(parse_crs(geobox.crs.to_wkt())))
    with without_cf_warnings():
        coords = dict(xr_coords(named, dims=("y", "x")))
    for axis, degrees in (("y", "latitude"), ("x", "longitude")):
        coords[axis].attrs.pop("crs", None)  # says the same as spatial_ref, but is no CF attribute
        kind = degrees if named.crs.geographic else f"projection_{axis}_coordinate"
        coords[axis].attrs |= {"axis": axis.upper(), "standard_name": kind}  # by which GDAL knows its horizontal axes
    exact = (np.format_float_positional(number, trim="-") for number in geobox.affine.to_gdal())
    coords["spatial_ref"].attrs["GeoTransform"] = " ".join(exact)
    return coords
