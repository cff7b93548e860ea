"""Attributes as files can hold them."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np

from rangegeo.support.location import Location

# How an array is stored, which each file says for itself, and what rioxarray and GDAL add when they open one.
OF_STORAGE = {
    "AREA_OR_POINT",
    "_CRS",
    "_FillValue",
    "_Unsigned",
    "add_offset",
    "band_names",
    "coordinates",
    "dtype",
    "grid_mapping",
    "missing_value",
    "nodata",
    "nodatavals",
    "offsets",
    "rangegeo_sample",
    "scale_factor",
    "scales",
}


def plain_attributes(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """The attributes of an array without those that say how another file stored it."""
    kept = {str(name): value for name, value in attrs.items() if name not in OF_STORAGE}
    if not isinstance(kept.get("long_name", ""), str):
        del kept["long_name"]  # the descriptions of all bands, as rioxarray reads them
    return kept


def plain_numbers(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes with numbers and lists of Python in the place of those of NumPy, which JSON cannot hold."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value for name, value in attrs.items()
    }


def fill_attribute(nodata: np.generic) -> int | str:
    """The attribute `_FillValue` of an array of format 3, as xarray stores it: floats are bytes, because of NaN."""
    if np.issubdtype(nodata.dtype, np.integer):
        return int(nodata)
    return b64encode(struct.pack("<d", float(nodata))).decode()


def flat_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts with lists of numbers instead of lists of lists, which netCDF cannot hold."""
    return {name: _flat(value) if name == "pca_components" else value for name, value in facts.items()}


def nested_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that `flat_facts` made flat."""
    found = dict(facts)
    flat, mean = found.get("pca_components"), found.get("pca_mean")
    if flat and mean and not isinstance(flat[0], list):
        found["pca_components"] = [flat[start : start + len(mean)] for start in range(0, len(flat), len(mean))]
    return found


def _flat(rows: list[Any]) -> list[Any]:
    return [number for row in rows for number in row] if rows and isinstance(rows[0], list) else rows


def simplify_consolidated(path: Location) -> None:
    """Leave out of a store's consolidated metadata what netCDF cannot hold.

    xarray reads attributes from there, and whatever it reads it writes to netCDF, or fails. Structured attributes stay
    with the arrays themselves, where readers of the conventions find them.
    """
    for name, section in (("zarr.json", "consolidated_metadata"), (".zmetadata", None)):
        file = path / name
        if not file.is_file():
            continue
        document = json.loads(file.read_text(encoding="utf-8"))
        nodes = document[section]["metadata"] if section else document["metadata"]
        for key, node in nodes.items():
            if key.endswith("/.zattrs"):
                nodes[key] = _netcdf_attributes(node)
            elif "attributes" in node:
                node["attributes"] = _netcdf_attributes(node["attributes"])
        file.write_text(json.dumps(document, indent=2), encoding="utf-8")


def _netcdf_attributes(attrs: dict[str, Any]) -> dict[str, Any]:
    # GDAL up to 3.8 finds the CRS in _CRS alone, and reads it from here. Only format 2 has it.
    kept = ("_CRS", "_ARRAY_DIMENSIONS")
    return {name: value for name, value in attrs.items() if name in kept or _fits_netcdf(value)}


def _fits_netcdf(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
    return isinstance(value, str | int | float) and not isinstance(value, bool)
