"""What is found when a stored cube is verified, with what a repair of it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.cubes.recorded import is_evaluable
from rangegeo.errors import CubeError, Note, argument
from rangegeo.grid import places_on
from rangegeo.grid.windows import Window
from rangegeo.jobs.compared import NOTHING, WRONG, Compared, compare
from rangegeo.jobs.verified import Block, Report
from rangegeo.models.found import model_of
from rangegeo.models.model import Model
from rangegeo.schema.cube import geobox_of
from rangegeo.schema.facts import facts_of
from rangegeo.stores.checked import CORRUPT, MISSING, Checked
from rangegeo.stores.checked_geotiff import check_geotiff
from rangegeo.stores.checked_zarr import check_zarr
from rangegeo.stores.opening import open_cube, open_told
from rangegeo.stores.present import is_store, is_there
from rangegeo.support.location import Location
from rangegeo.support.packed_stores import check_unpacked
from rangegeo.support.progress import SILENT, Progress

GEOTIFF = (".tif", ".tiff")  # suffixes
EDGE = np.linspace(0, 1, 5)  # of a block, at which its bounding box is measured
DAMAGED = "its values were not looked at, because its metadata or coordinates are not those that were written"
A_MAP = "it is a map that was learned from labels: its values were not compared with a model"
CHANGED = (
    "its values are not those that rangegeo wrote, but were computed from them or changed: they were not compared with "
    "a model"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a cube is verified; see `rangegeo.jobs.verify.verify`. `progress` is told how far a repair is."""

    pixels: int
    seed: int = 0
    weights: str | Location | None = None
    db: str | Path | None = None
    device: str = "auto"
    progress: Progress = SILENT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examined:
    """A cube that was verified, with what a repair needs.

    Attributes:
        report: what was found.
        checked: the blocks as they are stored.
        geoboxes: the grids of the levels; empty if they are not known.
        damaged: the numbers of the blocks with a fault, by the numbers of their levels.
        model: that made it; None if it is not known or not here.
    """

    report: Report
    checked: Checked
    geoboxes: Sequence[GeoBox]
    damaged: Mapping[int, set[int]]
    model: Model | None = None


def existing(path: Location) -> Location:
    """The same path, if there is a cube that can be verified.

    Raises:
        CubeError: there is nothing, or an unfinished output.
    """
    if is_there(path):
        return path
    open_cube(path)  # says what is there instead
    return path


def examined(path: Location, asked: Asked) -> Examined:
    """Verify a cube that exists. Raises as `rangegeo.jobs.verify.verify` does."""
    checked = _checked(path)
    if not checked.is_readable:
        return _examined(path, checked, [], NOTHING, None, [DAMAGED])
    cubes = [opened(path, level.number, checked) for level in checked.levels]
    model, notes, compared = None, [], NOTHING
    if not checked.is_own or not is_evaluable(cubes[0]):
        notes.append(A_MAP if "target" in facts_of(cubes[0]) else CHANGED)
    else:
        facts = facts_of(cubes[0])
        model = model_of(facts, weights=asked.weights, db=asked.db, device=asked.device)
        if model is None:
            notes.append(not_here(facts))
        elif asked.pixels:
            compared = compare(path, checked, cubes, model, asked.pixels, asked.seed)
            if asked.device == "auto" and model.spec.device != "cpu":
                from rangegeo.models.device import described  # imports torch

                notes.append(f"its pixels were evaluated on {described(model.spec.device)}")
    return _examined(path, checked, cubes, compared, model, notes)


def opened(path: Location, level: int, checked: Checked) -> xr.DataArray:
    """A level of a cube that was checked, also if some of its values are damaged."""
    if not isinstance(path, Path) or path.is_dir() or not checked.is_own:
        return open_cube(path, level=level, chunks=None)
    return open_told(path, level)


def _checked(path: Location) -> Checked:
    """The stored blocks of a cube.

    Raises:
        CubeError: it is none.
    """
    if is_store(path):
        return check_zarr(path)
    if isinstance(path, Path) and path.suffix.lower() in GEOTIFF:
        return check_geotiff(path)
    check_unpacked(path)
    raise CubeError(f"verify checks Zarr stores and GeoTIFFs, got {path}; give a .zarr, or a .tif of this machine")


def not_here(facts: Mapping[str, object]) -> str:
    """What to say of a model whose files are not on this machine."""
    if "planet_sha256" in facts:
        return f"its values were not compared with {facts.get('planet')}, a planet: give {argument('weights', 'PATH')}"
    roles = {"encoder": "weights", "database": "db"}
    known = [role for role in roles if f"{role}_file" in facts]
    files = " and ".join(str(facts[f"{role}_file"]) for role in known)
    give = " and ".join(argument(roles[role], "PATH") for role in known) or "another version of rangegeo may know it"
    return f"its values were not compared with the model {facts['model']} ({files}), which is not here: give {give}"


def _examined(
    path: Location,
    checked: Checked,
    cubes: list[xr.DataArray],
    compared: Compared,
    model: Model | None,
    notes: list[str],
) -> Examined:
    """All that was found, together."""
    geoboxes = [geobox_of(cube) for cube in cubes]
    faults = {
        level.number: level.faults
        | {block: kind for (of, block), kind in compared.faults.items() if of == level.number}
        for level in checked.levels
    }

    def blocks(kind: str) -> tuple[Block, ...]:
        chosen = {number: {block for block, found in of.items() if found == kind} for number, of in faults.items()}
        return tuple(blocks_of(checked, geoboxes, chosen))

    report = Report(
        path=path,
        blocks=sum(len(level.windows) for level in checked.levels),
        missing=blocks(MISSING),
        corrupt=blocks(CORRUPT),
        wrong=blocks(WRONG),
        changed=tuple(checked.changed),
        notes=tuple(map(Note, (*checked.notes, *notes))),
        pixels=compared.pixels,
        error=compared.error,
    )
    damaged = {number: set(of) for number, of in faults.items()}
    return Examined(report=report, checked=checked, geoboxes=geoboxes, damaged=damaged, model=model)


def blocks_of(checked: Checked, geoboxes: Sequence[GeoBox], chosen: Mapping[int, set[int]]) -> Iterator[Block]:
    """Blocks for a report.

    Args:
        geoboxes: the grids of the levels; empty if they are not known.
        chosen: the numbers of the blocks, by the numbers of their levels.
    """
    for level in checked.levels:
        geobox = geoboxes[level.number] if geoboxes else None
        for number in sorted(chosen[level.number]):
            yield _block(level.number, level.windows[number], geobox)


def _block(level: int, window: Window, geobox: GeoBox | None) -> Block:
    rows, cols = ((side.start, side.stop) for side in window)
    return Block(level=level, rows=rows, cols=cols, bbox=None if geobox is None else _bbox(geobox, window))


def _bbox(geobox: GeoBox, window: Window) -> tuple[float, float, float, float] | None:
    """West, south, east and north of a window in degrees, from some places of its edges and within it."""
    rows, cols = (side.start + EDGE * (side.stop - side.start) for side in window)
    places = places_on(geobox, rows, cols)
    lonlat = places.lonlat_deg[places.valid.ravel()]
    if not len(lonlat):
        return None
    (west, south), (east, north) = lonlat.min(axis=0).tolist(), lonlat.max(axis=0).tolist()
    return west, south, east, north
