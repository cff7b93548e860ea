"""The polygons of an area, read from a vector file, GeoJSON, a GeoDataFrame or a shapely geometry."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import shapely
from pyproj import CRS
from shapely import GeometryType

from rangegeo.errors import GridError, UsageError, argument, first_line
from rangegeo.grid.crs import WGS84, CrsLike, parse_crs, short_name
from rangegeo.grid.domain import domain_of
from rangegeo.support.paths import unparsed

PARQUET = (".parquet", ".geoparquet")
SLACK = 1e-9  # of a turn; a longitude may exceed the largest one by so much because of rounding
AOI = argument("aoi")


class GeoFrame(Protocol):
    """A GeoDataFrame or a GeoSeries, so that geopandas need not be imported."""

    @property
    def geometry(self) -> Any: ...
    @property
    def crs(self) -> Any: ...


# The path of a vector file or "-" for stdin, GeoJSON as a dict, a frame of geopandas, or a geometry.
AreaLike: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | GeoFrame | shapely.Geometry


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """Valid polygons.

    Attributes:
        shapes: (n,) shapely Polygons, n > 0.
        crs: the CRS of their coordinates, x before y.
        name: the name of the area in messages and in the attributes of a cube.
    """

    shapes: np.ndarray
    crs: CRS
    name: str


def read_polygons(source: AreaLike, crs: CrsLike | None = None) -> Polygons:
    """The polygons of an area.

    Args:
        source: the path of a vector file that pyogrio opens, "-" for a file on stdin, GeoJSON as a dict, a GeoDataFrame
            or GeoSeries, or a shapely geometry.
        crs: the CRS of a source that does not say its own; a shapely geometry without it is in WGS 84.
    Raises:
        UsageError: the source cannot be read, or `crs` is given although the source says its own.
        GridError: the source holds anything else than valid polygons, or does not say its CRS.
    """
    shapes, known, name = _source(source, crs)
    polygons = Polygons(_valid_polygons(shapes, name), _crs_of(known, crs, name), name)
    _check_range(polygons)
    return polygons


def _source(source: AreaLike, crs: CrsLike | None) -> tuple[np.ndarray, CrsLike | None, str]:
    """The geometries (n,) of a source, the CRS that it says, if any, and its name."""
    if isinstance(source, shapely.Geometry):
        return np.array([source]), parse_crs(crs or WGS84, "bbox_crs"), "geometry"
    if isinstance(source, Mapping):
        return *_read(json.dumps(source).encode(), "GeoJSON"), "GeoJSON"
    if isinstance(source, str) and source == "-":
        return *_read(sys.stdin.buffer.read(), "stdin"), "stdin"
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        return *(_read_parquet(unparsed(name)) if name.lower().endswith(PARQUET) else _read(unparsed(name), name)), name
    if hasattr(source, "geometry") and hasattr(source, "crs"):
        return np.asarray(source.geometry), source.crs, type(source).__name__
    expected = "a vector file, GeoJSON, a GeoDataFrame or a shapely geometry"
    raise UsageError(argument="aoi", expected=expected, got=type(source).__name__)


def _read_parquet(path: str) -> tuple[np.ndarray, CrsLike | None]:
    """The geometries and the CRS of a GeoParquet file. Not every GDAL reads this format, so pyarrow does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        geo = (pq.read_schema(path).metadata or {}).get(b"geo")
        if geo is None:
            raise UsageError(f"{AOI} {path} is a Parquet file without geometries; expected GeoParquet")
        described = json.loads(geo)
        column = described["columns"][described["primary_column"]]
        wkb = pq.read_table(path, columns=[described["primary_column"]]).column(0)
        shapes = shapely.from_wkb(wkb.to_numpy())
    except FileNotFoundError:
        raise UsageError(f"{AOI} must be a vector file, and {path} does not exist") from None
    except (pa.ArrowInvalid, OSError, KeyError, TypeError, json.JSONDecodeError, shapely.errors.ShapelyError) as error:
        got = f"{path!r}, which is no GeoParquet ({first_line(error)})"
        raise UsageError(argument="aoi", expected="a vector file", got=got) from None
    return shapely.force_2d(shapes), column.get("crs", WGS84)


