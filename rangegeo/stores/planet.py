"""Planets as Zarr stores. The layout is that of `rangegeo.spectral.layout` and workflows/guide/planet.md."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from rangegeo.grid.zarr_store import store_of
from rangegeo.spectral.layout import (
    BOUNDS,
    CHILD,
    COMPLETE,
    COUNT,
    DIRECTIONS,
    ERROR,
    EXPLAINED,
    MARK,
    MEAN,
    NONE,
    OVERVIEW,
    PARTS,
    SCALE,
    STEP,
    STRETCH,
    TILE,
    VERSION,
    domain_of,
    root_bounds,
)
from rangegeo.spectral.tiles import Basis, Block, Tile, bounds_of
from rangegeo.support.location import Location
from rangegeo.support.progress import SILENT, Progress

CHUNK_BANDS, SHARD_TILES = 64, 32
OVERVIEW_TILES, OVERVIEW_BANDS = 128, 4  # of a chunk of the overview
LEVEL = 5  # of Blosc; 9 takes ten times as long and saves 1.5 %, measured on the embedded planet


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A block of tiles in a file of its own.

    Attributes:
        place: the file.
        block: its tiles without their coefficients.
    """

    place: Location
    block: Block

    @classmethod
    def at(cls, place: Location) -> Piece:
        """The piece that a file holds."""
        return cls(place=place, block=Block.from_bytes(place.read_bytes(), values=False))

    def tiles(self) -> Sequence[Tile]:
        """Its tiles with their coefficients."""
        return Block.from_bytes(self.place.read_bytes()).tiles


def begin(root: Location) -> None:
    """Make an empty store that says that it is not complete."""
    zarr.create_group(
        store_of(root, read_only=False), overwrite=True, zarr_format=3, attributes={MARK: VERSION, COMPLETE: 0}
    )


def write_planet(
    root: Location,
    pieces: Sequence[Piece],
    basis: Basis,
    columns: tuple[int, ...],
    dtype: str,
    attrs: Mapping[str, Any],
    progress: Progress = SILENT,
) -> None:
    """Write a planet in the place of whatever an interrupted run has left there.

    Args:
        root: where the store lies.
        pieces: ordered by the root tiles.
        basis: of the overview.
        columns: number of root tiles in each row.
        dtype: of the coefficients, int16 or int32.
        attrs: of the root group: the models, and what is known of the planet.
        progress: is told of each tile that is written.
    """
    begin(root)
    group = zarr.open_group(store_of(root, read_only=False), mode="r+", use_consolidated=False)
    tiles = [tile for piece in pieces for tile in piece.block.tiles]
    names = list(tiles[0].parts)
    _write_tables(group, tiles, names, columns)
    for name, values in ((MEAN, basis.mean), (DIRECTIONS, basis.directions), (EXPLAINED, basis.explained)):
        axes = {MEAN: ("band",), DIRECTIONS: ("component", "band"), EXPLAINED: ("component",)}[name]
        _write_table(group, name, values, axes)
    arrays = {name: _make_part(group, name, tiles, dtype) for name in names}
    arrays[OVERVIEW].attrs.update({"of": basis.of, "tolerance": basis.tolerance, "scale": basis.scale})
    progress.stage("writing", len(tiles), "tile")
    for start, part in _shards(pieces):
        for name, array in arrays.items():
            values = np.zeros((len(part), *array.shape[1:]), dtype=dtype)
            for row, tile in zip(values, part, strict=True):
                stored = tile.parts[name].stored
                row[: len(stored)] = stored
            array[start : start + len(part)] = values
        progress.advance(len(part))
    group.attrs.update({"parts": names, "columns": list(columns), "stretch": STRETCH, **attrs, COMPLETE: 1})
    with warnings.catch_warnings():  # format 3 has no standard for consolidated metadata; other readers ignore it
        warnings.filterwarnings("ignore", "Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(store_of(root, read_only=False))


def _write_tables(group: zarr.Group, tiles: Sequence[Tile], names: Sequence[str], columns: tuple[int, ...]) -> None:
    """Write the tree, and what is known of each tile."""
    roots = root_bounds(columns)
    child, tile = _tree(tiles, len(roots))
    bounds = np.array([domain_of(bounds_of(tuple(roots[one.root]), one.path)) for one in tiles])
    _write_table(group, CHILD, child, ("node",))
    _write_table(group, TILE, tile, ("node",))
    _write_table(group, BOUNDS, bounds, ("tile", "side"))
    for path, field, kind in (
        (COUNT, "count", "uint8"),
        (STEP, "step", "float64"),
        (SCALE, "scale", "float32"),
        (ERROR, "error", "float32"),
    ):
        values = [[getattr(one.parts[name], field) for one in tiles] for name in names]
        _write_table(group, path, np.array(values, dtype=kind), ("part", "tile"))


def _tree(tiles: Sequence[Tile], roots: int) -> tuple[np.ndarray, np.ndarray]:
    """The arrays `CHILD` and `TILE` of tiles that are ordered by their roots and paths."""
    child, number = [NONE] * roots, [NONE] * roots
    for index, one in enumerate(tiles):
        node = one.root
        for quarter in one.path:
            if child[node] == NONE:
                child[node] = len(child)
                child += [NONE] * 4
                number += [NONE] * 4
            node = child[node] + int(quarter)
        number[node] = index
    return np.array(child, np.int32), np.array(number, np.int32)


def _write_table(group: zarr.Group, path: str, values: np.ndarray, axes: tuple[str, ...]) -> None:
    """Write a small array as one chunk."""
    array = group.create_array(
        path,
        shape=values.shape,
        chunks=values.shape,
        dtype=values.dtype,
        compressors=_codecs(values.dtype.itemsize),
        fill_value=0,
        dimension_names=axes,
    )
    array[:] = values


def _make_part(group: zarr.Group, name: str, tiles: Sequence[Tile], dtype: str) -> zarr.Array:
    """Make the array of a part, without values."""
    size = max(tile.parts[name].count for tile in tiles) ** 2
    bands = tiles[0].parts[name].stored.shape[1]
    if name == OVERVIEW:
        how: dict[str, Any] = {"chunks": (OVERVIEW_TILES, size, min(OVERVIEW_BANDS, bands))}
    else:
        chunk = min(CHUNK_BANDS, bands)
        how = {"chunks": (1, size, chunk), "shards": (SHARD_TILES, size, math.ceil(bands / chunk) * chunk)}
    return group.create_array(
        f"{PARTS}/{name}",
        shape=(len(tiles), size, bands),
        dtype=dtype,
        compressors=_codecs(np.dtype(dtype).itemsize),
        fill_value=0,
        dimension_names=("tile", "coefficient", "component" if name == OVERVIEW else "band"),
        **how,
    )


def _shards(pieces: Sequence[Piece]) -> Iterator[tuple[int, list[Tile]]]:
    """The tiles of one shard after the other, with their coefficients; each time with the number of the first one."""
    start, waiting = 0, list[Tile]()
    for piece in pieces:
        waiting += piece.tiles()
        while len(waiting) >= SHARD_TILES:
            yield start, waiting[:SHARD_TILES]
            start, waiting = start + SHARD_TILES, waiting[SHARD_TILES:]
    if waiting:
        yield start, waiting


def _codecs(itemsize: int) -> list[Any]:
    """How chunks are compressed; each ends with a checksum."""
    return [BloscCodec(typesize=itemsize, cname="zstd", clevel=LEVEL, shuffle="bitshuffle"), Crc32cCodec()]
