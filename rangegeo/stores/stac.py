"""STAC items beside written cubes: STAC 1.1 with the projection, raster, processing and scientific extensions.

An item is made from the file on disk, so any cube that rangegeo wrote can get one at any time. It has the fields, the
relations and the asset `embeddings` of the extension of the geo-embeddings group (github.com/geo-embeddings, v0.0.1),
but it does not declare this extension. Its schema is not published yet and asks for STAC 1.0.0, so validators would
refuse every item that declares it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.errors import CubeError, UsageError, argument
from rangegeo.grid import crs_name, places_on
from rangegeo.grid.crs import crs_of
from rangegeo.grid.remote_raster import open_raster
from rangegeo.schema.cube import geobox_of
from rangegeo.schema.facts import facts_of
from rangegeo.stores.conventions import ground_sample_distance, paper_url, quantisation
from rangegeo.stores.opening import open_cube, stored_array, stored_dtype, stored_scales
from rangegeo.stores.present import is_store
from rangegeo.support.destination import check_destination
from rangegeo.support.location import Location
from rangegeo.support.optional import import_optional
from rangegeo.support.paths import split_suffix
from rangegeo.support.repository import Repository
from rangegeo.support.unfinished import unfinished

if TYPE_CHECKING:
    import pystac

PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
NEEDED = ("long_name", "citation", "source_data", "rangegeo_version")
NOT_PARAMETERS = ("long_name", "grid_mapping", "citation", "source_data", "command", "pca_mean", "pca_components")
COG_WITHOUT_OVERVIEWS = 512  # pixels; the validators of GDAL and rio-cogeo want no overviews if no side is longer
EDGE_POINTS = 65  # along each side of a footprint
LINES_WITHIN = 257  # in each direction, of a grid that leaves the domain of its projection
COLLINEAR = 1e-9  # degrees; a point is left out if it is this close to the line between its neighbours
WHOLE_TURN = 360 - 1e-6  # degrees; an edge this long goes around the globe


def write_item(path: Location, *, now: datetime | None = None) -> Location:
    """Write NAME.stac.json beside a cube. The file appears only when it is complete.

    Args:
        path: a Zarr store or a GeoTIFF that rangegeo wrote.
        now: the time when the cube was made; by default this moment.
    Returns:
        The path of the item.
    Raises:
        MissingPackage: pystac or antimeridian is not installed.
        CubeError: the file is no cube, or it does not say what it was made with.
    """
    target = item_path(path)
    item = make_item(path, now or datetime.now(UTC))
    with unfinished(target) as draft:
        draft.write_text(json.dumps(item.to_dict(include_self_link=False), indent=1) + "\n", encoding="utf-8")
    return target


def item_path(path: Location) -> Location:
    """The path of the item of a cube: alps.stac.json for alps.zarr or alps.tif.

    Raises:
        UsageError: the cube lies in a repository of Icechunk, which an item cannot link to.
    """
    if isinstance(path, Repository):
        raise UsageError(f"a STAC item links to files, and {path} is none; leave out {argument('stac', True)}")
    return path.with_name(f"{split_suffix(path)[0]}.stac.json")


def check_items(paths: Sequence[Location], *, overwrite: bool) -> None:
    """Refuse, before any work is done, items that cannot be written beside these cubes.

    Raises:
        MissingPackage: pystac or antimeridian is not installed.
        OutputError: an item exists already and may not be replaced.
    """
    _check_packages()
    for path in paths:
        check_destination(item_path(path), 0, overwrite=overwrite)


def _check_packages() -> None:
    for package in ("pystac", "antimeridian"):
        import_optional(package, argument("stac", True))


def make_item(path: Location, now: datetime) -> pystac.Item:
    """The item of a stored cube. The addresses of its assets are relative to the item.

    Args:
        path: a Zarr store or a GeoTIFF that rangegeo wrote.
        now: the time when the cube was made.
    Raises:
        MissingPackage: pystac or antimeridian is not installed.
        CubeError: the file is no cube, or it does not say what it was made with.
    """
    _check_packages()
    import pystac
    from pystac.extensions.projection import ProjectionExtension
    from pystac.extensions.scientific import Publication, ScientificExtension

    cube, stored = open_cube(path), _stored(path)
    facts = facts_of(cube)
    missing = [name for name in NEEDED if name not in facts]
    if missing:
        raise CubeError(f"{path} does not say its {', '.join(missing)}; expected a cube as rangegeo raster wrote it")
    geobox: GeoBox = geobox_of(cube)
    geometry, bbox = footprint(geobox)
    item = pystac.Item(
        split_suffix(path)[0], geometry, bbox, now.replace(microsecond=0), _properties(cube, stored, now)
    )
    item.stac_extensions += [PROCESSING, RASTER]
    crs = crs_of(geobox)
    has_code = crs.to_authority(min_confidence=100) is not None
    ProjectionExtension.ext(item, add_if_missing=True).apply(
        code=crs_name(crs) if has_code else None,
        wkt2=crs.to_wkt(),
        shape=list(geobox.shape),
        transform=list(geobox.affine)[:6],
        bbox=list(geobox.boundingbox),
    )
    citation = facts["citation"]
    ScientificExtension.ext(item, add_if_missing=True).publications = [
        Publication(doi=citation.replace("arXiv:", "10.48550/arXiv."), citation=citation)
    ]
    item.add_link(pystac.Link("emb:model", paper_url(citation), "text/html", "the model's paper"))
    item.add_link(pystac.Link("emb:source-data", facts["source_data"], title="what the model was made from"))
    for name, asset in _assets(path, cube, stored).items():
        item.add_asset(name, asset)
    return item


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """How a file stores the values of a cube.

    Attributes:
        media_type: the media type of the file.
        dtype: the dtype of the stored values.
        nodata: the stored value that means no data.
        scales, offsets: one for each band.
    """

    media_type: str
    dtype: str
    nodata: float
    scales: list[float]
    offsets: list[float]


def _stored(path: Location) -> _Stored:
    """Read how a Zarr store or a GeoTIFF stores its values."""
    scales, offsets = stored_scales(path)
    if is_store(path):
        array = stored_array(path)
        return _Stored(
            media_type=f"application/vnd.zarr; version={array.metadata.zarr_format}",
            dtype=stored_dtype(path),
            nodata=float(cast(float, array.fill_value)),
            scales=scales,
            offsets=offsets,
        )
    import pystac

    with open_raster(path) as file:
        is_cog = bool(file.overviews(1)) or max(file.shape) <= COG_WITHOUT_OVERVIEWS
        return _Stored(
            media_type=pystac.MediaType.COG if is_cog else pystac.MediaType.GEOTIFF,
            dtype=stored_dtype(path),
            nodata=file.nodata,
            scales=scales,
            offsets=offsets,
        )


def _properties(cube: xr.DataArray, stored: _Stored, now: datetime) -> dict:
    """The properties for which pystac has no extension class."""
    attrs = facts_of(cube)
    betas = [float(beta) for beta in cube["beta"].values.ravel()] if "beta" in cube.coords else []
    title = attrs["long_name"] + (f", beta {', '.join(f'{beta:g}' for beta in betas)}" if betas else "")
    made = now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    metres = ground_sample_distance(geobox_of(cube))
    parameters = {name: value for name, value in attrs.items() if name not in NOT_PARAMETERS}
    return {
        "title": title,
        "created": made,
        **({} if metres is None else {"gsd": metres}),
        "processing:datetime": made,
        "processing:software": {"rangegeo": attrs["rangegeo_version"]},
        **({"processing:lineage": attrs["command"]} if "command" in attrs else {}),
        "emb:runtime_parameters": parameters | ({"betas": betas} if betas else {}),
        **({} if stored.dtype == "float32" else {"emb:quantization": quantisation(stored.dtype)}),
    }


def _assets(path: Location, cube: xr.DataArray, stored: _Stored) -> dict[str, pystac.Asset]:
    """The cube itself, and the preview and the style that lie beside a GeoTIFF."""
    import pystac

    metres = ground_sample_distance(geobox_of(cube))
    fields = {
        "data_type": stored.dtype,
        "nodata": "nan" if np.isnan(stored.nodata) else stored.nodata,
        "raster:sampling": "area",
        **({} if metres is None else {"raster:spatial_resolution": metres}),
        "bands": [
            {
                "name": str(name),
                **({} if (scale, offset) == (1, 0) else {"raster:scale": scale, "raster:offset": offset}),
            }
            for name, scale, offset in zip(cube["band_name"].values, stored.scales, stored.offsets, strict=True)
        ],
    }
    assets = {"embeddings": pystac.Asset(_address(path), "embeddings", None, stored.media_type, ["data"], fields)}
    stem, suffix = split_suffix(path)
    preview, style = path.with_name(f"{stem}_rgb{suffix}"), path.with_name(f"{stem}.qml")
    if preview.is_file():
        assets["preview"] = pystac.Asset(_address(preview), "as colours", None, pystac.MediaType.COG, ["visual"])
    if style.is_file():
        assets["style"] = pystac.Asset(_address(style), "QGIS style", None, pystac.MediaType.XML, ["metadata"])
    return assets


def _address(path: Location) -> str:
    """The address of an asset beside its item; a name may hold letters such as # and ?, which end addresses."""
    return "./" + re.sub(r"[%#?\\\s]", lambda letter: f"%{ord(letter[0]):02X}", path.name)


