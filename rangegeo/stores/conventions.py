"""What a Zarr store says about its grid, its embeddings and its overviews, in conventions that other programs read.

The convention CF with its `grid_mapping` is written with the coordinates. This module adds `proj:`, `spatial:` and
`multiscales` of zarr-conventions.org, `geoemb:` of the geo-embeddings group, and GDAL's `_CRS`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import xarray as xr
import zarr_cm
from odc.geo.geobox import GeoBox

from rangegeo.grid import pixel_arc_deg
from rangegeo.grid.crs import crs_of
from rangegeo.schema.cube import geobox_of
from rangegeo.schema.facts import computed_from, facts_of
from rangegeo.support.earth import METRES_A_DEGREE

RESAMPLING = "evaluation at pixel centres"  # of a raster: the field is continuous and evaluated again
RESAMPLED = "rangegeo_resampling"  # of the encoding of an overview that was made in another way: how
REPOSITORY = "geo-embeddings/embeddings-zarr-convention"
# The declaration of github.com/geo-embeddings/embeddings-zarr-convention, v1, which zarr-cm does not know.
GEOEMB = {
    "uuid": "61c12cc5-0e28-4056-999a-480cf3fb7e4c",
    "schema_url": f"https://raw.githubusercontent.com/{REPOSITORY}/refs/tags/v1/schema.json",
    "spec_url": f"https://github.com/{REPOSITORY}/blob/v1/README.md",
    "name": "geoemb:",
    "description": "Geoembeddings convention for geospatial embedding arrays with model provenance",
}


def declared_attributes(
    cube: xr.DataArray, dtype: str = "float32", overviews: Sequence[xr.DataArray] = ()
) -> dict[str, Any]:
    """The attributes of a cube's array, or of its group, together with the declaration of the conventions they follow.

    Args:
        cube: (beta, band, y, x).
        dtype: the dtype that the values are stored as: float32, float16, int16 or int8.
        overviews: coarser cubes that are stored in groups below this one.
    """
    geobox: GeoBox = geobox_of(cube)
    conventions: dict[Any, dict[str, Any]] = {"proj": _projection(geobox), "spatial": _spatial(geobox)}
    if overviews:
        conventions["multiscales"] = {"layout": _multiscales(cube, overviews)}
    attrs: dict[str, Any] = dict(zarr_cm.insert_many({}, conventions))
    embeddings = _embeddings(cube, geobox, dtype)
    if embeddings:
        attrs["zarr_conventions"] = [*attrs["zarr_conventions"], GEOEMB]
    return attrs | embeddings


def overview_name(cube: xr.DataArray, overview: xr.DataArray) -> str:
    """The name of the group of an overview, as in GDAL: "ovr_2x" if its pixels are twice as large as the cube's."""
    return f"ovr_{_factor(cube, overview)}x"


def _multiscales(cube: xr.DataArray, overviews: Sequence[xr.DataArray]) -> list[dict]:
    """Where each level is in the store and how its pixels relate to the level before, as GDAL writes and reads it."""
    levels: list[dict] = [{"asset": cube.name, "transform": _scaled(cube, cube)} | _shape_and_transform(cube)]
    for finer, overview in zip((cube, *overviews), overviews, strict=False):
        levels.append(
            {
                "asset": overview_name(cube, overview),
                "derived_from": levels[-1]["asset"],
                "transform": _scaled(finer, overview),
                "resampling_method": overview.encoding.get(RESAMPLED, RESAMPLING),
                **_shape_and_transform(overview),
            }
        )
    return levels


def _scaled(finer: xr.DataArray, coarser: xr.DataArray) -> dict:
    """The step from one level to the next coarser one, along each dimension."""
    factor = float(_factor(finer, coarser))
    scale = [factor if dim in ("y", "x") else 1.0 for dim in coarser.dims]
    return {"scale": scale, "translation": [0.0] * coarser.ndim}


def _factor(finer: xr.DataArray, coarser: xr.DataArray) -> int:
    """How many times as large the pixels of the coarser cube are."""
    return round(geobox_of(coarser).resolution.x / geobox_of(finer).resolution.x)


def _shape_and_transform(level: xr.DataArray) -> dict:
    spatial = _spatial(geobox_of(level))
    return {name: spatial[name] for name in ("spatial:shape", "spatial:transform")}


def _embeddings(cube: xr.DataArray, geobox: GeoBox, dtype: str) -> dict:
    """The attributes of `geoemb:`; none if these are no embeddings, or do not say what they were made with."""
    attrs = facts_of(cube)
    if not {"citation", "source_data"} <= set(attrs) or computed_from(cube):
        return {}
    metres = ground_sample_distance(geobox)
    return {
        "geoemb:type": "pixel",
        "geoemb:dimensions": cube.sizes["band"],
        "geoemb:model": paper_url(attrs["citation"]),
        "geoemb:source_data": [attrs["source_data"]],
        "geoemb:data_type": dtype,
        **({} if metres is None else {"geoemb:gsd": metres}),
        **({"geoemb:build_version": attrs["rangegeo_version"]} if "rangegeo_version" in attrs else {}),
        **({} if dtype == "float32" else {"geoemb:quantization": quantisation(dtype)}),
    }


def quantisation(dtype: str) -> dict[str, str]:
    """How float32 values became another dtype. The scale and the offset are attributes of the array itself."""
    method = "linear" if dtype.startswith("int") else "rounding"
    return {"method": method, "original_dtype": "float32", "quantized_dtype": dtype}


def paper_url(citation: str) -> str:
    """The address of a paper that is cited as "arXiv:2502.19781"."""
    return f"https://arxiv.org/abs/{citation.removeprefix('arXiv:')}"


def ground_sample_distance(geobox: GeoBox) -> float | None:
    """The largest distance between neighbouring pixels in metres; None if no pixel is in the projection's domain."""
    metres = pixel_arc_deg(geobox) * METRES_A_DEGREE
    return float(f"{metres:.4g}") if math.isfinite(metres) else None


def gdal_crs(geobox: GeoBox) -> dict:
    """GDAL's attribute `_CRS`, https://gdal.org/drivers/raster/zarr.html#srs-encoding."""
    crs = crs_of(geobox)
    authority = crs.to_authority(min_confidence=100)
    url = {"url": "http://www.opengis.net/def/crs/{}/0/{}".format(*authority)} if authority else {}
    return {**url, "wkt": crs.to_wkt(), "projjson": crs.to_json_dict()}


def _projection(geobox: GeoBox) -> dict[str, Any]:
    """The attributes of `proj:`."""
    crs = crs_of(geobox)
    authority = crs.to_authority(min_confidence=100)
    return {"proj:wkt2": crs.to_wkt()} | ({"proj:code": ":".join(authority)} if authority else {})


def _spatial(geobox: GeoBox) -> dict[str, Any]:
    """The attributes of `spatial:`."""
    return {
        "spatial:dimensions": ["y", "x"],
        "spatial:transform": list(geobox.affine)[:6],
        "spatial:shape": list(geobox.shape),
        "spatial:bbox": list(geobox.boundingbox),
        "spatial:registration": "pixel",
    }
