"""Cubes that came back from other programs without some of their coordinates, made whole again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.grid.coords import CRS_KEY, grid_coords
from rangegeo.schema.facts import GRID_MAPPING, with_facts_apart
from rangegeo.schema.steps import with_values

BAND, BAND_NAME = "band", "band_name"


def completed(cube: xr.DataArray) -> xr.DataArray:
    """The same array with the coordinates that cubes have, as far as it says what belongs there; nothing is computed.

    Names of bands come from the coordinate `band_name`, from the descriptions that rioxarray reads, or from the numbers
    of the bands. The CRS comes from what rioxarray and odc-geo find, or from what `drop_attrs` has left of it.
    """
    found = cube = with_values(cube)
    if BAND in cube.dims:
        count = cube.sizes[BAND]
        if BAND not in found.coords:
            found = found.assign_coords({BAND: np.arange(1, count + 1)})
        if BAND_NAME in found.coords and found[BAND_NAME].dims == (BAND,):
            found = _with_text(found)
        if BAND_NAME not in found.coords or found[BAND_NAME].dims != (BAND,):
            found = found.drop_vars(BAND_NAME, errors="ignore")
            found = found.assign_coords({BAND_NAME: (BAND, text(_names(found)))})
    if {"y", "x"} <= set(found.dims) and not _has_crs(found):
        found = _with_crs(found)
    found = with_facts_apart(found)  # after the names, which rioxarray hands over as an attribute
    told = found.coords.get(GRID_MAPPING)
    if told is not None and "crs_wkt" in told.attrs and CRS_KEY not in told.encoding:
        kept = told.copy()
        kept.encoding = {**told.encoding, CRS_KEY: told.attrs["crs_wkt"]}
        found = found.assign_coords({GRID_MAPPING: kept})
    return found


def band_names(cube: xr.DataArray) -> list[str]:
    """The names of the bands of a cube, as text."""
    return [str(name) for name in completed(cube)[BAND_NAME].values.tolist()]


def text(names: Sequence[str]) -> np.ndarray:
    """Names as an array of objects, which xarray writes to every format; Zarr 3 specifies no text of a fixed length."""
    return np.array([str(name) for name in names], dtype=object)


def as_text(coord: xr.DataArray) -> xr.DataArray:
    """A coordinate of text with values as `text` makes them; files hand it back as bytes, objects or longer text."""
    plain = [part.decode() if isinstance(part, bytes) else part for part in coord.values.ravel().tolist()]
    return coord.copy(data=text(plain).reshape(coord.shape)).drop_encoding()


def _names(cube: xr.DataArray) -> list[str]:
    """Names for bands without a coordinate `band_name`."""
    told = cube.attrs.get("long_name")  # rioxarray puts the descriptions of all bands there
    if isinstance(told, tuple | list) and len(told) == cube.sizes[BAND] and len(set(told)) == len(told):
        return [str(name) for name in told]
    labels = cube[BAND].values.tolist()
    return [label if isinstance(label, str) else f"band_{label}" for label in labels]


def _with_text(cube: xr.DataArray) -> xr.DataArray:
    """The array with names of bands as text; a band that `reindex` has made up is called by its number."""
    names = cube[BAND_NAME].values.tolist()
    made_up = [isinstance(name, float) and name != name for name in names]
    if any(made_up):
        labels = cube[BAND].values.tolist()
        names = [f"band_{labels[i]}" if empty else str(names[i]) for i, empty in enumerate(made_up)]
        return cube.assign_coords({BAND_NAME: (BAND, text(names))})
    if cube[BAND_NAME].dtype == object:
        return cube
    return cube.assign_coords({BAND_NAME: as_text(cube[BAND_NAME])})


def _has_crs(cube: xr.DataArray) -> bool:
    return GRID_MAPPING in cube.coords and bool({"crs_wkt", "spatial_ref"} & cube[GRID_MAPPING].attrs.keys())


def _with_crs(cube: xr.DataArray) -> xr.DataArray:
    """The array with a coordinate that says its CRS, if that can be found out."""
    with warnings.catch_warnings():  # of what is missing, which is mended here, or refused where it is needed
        warnings.simplefilter("ignore", UserWarning)
        geobox = cube.odc.geobox if cube.sizes["y"] * cube.sizes["x"] else None
    kept = cube.coords[GRID_MAPPING].encoding.get(CRS_KEY) if GRID_MAPPING in cube.coords else None
    if not isinstance(geobox, GeoBox) or (geobox.crs is None and kept is None):
        return cube
    crs = kept if geobox.crs is None else geobox.crs
    fresh = grid_coords(GeoBox(geobox.shape, geobox.affine, crs))
    found = cube.assign_coords({GRID_MAPPING: fresh[GRID_MAPPING]})
    for axis in ("y", "x"):
        if not found[axis].attrs:
            found[axis].attrs.update(fresh[axis].attrs)
    return found
