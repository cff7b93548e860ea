"""The geometries of an area: from a vector file, GeoParquet, GeoJSON, or an object of Python that holds geometries."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import shapely

from rangegeo.errors import GridError, GridWarning, UsageError, argument, first_line
from rangegeo.grid.crs import WGS84, CrsLike
from rangegeo.grid.wkb import from_wkb
from rangegeo.support.drivers import is_text_table
from rangegeo.support.foreign import check_foreign
from rangegeo.support.location import COPY, check_local
from rangegeo.support.paths import local_path, name_beside, not_opened, shell_name, unparsed
from rangegeo.support.stdin import is_pipe, standard_input

if TYPE_CHECKING:
    import pyarrow as pa

DAMAGED = (RecursionError, AttributeError, MemoryError, shapely.errors.ShapelyError)  # what a damaged file raises too
PARQUET = (".parquet", ".geoparquet")
DRIVER = re.compile(r"[A-Z][A-Z0-9_]+:(?!//)")  # how names begin that only one driver of GDAL understands, as CSV:a.csv
AOI = argument("aoi")
METRES = "EPSG:32632"  # a CRS for examples
IN_A_FRAME = f'say the CRS it is in, for example with .set_crs("{METRES}", allow_override=True)'
IN_GEOJSON = (
    f"give its geometries with their CRS, for example shapely.geometry.shape(...) and {argument('bbox_crs', METRES)}"
)
IN_AN_OBJECT = f"say the CRS it is in, for example {argument('bbox_crs', METRES)}"


class GeoFrame(Protocol):
    """A GeoDataFrame or a GeoSeries, so that geopandas need not be imported."""

    @property
    def geometry(self) -> Any: ...
    @property
    def crs(self) -> Any: ...


class GeoRow(Protocol):
    """A row of a GeoDataFrame, as `iloc` and `itertuples` give it."""

    @property
    def geometry(self) -> shapely.Geometry: ...


class GeoInterface(Protocol):
    """An object that tells its geometry as GeoJSON, as many packages have it."""

    @property
    def __geo_interface__(self) -> Mapping[str, Any]: ...


# The path of a vector file or "-" for stdin, GeoJSON as a dict, a frame of geopandas or a row of one, a geometry or
# several, or any object that tells its geometry as GeoJSON.
AreaLike: TypeAlias = (
    str
    | os.PathLike[str]
    | Mapping[str, Any]
    | GeoFrame
    | GeoRow
    | GeoInterface
    | shapely.Geometry
    | Sequence[shapely.Geometry]
    | np.ndarray
)


@dataclass(frozen=True, slots=True, eq=False)
class Geometries:
    """What a source holds.

    Attributes:
        shapes: (n,) shapely geometries of any kind.
        crs: the CRS that the source says; None if it says none.
        name: what the source is called in messages.
        remedy: how to say that the coordinates are in another CRS, for messages.
        is_bare: whether the source cannot say a CRS, so that WGS 84 is meant if no other is given.
    """

    shapes: np.ndarray
    crs: CrsLike | None
    name: str
    remedy: str
    is_bare: bool = False


def read_geometries(source: AreaLike, layer: str | None = None) -> Geometries:
    """The geometries of a source.

    Args:
        source: a file or an object of Python.
        layer: the layer of a file that has several; None if it has one.
    Raises:
        UsageError: the source cannot be read, or there is no such layer.
        GridError: a ring cannot be closed.
    """
    is_parquet = isinstance(source, str | os.PathLike) and os.fspath(source).lower().endswith(PARQUET)
    if layer is not None and (is_parquet or not isinstance(source, str | os.PathLike)):
        raise UsageError(f"{argument('aoi_layer')} is for files with layers such as .gpkg; leave it out")
    if isinstance(source, shapely.Geometry):
        return Geometries(np.array([source]), None, "geometry", is_bare=True, remedy=IN_AN_OBJECT)
    if isinstance(source, Mapping):
        shapes, crs = _read(_as_json(source), "GeoJSON")
        if "crs" in source:
            return Geometries(shapes, crs, "GeoJSON", remedy=IN_GEOJSON)
        return Geometries(shapes, None, "GeoJSON", is_bare=True, remedy=IN_AN_OBJECT)
    if isinstance(source, str) and source == "-":
        read = _read(standard_input("GeoJSON").read(), "stdin", layer)
        return Geometries(*read, "stdin", remedy=_in_a_file("FILE"))
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        if not DRIVER.match(name):
            check_local(source, remedy=COPY)
        if is_pipe(local_path(name)):
            return Geometries(*_read(local_path(name).read_bytes(), name), name, remedy=_in_a_file("FILE"))
        path = unparsed(name)
        if is_parquet:
            return Geometries(*_read_parquet(path), name, remedy=IN_A_FRAME)
        return Geometries(*_read(path, name, layer), name, remedy=_in_a_file(name))
    return _of_object(source)


def _in_a_file(name: str) -> str:
    """How a copy of a vector file gets the CRS that the file is in."""
    copy = shell_name(name_beside(name, "_with_crs.gpkg"))
    return f"make a copy with the CRS it is in, for example ogr2ogr -a_srs {METRES} {copy} {shell_name(name)}"


def _of_object(source: Any) -> Geometries:
    """The geometries of an object of Python that is neither a geometry nor a dict."""
    name, crs = type(source).__name__, getattr(source, "crs", None)
    geometry = getattr(source, "geometry", None)
    if geometry is not None and hasattr(source, "crs"):
        return Geometries(np.asarray(geometry), crs, name, remedy=IN_A_FRAME)
    held = [geometry] if isinstance(geometry, shapely.Geometry) else _geometries_in(source)
    if held is None and hasattr(source, "__geo_interface__"):
        told = source.__geo_interface__
        shapes, read_crs = _read(_as_json(told), name)
        held, crs = list(shapes), read_crs if crs is None and "crs" in told else crs
    if held is None:
        expected = "a vector file, GeoJSON, a GeoDataFrame or a shapely geometry"
        raise UsageError(argument="aoi", expected=expected, got=name)
    remedy = IN_AN_OBJECT if crs is None else IN_A_FRAME
    return Geometries(np.array(held, dtype=object), crs, name, is_bare=crs is None, remedy=remedy)


def _geometries_in(source: Any) -> list[shapely.Geometry] | None:
    """The geometries of a list or an array of nothing else, or the only one of a row; None if it is no such thing."""
    is_row = hasattr(source, "to_numpy") and hasattr(source, "index")  # a Series of pandas
    if not is_row and not isinstance(source, list | tuple | np.ndarray) and not hasattr(source, "__array__"):
        return None
    values = list(source) if np.ndim(source) == 1 else []
    found = [value for value in values if isinstance(value, shapely.Geometry)]
    return found if found and (len(found) == len(values) or (is_row and len(found) == 1)) else None


def _as_json(told: Mapping[str, Any]) -> bytes:
    """GeoJSON as text; numbers of numpy and nested objects become plain ones."""

    def plain(value: Any) -> Any:
        return getattr(value, "__geo_interface__", None) or (value.tolist() if hasattr(value, "tolist") else str(value))

    return json.dumps(told, default=plain).encode()


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
        stored = pq.read_table(path, columns=[described["primary_column"]]).column(0)
        encoding = column.get("encoding", "WKB")
        shapes = _from_wkb(stored.to_numpy(), path) if encoding == "WKB" else _from_native(stored, encoding)
    except FileNotFoundError:
        raise UsageError(f"{AOI} must be a vector file, and {path} does not exist") from None
    except (UsageError, GridError):
        raise
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError, *DAMAGED) as error:
        got = f"{path!r}, which is no GeoParquet ({first_line(error)})"
        raise UsageError(argument="aoi", expected="a vector file", got=got) from None
    return shapely.force_2d(shapes), column.get("crs", WGS84)


# The native encodings of GeoParquet 1.1, and what they hold. https://geoparquet.org/releases/v1.1.0
NATIVE = {
    "point": shapely.GeometryType.POINT,
    "linestring": shapely.GeometryType.LINESTRING,
    "polygon": shapely.GeometryType.POLYGON,
    "multipoint": shapely.GeometryType.MULTIPOINT,
    "multilinestring": shapely.GeometryType.MULTILINESTRING,
    "multipolygon": shapely.GeometryType.MULTIPOLYGON,
}


def _from_native(stored: pa.ChunkedArray, encoding: str) -> np.ndarray:
    """Geometries of a column of nested lists of coordinates, each a struct of x and y; None where there is none."""
    import pyarrow as pa

    kind = NATIVE[encoding]  # a KeyError says which encoding is none
    array = stored.combine_chunks()
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    present = np.asarray(array.is_valid())
    array, offsets = array.drop_null(), []
    while pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        starts = np.asarray(array.offsets, dtype=np.int64)
        offsets.append(starts - starts[0])
        array = array.flatten()
    points = np.stack([np.asarray(array.field(axis)) for axis in ("x", "y")], axis=1)
    shapes = np.full(len(present), None, dtype=object)
    shapes[present] = shapely.from_ragged_array(kind, points, tuple(reversed(offsets)) or None)
    return shapes


def _read(source: str | bytes, name: str, layer: str | None = None) -> tuple[np.ndarray, str | None]:
    """The geometries and the CRS of a layer of a file.

    Args:
        source: what GDAL opens, or the content of a file.
        name: what the source is called in messages.
        layer: the name of the layer; None if there is one.
    """
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, GeometryError
    from pyogrio.raw import read

    check_foreign(source, f"{AOI} {name}", UsageError)
    try:
        with warnings.catch_warnings():  # GDAL warns of heights and of names; polygons are checked later
            warnings.simplefilter("ignore")
            chosen = _layer([(i, str(n)) for i, (n, k) in enumerate(pyogrio.list_layers(source)) if k], layer, name)
            if is_text_table(source, chosen):
                raise UsageError(f"{AOI} {name} is a text table; save its polygons as .gpkg or .geojson")
            meta, _, wkb, _ = read(source, layer=chosen, columns=[], force_2d=True)
    except (DataSourceError, DataLayerError, GeometryError) as error:
        if isinstance(source, bytes):
            what = "got nothing" if not source.strip() else "and this is none that GDAL reads"
            raise UsageError(f"{AOI} {name}: expected GeoJSON or another vector file, {what}") from None
        got, remedy = not_opened(name, error)
        raise UsageError(argument="aoi", expected="a vector file that GDAL opens", got=got, remedy=remedy) from None
    return _from_wkb([] if wkb is None else wkb, name), meta["crs"]


def _layer(known: list[tuple[int, str]], wanted: str | None, name: str) -> int:
    """The number of the wanted layer, or of the only one; 0 if there is none with geometries.

    Args:
        known: numbers and names of the layers with geometries.
        wanted: the name of a layer; None if it is not given.
        name: what the file is called in messages.
    Raises:
        UsageError: there is no such layer, or one must be named.
    """
    names = ", ".join(layer for _, layer in known)
    if wanted is not None:
        found = [number for number, layer in known if layer == wanted]
        if not found:
            raise UsageError(argument="aoi_layer", expected=f"one of {names or 'none'}", got=repr(wanted))
        return found[0]
    if len(known) > 1:
        example = argument("aoi_layer", known[0][1])
        raise UsageError(f"{AOI} {name} has the layers {names}; say which, for example {example}")
    return known[0][0] if known else 0


def _from_wkb(wkb: np.ndarray | list, name: str) -> np.ndarray:
    """Geometries of their well-known binary; rings that are not closed are closed.

    Raises:
        GridError: a ring cannot be closed.
    Warns:
        GridWarning: a ring was not closed.
    """
    try:
        with np.errstate(invalid="ignore"):  # coordinates that are no numbers are refused later
            return from_wkb(wkb)
    except shapely.errors.ShapelyError as error:
        fault = first_line(error)
    try:
        with np.errstate(invalid="ignore"):
            closed = from_wkb(wkb, on_invalid="fix")
    except (ValueError, shapely.errors.ShapelyError):  # versions before 2.1 cannot
        raise GridError(not_valid(name, fault)) from None
    if (shapely.is_missing(closed) & np.array([part is not None for part in wkb])).any():
        raise GridError(not_valid(name, fault))
    warnings.warn(GridWarning(f"{AOI} {name} holds a ring that is not closed; it was closed"), stacklevel=2)
    return closed


def not_valid(name: str, reason: str) -> str:
    """The message about a polygon that cannot be mended."""
    return f"{AOI} {name} holds a polygon that is not valid, {reason}, and cannot be mended; take it out of a copy"