def _read(source: str | bytes, name: str) -> tuple[np.ndarray, str | None]:
    """The geometries and the CRS of a file with one layer.

    Args:
        source: what GDAL opens, or the content of a file.
        name: what the source is called in messages.
    """
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, GeometryError
    from pyogrio.raw import read

    try:
        with warnings.catch_warnings():  # GDAL warns of heights and of names; polygons are checked later
            warnings.simplefilter("ignore")
            layers = [(i, layer) for i, (layer, kind) in enumerate(pyogrio.list_layers(source)) if kind is not None]
            if len(layers) > 1:
                layer = layers[0][1]
                told = f"{AOI} {name} has {len(layers)} layers; take one of them, for example"
                raise UsageError(f"{told} ogr2ogr {layer}.geojson {name} {layer}")
            meta, _, wkb, _ = read(source, layer=layers[0][0] if layers else 0, columns=[], force_2d=True)
            return shapely.from_wkb([] if wkb is None else wkb), meta["crs"]
    except shapely.errors.ShapelyError as error:  # a ring is not closed
        raise GridError(_invalid(name, error)) from None
    except (DataSourceError, DataLayerError, GeometryError) as error:
        if isinstance(source, bytes):
            what = "got nothing" if not source.strip() else "and this is none that GDAL reads"
            raise UsageError(f"{AOI} {name}: expected GeoJSON or another vector file, {what}") from None
        reason = str(error).splitlines()[0].partition(";")[0]
        expected = "a vector file that GDAL opens"
        raise UsageError(argument="aoi", expected=expected, got=repr(name), remedy=reason) from None


def _invalid(name: str, reason: str | Exception) -> str:
    return f"{AOI} {name} holds a polygon that is not valid, {reason}; repair it, for example ogr2ogr -makevalid OUT IN"


def _valid_polygons(shapes: np.ndarray, name: str) -> np.ndarray:
    """The single polygons (n,) that geometries and their collections consist of.

    Raises:
        GridError: there is no polygon, there is another kind of geometry, or a polygon is not valid.
    """
    shapes = shapes[~shapely.is_missing(shapes)]
    while (shapely.get_type_id(shapes) > GeometryType.POLYGON).any():
        shapes = shapely.get_parts(shapes)
    shapes = shapes[~shapely.is_empty(shapes)]
    if not len(shapes):
        raise GridError(f"{AOI} {name} holds no polygon; give a file that does")
    kinds = Counter(GeometryType(kind).name.lower() for kind in shapely.get_type_id(shapes))
    kinds.pop("polygon", None)
    if kinds:
        told = " and ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items())
        raise GridError(f"{AOI} {name} must hold polygons alone, got {told}; give them a width with a buffer")
    bad = shapes[~shapely.is_valid(shapes)]
    if len(bad):
        raise GridError(_invalid(name, shapely.is_valid_reason(bad[0])))
    return shapes


def _crs_of(known: CrsLike | None, given: CrsLike | None, name: str) -> CRS:
    """The CRS that a source says, or else the one that was given for it.

    Raises:
        UsageError: a CRS cannot be used, or the given one is not that of the source.
        GridError: there is no CRS.
    """
    if known is None:
        if given is None:
            raise GridError(f"{AOI} {name} says no CRS; say it, for example {argument('bbox_crs', WGS84)}")
        return parse_crs(given, "bbox_crs")
    crs = parse_crs(known, "aoi", source=name)
    if given is not None and not parse_crs(given, "bbox_crs").equals(crs, ignore_axis_order=True):
        raise UsageError(f"{AOI} {name} is in {short_name(crs)}; leave out {argument('bbox_crs')}")
    return crs


def _check_range(polygons: Polygons) -> None:
    """Refuse coordinates of a geographic CRS that cannot be longitudes and latitudes.

    Raises:
        GridError: the polygons reach beyond a pole or beyond a whole turn.
    """
    if not polygons.crs.is_geographic:
        return
    turn = domain_of(polygons.crs.to_wkt()).period
    west, south, east, north = shapely.total_bounds(polygons.shapes)
    slack = SLACK * turn
    if min(south, -north) < -turn / 4 - slack or min(west, -east) < -turn - slack:
        raise GridError(
            f"{AOI} {polygons.name} reaches from {west:.6g},{south:.6g} to {east:.6g},{north:.6g}, which are no "
            f"longitudes and latitudes of {short_name(polygons.crs)}; say in it the CRS it is in, for example "
            "ogr2ogr -a_srs EPSG:32632 park.gpkg FILE"
        )
