"""A planet that is read: its tables, which are checked and held, and the coefficients of its tiles.

A store is a stranger's until it is checked. Its shapes bound the memory that it takes, its codecs are those that only
decode, and its tree has no circles.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.core.sync import sync

from rangegeo.errors import RemoteError, UsageError, WeightsError
from rangegeo.grid.domain import whole_turns
from rangegeo.grid.zarr_store import check_array, consolidated, store_of
from rangegeo.spectral import layout
from rangegeo.spectral.shards import Shards
from rangegeo.support.damaged import reading
from rangegeo.support.location import Location
from rangegeo.support.text import counted, human_bytes

EXPECTED = "expected a planet that rangegeo planet build wrote"
MOST_TILES, MOST_NODES, MOST_PARTS = 2**18, 2**19, 16  # a planet of 100,000 rows has about 3,000 tiles
MOST_COUNT, MOST_BANDS = 41, 2**16
NAME = re.compile(r"[a-z][a-z0-9_]*")  # of a part; it is a part of a path
TABLES = {  # by name: the dtypes that it may have, and its dimensions
    layout.CHILD: (("int32",), 1),
    layout.TILE: (("int32",), 1),
    layout.BOUNDS: (("float64",), 2),
    layout.COUNT: (("uint8",), 2),
    layout.STEP: (("float64",), 2),
    layout.SCALE: (("float32",), 2),
    layout.ERROR: (("float32",), 2),
}
FEW = 5  # places outside of a planet that a message names
INTEGERS = ("int16", "int32")


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The small arrays of a planet; the names and shapes are those of the layout."""

    child: np.ndarray
    tile: np.ndarray
    bounds: np.ndarray
    count: np.ndarray
    step: np.ndarray
    scale: np.ndarray
    error: np.ndarray


