"""A Zarr store that grows by a box on its own lattice: what is there stays, and only what is new is evaluated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from rangegeo.cubes.lazy import as_lazy
from rangegeo.cubes.mosaic import Layer, assembled, cut_like, laid_out, usual_sides
from rangegeo.errors import CubeError, UsageError, argument
from rangegeo.grid.union import Place, union
from rangegeo.grid.windows import Window, cut
from rangegeo.jobs.write import check_suffix, compute_and_write, usual_cube, warn_of_losses
from rangegeo.schema.alike import check_alike
from rangegeo.schema.complete import band_names
from rangegeo.schema.cube import as_4d, geobox_of, north_up
from rangegeo.schema.facts import facts_of, with_facts
from rangegeo.stores.carried import Carried
from rangegeo.stores.formats import FORMATS
from rangegeo.stores.identity import identity
from rangegeo.stores.opening import open_cube, overview_count, stored_array, stored_dtype, stored_scales
from rangegeo.stores.quantise import Storage, check_dtype, storage_within
from rangegeo.stores.sound import check_described, check_sound
from rangegeo.stores.zarr import is_complete
from rangegeo.stores.zarr_options import options_of
from rangegeo.support.location import Location, located
from rangegeo.support.progress import SILENT, Progress
from rangegeo.support.text import counted

NEW = "the new part"  # what messages call the cube that is added


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Growth:
    """A store that can grow: everything is checked, and nothing is written yet. Made by `of`.

    Attributes:
        cube: old and new values on the grid around both.
        storage: how the old store stores values.
        carried: blocks of the old store that stay as they are.
        options: the format and the creation options of the old store.
        blocks: how many blocks are to be written.
        grows: whether the new grid is larger, or holes of the old one are filled.
        gaps: the share of the pixels that neither the old grid nor the new part holds.
    """

    cube: xr.DataArray
    storage: Storage
    carried: Carried
    options: Mapping[str, Any]
    blocks: int
    grows: bool
    gaps: float

    @classmethod
    def of(cls, path: Path, new: xr.DataArray, dtype: str = "float32") -> Growth:
        """Check that a store can grow by a cube.

        Args:
            path: of the store.
            new: backed by dask; only its pixels that the store lacks are computed.
            dtype: as which values are to be stored.
        Raises:
            UsageError: there is no store, it has overviews, or the dtype is another one. CubeError: the store is no
                cube, it is damaged, or it has another model, files, betas, bands, components or tolerance.
                GridError: it has another CRS, pixel size or lattice.
        """
        check_growing(path, new, dtype)
        check_sound(path, to_grow=True)
        old, new, token = open_cube(path, chunks=None), north_up(new), identity(path)
        turned = old
        old = north_up(old)
        grid, (place, added) = union([geobox_of(old), geobox_of(new)], [str(path), NEW])
        sides = _sides(old, new)
        blocks = list(product(cut(grid.shape[0], sides[0]), cut(grid.shape[1], sides[1])))
        full = [_is_full(old, place, added, window) for window in blocks]
        starts = [(rows.start, cols.start) for rows, cols in blocks]
        left_out = frozenset(
            (top // sides[0], left // sides[1]) for (top, left), known in zip(starts, full, strict=True) if known
        )
        layers = [
            Layer(values=as_4d(cut_like(old, place, grid, sides)).data, place=place, token=token),
            Layer(
                values=as_4d(cut_like(new, added, grid, sides)).data,
                place=added,
                token=str(new.data.name),
                left_out=left_out,
            ),
        ]
        cube = laid_out([old, new], grid, assembled(layers, grid, sides))
        commands = [facts_of(part).get("command") for part in (old, new)]
        command = {} if None in commands else {"command": " && ".join(map(str, commands))}
        as_they_were = [
            known and turned is old and _is_whole(window, place) for known, window in zip(full, blocks, strict=True)
        ]
        kept = [start for start, same in zip(starts, as_they_were, strict=True) if same]
        carried = Carried(
            path=path,
            token=token,
            top=place.top,
            left=place.left,
            sides=sides,
            blocks=frozenset(kept),
        )
        taken = len(kept) if not (place.top % sides[0] or place.left % sides[1]) else 0
        return cls(
            cube=with_facts(cube, facts_of(cube) | command),
            storage=storage_of(path, old),
            carried=carried,
            options=_options(path),
            blocks=len(blocks) - taken,
            grows=grid.shape != geobox_of(old).shape or not all(full),
            gaps=1 - _covered(place, added) / math.prod(grid.shape),
        )

    def notes(self) -> Iterator[str]:
        """What is worth a word before it is written."""
        path, sizes = self.carried.path, self.cube.sizes
        if not self.grows:
            yield f"{path} has all pixels of this part already"
            return
        kept = len(self.carried.blocks) if self.blocks < self._total else 0
        told = f"{counted(kept, 'block')} of {self._total} stay as they are" if kept else "its values are copied"
        yield f"{path} grows to {sizes['x']} x {sizes['y']} pixels; {told}, {counted(self.blocks, 'block')} to write"
        if self.gaps:
            yield f"{self.gaps:.0%} of the pixels lie in neither part and are nodata"
        item = path.with_name(f"{path.stem}.stac.json")
        if item.exists():
            yield f"{item} tells of the smaller store; {argument('stac', True)} writes it again"

    def write(
        self, *, resume: bool, discard: bool, facts: dict[str, object], progress: Progress = SILENT
    ) -> list[Location]:
        """Write the larger store, which then replaces the old one.

        Args:
            resume: whether to continue what an interrupted run of the same request left.
            discard: whether to throw that away.
            facts: that are measured are added here.
            progress: is told how far the work is.
        Returns:
            The path.
        """
        path = self.carried.path
        if not self.grows:
            return [path]
        options = {**self.options, "overwrite": True, "discard": discard, "resume": resume, "carried": self.carried}
        paths = compute_and_write(self.cube, path, FORMATS["zarr"], self.storage, options, facts.update, progress)
        warn_of_losses(facts, self.storage, facts_of(self.cube), stacklevel=5)
        return paths

    @property
    def _total(self) -> int:
        return len(self.cube.chunksizes["y"]) * len(self.cube.chunksizes["x"])


def extend_store(
    cube: xr.DataArray,
    path: str | Location,
    *,
    overwrite: bool = False,
    resume: bool = False,
    dtype: str = "float32",
    **others: object,
) -> list[Location]:
    """Let a Zarr store grow by any cube of its lattice, as `Growth` does.

    Args:
        overwrite: throw away what an interrupted call left.
        resume: continue what an interrupted call with the same arguments left.
        dtype: as which the store stores values.
        others: arguments of `write_cube` that the store has chosen already; none of them may be given.
    Returns:
        The path, in a list.
    Raises:
        UsageError, CubeError, GridError: the store cannot grow by this cube. OutputError: it cannot be written. Nothing
            was touched.
    """
    for name in (name for name, value in others.items() if value):
        raise UsageError(f"a store that grows keeps what it has; leave out {argument(name)}")
    path = local_store(located(path))
    check_suffix(path, "zarr")
    check_growing(path, usual_cube(cube), check_dtype(dtype))
    growth = Growth.of(path, as_lazy(usual_cube(cube)), check_dtype(dtype))
    return growth.write(resume=resume, discard=overwrite, facts={})


def local_store(path: Location) -> Path:
    """The path of a store that may grow.

    Raises:
        UsageError: it lies in a bucket.
    """
    if isinstance(path, Path):
        return path
    raise UsageError(
        f"{argument('extend', True)} is for stores of this machine, got {path}; write another store, and join both: "
        "rangegeo mosaic"
    )


def check_growing(path: Path, new: xr.DataArray, dtype: str) -> None:
    """Refuse a store that cannot grow by a cube, whose values may be missing yet; raises as `Growth.of`."""
    leave = f"leave out {argument('extend', True)}"
    if not path.exists():
        raise UsageError(f"{path} does not exist, so it cannot grow; {leave} to make it")
    if not path.is_dir():
        raise UsageError(f"{argument('extend', True)} is for .zarr, and {path} is no store; {leave}")
    check_described(path)
    old = open_cube(path, chunks=None)
    if not is_complete(path):
        raise CubeError(f"{path} is unfinished; make it again before it grows")
    if overview_count(path):
        raise UsageError(
            f"{path} has overviews, which do not grow with it; {leave}, or join it with the new part by rangegeo mosaic"
        )
    _options(path)
    _check_extends(path, old, new, dtype)
    union([geobox_of(north_up(part)) for part in (old, new)], [str(path), NEW])


def _check_extends(path: Path, old: xr.DataArray, new: xr.DataArray, dtype: str) -> None:
    """Refuse a cube whose contents are other than those of a store. The first difference is named.

    Raises:
        UsageError: the dtype differs. CubeError: something else does.
    """
    check_alike(old, new, str(path), NEW, betas=True)
    ours, theirs = (facts_of(part) for part in (old, new))
    for name in ("evaluation", "tolerance"):
        if ours.get(name) != theirs.get(name):
            told = [_evaluated(facts) for facts in (ours, theirs)]
            exact = ours.get("evaluation") == "exact"
            way = argument("exact", True) if exact else argument("tolerance", float(ours.get("tolerance", 0)))
            raise CubeError(f"{path} and {NEW} differ in evaluation: {told[0]} and {told[1]}; make {NEW} with {way}")
    stored = stored_dtype(path)
    if stored != dtype:
        raise UsageError(f"{path} is {stored}, got {argument('dtype', dtype)}; type {argument('dtype', stored)}")


def _evaluated(facts: Mapping[str, Any]) -> str:
    return f"tolerance {facts['tolerance']:g}" if "tolerance" in facts else str(facts.get("evaluation", "not said"))


def _sides(old: xr.DataArray, new: xr.DataArray) -> tuple[int, int]:
    """The rows and columns of a block: those of the store if it is cut, else those of the new part."""
    known, usual = old.encoding.get("preferred_chunks", {}), usual_sides(new)
    rows, cols = (
        known[axis] if known.get(axis, length) < length else side
        for axis, length, side in (("y", old.sizes["y"], usual[0]), ("x", old.sizes["x"], usual[1]))
    )
    return rows, cols


def _is_full(old: xr.DataArray, place: Place, added: Place, window: Window) -> bool:
    """Whether the new part has nothing to add to a block: it does not reach it, or all its pixels there have data."""
    rows, cols = (_shared(part, own) for part, own in zip(window, (added.rows, added.cols), strict=True))
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return True
    if (_shared(rows, place.rows), _shared(cols, place.cols)) != (rows, cols):
        return False
    first = as_4d(old)[0, 0, rows.start - place.top : rows.stop - place.top]
    return not np.isnan(first[:, cols.start - place.left : cols.stop - place.left].values).any()


def _shared(one: slice, other: slice) -> slice:
    return slice(max(one.start, other.start), min(one.stop, other.stop))


def _is_whole(window: Window, place: Place) -> bool:
    """Whether a block is a block of the old store too: not cut by its edge, unless that is an edge of the new grid."""
    return all(
        own.start <= part.start and part.stop <= own.stop
        for part, own in zip(window, (place.rows, place.cols), strict=True)
    )


def _covered(one: Place, other: Place) -> int:
    """The pixels of two places together."""
    rows, cols = _shared(one.rows, other.rows), _shared(one.cols, other.cols)
    both = max(0, rows.stop - rows.start) * max(0, cols.stop - cols.start)
    return one.height * one.width + other.height * other.width - both


def storage_of(path: Path, cube: xr.DataArray) -> Storage:
    """How the values of a store are stored."""
    dtype, names, facts = stored_dtype(path), band_names(cube), facts_of(cube)
    if dtype == "float32":
        return Storage()
    components = dict.fromkeys(map(_component, names))
    bounds = {name: facts.get(f"quantisation_bound_{name}") for name in components}
    if not dtype.startswith("int"):
        return Storage(dtype=dtype, components=tuple(map(_component, names)), kept=True)
    layers = cube.sizes.get("beta", 1)
    scale, offset = (np.tile(np.array(part, np.float64), (layers, 1)) for part in stored_scales(path))
    reach, origin = scale * np.iinfo(dtype).max, str(facts.get("quantisation_ranges", path.name))
    within = storage_within(dtype, names, offset - reach, offset + reach, one_scale=False, origin=origin)
    kinds = np.array([_component(name) for name in names])
    known = {name: float(scale[0, kinds == name].max()) / 2 / bound for name, bound in bounds.items() if bound}
    return Storage(
        dtype=dtype,
        components=within.components,
        scale=scale,
        offset=offset,
        largest=within.largest | known,
        sampled=int(facts.get("quantisation_sample", 0)),
        margin=float(facts.get("quantisation_margin", 0)),
        origin=origin,
        kept=True,
    )


def _component(name: str) -> str:
    """The component of a band; "visual_0012" belongs to "visual"."""
    return name.rpartition("_")[0] or name


def _options(path: Path) -> dict[str, Any]:
    """The format and the creation options of a store, which it keeps.

    Raises:
        CubeError: rangegeo writes no such store.
    """
    array = stored_array(path)
    options = options_of(array)
    if options is None:
        raise CubeError(
            f"{path} is compressed in a way that rangegeo does not write; write it again with .rangegeo.to_zarr"
        )
    version = zarr.open_group(path, mode="r", use_consolidated=False).metadata.zarr_format
    return {"zarr_format": version, "creation_options": options}