def footprint(geobox: GeoBox) -> tuple[dict, list[float]]:
    """Where a grid lies on the globe.

    Returns:
        A GeoJSON geometry in longitude and latitude on WGS 84, and its west, south, east and north. The geometry is cut
        at the antimeridian and closed over a pole. If the edge of the grid leaves the domain of the projection, it is
        the box of what lies inside the domain.
    """
    import antimeridian
    from shapely.geometry import Polygon, box, mapping

    height, width = geobox.shape
    down, across = np.linspace(0, height, EDGE_POINTS), np.linspace(0, width, EDGE_POINTS)
    north, south, west, east = (np.array([float(edge)]) for edge in (0, height, 0, width))
    edges = ((down, west), (south, across), (down[::-1], east), (north, across[::-1]))
    sides = [places_on(geobox, rows, cols) for rows, cols in edges]
    ring = np.concatenate([side.lonlat_deg for side in sides])
    if not all(side.valid.all() for side in sides):
        inside = places_on(geobox, *_lines_within(geobox))
        ring = inside.lonlat_deg[inside.valid.ravel()]
        shape = box(*ring.min(axis=0), *ring.max(axis=0))
    elif np.ptp(np.unwrap(sides[1].lonlat_deg[:, 0], period=360)) >= WHOLE_TURN:
        shape = box(-180, ring[:, 1].min(), 180, ring[:, 1].max())
    else:
        shape = antimeridian.fix_polygon(Polygon(ring), great_circle=False).simplify(COLLINEAR)
    return mapping(shape), antimeridian.bbox(shape)


def _lines_within(geobox: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns, counted in pixels, that show where a grid is inside the domain.

    The edges of the grid are among them; of a grid in degrees the poles and the antimeridian too.
    """
    lines = [np.linspace(0, side, LINES_WITHIN) for side in geobox.shape]
    if crs_of(geobox).is_geographic:
        origin, step = (geobox.affine.f, geobox.affine.c), (geobox.affine.e, geobox.affine.a)
        for axis, end in ((0, 90.0), (1, 180.0)):
            at = (np.array([-end, end]) - origin[axis]) / step[axis]
            lines[axis] = np.unique([*lines[axis], *at[(at >= 0) & (at <= geobox.shape[axis])]])
    return lines[0], lines[1]
