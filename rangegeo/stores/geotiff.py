"""Cubes as Cloud Optimized GeoTIFF, one file a beta, with a style and a colour preview beside it.

Never PIXEL-interleaved: a 1280-band file would take QGIS seconds to draw. GDAL's COG driver can keep bands apart
from 3.11 on (TILE); before, its GTiff driver with COPY_SRC_OVERVIEWS writes the same layout with BAND. Blocks
stream into an unfinished file in a hidden folder beside the final one, where those without data stay holes; only
finished files get the final names.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import xarray as xr
from dask.delayed import Delayed
from rasterio.enums import Resampling
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from rangegeo.colours.fit import HIGH, LOW, fit_colours
from rangegeo.errors import OutputError
from rangegeo.grid.pyramid import overview_factors
from rangegeo.grid.samples import sample_lattice
from rangegeo.schema.cube import as_4d, geobox_of
from rangegeo.stores.blocks import Report, is_empty, stored_bytes, write_blocks
from rangegeo.stores.geotiff_crs import check_crs
from rangegeo.stores.geotiff_options import FEW_BANDS, compression, raster_type, with_options
from rangegeo.stores.qml import style
from rangegeo.stores.quantise import FLOAT32, Loss, Storage
from rangegeo.support.destination import check_destination

FILES_AT_ONCE = 2
ROOM = 2.7  # times the raw bytes: the unfinished file with overviews, and a finished one that does not compress


def write_geotiff(
    cube: xr.DataArray,
    path: str | Path,
    *,
    overwrite: bool = False,
    overviews: bool = True,
    creation_options: Mapping[str, object] | None = None,
    storage: Storage = FLOAT32,
    measured: Delayed | None = None,
    report: Report | None = None,
) -> list[Path]:
    """Write a cube as Cloud Optimized GeoTIFF, block by block.

    Args:
        cube: (beta, band, y, x) or (band, y, x), from `rangegeo.raster`.
        path: of the file; with several betas, NAME_beta0.5.tif and so on are written instead.
        overwrite: replace files that are there.
        overviews: False for a plain tiled GeoTIFF.
        creation_options: of GDAL's GTiff or COG driver, as COMPRESS: "DEFLATE".
        storage: how values are stored, from `rangegeo.stores.quantise`.
        measured: metadata that is known once the cube is computed, from `rangegeo.cubes.proof.proof`.
        report: told of this metadata, and of what storing the values lost.
    Returns:
        The paths of the embeddings, in the order of the betas. NAME.qml and NAME_rgb.tif lie beside each.
    Raises:
        OutputError: a destination cannot be written. UsageError: a creation option cannot be had. Nothing was touched.
    """
    path, cube = Path(path), as_4d(cube)
    paths = output_paths(cube, path)
    check_outputs(cube, path, overwrite=overwrite, dtype=storage.dtype)
    names = cube["band_name"].values.tolist()
    profile = _finished_profile(cube, storage.dtype, creation_options)
    betas = cube["beta"].values.tolist() if "beta" in cube.coords else [None]
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name}-unfinished-") as folder:
        drafts = [Path(folder) / f"draft-{output.name}" for output in paths]
        sample, facts = _write_drafts(cube, drafts, storage, measured)
        colours = fit_colours(np.concatenate(list(sample), axis=1).T, names=names)
        qml = style(names, [_range(band) for band in sample.swapaxes(0, 1)[:3]])
        finished = [Path(folder) / output.name for output in paths]

        def complete(output: Path, draft: Path, layer: int) -> None:
            with rasterio.open(draft, "r+") as file:
                file.descriptions = names
                if storage.scale is not None:
                    file.scales, file.offsets = storage.scale[layer].tolist(), storage.offset[layer].tolist()
                file.update_tags(**_tags(cube.attrs | facts, betas[layer]))
            _preview(draft, _preview_path(output), lambda stored: colours.paint(storage.decode(stored, layer)))
            _finish(draft, output, profile, overviews=overviews)
            output.with_suffix(".qml").write_text(qml)
            draft.unlink()

        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:  # GDAL compresses outside the interpreter's lock
            list(pool.map(complete, finished, drafts, range(len(betas))))
        for output, final in zip(finished, paths, strict=True):  # all is well: each takes its name
            for made in (_preview_path(output), output.with_suffix(".qml"), output):
                os.replace(made, final.parent / made.name)
    if report is not None:
        report(facts)
    return paths


def _write_drafts(
    cube: xr.DataArray, drafts: list[Path], storage: Storage, measured: Delayed | None
) -> tuple[np.ndarray, dict]:
    """Stream the blocks into one uncompressed file a beta.

    Returns:
        (betas, bands, n) a sample of the pixels, and the facts that were measured.
    """
    rows, cols = sample_lattice(cube.shape[2:])
    sample = np.empty((*cube.shape[:2], len(rows), len(cols)), np.float32)
    writing = threading.Lock()
    with ExitStack() as open_files:
        profile = _draft_profile(cube, storage)
        files = [open_files.enter_context(rasterio.open(draft, "w", **profile)) for draft in drafts]

        def write(block: np.ndarray, top: int, left: int) -> Loss | None:
            window = Window(left, top, block.shape[3], block.shape[2])
            taken_rows, taken_cols = _within(rows, top, block.shape[2]), _within(cols, left, block.shape[3])
            sample[:, :, taken_rows, taken_cols] = block[:, :, rows[taken_rows] - top][..., cols[taken_cols] - left]
            if is_empty(block):  # stays a hole in the file
                return None
            stored, lost = storage.encode(block)
            with writing:
                for file, values in zip(files, stored, strict=True):
                    file.write(values.astype(profile["dtype"], copy=False), window=window)
            return lost

        facts, (losses,) = write_blocks(cube, write, measured, scheduler="threads")
    return sample.reshape(*cube.shape[:2], -1), facts | storage.facts(losses, cube.attrs)


def _within(places: np.ndarray, start: int, length: int) -> slice:
    """Which of some rising places lie in a block."""
    return slice(*np.searchsorted(places, (start, start + length)))


def _range(values: np.ndarray) -> tuple[float, float]:
    """The lowest and highest value that are drawn; those of a band without data do not matter."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (LOW, HIGH)).tolist() if finite.size else (0.0, 1.0)
    return low, high


