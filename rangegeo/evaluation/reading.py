"""Labels from tables: of a file that `rangegeo points` reads, or in memory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely

from rangegeo.errors import PlaceWarning, UsageError, argument
from rangegeo.evaluation.labels import PRESENCE, Labels, Target, as_target, checked
from rangegeo.evaluation.polygons import are_areal, places_in_polygons
from rangegeo.grid import WGS84
from rangegeo.grid.crs import CrsLike
from rangegeo.places.frames import Columns, is_frame, is_table, table_places
from rangegeo.support.text import counted
from rangegeo.tables.dialect import TextOptions
from rangegeo.tables.opening import open_table
from rangegeo.tables.places import PlaceColumns, find_places
from rangegeo.tables.survey import ROWS, survey
from rangegeo.tables.table import Table

SHOWN = 12  # how many columns a message lists
STATUS, ABSENT = "occurrencestatus", "absent"  # Darwin Core's column for whether something was found, in lower case
PRESENT = "presence"  # the name of the target if no column gives one


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a table of labels is read. What is None is found out.

    Attributes:
        lon, lat: columns of longitude and latitude, or of x and y.
        labels_crs: of these columns, or of a file that does not say its own; None for WGS 84.
        layer, input_format, delimiter, quoting, encoding, decimal: of a file, as of
            `rangegeo.jobs.options.TableInput`.
        crs_argument: the name of the argument that gives the CRS, for messages.
    """

    lon: str | None = None
    lat: str | None = None
    labels_crs: CrsLike | None = None
    layer: str | None = None
    input_format: str | None = None
    delimiter: str | None = None
    quoting: str | None = None
    encoding: str | None = None
    decimal: str = "."
    crs_argument: str = "labels_crs"

    @property
    def columns(self) -> Columns:
        """Which columns hold the places."""
        return Columns(lon=self.lon, lat=self.lat, crs=self.labels_crs, crs_argument=self.crs_argument)

    @property
    def text(self) -> TextOptions:
        """How a text table is written."""
        return TextOptions(delimiter=self.delimiter, quoting=self.quoting, encoding=self.encoding, decimal=self.decimal)

    @property
    def finds_places(self) -> bool:
        """Whether nobody says where the places are."""
        return self.lon is None and self.lat is None and self.labels_crs is None

    def check_in_memory(self) -> None:
        """Refuse options of files for a table in memory."""
        for name in ("layer", "input_format", "delimiter", "quoting", "encoding", "decimal"):
            if getattr(self, name) != getattr(PLAIN, name):
                raise UsageError(f"{argument(name)} is for files, and this is a table in memory; leave it out")


PLAIN = Reading()


class ReadingOptions(TypedDict, total=False):
    """The same as arguments of functions."""

    lon: str | None
    lat: str | None
    labels_crs: CrsLike | None
    layer: str | None
    input_format: str | None
    delimiter: str | None
    quoting: str | None
    encoding: str | None
    decimal: str


def reading_of(given: Mapping[str, Any]) -> Reading:
    """How a table is read.

    Raises:
        TypeError: an argument is unknown, as Python says it.
    """
    for name in given:
        if name not in ReadingOptions.__annotations__:
            raise TypeError(f"there is no argument {name!r}")
    return Reading(**given)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rows:
    """A table whose places are known.

    Attributes:
        name: of the table, for messages.
        lonlat_deg: (n, 2) degrees; NaN in rows without a place.
        columns: the other columns of the n rows.
        polygons: (n,) the number of the polygon that a row is a place of; None for points.
        counted: what the numbers of rows count, "line" or "row".
        remarks: what a user should know, one line each.
    """

    name: str
    lonlat_deg: np.ndarray
    columns: pd.DataFrame
    polygons: np.ndarray | None = None
    counted: str = "row"
    remarks: tuple[str, ...] = ()

    def column(self, name: str, role: str) -> pd.Series:
        """A column by its name; `role` is the argument that names it."""
        if name not in self.columns:
            names = [str(known) for known in self.columns]
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise UsageError(
                f"{argument(role)} must name a column, got {name!r}; there are {', '.join(names[:SHOWN])}{more}"
            )
        return self.columns[name]


