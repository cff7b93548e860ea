"""The places in the rows of a table: in which columns or geometries they are, in which CRS, and why a row has none."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS, Transformer

from rangegeo.errors import TableError, UsageError, argument, arguments
from rangegeo.grid import WGS84, parse_crs, wrapped
from rangegeo.grid.crs import CrsLike
from rangegeo.grid.wkb import from_wkb
from rangegeo.places.columns import NAME_BOTH, coordinate_columns, looks_swapped
from rangegeo.tables.table import Block, Table, one_line

# A number as text; the sign before its decimals goes into the braces.
NUMBER = r"^[-+]?(\d+{0}?\d*|{0}\d+)([eE][-+]?\d+)?$"
DECIMAL = {",": r"[-+]?\d+,\d+", ".": r"[-+]?\d+\.\d+"}  # numbers with either sign
EMPTY = ("", "nan", "na", "n/a", "null", "none", r"\n")  # what stands for no value, in lower case
SEXAGESIMAL = r"""[^°º:'’′]*\d\s*[°º:]\s*\d.*|[NSEWO]?\s*\d+(\s+\d+([.,]\d+)?){1,2}\s*[NSEWO]?"""  # degrees and minutes
POINT = 0  # shapely's number for points
LARGEST = (360.0, 90.0)  # largest absolute longitude and latitude in degrees


@dataclass(frozen=True, slots=True, eq=False)
class TablePlaces:
    """The places of n rows.

    Attributes:
        lonlat_deg: (n, 2) float64 in WGS 84, longitudes in [-180, 180]; NaN in rows without a place.
        usable: (n,) bool, whether a row has a place.
        zero: (n,) bool, whether both coordinates of a row are exactly 0.
    """

    lonlat_deg: np.ndarray
    usable: np.ndarray
    zero: np.ndarray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PlaceColumns:
    """The columns that hold the places of a table.

    Attributes:
        columns: names of those of longitude and latitude (or x and y), or of the column of geometries.
        encoding: of the geometries, "WKB" or "point"; None for two columns of numbers.
        crs: of the coordinates.
        counted: what the numbers of rows count, "line" or "row".
        representative: whether a point within a line or a polygon is taken for it.
        decimal: the sign before the decimals of numbers that are text.
        crs_argument: the name of the argument that gives the CRS, for messages.
    """

    columns: tuple[str, ...]
    encoding: str | None
    crs: CRS
    counted: str
    representative: bool = False
    decimal: str = "."
    crs_argument: str = "crs"

    @property
    def is_wgs84(self) -> bool:
        """Whether the coordinates are longitude and latitude in WGS 84."""
        return self.crs.equals(CRS.from_user_input(WGS84), ignore_axis_order=True)

    @property
    def looks_swapped(self) -> bool:
        """Whether the names of the two columns say that latitude is taken for longitude."""
        return self.encoding is None and looks_swapped(*self.columns)

    def may_be_degrees(self, block: Block) -> bool:
        """Whether the coordinates of a block could be degrees although their CRS is in metres or feet."""
        if self.encoding is not None or not self.crs.is_projected:
            return False
        x, y = self._xy(block)
        with np.errstate(invalid="ignore"):
            return not ((np.abs(x) > LARGEST[0] / 2) | (np.abs(y) > LARGEST[1])).any()

    def locate(self, block: Block) -> TablePlaces:
        """The places of a block of rows.

        Raises:
            TableError: a geometry is not a point.
        """
        x, y = self._xy(block)
        zero = (x == 0) & (y == 0)
        if not self.is_wgs84:
            x, y = Transformer.from_crs(self.crs, WGS84, always_xy=True).transform(x, y)
        with np.errstate(invalid="ignore"):
            usable = (np.abs(x) <= LARGEST[0]) & (np.abs(y) <= LARGEST[1])  # False for NaN and infinity too
        lonlat = np.stack([x, y], axis=1)
        lonlat[~usable] = np.nan
        lonlat[usable, 0] = wrapped(lonlat[usable, 0])
        return TablePlaces(lonlat, usable, zero & usable)

    def explain(self, block: Block, row: int) -> str:
        """The reason why a row has no place."""
        one = Block(block.columns.slice(row, 1), block.numbers[row : row + 1])
        x, y = (float(values[0]) for values in self._xy(one))
        if self.encoding is not None:
            if not (np.isfinite(x) and np.isfinite(y)):
                return "no point"
        else:
            for name, value in zip(self.columns, (x, y), strict=True):
                raw = one.columns[name][0].as_py()
                if not np.isfinite(value):
                    empty = raw is None or str(raw).strip().lower() in EMPTY
                    return f"{name} is empty" if empty else f"{name} is {raw!r}, no number{self._hint(str(raw))}"
        if not self.is_wgs84:
            return f"{x:g}, {y:g} is outside {self.crs.name}"
        for what, value, largest in zip(("longitude", "latitude"), (x, y), LARGEST, strict=True):
            if abs(value) > largest:
                return f"{what} {value:g} is beyond {largest:g}"
        raise AssertionError(f"row {row} has a place")

    def _hint(self, text: str) -> str:
        """What to do about degrees and minutes, or a number with the other decimal sign; nothing about other text."""
        if re.fullmatch(SEXAGESIMAL, text.strip()):
            return f"; write decimal degrees, such as {'45,5' if self.decimal == ',' else '45.5'} for 45°30'"
        other = "." if self.decimal == "," else ","
        if not re.fullmatch(DECIMAL[other], text.strip()):
            return ""
        needed = "comma" if self.decimal == "," else "point"
        return f"; decimals need a {needed}, or type {argument('decimal', other)}"

    def _xy(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Two (n,) float64 arrays of coordinates in the table's CRS; NaN where there is no number."""
        if self.encoding is None:
            x, y = (_numbers(block.columns[name], self.decimal) for name in self.columns)
        elif self.encoding == "point":
            x, y = (_numbers(part) for part in block.columns[self.columns[0]].flatten()[:2])
        else:
            x, y = self._points(block)
        return x, y

    def _points(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """As `_xy`, from WKB geometries."""
        with one_line(f"the column {self.columns[0]!r} cannot be read"):
            shapes = from_wkb(block.columns[self.columns[0]].to_numpy(zero_copy_only=False), on_invalid="ignore")
        shapes[shapely.is_empty(shapes)] = None
        kinds = shapely.get_type_id(shapes)  # -1 for null
        others = np.flatnonzero(kinds > POINT)
        if len(others) and not self.representative:
            number, kind = block.numbers[others[0]], shapes[others[0]].geom_type
            flag = argument("representative_point", True)
            raise TableError(f"{self.counted} {number} is a {kind}, not a point; {flag} takes a point within each")
        if len(others):
            with one_line(f"a point within {self.counted} {block.numbers[others[0]]} or a later one cannot be found"):
                shapes[others] = shapely.point_on_surface(shapely.make_valid(shapes[others]))
        return shapely.get_x(shapes), shapely.get_y(shapes)


def find_places(
    table: Table,
    *,
    lon: str | None = None,
    lat: str | None = None,
    crs: CrsLike | None = None,
    representative: bool = False,
    crs_argument: str = "crs",
) -> PlaceColumns:
    """Find the places of a table: in the given columns, else in its geometries, else in columns with usual names.

    Args:
        table: the table.
        lon, lat: names of columns, both or neither.
        crs: of the columns, or of geometries whose file does not tell its CRS.
        representative: whether a point within a line or a polygon is taken for it.
        crs_argument: the name of the argument that gives the CRS, for messages.
    Raises:
        UsageError: the columns or the CRS must be given, or cannot be used.
        TableError: the geometries cannot be read, and no columns are given.
    """
    given = None if crs is None else parse_crs(crs, crs_argument)
    if table.fault is not None and lon is None and lat is None:
        raise TableError(table.fault)
    geometry = table.geometry if lon is None and lat is None else None
    if geometry is None:
        names = table.schema.names
        single = f"{NAME_BOTH}, or type the {argument('delimiter')} if there are other columns"
        remedy = single if table.untyped and len(names) == 1 else NAME_BOTH
        columns = coordinate_columns(names, lon, lat, remedy=remedy)
        for name in columns:
            _check_numeric(table.schema.field(name))
        return PlaceColumns(
            columns=columns,
            encoding=None,
            crs=given or parse_crs(WGS84),
            counted=table.counted,
            decimal=table.decimal,
            crs_argument=crs_argument,
        )
    if geometry.crs is not None and given is not None and not geometry.crs.equals(given, ignore_axis_order=True):
        told = f"{argument(crs_argument)} is for tables that do not say theirs"
        raise UsageError(f"{told}; {table.name} is in {geometry.crs.name}, so leave it out")
    known = geometry.crs or given
    if known is None:
        example = argument(crs_argument, "EPSG:4326")
        raise UsageError(f"{table.name} does not say its CRS; type it, for example {example}")
    return PlaceColumns(
        columns=(geometry.column,),
        encoding=geometry.encoding,
        crs=known,
        counted=table.counted,
        representative=representative,
        crs_argument=crs_argument,
    )


def _check_numeric(field: pa.Field) -> None:
    """Refuse a column of coordinates that holds neither numbers nor text."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, is_text, pa.types.is_null)
    if not any(test(kind) for test in tests):
        others = arguments(lon="NAME", lat="NAME")
        raise UsageError(f"the column {field.name!r} holds {field.type}, no numbers; name two others: {others}")


def is_text(kind: pa.DataType) -> bool:
    """Whether a type of Arrow is one of its types of text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _numbers(column: pa.Array, decimal: str = ".") -> np.ndarray:
    """(n,) float64 of a column; NaN for everything that is not a finite number."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if is_text(column.type):
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        is_number = pc.match_substring_regex(text, NUMBER.format(re.escape(decimal)))
        text = pc.utf8_ltrim(pc.if_else(is_number, text, pa.scalar(None, pa.string())), "+")
        column = text if decimal == "." else pc.replace_substring(text, decimal, ".")
    values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)