@dataclass(frozen=True, eq=False)
class Planet:
    """A planet that was opened. Made by `open_planet`.

    Attributes:
        place: where it lies.
        attrs: attributes of its root.
        parts: names of its parts, in the order of the tables.
        models: models that can be read, by name; each with "parts", the part of each role.
        columns: number of root tiles of each row.
        stretch: of the map of positions.
        tables: its small arrays.
        arrays: the coefficients, by part; they are read when they are asked for.
    """

    place: Location
    attrs: Mapping[str, Any]
    parts: tuple[str, ...]
    models: dict[str, dict[str, Any]]
    columns: tuple[int, ...]
    stretch: float
    tables: Tables
    arrays: dict[str, zarr.Array] = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """A hash of its attributes and tables. The steps and errors in them depend on all coefficients."""
        digest = hashlib.sha256(json.dumps(dict(self.attrs), sort_keys=True, default=str).encode())
        for name in Tables.__slots__:
            digest.update(np.ascontiguousarray(getattr(self.tables, name)).tobytes())
        return digest.hexdigest()

    @cached_property
    def boxes(self) -> np.ndarray:
        """(tile, 4) west, south, east, north of the places that each tile holds, as the tree says."""
        child, tile = self.tables.child, self.tables.tile
        nodes = np.full((len(child), 4), np.nan)
        nodes[: sum(self.columns)] = layout.root_bounds(self.columns)
        for node in np.flatnonzero(child >= 0).tolist():
            nodes[child[node] : child[node] + 4] = layout.quarters(tuple(nodes[node].tolist()))
        found = np.full((len(self.tables.bounds), 4), np.nan)
        stored = (child < 0) & (tile >= 0)
        found[tile[stored]] = nodes[stored]
        return found

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all tiles together; west > east if they lie around the antimeridian."""
        west, south, east, north = self.boxes[np.isfinite(self.boxes).all(axis=1)].T
        if not len(west):
            return (math.nan,) * 4
        order = np.argsort(west)
        starts, ends = west[order], np.maximum.accumulate(east[order])
        gaps = np.append(starts[1:], starts[0] + 360.0) - ends  # between tiles; the last one crosses the antimeridian
        widest = len(gaps) - 1 - int(gaps[::-1].argmax())
        first = starts[(widest + 1) % len(starts)]
        return float(first), float(south.min()), float(ends[widest]), float(north.max())

    @property
    def covered(self) -> str:
        """The planet and where it has values, for messages."""
        west, south, east, north = self.bounds
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        around = (east - west + 360.0 * (east <= west)) * (north - south)
        part = "a part of " if np.nansum(sides.prod(axis=1)) < around * (1 - 1e-9) else ""
        return f"{self.place.name}, whose tiles cover {part}{','.join(f'{side:g}' for side in self.bounds)}"

    @property
    def error(self) -> float:
        """The largest error that was measured, relative to the largest value of a part in a tile."""
        return float(self.attrs["measured_error"])

    @property
    def tolerance(self) -> float:
        """The largest error that it was built for, in the same measure."""
        return float(self.attrs["tolerance"])

    def roles(self, model: str) -> dict[str, str]:
        """The part that serves each role of a model.

        Raises:
            UsageError: the planet has no such model.
        """
        if model not in self.models:
            known = ", ".join(self.models)
            raise UsageError(f"{self.place} has the models {known}, got {model!r}; take one of these")
        return self.models[model]["parts"]

    def width(self, part: str) -> int:
        """The number of bands of a part."""
        return self.arrays[part].shape[2]

    def tiles_of(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n,) the tile of each of (n, 2) places, longitudes in [-180, 180]; -1 where there is none."""
        return layout.find_tiles(self.columns, self.tables.child, self.tables.tile, lonlat_deg)

    def outside(self, lonlat_deg: np.ndarray) -> np.ndarray:
        """(n,) bool: which of (n, 2) places have no tile; any whole turns may be added to their longitudes."""
        return self.tiles_of(whole_turns(lonlat_deg)) == layout.NONE

    def check_holds(self, lonlat_deg: np.ndarray) -> None:
        """Refuse (n, 2) places of which some have no tile.

        Raises:
            UsageError: some have none; it says how many, and names the first.
        """
        outside = lonlat_deg[self.outside(lonlat_deg)]
        if len(outside):
            first = "; ".join(f"{lon:g},{lat:g}" for lon, lat in outside[:FEW])
            more = f"; and {len(outside) - FEW:,} more" if len(outside) > FEW else ""
            lie = "lies" if len(outside) == 1 else "lie"
            told = f"{len(outside):,} of {counted(len(lonlat_deg), 'place')} {lie} outside {self.covered}"
            raise UsageError(f"{told}: {first}{more}; take other places")

    def counts(self, part: str, tiles: np.ndarray) -> np.ndarray:
        """(n,) the number of degrees along each side of some tiles."""
        return self.tables.count[self.parts.index(part), tiles]

    def count(self, part: str, tile: int) -> int:
        """The same of one tile."""
        return int(self.counts(part, np.array(tile)))

    def step(self, part: str, tile: int) -> float:
        """What the integers of a part in a tile are multiplied by."""
        return float(self.tables.step[self.parts.index(part), tile])

    def integers(self, part: str, tile: int, bands: slice) -> np.ndarray:
        """The integers of a part in a tile, as they are stored, in shells: (n², bands).

        Raises:
            WeightsError: they are damaged. RemoteError: the server does not answer.
        """
        used = self.count(part, tile) ** 2
        shards = self._shards.get(part)
        with reading(f"{self.place}, tile {tile} of {part}, is damaged", WeightsError, "copy the planet again"):
            if shards is not None:
                found = shards.read(tile, used, *bands.indices(self.width(part))[:2])
            else:
                found = np.asarray(self.arrays[part][tile, :used, bands])
            if not found.any():
                self._check_stored(part, tile)
            return found

    def _check_stored(self, part: str, tile: int) -> None:
        """Refuse zeros that stand for an object that is lost: only of a part that is 0 nothing is stored."""
        array = self.arrays[part]
        if part == layout.OVERVIEW or self.tables.scale[self.parts.index(part), tile] <= layout.NOTHING:
            return
        object_of = array.metadata.encode_chunk_key((tile // (array.shards or array.chunks)[0], 0, 0))
        _need(sync((array.store_path / object_of).exists()), f"{object_of} is not there")

    @cached_property
    def _shards(self) -> dict[str, Shards | None]:
        """The parts that are decoded directly."""
        if not isinstance(self.place, Path):
            return {}
        folder = self.place / layout.PARTS
        return {part: Shards.of(folder / part, array) for part, array in self.arrays.items()}


def is_planet(place: Location) -> bool:
    """Whether a Zarr store says that it is a planet; False also if it is damaged.

    Raises:
        RemoteError: the server does not answer.
    """
    try:
        return layout.MARK in _root(place).attrs
    except RemoteError:
        raise
    except Exception:  # whatever zarr raises for a damaged store: readers of cubes say what is wrong
        return False


def _root(place: Location) -> zarr.Group:
    """The root of a store; on a web server, the metadata of all its arrays come with it."""
    store = store_of(place)
    return zarr.open_group(store, mode="r", zarr_format=3, use_consolidated=consolidated(store))


def open_planet(place: Location) -> Planet:
    """Open a planet, and check all that is not its coefficients.

    Raises:
        UsageError: there is nothing at the place. WeightsError: it is no planet, it is not complete, it is damaged, or
            it is of another version. RemoteError: the server does not answer.
    """
    with reading(f"{place} is not a readable planet", WeightsError, EXPECTED):
        try:
            root = _root(place)
        except (zarr.errors.GroupNotFoundError, FileNotFoundError):
            raise UsageError(f"there is no planet at {place}; {EXPECTED}, or the name of a model") from None
        attrs = dict(root.attrs)
        _check_version(place, attrs)
        parts, models, columns, stretch = _described(attrs)
        tables = Tables(*(_table(root, name, str(place)) for name in TABLES))
        arrays = {part: _coefficients(root, part, str(place)) for part in parts}
        _check_tables(tables, sum(columns), len(parts))
        for row, array in enumerate(arrays.values()):
            _need(array.shape[0] == len(tables.bounds), "its parts have another number of tiles than its tables")
            _need(array.shape[1] >= int(tables.count[row].max(initial=1)) ** 2, "a part has too few coefficients")
        _check_models(models, {part: array.shape[2] for part, array in arrays.items()})
    return Planet(place, attrs, parts, models, columns, stretch, tables, arrays)


def _check_version(place: Location, attrs: Mapping[str, Any]) -> None:
    """Refuse what is no planet, a planet of another version, and one that is not complete."""
    version = attrs.get(layout.MARK)
    if version is None:
        raise WeightsError(f"{place} is a Zarr store but no planet; {EXPECTED}")
    if version != layout.VERSION:
        raise WeightsError(
            f"{place} has version {str(version)[:20]} of the layout of planets, and this rangegeo reads version "
            f"{layout.VERSION}; use the rangegeo that wrote it, or build it again"
        )
    if attrs.get(layout.COMPLETE) != 1:
        raise WeightsError(f"{place} was not written to its end; run the command that builds it again")


def _need(condition: Any, why: str) -> None:
    """Refuse a store that is not what it should be; the error becomes one line with its name."""
    if not condition:
        raise ValueError(why)


def _described(attrs: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, dict[str, Any]], tuple[int, ...], float]:
    """The parts, models, columns and stretch that the attributes say."""
    parts, models, columns, stretch = (attrs.get(name) for name in ("parts", "models", "columns", "stretch"))
    _need(isinstance(parts, list) and 0 < len(parts) <= MOST_PARTS, "it names no parts")
    assert isinstance(parts, list)
    _need(all(isinstance(part, str) and NAME.fullmatch(part) for part in parts), "its parts have impossible names")
    _need(len(set(parts)) == len(parts), "two of its parts have the same name")
    _need(isinstance(columns, list) and 0 < len(columns) <= 1800, "it names no rows of tiles")
    assert isinstance(columns, list)
    _need(all(type(count) is int and count > 0 for count in columns), "its rows of tiles are impossible")
    _need(sum(columns) <= MOST_NODES, "its rows have too many tiles")
    _need(isinstance(stretch, float) and 0 < stretch < 1, "its stretch is not between 0 and 1")
    assert isinstance(stretch, float)
    _need(isinstance(models, dict) and models, "it names no models")
    assert isinstance(models, dict)
    for name, told in models.items():
        roles = told.get("parts") if isinstance(told, dict) else None
        _need(isinstance(roles, dict) and layout.LOCATION in roles, f"its model {name} has no location bands")
        assert isinstance(roles, dict)
        _need(set(roles) <= set(layout.ROLES) and set(roles.values()) <= set(parts), f"its model {name} is unknown")
        _need(layout.SEMANTIC in roles or layout.GEOGRAPHIC not in roles, f"its model {name} has no semantic bands")
    for name in ("measured_error", "tolerance"):
        told = attrs.get(name)
        _need(isinstance(told, float | int) and 0 <= told < 1, f"its {name} is no share")
    box = attrs.get("bbox")
    if box is not None:
        sides = isinstance(box, list) and len(box) == 4 and all(type(side) in (int, float) for side in box)
        _need(sides and np.isfinite(box).all() and np.abs(box).max() <= 360, "its bbox is no box")
    return tuple(parts), models, tuple(columns), stretch


def _array(root: zarr.Group, path: str, name: str, dtypes: tuple[str, ...], ndim: int) -> zarr.Array:
    """An array whose metadata are harmless; nothing of it is read."""
    array = root.get(path)
    _need(isinstance(array, zarr.Array), f"it has no array {path}")
    assert isinstance(array, zarr.Array)
    check_array(array, f"the array {path} of {name}")
    _need(array.ndim == ndim and array.dtype.name in dtypes, f"{path} is no array of {' or '.join(dtypes)}")
    return array


def _table(root: zarr.Group, path: str, name: str) -> np.ndarray:
    """A small array, read whole."""
    dtypes, ndim = TABLES[path]
    array = _array(root, path, name, dtypes, ndim)
    size = math.prod(array.shape) * array.dtype.itemsize
    largest = 8 * MOST_PARTS * MOST_TILES
    _need(size <= largest, f"{path} has {human_bytes(size)}, and no planet has more than {human_bytes(largest)}")
    return np.asarray(array[...])


def _coefficients(root: zarr.Group, part: str, name: str) -> zarr.Array:
    """The array of a part."""
    array = _array(root, f"{layout.PARTS}/{part}", name, INTEGERS, 3)
    tiles, coefficients, bands = array.shape
    _need(0 <= tiles <= MOST_TILES and 0 < bands <= MOST_BANDS, f"the part {part} has an impossible shape")
    _need(0 < coefficients <= MOST_COUNT**2, f"the part {part} has {coefficients} coefficients")
    return array


def _check_tables(tables: Tables, roots: int, parts: int) -> None:
    """Refuse tables that do not fit together, or numbers that are no numbers."""
    nodes, tiles = len(tables.child), len(tables.bounds)
    _need(roots <= nodes <= MOST_NODES and len(tables.tile) == nodes, "its tree has another number of nodes")
    _need(tables.bounds.shape == (tiles, 4), "its bounds are not four a tile")
    for name in ("count", "step", "scale", "error"):
        _need(getattr(tables, name).shape == (parts, tiles), f"its table {name} has another shape")
    cut = np.flatnonzero(tables.child >= 0)
    first = tables.child[cut]
    _need((first > cut).all() and (first + 4 <= nodes).all(), "its tree has a circle or leads nowhere")
    _need((tables.tile >= -1).all() and (tables.tile < tiles).all(), "its tree has tiles that do not exist")
    for name in ("bounds", "step", "scale", "error"):
        _need(np.isfinite(getattr(tables, name)).all(), "its tables hold no numbers")
    stored = np.sort(tables.tile[tables.tile >= 0])
    _need(np.array_equal(stored, np.arange(tiles)), "its tree does not have each of its tiles once")
    _need((tables.step > 0).all() and (tables.scale > 0).all() and (tables.count > 0).all(), "its tables are empty")
    west, south, east, north = tables.bounds.T
    _need((west < east).all() and (south < north).all(), "its tiles have impossible bounds")
    _need((tables.count <= MOST_COUNT).all(), "a tile has too many coefficients")


def _check_models(models: Mapping[str, Mapping[str, Any]], widths: Mapping[str, int]) -> None:
    """Refuse models whose parts do not fit together."""
    for name, told in models.items():
        roles = told["parts"]
        visual = {widths[roles[role]] for role in (layout.SEMANTIC, layout.GEOGRAPHIC) if role in roles}
        _need(len(visual) < 2, f"S and G of its model {name} have other numbers of bands")
        _need(layout.NORM not in roles or widths[roles[layout.NORM]] == 1, f"the norm of its model {name} is no number")