def rows_of(labels: Any, reading: Reading = PLAIN) -> Rows:
    """The rows of a table in memory, or of a file.

    Args:
        labels: a DataFrame, a GeoDataFrame of points or polygons, a table of another library, or a path.
        reading: how it is read.
    Raises:
        UsageError, TableError: as of `rangegeo.places.frames.table_places` and of `rows_of_file`.
    """
    if isinstance(labels, Rows):
        return labels
    if isinstance(labels, str | Path):
        return rows_of_file(str(labels), reading)
    if not is_table(labels):
        raise UsageError(
            f"labels must be a table with columns that have names, or the path of one, got {type(labels).__name__}"
        )
    reading.check_in_memory()
    if (
        reading.finds_places
        and hasattr(type(labels), "to_crs")
        and labels.crs is not None
        and are_areal(labels.geometry.to_numpy())
    ):
        shapes = labels.geometry.to_crs(WGS84).to_numpy()
        return _of_polygons("the labels", shapes, pd.DataFrame(labels.drop(columns=labels.geometry.name)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", PlaceWarning)
        lonlat, _ = table_places(labels, told=reading.columns)
    frame = labels if is_frame(labels) else _as_pandas(labels)
    remarks = tuple(f"the labels: {warning.message}" for warning in told)
    return _without_zeros(Rows(name="the labels", lonlat_deg=lonlat, columns=pd.DataFrame(frame), remarks=remarks))


def _without_zeros(rows: Rows) -> Rows:
    """The rows, where those at exactly 0, 0 have no place: it stands for a missing one, and lies in the sea."""
    zero = (rows.lonlat_deg == 0).all(axis=1)
    if not zero.any():
        return rows
    lonlat = np.where(zero[:, None], np.nan, rows.lonlat_deg)
    count = int(zero.sum())
    said = f"{rows.name}: {counted(count, rows.counted)} at exactly 0, 0 {'is' if count == 1 else 'are'} left out"
    return replace(rows, lonlat_deg=lonlat, remarks=(*rows.remarks, said))


def _as_pandas(table: Any) -> pd.DataFrame:
    """A table of another library as a DataFrame."""
    table = table.collect() if hasattr(type(table), "collect") else table
    table = table.compute() if hasattr(type(table), "compute") else table
    if is_frame(table):
        return pd.DataFrame(table)
    if isinstance(table, np.ndarray):
        return pd.DataFrame({name: table[name] for name in table.dtype.names or ()})
    return pa.table(table).to_pandas()


def rows_of_file(source: str, reading: Reading = PLAIN) -> Rows:
    """The rows of a file.

    Raises:
        UsageError, TableError: as of `open_table` and `find_places`.
    """
    named = reading.columns
    with TemporaryDirectory(prefix="rangegeo-") as folder:
        table = open_table(source, Path(folder), kind=reading.input_format, layer=reading.layer, text=reading.text)
        where = find_places(
            table, lon=named.lon, lat=named.lat, crs=named.crs, representative=True, crs_argument=named.crs_argument
        )
        geometries = {geometry.column for geometry in (table.geometry, *table.other_geometries) if geometry}
        others = [name for name in table.schema.names if name not in geometries]
        blocks = list(table.read([*dict.fromkeys([*where.columns, *others])], ROWS))
        frames = [block.columns.select(others).to_pandas() for block in blocks]
        frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=others)
        if where.encoding == "WKB":
            shapes = [_shapes(block.columns[where.columns[0]], where) for block in blocks]
            if shapes and are_areal(np.concatenate(shapes)):
                return _of_polygons(table.name, np.concatenate(shapes), frame)
        read = survey(table, where, [], tell_of_zeros=False)
        lonlat = np.concatenate([np.empty((0, 2)), *(where.locate(block).lonlat_deg for block in blocks)])
    return _without_zeros(
        Rows(
            name=table.name,
            lonlat_deg=lonlat,
            columns=_with_points(frame, table),
            counted=table.counted,
            remarks=(
                *read.remarks,
                *([f"{read}; {'it is' if read.unusable == 1 else 'they are'} left out"] if read.unusable else []),
            ),
        )
    )


def _with_points(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Text with a decimal comma gets points, in columns that are numbers then."""
    if not table.untyped or table.decimal == ".":
        return frame
    found = frame.copy()
    for name in frame:
        pointed = frame[name].str.replace(table.decimal, ".", regex=False)
        if pd.to_numeric(pointed, errors="coerce").notna().any():
            found[name] = pointed
    return found


def _shapes(column: pa.Array, where: PlaceColumns) -> np.ndarray:
    """(n,) geometries in longitude and latitude."""
    shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore")
    if where.is_wgs84:
        return shapes
    to_degrees = pyproj.Transformer.from_crs(where.crs, WGS84, always_xy=True).transform
    return shapely.transform(shapes, to_degrees, interleaved=False)


def _of_polygons(name: str, shapes: np.ndarray, frame: pd.DataFrame) -> Rows:
    """A row for each place in a polygon."""
    lonlat, polygons = places_in_polygons(shapes, name)
    said = f"{name}: {counted(len(np.unique(polygons)), 'polygon')} gave {counted(len(lonlat), 'place')}"
    columns = frame.iloc[polygons].reset_index(drop=True)
    return Rows(name=name, lonlat_deg=lonlat, columns=columns, polygons=polygons, remarks=(said,))


def read_labels(
    table: Any,
    targets: str | Sequence[str] | None,
    *,
    classes: bool = False,
    weight: str | None = None,
    background: np.ndarray | None = None,
) -> Labels:
    """The labels in a table.

    Args:
        table: as of `rows_of`.
        targets: names of columns; None if `background` is given.
        classes: whether numbers are codes of classes.
        weight: the column with the weights of rows; None for equal ones.
        background: (m, 2) degrees of places that stand for where something is absent; None if there are none.
    Raises:
        UsageError: the labels cannot be used; the message says what to do.
    """
    rows = rows_of(table)
    placed = np.isfinite(rows.lonlat_deg).all(axis=1)
    if not len(rows.lonlat_deg):
        raise UsageError(f"{rows.name} has no rows; give a table with labels")
    remarks = list(rows.remarks)
    names = [targets] if isinstance(targets, str) else list(targets or ())
    if background is not None:
        if weight is not None:
            raise UsageError(f"{argument('background')} gives labels their weights; leave out {argument('weight')}")
        return checked(_with_background(rows, names, placed, background, remarks))
    if not names or len(set(names)) < len(names):
        told = "must name the column to be mapped, or several different ones"
        raise UsageError(f"{argument('target')} {told}; there are {', '.join(map(str, list(rows.columns)[:SHOWN]))}")
    found = [as_target(name, rows.column(name, "target"), classes=classes, counted_as=rows.counted) for name in names]
    for target, known in found:
        if not (known & placed).any():
            raise UsageError(f"the column {target.name!r} of {rows.name} has no value beside a place; give another one")
        missing = int((placed & ~known).sum())
        if missing:
            have = "has" if missing == 1 else "have"
            remarks.append(f"{rows.name}: {counted(missing, 'row')} {have} no {target.name!r}, and are left out")
    heavy, usable = _weights(rows, weight)
    usable &= placed & np.all([known for _, known in found], axis=0)
    kept = np.flatnonzero(usable)
    return checked(
        Labels(
            name=rows.name,
            lonlat_deg=rows.lonlat_deg[kept],
            targets=tuple(target.taken(kept) for target, _ in found),
            weights=heavy[kept] / (heavy[kept].mean() if len(kept) else 1.0),
            together=_together(rows.lonlat_deg[kept], None if rows.polygons is None else rows.polygons[kept]),
            remarks=tuple(remarks),
        )
    )


def _weights(rows: Rows, name: str | None) -> tuple[np.ndarray, np.ndarray]:
    """(n,) weights, and (n,) bool, which rows have one above 0."""
    if name is None:
        return np.ones(len(rows.columns)), np.ones(len(rows.columns), dtype=bool)
    heavy = pd.to_numeric(rows.column(name, "weight"), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if (heavy < 0).any() or not (heavy > 0).any():
        raise UsageError(
            f"the weights in {name!r} must be numbers from 0 on, with some above 0; correct them in a copy"
        )
    return heavy, heavy > 0


def _together(lonlat_deg: np.ndarray, polygons: np.ndarray | None) -> np.ndarray:
    """(n,) numbers, equal for places that are never separated."""
    if polygons is not None:
        return polygons
    return np.unique(lonlat_deg, axis=0, return_inverse=True)[1].reshape(-1)


def _absent(rows: Rows) -> np.ndarray:
    """(n,) bool, which rows say by a column of Darwin Core that something was not found."""
    told = [name for name in rows.columns if str(name).lower() == STATUS]
    if not told:
        return np.zeros(len(rows.columns), dtype=bool)
    said = rows.columns[told[0]].astype("string").str.strip().str.lower()
    return (said == ABSENT).fillna(False).to_numpy(bool)


def _with_background(
    rows: Rows, names: Sequence[str], placed: np.ndarray, background: np.ndarray, remarks: list[str]
) -> Labels:
    """Places where something is, and places that stand for where it is not."""
    name = PRESENT
    if names:
        target, known = as_target(names[0], rows.column(names[0], "target"), classes=True)
        different = sorted({target.classes[int(code)] for code in target.values[known]})
        if len(names) > 1 or len(different) != 1:
            raise UsageError(
                f"{argument('background')} maps one thing, and {', '.join(names)} {'hold' if names[1:] else 'holds'} "
                f"{', '.join(different[:3]) or 'nothing'}; put the rows of one of them into a copy"
            )
        placed, name = placed & known, different[0]
    absent = placed & _absent(rows)
    if absent.any():
        count = int(absent.sum())
        told = f"{counted(count, rows.counted)} {'says' if count == 1 else 'say'} that nothing was found there"
        remarks.append(f"{rows.name}: {told} (occurrenceStatus), and {'is' if count == 1 else 'are'} left out")
        placed = placed & ~absent
    present = rows.lonlat_deg[placed]
    lonlat = np.concatenate([present, background])
    values = np.r_[np.ones(len(present)), np.zeros(len(background))]
    weights = np.r_[np.full(len(present), 0.5 / max(1, len(present))), np.full(len(background), 0.5 / len(background))]
    polygons = None
    if rows.polygons is not None:
        polygons = np.r_[rows.polygons[placed], rows.polygons.max() + 1 + np.arange(len(background))]
    return Labels(
        name=rows.name,
        lonlat_deg=lonlat,
        targets=(Target(name=name, kind=PRESENCE, values=values, classes=("background", name)),),
        weights=weights / weights.mean(),
        together=_together(lonlat, polygons),
        remarks=tuple(remarks),
    )
