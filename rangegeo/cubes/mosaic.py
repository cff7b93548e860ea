"""`rangegeo.mosaic`: one lazy cube of several that lie on one lattice.

A block of the joined cube is read from the parts that reach it, and nothing is resampled. So any number of parts is
joined in the memory of a few blocks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, TypeAlias, cast

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from dask.typing import DaskCollection
from odc.geo.geobox import GeoBox

from rangegeo.cubes.clip import no_data
from rangegeo.cubes.lazy import as_lazy
from rangegeo.cubes.named import named
from rangegeo.cubes.overlaps import warn_of_differences
from rangegeo.cubes.spec import usual_side
from rangegeo.errors import UsageError
from rangegeo.grid.coords import grid_coords
from rangegeo.grid.union import Place, union
from rangegeo.grid.windows import cut
from rangegeo.schema.alike import check_alike, held_betas
from rangegeo.schema.betas import SAME_BETA
from rangegeo.schema.complete import completed
from rangegeo.schema.cube import as_4d, geobox_of, north_up
from rangegeo.schema.facts import facts_of, with_facts
from rangegeo.schema.merged import merged_facts
from rangegeo.stores.identity import identity
from rangegeo.stores.opening import joined_betas, open_cube
from rangegeo.stores.sound import check_described, check_sound
from rangegeo.support.address import Address
from rangegeo.support.location import Location, located

PARTS = "rangegeo_parts"  # the name of the encoding that holds the stored parts of a joined cube
Part: TypeAlias = str | Location | xr.DataArray


def mosaic(parts: Sequence[Part]) -> xr.DataArray:
    """One cube of several that lie on one lattice, computed when it is used. Nothing is resampled.

    Where parts overlap, the first one that has data wins. Pixels that no part has are NaN. The GeoTIFFs of several
    betas of one raster count as one part. Parts on both sides of 180 degrees are put beside each other.

    Args:
        parts: paths of Zarr stores and of GeoTIFFs that rangegeo wrote, and cubes, in any mixture.
    Returns:
        float32 with dims (beta, band, y, x), or (band, y, x), on the smallest grid that holds all parts. Its facts are
        those that the parts agree on; errors are the largest ones, and counts are sums.
    Raises:
        UsageError: there is no part. CubeError: a file is no cube; or a part has another model, other files, betas,
            bands or principal components than the first. GridError: it has another CRS, pixel size or lattice.
    Warns:
        CubeWarning: parts differ by more than their tolerance where they overlap.
    """
    if isinstance(parts, str | os.PathLike | Address | xr.DataArray) or not len(parts):
        raise UsageError('mosaic takes a list of cubes or of their paths; for example mosaic(["a.zarr", "b.zarr"])')
    pieces = [_Piece.of(part, number) for number, part in enumerate(parts, 1)]
    for piece in pieces[1:]:
        check_alike(pieces[0].cube, piece.cube, pieces[0].name, piece.name)
    grid, places = union([piece.grid for piece in pieces], [piece.name for piece in pieces])
    sides = usual_sides(pieces[0].cube)
    groups = _by_place([replace(piece, place=place) for piece, place in zip(pieces, places, strict=True)], grid, sides)
    for group in groups[1:]:
        check_alike(groups[0].cube, group.cube, groups[0].name, group.name, betas=True)
    warn_of_differences([(group.name, group.cube, group.place) for group in groups if group.is_stored])
    layers = [Layer(values=as_4d(group.cube).data, place=group.place, token=group.token) for group in groups]
    joined = laid_out([group.cube for group in groups], grid, assembled(layers, grid, sides))
    joined.encoding[PARTS] = [located(part) for part in parts if not isinstance(part, xr.DataArray)]
    return joined


def check_parts(cube: xr.DataArray) -> None:
    """Compare the stores that a cube was joined from with their journals, before the cube is written.

    Raises:
        CubeError: one of them is damaged.
    """
    for path in cube.encoding.get(PARTS, []):
        check_sound(path)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Piece:
    """A part, or the files of several betas of one.

    Attributes:
        name: for messages.
        cube: its values; read when they are used.
        grid: where it lies.
        token: of its values, the same in the next run.
        is_stored: whether its values are known already, and not to be evaluated.
        place: in the joined grid.
    """

    name: str
    cube: xr.DataArray
    grid: GeoBox
    token: str
    is_stored: bool
    place: Place = field(default_factory=lambda: Place(0, 0, 0, 0))

    @classmethod
    def of(cls, part: Part, number: int) -> _Piece:
        if isinstance(part, xr.DataArray):
            cube = _in_order(as_lazy(completed(part)))
            token = tokenize(cube.data)
            return cls(name=f"cube {number}", cube=cube, grid=geobox_of(cube), token=token, is_stored=False)
        path = located(part)
        check_described(path)
        cube = _in_order(
            named(open_cube(path, chunks=None), str(path))
        )  # without chunks, so that each block reads what it needs
        return cls(name=str(path), cube=cube, grid=geobox_of(cube), token=identity(path), is_stored=True)


def _in_order(cube: xr.DataArray) -> xr.DataArray:
    """The cube with its northernmost row, its westernmost column and its smallest beta first."""
    cube = north_up(cube)
    return cube.sortby("beta") if "beta" in cube.dims and (np.diff(held_betas(cube)) < 0).any() else cube


def usual_sides(cube: xr.DataArray) -> tuple[int, int]:
    """The rows and columns of a block of a joined cube: those of the first part if it is cut, else the default."""
    usual = usual_side(cube.sizes["band"])
    known = {axis: max(sizes) for axis, sizes in cube.chunksizes.items()} or cube.encoding.get("preferred_chunks", {})
    rows, cols = (known.get(axis, length) for axis, length in (("y", cube.sizes["y"]), ("x", cube.sizes["x"])))
    return (rows if rows < cube.sizes["y"] else usual), (cols if cols < cube.sizes["x"] else usual)


def _by_place(pieces: Sequence[_Piece], grid: GeoBox, sides: tuple[int, int]) -> list[_Piece]:
    """The pieces, cut into the blocks of the joined grid. Those of other betas at the same place become one."""
    groups: list[list[_Piece]] = []
    for piece in pieces:
        piece = replace(piece, cube=cut_like(piece.cube, piece.place, grid, sides))
        for group in groups:
            others = np.concatenate([held_betas(other.cube) for other in group])
            held = held_betas(piece.cube)
            apart = len(held) and (np.abs(others[:, None] - held) > SAME_BETA).all()
            if group[0].place == piece.place and apart:
                group.append(piece)
                break
        else:
            groups.append([piece])
    return [_of_betas(group) for group in groups]


def _of_betas(group: Sequence[_Piece]) -> _Piece:
    """One piece of the betas of several."""
    first = group[0]
    if len(group) == 1:
        return first
    cube = joined_betas([piece.name for piece in group], [piece.cube for piece in group])
    known = [facts_of(piece.cube) for piece in group]
    same = all(facts == known[0] for facts in known)  # of one run, whose counts are of all its betas
    cube = with_facts(cube.chunk(beta=-1), known[0] if same else merged_facts(known))
    return replace(
        first,
        name=" and ".join(piece.name for piece in group),
        cube=cube,
        token=tokenize([piece.token for piece in group]),
        is_stored=all(piece.is_stored for piece in group),
    )


def cut_like(cube: xr.DataArray, place: Place, grid: GeoBox, sides: tuple[int, int]) -> xr.DataArray:
    """A cube whose blocks are cut where those of a larger grid are."""
    rows, cols = (
        tuple(part.stop - part.start for part in _parts(whole, side, own))
        for whole, side, own in zip(grid.shape, sides, (place.rows, place.cols), strict=True)
    )
    return cube.chunk({dim: -1 for dim in cube.dims if dim not in ("y", "x")} | {"y": rows, "x": cols})


def _parts(length: int, side: int, own: slice) -> list[slice]:
    """The parts of the lines of a grid that a piece has, cut where the blocks of the grid are."""
    windows = [slice(max(part.start, own.start), min(part.stop, own.stop)) for part in cut(length, side)]
    return [window for window in windows if window.start < window.stop]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """Values at a place of a grid.

    Attributes:
        values: (betas, bands, h, w), cut by `cut_like`.
        place: where they lie.
        token: of the values, the same in the next run.
        left_out: blocks of the grid, by row and column, in which the layers before have all that this one has.
    """

    values: da.Array
    place: Place
    token: str
    left_out: frozenset[tuple[int, int]] = frozenset()


def assembled(layers: Sequence[Layer], grid: GeoBox, sides: tuple[int, int]) -> da.Array:
    """(betas, bands, y, x) on a grid; the first layer that has data at a pixel gives its values."""
    rows, cols = (cut(length, side) for length, side in zip(grid.shape, sides, strict=True))
    name = (
        f"rangegeo-mosaic-{tokenize([(layer.token, layer.place, sorted(layer.left_out)) for layer in layers], sides)}"
    )
    shape = layers[0].values.shape[:2]
    tasks: dict[Any, Any] = {}
    for i, j in product(range(len(rows)), range(len(cols))):
        found = []
        for layer in layers:
            below, right = (
                _number(own, windows, k)
                for own, windows, k in ((layer.place.rows, rows, i), (layer.place.cols, cols, j))
            )
            if below is None or right is None or (i, j) in layer.left_out:
                continue
            key = (layer.values.name, 0, 0, below, right)
            found.append((key, _within(layer.place.rows, rows[i]), _within(layer.place.cols, cols[j])))
        size = (*shape, rows[i].stop - rows[i].start, cols[j].stop - cols[j].start)
        tasks[name, 0, 0, i, j] = (laid, size, [each[1:] for each in found], [each[0] for each in found])
    chunks = ((shape[0],), (shape[1],), *(tuple(part.stop - part.start for part in axis) for axis in (rows, cols)))
    graph = HighLevelGraph.from_collections(
        name, tasks, dependencies=[cast(DaskCollection, layer.values) for layer in layers]
    )
    return da.Array(graph, name, chunks, dtype=np.float32)


def _number(own: slice, windows: Sequence[slice], number: int) -> int | None:
    """The number of the block of a layer that lies in a block of the grid; None if there is none."""
    if own.start >= windows[number].stop or own.stop <= windows[number].start:
        return None
    first = next(k for k, window in enumerate(windows) if window.stop > own.start)
    return number - first


def _within(own: slice, window: slice) -> slice:
    """The part of a window that a layer has, counted from the first line of the window."""
    return slice(max(own.start, window.start) - window.start, min(own.stop, window.stop) - window.start)


def laid(shape: tuple[int, ...], windows: Sequence[tuple[slice, slice]], blocks: Sequence[np.ndarray]) -> np.ndarray:
    """One block from those of several layers, each at its window; a pixel without data is taken from the next layer."""
    if not blocks:
        return no_data(shape)
    if blocks[0].shape == shape and (len(blocks) == 1 or not np.isnan(blocks[0][:, :1]).any()):
        return blocks[0]
    out = np.full(shape, np.nan, np.float32)
    for (rows, cols), block in zip(windows, blocks, strict=True):
        target = out[:, :, rows, cols]
        np.copyto(target, block, where=np.isnan(target).all(axis=1, keepdims=True))
    return out


def laid_out(cubes: Sequence[xr.DataArray], grid: GeoBox, values: da.Array) -> xr.DataArray:
    """Joined values (betas, bands, y, x) with the coordinates of a grid, and with the facts of all cubes."""
    known = next((cube for cube in cubes if "beta" in cube.dims), cubes[0])
    coords = grid_coords(grid)
    coords = {str(name): coord for name, coord in known.coords.items() if name not in coords} | coords
    values = values if "beta" in known.dims else values[0]
    joined = xr.DataArray(values, coords, known.dims, known.name)
    return with_facts(joined, merged_facts([facts_of(cube) for cube in cubes]))