def output_paths(cube: xr.DataArray, path: Path) -> list[Path]:
    """One path a beta: NAME_beta0.5.tif if there are several, else NAME.tif."""
    if "beta" not in cube.dims or cube.sizes["beta"] == 1:
        return [path]
    return [path.with_name(f"{path.stem}_beta{beta:.12g}{path.suffix}") for beta in cube["beta"].values]


def check_outputs(
    cube: xr.DataArray,
    path: Path,
    *,
    overwrite: bool,
    dtype: str = "float32",
    creation_options: Mapping[str, object] | None = None,
) -> None:
    """Refuse destinations and options before any work is done: every file that would be written is looked at."""
    check_crs(geobox_of(cube))
    _finished_profile(cube, dtype, creation_options)
    for output in output_paths(cube, path):
        if output.is_dir():
            raise OutputError(f"{output} is a folder and was left as it is; give another -o")
        check_destination(output, int(ROOM * stored_bytes(cube, dtype)), overwrite=overwrite)
        for beside in (output.with_suffix(".qml"), _preview_path(output)):
            check_destination(beside, 0, overwrite=overwrite)


def _preview_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}_rgb{path.suffix}")


def _layout(cube: xr.DataArray) -> dict:
    bands = cube.sizes["band"]
    block = 256 if bands <= FEW_BANDS else 128
    return {"driver": "GTiff", "tiled": True, "blockxsize": block, "blockysize": block, "interleave": "band"}


def _draft_profile(cube: xr.DataArray, storage: Storage) -> dict:
    """Creation options of the draft that blocks stream into."""
    geobox = geobox_of(cube)
    return _layout(cube) | {
        "bigtiff": "yes",
        "sparse_ok": True,
        **raster_type(storage.dtype),
        "count": cube.sizes["band"],
        "height": cube.sizes["y"],
        "width": cube.sizes["x"],
        "crs": geobox.crs.to_wkt(),
        "transform": geobox.affine,
        "nodata": storage.nodata,
    }


def _finished_profile(cube: xr.DataArray, dtype: str, creation_options: Mapping[str, object] | None) -> dict:
    """Creation options of the finished file: the usual ones, and what was asked for in their place."""
    usual = _layout(cube) | {"bigtiff": "if_safer", "num_threads": "all_cpus", "sparse_ok": True, **compression(dtype)}
    return with_options(usual, creation_options, cube.sizes["band"], dtype)


def _tags(attrs: dict, beta: float | None) -> dict[str, str]:
    """Provenance as GeoTIFF metadata."""
    tags = {key: str(value) for key, value in attrs.items() if key != "grid_mapping"}
    return tags if beta is None else tags | {"beta": repr(beta)}


def _finish(draft: Path, finished: Path, profile: dict, *, overviews: bool = True) -> None:
    """One compressed copy of the draft, its overviews in front of its pixels."""
    if overviews:
        with rasterio.open(draft, "r+") as file:
            file.build_overviews(overview_factors(file.shape), Resampling.average)
    rasterio.shutil.copy(draft, finished, copy_src_overviews=overviews, **profile)


def _preview(source_path: Path, finished: Path, paint: Callable[[np.ndarray], np.ndarray]) -> None:
    """The colours of a finished draft, on its grid."""
    with rasterio.open(source_path) as source:
        grid = {key: source.profile[key] for key in ("height", "width", "crs", "transform")}
        with rgb_file(finished, **grid) as file:
            for _, window in source.block_windows(1):
                file.write(paint(source.read(window=window)), window=window)


@contextmanager
def rgb_file(finished: Path, **grid: object) -> Iterator[DatasetWriter]:
    """A three-band uint8 file for the eye, 0 where there is no data, open for writing; compressed when left."""
    draft = finished.with_name(f"draft-{finished.name}")
    layout = {"driver": "GTiff", "tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "pixel"}
    profile = layout | {"photometric": "rgb"}
    with rasterio.open(draft, "w", **profile, **grid, count=3, dtype="uint8", nodata=0) as file:
        file.descriptions = ("red", "green", "blue")
        yield file
    _finish(draft, finished, profile | compression("uint8"))
    draft.unlink()
