"""The polygons of an area: from a vector file, GeoJSON, a GeoDataFrame or a shapely geometry."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import CRS
from shapely import GeometryType

from rangegeo.errors import GridError, UsageError, first_line
from rangegeo.grid.crs import WGS84, parse_crs, short_name
from rangegeo.grid.domain import domain_of

PARQUET = (".parquet", ".geoparquet")
SLACK = 1e-9  # of a turn: how far a rounded longitude may lie beyond the last one


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """Valid polygons.

    Attributes:
        shapes: (n,) shapely Polygons, n > 0.
        crs: of their coordinates, x before y.
        name: what they are called in messages and in what is written.
    """

    shapes: np.ndarray
    crs: CRS
    name: str


def read_polygons(source: object, crs: object = None) -> Polygons:
    """The polygons of an area.

    Args:
        source: path of a vector file (what pyogrio opens), "-" for one on stdin, GeoJSON as a dict, a GeoDataFrame or
            GeoSeries, or a shapely geometry.
        crs: of a source that says none; a shapely geometry is in WGS 84 without it.
    Raises:
        UsageError: there is no such source. GridError: it holds none but valid polygons, or says no CRS.
    """
    if isinstance(source, shapely.Geometry):
        shapes, known, name = np.array([source]), parse_crs(crs or WGS84, "--bbox-crs"), "geometry"
    elif hasattr(source, "geometry") and hasattr(source, "crs"):
        shapes, known, name = np.asarray(source.geometry), source.crs, type(source).__name__
    elif isinstance(source, Mapping):
        shapes, known, name = *_read(json.dumps(source).encode(), "GeoJSON"), "GeoJSON"
    elif isinstance(source, str) and source == "-":
        shapes, known, name = *_read(sys.stdin.buffer.read(), "stdin"), "stdin"
    elif isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        shapes, known = _read_parquet(name) if name.lower().endswith(PARQUET) else _read(name, name)
    else:
        kind = type(source).__name__
        raise UsageError(f"--aoi must be a vector file, GeoJSON, a GeoDataFrame or a shapely geometry, got {kind}")
    polygons = Polygons(_checked(shapes, name), _crs_of(known, crs, name), name)
    _check_range(polygons)
    return polygons


def _read_parquet(path: str) -> tuple[np.ndarray, object]:
    """Geometries and CRS of a GeoParquet file, which not every GDAL reads."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        geo = (pq.read_schema(path).metadata or {}).get(b"geo")
        if geo is None:
            raise UsageError(f"--aoi {path} is a Parquet file without geometries; expected GeoParquet")
        described = json.loads(geo)
        column = described["columns"][described["primary_column"]]
        wkb = pq.read_table(path, columns=[described["primary_column"]]).column(0)
        shapes = shapely.from_wkb(wkb.to_numpy())
    except FileNotFoundError:
        raise UsageError(f"--aoi must be a vector file, and {path} does not exist") from None
    except (pa.ArrowInvalid, OSError, KeyError, TypeError, json.JSONDecodeError, shapely.errors.ShapelyError) as error:
        reason = first_line(error)
        raise UsageError(f"--aoi must be a vector file, got {path!r}, which is no GeoParquet ({reason})") from None
    return shapely.force_2d(shapes), column.get("crs", WGS84)


def _read(source: str | bytes, name: str) -> tuple[np.ndarray, str | None]:
    """Geometries and CRS of the one layer of a file."""
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, GeometryError
    from pyogrio.raw import read

    try:
        with warnings.catch_warnings():  # of heights and of names; what polygons must be is checked below
            warnings.simplefilter("ignore")
            layers = [(i, layer) for i, (layer, kind) in enumerate(pyogrio.list_layers(source)) if kind is not None]
            if len(layers) > 1:
                raise UsageError(
                    f"--aoi {name} has {len(layers)} layers; take one of them, for example "
                    f"ogr2ogr -f GeoJSON /vsistdout/ {name} {layers[0][1]} | rangegeo raster --aoi -"
                )
            meta, _, wkb, _ = read(source, layer=layers[0][0] if layers else 0, columns=[], force_2d=True)
            return shapely.from_wkb([] if wkb is None else wkb), meta["crs"]
    except shapely.errors.ShapelyError as error:  # a ring that is not closed
        raise GridError(_invalid(name, error)) from None
    except (DataSourceError, DataLayerError, GeometryError) as error:
        if isinstance(source, bytes):
            what = "got nothing" if not source.strip() else "and this is none that GDAL reads"
            raise UsageError(f"--aoi {name}: expected GeoJSON or another vector file, {what}") from None
        reason = str(error).splitlines()[0].partition(";")[0]
        raise UsageError(f"--aoi must be a vector file that GDAL opens, got {name!r}; {reason}") from None


def _invalid(name: str, reason: object) -> str:
    return f"--aoi {name} holds a polygon that is not valid, {reason}; repair it, for example ogr2ogr -makevalid OUT IN"


def _checked(shapes: np.ndarray, name: str) -> np.ndarray:
    """The single polygons among shapes; refuses anything else, and polygons that are not valid."""
    shapes = shapes[~shapely.is_missing(shapes)]
    while (shapely.get_type_id(shapes) > GeometryType.POLYGON).any():
        shapes = shapely.get_parts(shapes)
    shapes = shapes[~shapely.is_empty(shapes)]
    if not len(shapes):
        raise GridError(f"--aoi {name} holds no polygon; give a file that does")
    kinds = Counter(GeometryType(kind).name.lower() for kind in shapely.get_type_id(shapes))
    kinds.pop("polygon", None)
    if kinds:
        told = " and ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items())
        raise GridError(f"--aoi {name} must hold polygons alone, got {told}; give them a width with a buffer")
    bad = shapes[~shapely.is_valid(shapes)]
    if len(bad):
        raise GridError(_invalid(name, shapely.is_valid_reason(bad[0])))
    return shapes


def _crs_of(known: object, given: object, name: str) -> CRS:
    """The CRS a source says, or else the one that was given for it."""
    if known is None and given is None:
        raise GridError(f"--aoi {name} says no CRS; say it, for example --bbox-crs EPSG:4326")
    if known is None:
        return parse_crs(given, "--bbox-crs")
    crs = parse_crs(known, f"the CRS of --aoi {name}")
    if given is not None and not parse_crs(given, "--bbox-crs").equals(crs, ignore_axis_order=True):
        raise UsageError(f"--aoi {name} is in {short_name(crs)}; leave out --bbox-crs")
    return crs


def _check_range(polygons: Polygons) -> None:
    """Refuse longitudes and latitudes that are none."""
    if not polygons.crs.is_geographic:
        return
    turn = domain_of(polygons.crs.to_wkt()).period
    west, south, east, north = shapely.total_bounds(polygons.shapes)
    slack = SLACK * turn
    if min(south, -north) < -turn / 4 - slack or min(west, -east) < -turn - slack:
        raise GridError(
            f"--aoi {polygons.name} reaches from {west:.6g},{south:.6g} to {east:.6g},{north:.6g}, which are no "
            f"longitudes and latitudes of {short_name(polygons.crs)}; say in it the CRS it is in, for example "
            "ogr2ogr -a_srs EPSG:32632 park.gpkg FILE"
        )
