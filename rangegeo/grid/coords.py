"""A grid as coordinates that xarray, CF, rioxarray and odc-geo read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from pyproj import CRS

from rangegeo.grid.crs import crs_name, parse_crs, without_cf_warnings, wkt_of
from rangegeo.grid.labels import Lattice

CRS_KEY = "crs_wkt"  # of the encoding of spatial_ref, which `drop_attrs` leaves as it is


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The labels of the columns and the rows of an array: x (w,) and y (h,), of any dtype."""

    x: np.ndarray
    y: np.ndarray


def labels_of(geobox: GeoBox) -> Labels:
    """The labels of a grid; a pixel that several grids share has the same label in all of them, to the last bit."""
    is_angle = _crs_of(geobox).is_geographic
    affine, (height, width) = geobox.affine, geobox.shape
    return Labels(
        x=Lattice.of(affine.c, affine.a, is_angle=is_angle).labels(width),
        y=Lattice.of(affine.f, affine.e, is_angle=is_angle).labels(height),
    )


def grid_coords(geobox: GeoBox, labels: Labels | None = None) -> dict[str, xr.DataArray]:
    """The coordinates y, x and spatial_ref of a grid, with the attributes that CF asks for.

    The transform is written with all digits, so that the grid is read back to the last bit.

    Args:
        geobox: the grid.
        labels: labels that the rows and columns have already; by default those of the grid.
    """
    crs = _crs_of(geobox)
    labels = labels_of(geobox) if labels is None else labels
    coords: dict[str, xr.DataArray] = {}
    for axis, step in (("y", geobox.affine.e), ("x", geobox.affine.a)):
        units, kind = _units_and_kind(crs, axis)
        attrs = {"units": units, "resolution": step, "axis": axis.upper(), "standard_name": kind}
        coords[axis] = xr.DataArray(getattr(labels, axis), dims=(axis,), name=axis, attrs=attrs)
    exact = (np.format_float_positional(number, trim="-") for number in geobox.affine.to_gdal())
    attrs = _cf_attributes(crs) | {"GeoTransform": " ".join(exact)}
    coords["spatial_ref"] = xr.DataArray(
        np.int32(crs.to_epsg(min_confidence=100) or 0), name="spatial_ref", attrs=attrs
    )
    coords["spatial_ref"].encoding[CRS_KEY] = attrs["crs_wkt"]
    return coords


def _crs_of(geobox: GeoBox) -> CRS:
    """The CRS of a grid, named by its code again even if a file described it in its own words."""
    return CRS.from_user_input(crs_name(parse_crs(wkt_of(geobox))))


def _units_and_kind(crs: CRS, axis: str) -> tuple[str, str]:
    """The units and the standard name of an axis in CF; GDAL finds its horizontal axes by the latter."""
    unit = crs.axis_info[0].unit_name
    if not crs.is_geographic:
        return unit, f"projection_{axis}_coordinate"
    direction, kind = {"y": ("north", "latitude"), "x": ("east", "longitude")}[axis]
    if crs.is_derived:  # rotated: these are no longitudes and latitudes of the Earth
        return unit, f"grid_{kind}"
    return f"degrees_{direction}" if unit == "degree" else unit, kind


def _cf_attributes(crs: CRS) -> dict[str, object]:
    """What CF says of a CRS; its WKT alone where pyproj finds no names in CF for its parameters."""
    with without_cf_warnings():
        try:
            attrs = crs.to_cf()
        except KeyError:
            attrs = {"crs_wkt": crs.to_wkt()}
    return {"spatial_ref": attrs["crs_wkt"]} | attrs
