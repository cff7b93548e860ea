"""What a Zarr store says of its grid, its embeddings and its overviews, in the conventions that others read.

Each says it to its own readers: CF `grid_mapping` is written with the coordinates; here are `proj:`, `spatial:` and
`multiscales` of zarr-conventions.org, `geoemb:` of the geo-embeddings group, and GDAL's `_CRS`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import xarray as xr
import zarr_cm
from odc.geo.geobox import GeoBox
from pyproj import CRS

from rangegeo.grid import pixel_arc_deg
from rangegeo.schema.cube import geobox_of
from rangegeo.support.earth import METRES_A_DEGREE

EVALUATED = "evaluation at pixel centres"  # of the field, which is continuous; nothing is resampled
REPOSITORY = "geo-embeddings/embeddings-zarr-convention"
GEOEMB = {  # zarr-cm does not have it; github.com/geo-embeddings/embeddings-zarr-convention, v1
    "uuid": "61c12cc5-0e28-4056-999a-480cf3fb7e4c",
    "schema_url": f"https://raw.githubusercontent.com/{REPOSITORY}/refs/tags/v1/schema.json",
    "spec_url": f"https://github.com/{REPOSITORY}/blob/v1/README.md",
    "name": "geoemb:",
    "description": "Geoembeddings convention for geospatial embedding arrays with model provenance",
}


def group_attributes(cube: xr.DataArray, dtype: str = "float32", levels: Sequence[xr.DataArray] = ()) -> dict:
    """What the group of a cube says, and the declaration of the conventions it says it in.

    Args:
        dtype: that the values are stored as.
        levels: overviews in groups below it.
    """
    geobox = geobox_of(cube)
    said = {"proj": _projection(geobox), "spatial": _spatial(geobox)}
    if levels:
        said["multiscales"] = {"layout": _layout(cube, levels)}
    attrs = zarr_cm.insert_many({}, said)
    embeddings = _embeddings(cube, geobox, dtype)
    if embeddings:
        attrs["zarr_conventions"] = [*attrs["zarr_conventions"], GEOEMB]
    return attrs | embeddings


def level_name(cube: xr.DataArray, level: xr.DataArray) -> str:
    """Of the group of an overview, as GDAL calls it: ovr_2x where its pixels are twice as large as the cube's."""
    return f"ovr_{_factor(cube, level)}x"


def _layout(cube: xr.DataArray, levels: Sequence[xr.DataArray]) -> list[dict]:
    """Each level's place in the store, and how it lies to the one before; as GDAL writes and reads it."""
    layout: list[dict] = [{"asset": cube.name, "transform": _scaled(cube, cube)} | _absolute(cube)]
    for finer, level in zip((cube, *levels), levels, strict=False):
        layout.append(
            {
                "asset": level_name(cube, level),
                "derived_from": layout[-1]["asset"],
                "transform": _scaled(finer, level),
                "resampling_method": EVALUATED,
                **_absolute(level),
            }
        )
    return layout


def _scaled(finer: xr.DataArray, level: xr.DataArray) -> dict:
    factor = float(_factor(finer, level))
    return {"scale": [factor if dim in ("y", "x") else 1.0 for dim in level.dims], "translation": [0.0] * level.ndim}


def _factor(finer: xr.DataArray, level: xr.DataArray) -> int:
    return round(level.odc.geobox.resolution.x / finer.odc.geobox.resolution.x)


def _absolute(level: xr.DataArray) -> dict:
    spatial = _spatial(geobox_of(level))
    return {name: spatial[name] for name in ("spatial:shape", "spatial:transform")}


def _embeddings(cube: xr.DataArray, geobox: GeoBox, dtype: str) -> dict:
    """None if the cube does not say what it was made with, which the convention requires."""
    attrs = cube.attrs
    if not {"citation", "source_data"} <= set(attrs):
        return {}
    metres = ground_sample_distance(geobox)
    return {
        "geoemb:type": "pixel",
        "geoemb:dimensions": cube.sizes["band"],
        "geoemb:model": paper(attrs["citation"]),
        "geoemb:source_data": [attrs["source_data"]],
        "geoemb:data_type": dtype,
        **({} if metres is None else {"geoemb:gsd": metres}),
        **({"geoemb:build_version": attrs["rangegeo_version"]} if "rangegeo_version" in attrs else {}),
        **({} if dtype == "float32" else {"geoemb:quantization": quantisation(dtype)}),
    }


def quantisation(dtype: str) -> dict:
    """How values are stored that are not float32; the array's own attributes hold scale and offset."""
    method = "linear" if dtype.startswith("int") else "rounding"
    return {"method": method, "original_dtype": "float32", "quantized_dtype": dtype}


def paper(citation: str) -> str:
    """The address of arXiv:2502.19781 and its like."""
    return f"https://arxiv.org/abs/{citation.removeprefix('arXiv:')}"


def ground_sample_distance(geobox: GeoBox) -> float | None:
    """Metres between neighbouring pixels, the largest; None if no pixel lies in the projection's domain."""
    metres = pixel_arc_deg(geobox) * METRES_A_DEGREE
    return float(f"{metres:.4g}") if math.isfinite(metres) else None


def gdal_crs(crs: CRS) -> dict:
    """GDAL's `_CRS` attribute, https://gdal.org/drivers/raster/zarr.html#srs-encoding."""
    authority = crs.to_authority(min_confidence=100)
    url = {"url": "http://www.opengis.net/def/crs/{}/0/{}".format(*authority)} if authority else {}
    return {**url, "wkt": crs.to_wkt(), "projjson": crs.to_json_dict()}


def _projection(geobox: GeoBox) -> dict:
    crs = CRS.from_wkt(geobox.crs.to_wkt())
    authority = crs.to_authority(min_confidence=100)
    return {"proj:wkt2": crs.to_wkt()} | ({"proj:code": ":".join(authority)} if authority else {})


def _spatial(geobox: GeoBox) -> dict:
    return {
        "spatial:dimensions": ["y", "x"],
        "spatial:transform": list(geobox.affine)[:6],
        "spatial:shape": list(geobox.shape),
        "spatial:bbox": list(geobox.boundingbox),
        "spatial:registration": "pixel",
    }
