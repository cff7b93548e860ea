"""A cube as a folder of Cloud Optimized GeoTIFFs on one lattice, with a VRT over them for each beta.

    alps/alps.vrt              all tiles as one raster; alps_beta0.vrt and so on if there are several betas
    alps/alps.qml              the style of the VRT, and alps/alps_rgb.tif its colours
    alps/tiles/alps_r0_c1.tif  a tile: its row and its column, counted from the north-west

All tiles have the same steps of integers and the same components, because they are parts of one cube. Tiles without any
data are not written. The folder gets its name when it is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import rasterio
import xarray as xr
import zarr
from affine import Affine

from rangegeo.errors import OutputError, UsageError, argument
from rangegeo.grid.windows import Window, cut, tiled
from rangegeo.schema.cube import as_4d
from rangegeo.schema.facts import facts_of
from rangegeo.stores.arrays import block_writing, draft_array, evenly_chunked
from rangegeo.stores.beside import OF_FOLDER
from rangegeo.stores.blocks import Measuring, Report, stored_bytes, write_blocks
from rangegeo.stores.drafts import Draft, drafted, request_of
from rangegeo.stores.geotiff import ROOM, Completion, compress, finished_profile, is_hole, output_paths, sampled
from rangegeo.stores.geotiff_sample import TAG, sample_text
from rangegeo.stores.journal import Entry, checksum, objects_are_sound
from rangegeo.stores.quantise import FLOAT32, Storage
from rangegeo.stores.vrt import write_vrt
from rangegeo.support.destination import check_destination
from rangegeo.support.location import Location
from rangegeo.support.progress import SILENT, Progress
from rangegeo.support.unfinished import exchange

FOLDER, TILES = "folder", "tiles"  # in a draft: the folder that gets the final name; in that folder: the tiles
SMALLEST = 16  # pixels a side of a tile; GDAL's blocks are multiples of it


def write_tiles(
    cube: xr.DataArray,
    path: Path,
    side: int,
    *,
    overwrite: bool = False,
    creation_options: Mapping[str, object] | None = None,
    storage: Storage = FLOAT32,
    measuring: Callable[[da.Array], Measuring | None] | None = None,
    resume: bool = False,
    report: Report | None = None,
    progress: Progress = SILENT,
) -> list[Location]:
    """Write a cube as a folder of tiles.

    Args:
        cube: (beta, band, y, x) or (band, y, x), from `rangegeo.raster`.
        path: of the folder.
        side: pixels a side of a tile; the last ones may be smaller.
        overwrite, creation_options, storage, measuring, resume, report, progress: as of
            `rangegeo.stores.geotiff.write_geotiff`.
    Returns:
        The paths of the VRTs, in the order of the betas.
    Raises:
        OutputError: the folder cannot be written. UsageError: the side or an option cannot be used.
    """
    cube = as_4d(cube)
    check_tiles(cube, path, side, overwrite=overwrite, dtype=storage.dtype)
    profile = finished_profile(cube, storage.dtype, creation_options)
    cube = evenly_chunked(cube)
    request = request_of(cube, storage, **{"format": "tiles", "side": side, "creation options": profile})
    with drafted(path, request, storage, outputs=[path], overwrite=overwrite, resume=resume) as draft:
        stored = draft_array(cube, draft, storage)
        facts, (entries,) = write_blocks(block_writing(cube, stored, storage, draft), measuring, progress=progress)
        facts |= storage.facts([entry.loss for entry in entries], facts_of(cube))
        completion = Completion.of(cube, facts, sampled(stored, storage), storage, profile, overviews=True)
        folder = draft.bench / FOLDER
        (folder / TILES).mkdir(parents=True, exist_ok=True)
        windows = _windows(cube, side)
        names = {
            layer: {at: tile_name(vrt, at, windows) for at in windows}
            for layer, vrt in enumerate(vrt_paths(cube, folder, path.name))
        }
        made = _make_tiles(draft, folder, stored, completion, windows, names, progress)
        _make_vrts(vrt_paths(cube, folder, path.name), completion, windows, names, made)
        if path.exists():
            check_folder(path)  # again: files may have come meanwhile
        exchange(folder, path, draft.folder)
    if report is not None:
        report(facts)
    return list(vrt_paths(cube, path, path.name))


def check_tiles(
    cube: xr.DataArray,
    path: Location,
    side: int,
    *,
    overwrite: bool,
    resume: bool = False,
    dtype: str = "float32",
    creation_options: Mapping[str, object] | None = None,
) -> None:
    """Refuse a folder or options before any work is done. Only a folder of tiles is ever replaced.

    Raises:
        UsageError: an option or the name of the folder cannot be used. OutputError: the folder cannot be written.
    """
    check_side(side)
    check_name(path)
    finished_profile(cube, dtype, creation_options)
    assert isinstance(path, Path)
    if path.exists():
        check_folder(path)
        if not overwrite:
            replace = f"add {argument('overwrite', True)} to replace it"
            raise OutputError(f"{path} exists and was left as it is; {replace}, or give another {argument('out')}")
    check_destination(path.with_name(f"{path.name}.vrt"), int(ROOM * stored_bytes(cube, dtype)), overwrite=True)


def check_side(side: int) -> None:
    """Refuse a size of tiles that GDAL cannot cut into blocks.

    Raises:
        UsageError: it is no multiple of 16.
    """
    if side < SMALLEST or side % SMALLEST:
        raise UsageError(argument="tiles", expected="a multiple of 16 pixels", got=side, example=1024)


def check_name(path: Location) -> None:
    """Refuse a path that is the name of a file or of a store, or lies in a bucket."""
    if not isinstance(path, Path):
        raise UsageError(f"{argument('tiles')} writes a folder of this machine, got {path}; give a path")
    if path.suffix.lower() in (".tif", ".tiff", ".zarr", ".vrt"):
        bare = argument("out", path.with_suffix(""))
        raise UsageError(
            f"{argument('tiles')} writes a folder, got {argument('out', path)}; leave out the suffix: {bare}"
        )


def check_folder(path: Path) -> None:
    """Refuse to replace anything but a folder of tiles without other files in it.

    Raises:
        OutputError: it is something else.
    """
    ours = (".vrt", ".qml", ".tif", ".json", ".xml")
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else []
    if not any(file.suffix == ".vrt" for file in files) or any(file.suffix not in ours for file in files):
        raise OutputError(f"{path} is no folder of tiles and was left as it is; give another {argument('out')}")


def vrt_paths(cube: xr.DataArray, folder: Path, name: str) -> list[Path]:
    """The VRT of each beta: NAME_beta0.5.vrt and so on if there are several, else NAME.vrt."""
    return output_paths(cube, folder / f"{name}.vrt")


def tile_name(vrt: Path, at: tuple[int, int], windows: Mapping[tuple[int, int], Window]) -> str:
    """The file name of the tile at a row and a column, with as many digits in all tiles."""
    rows, cols = (max(place[axis] for place in windows) for axis in (0, 1))
    stem, beta, value = vrt.stem.rpartition("_beta")
    place = f"r{at[0]:0{len(str(rows))}}_c{at[1]:0{len(str(cols))}}"
    return f"{stem or value}_{place}{beta}{value if stem else ''}.tif"


def _windows(cube: xr.DataArray, side: int) -> dict[tuple[int, int], Window]:
    """The pixels of each tile, by its row and its column."""
    rows, cols = (list(enumerate(cut(cube.sizes[axis], side))) for axis in ("y", "x"))
    return {(i, j): (row, col) for (i, row), (j, col) in product(rows, cols)}


def _make_tiles(
    draft: Draft,
    folder: Path,
    stored: zarr.Array,
    completion: Completion,
    windows: Mapping[tuple[int, int], Window],
    names: Mapping[int, Mapping[tuple[int, int], str]],
    progress: Progress,
) -> set[str]:
    """Make the tiles that an earlier run has not made; returns the names of all that have data."""
    journal = draft.journal(TILES)
    known = journal.done(lambda top, left, entry: objects_are_sound(folder, entry)) if draft.continued else {}
    made = {Path(key).name for entry in known.values() for key in entry.checksums}
    progress.stage("finishing tiles", len(windows) - len(known), "tile")
    for at, window in windows.items():
        if at in known:
            continue
        checksums = {}
        for layer, of_layer in names.items():
            name = of_layer[at]
            tile = folder / TILES / name
            if make_tile(stored, completion, window, layer, tile):
                checksums[f"{TILES}/{name}"] = checksum(tile.read_bytes())
                made.add(name)
        journal.write(*at, Entry(checksums=checksums))
        progress.advance(1)
    return made


def _make_vrts(
    vrts: Sequence[Path],
    completion: Completion,
    windows: Mapping[tuple[int, int], Window],
    names: Mapping[int, Mapping[tuple[int, int], str]],
    made: set[str],
) -> None:
    """Make the VRT of each beta, and its style and its colours beside it."""
    grid = {name: completion.draft[name] for name in ("height", "width", "crs", "transform")}
    for layer, vrt in enumerate(vrts):
        write_vrt(
            vrt,
            [(windows[at], f"{TILES}/{name}") for at, name in names[layer].items() if name in made],
            grid=grid,
            names=completion.names,
            storage=completion.storage,
            layer=layer,
            tags={"AREA_OR_POINT": "Area", **completion.tags[layer]},
        )
        completion.paint_preview(vrt, vrt.with_name(f"{vrt.stem}_rgb.tif"), layer)
        vrt.with_suffix(".qml").write_text(completion.style, encoding="utf-8")


def make_tile(stored: zarr.Array, completion: Completion, window: Window, layer: int, tile: Path) -> bool:
    """Make the GeoTIFF of a window of the stored values; returns whether any of its pixels has data."""
    rows, cols = window
    transform = completion.draft["transform"] @ Affine.translation(cols.start, rows.start)
    size: dict[str, Any] = {"height": rows.stop - rows.start, "width": cols.stop - cols.start, "transform": transform}
    draft, any_data, storage = tile.with_name(f"draft-{tile.name}"), False, completion.storage
    with rasterio.open(draft, "w", **completion.draft | size) as file:
        file.descriptions = completion.names
        if storage.scale is not None and storage.offset is not None:
            file.scales, file.offsets = storage.scale[layer].tolist(), storage.offset[layer].tolist()
        for part in tiled(window, min(stored.chunks[2:])):
            values = np.asarray(stored[layer, :, part[0], part[1]])
            if not is_hole(values, storage.nodata):
                any_data = True
                at = (
                    slice(part[0].start - rows.start, part[0].stop - rows.start),
                    slice(part[1].start - cols.start, part[1].stop - cols.start),
                )
                file.write(values, window=rasterio.windows.Window.from_slices(*at))
    if any_data:
        with rasterio.open(draft, "r+") as file:
            file.update_tags(**completion.tags[layer], **{OF_FOLDER: "yes", TAG: sample_text(file)})
        compress(draft, tile, completion.profile, sides=stored.chunks[2:])
    draft.unlink()
    return any_data
