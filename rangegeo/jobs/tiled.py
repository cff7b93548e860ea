"""Verification and repair of a folder of tiles: of each tile, and whether all are there that its VRTs name."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioIOError

from rangegeo.cubes.graph import to_dask
from rangegeo.cubes.recorded import is_evaluable, recorded_spec
from rangegeo.errors import CubeError, Note, argument
from rangegeo.grid.windows import Window
from rangegeo.jobs.examined import CHANGED, Asked, examined, not_here
from rangegeo.jobs.repair import HERE, REPAIR, repaired
from rangegeo.jobs.verified import Report
from rangegeo.models.found import model_of
from rangegeo.schema.cube import as_4d, geobox_of
from rangegeo.schema.facts import facts_of
from rangegeo.stores.arrays import block_writer, draft_array
from rangegeo.stores.blocks import Written, write_blocks
from rangegeo.stores.drafts import Draft
from rangegeo.stores.geotiff_again import finish_again
from rangegeo.stores.geotiff_journal import known_journal
from rangegeo.stores.opening import open_told
from rangegeo.stores.taken import storage_at
from rangegeo.stores.tiles import TILES
from rangegeo.stores.vrt import read_sources, renew_sample
from rangegeo.support.destination import STORE_FILES
from rangegeo.support.foreign import check_foreign
from rangegeo.support.text import counted
from rangegeo.support.unfinished import claimed

USUAL = (256, 256)  # rows and columns of a block of a tile without a journal


def vrts_of(path: Path) -> list[Path]:
    """The VRTs of a folder of tiles, or the VRT itself; none for another path."""
    if not path.is_dir():
        return [path] if path.suffix.lower() == ".vrt" else []
    return [] if any((path / name).exists() for name in STORE_FILES) else sorted(path.glob("*.vrt"))


def verified_tiles(path: Path, vrts: Sequence[Path], asked: Asked, *, repair: bool) -> Report:
    """Verify all tiles, after a repair if it is wanted.

    Args:
        path: of the folder, or of a VRT.
        vrts: its VRTs.
    Raises:
        CubeError: a VRT names other files than tiles, or a repair cannot be done.
        OutputError: another process writes the folder.
    """
    windows = {}
    for vrt in vrts:
        check_foreign(vrt, str(vrt), CubeError, raster=True)
        windows[vrt] = read_sources(vrt)
        if not windows[vrt] or any(_lies_elsewhere(tile, vrt) for tile in windows[vrt]):
            raise CubeError(f"{vrt} names other files than those in {TILES}/ beside it; give the GeoTIFFs themselves")
    tiles = [tile for of_vrt in windows.values() for tile in of_vrt]
    notes, lost = _unnamed(path, tiles), {tile for tile in tiles if _is_lost(tile)}
    with ExitStack() as stack:
        if repair:
            stack.enter_context(claimed(path))
            for vrt, of_vrt in windows.items():
                for tile in sorted(lost & of_vrt.keys()):
                    _make_again(tile, _grid(vrt, of_vrt[tile]), [one for one in of_vrt if one not in lost], asked)
                    notes.append(f"{tile.name} was not there or not readable, and was made again")
            lost = set()
        each, more = divmod(asked.pixels, max(1, len(tiles) - len(lost)))
        reports = {}
        for number, tile in enumerate(tile for tile in tiles if tile not in lost):
            share = replace(asked, pixels=each + (number < more))
            reports[tile] = repaired(tile, share) if repair else examined(tile, share).report
        for vrt in vrts if repair else ():
            renew_sample(vrt)
    return _together(path, reports, sorted(lost), notes)


def _lies_elsewhere(tile: Path, vrt: Path) -> bool:
    """Whether a file is no tile of the folder of a VRT, so that a repair must not touch it."""
    return tile.parent != vrt.parent / TILES or tile.suffix != ".tif"


def _is_lost(tile: Path) -> bool:
    """Whether a tile is not there, or GDAL cannot open it."""
    try:
        rasterio.open(tile.absolute()).close()
    except RasterioIOError:
        return True
    return False


def _unnamed(path: Path, tiles: Iterable[Path]) -> list[str]:
    """A note about tiles of a folder that no VRT names."""
    unnamed = set((path / TILES).glob("*.tif")) - set(tiles) if path.is_dir() else set()
    return [f"{counted(len(unnamed), 'tile')} in it, named by no VRT, not verified"] if unnamed else []


def _together(path: Path, reports: Mapping[Path, Report], lost: Sequence[Path], notes: Sequence[str]) -> Report:
    """One report of all tiles."""
    blocks = {
        kind: tuple(
            replace(block, tile=tile.name) for tile, report in reports.items() for block in getattr(report, kind)
        )
        for kind in ("missing", "corrupt", "wrong", "repaired")
    }
    gone = [f"{tile.name} {'cannot be read' if tile.exists() else 'is not there'}" for tile in lost]
    changed = [f"{tile.name}: {text}" for tile, report in reports.items() for text in report.changed]
    back = [f"{tile.name}: {text}" for tile, report in reports.items() for text in report.put_back]
    told = Counter(note.message for report in reports.values() for note in report.notes)
    of_tiles = [text if count == len(reports) else f"{counted(count, 'tile')}: {text}" for text, count in told.items()]
    return Report(
        path=path,
        blocks=sum(report.blocks for report in reports.values()),
        changed=(*gone, *changed),
        put_back=tuple(back),
        notes=tuple(map(Note, (*notes, *of_tiles))),
        pixels=sum(report.pixels for report in reports.values()),
        error=max((report.error for report in reports.values()), default=0.0),
        tiles=len(reports) + len(lost),
        **blocks,
    )


def _grid(vrt: Path, window: Window) -> tuple[tuple[int, int], Affine]:
    """The shape of a tile, and its affine transform."""
    rows, cols = window
    with rasterio.open(vrt) as file:
        corner = file.transform @ Affine.translation(cols.start, rows.start)
    return (rows.stop - rows.start, cols.stop - cols.start), corner


def _make_again(tile: Path, grid: tuple[tuple[int, int], Affine], others: Sequence[Path], asked: Asked) -> None:
    """Make a tile as another one of the same VRT says that it was made.

    Raises:
        CubeError: no other tile is there, or what is needed is not known, or not here.
    """
    if not others:
        raise CubeError(
            f"no tile is left that tells how {tile} was made; make the folder again with {argument('overwrite', True)}"
        )
    like = others[0]
    cube = open_told(like)
    facts = facts_of(cube)
    if not is_evaluable(cube):
        raise CubeError(f"{tile} was not made again: {CHANGED}")
    if "aoi" in facts:
        raise CubeError(
            f"the area that {tile} was made for is not kept, so nothing tells which of its pixels had data; make the "
            f"folder again with {argument('overwrite', True)}"
        )
    model = model_of(facts, weights=asked.weights, db=asked.db, device=asked.device)
    if model is None:
        raise CubeError(f"{tile} was not made again: {not_here(facts)}")
    with rasterio.open(like) as file:
        journal = known_journal(file)
    rows, cols = USUAL if journal is None else journal.sides
    storage = storage_at(like, cube)
    geobox = GeoBox(grid[0], grid[1], geobox_of(cube).crs)
    raster = to_dask(replace(recorded_spec(cube, model, max(rows, cols)), geobox=geobox))
    values = as_4d(raster.cube).chunk({"beta": -1, "band": -1, "y": rows, "x": cols})
    tile.parent.mkdir(exist_ok=True)
    with claimed(tile) as hidden:
        assert isinstance(hidden, Path)
        folder = hidden / REPAIR
        shutil.rmtree(folder, ignore_errors=True)  # of a repair that was killed
        folder.mkdir()
        try:
            stored = draft_array(values, Draft(folder=folder, bench=folder, continued=False, overwrite=True), storage)
            write = block_writer(stored, storage)
            write_blocks(Written(cube=values, write=write), progress=asked.progress, scheduler=HERE)
            finish_again(tile, values, stored, storage, folder, beside=False, like=like)
        finally:
            shutil.rmtree(folder)
