"""Cubes as Cloud Optimized GeoTIFF, one file a beta, each with a style and a colour preview beside it.

Bands are not interleaved by pixel, because QGIS would take seconds to draw a file of 1280 bands. GDAL's COG driver can
keep bands apart only from 3.11 on, so its GTiff driver writes the same layout with COPY_SRC_OVERVIEWS. The blocks are
written to an uncompressed draft in a hidden folder beside the output, where blocks without data stay holes. Only
finished files get their final names.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import xarray as xr
from dask.delayed import Delayed
from rasterio.enums import Resampling
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from rangegeo.colours.fit import HIGH, LOW, Colours, fit_colours
from rangegeo.errors import OutputError, argument
from rangegeo.grid.crs import wkt_of
from rangegeo.grid.pyramid import overview_factors
from rangegeo.grid.samples import sample_lattice
from rangegeo.schema.complete import band_names
from rangegeo.schema.cube import as_4d, geobox_of
from rangegeo.schema.facts import computed_from, facts_of
from rangegeo.stores.attributes import plain_attributes
from rangegeo.stores.blocks import Facts, Report, is_empty, stored_bytes, write_blocks
from rangegeo.stores.geotiff_crs import check_crs
from rangegeo.stores.geotiff_options import FEW_BANDS, compression, raster_type, with_options
from rangegeo.stores.qml import qgis_style
from rangegeo.stores.quantise import FLOAT32, Loss, Storage
from rangegeo.support.destination import check_destination
from rangegeo.support.paths import local_path, split_suffix
from rangegeo.support.unfinished import commit, unfinished_folder

FILES_AT_ONCE = 2  # finished at the same time
ROOM = 2.7  # times the raw bytes: the draft with its overviews, and a finished file that does not compress


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
        path: the file; a cube with several betas is written to NAME_beta0.5.tif and so on instead.
        overwrite: whether existing files are replaced.
        overviews: whether the file has overviews; without them it is a plain tiled GeoTIFF.
        creation_options: options of GDAL's GTiff or COG driver, such as {"COMPRESS": "DEFLATE"}.
        storage: how values are stored, from `rangegeo.stores.quantise.fit_storage`.
        measured: metadata that is known once the cube is computed, from `rangegeo.cubes.proof.proof`.
        report: called with this metadata and with what storing the values cost.
    Returns:
        The paths of the embeddings, in the order of the betas. NAME.qml and NAME_rgb.tif lie beside each of them.
    Raises:
        OutputError: a destination cannot be written. Nothing was touched.
        UsageError: a creation option cannot be used. Nothing was touched.
    """
    path, cube = local_path(path), as_4d(cube)
    paths = output_paths(cube, path)
    check_outputs(cube, path, overwrite=overwrite, dtype=storage.dtype)
    profile = _finished_profile(cube, storage.dtype, creation_options)
    with unfinished_folder(path) as folder:
        drafts = [folder / f"draft-{output.name}" for output in paths]
        sample, facts = _write_drafts(cube, drafts, storage, measured)
        completion = _Completion.of(cube, facts, sample, storage, profile, overviews=overviews)
        finished = [folder / output.name for output in paths]
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:  # GDAL releases the interpreter while it compresses
            list(pool.map(completion.run, drafts, finished, range(len(paths))))
        for output, final in zip(finished, paths, strict=True):
            for made in (_preview_path(output), _style_path(output), output):
                commit(made, final.parent / made.name)
    if report is not None:
        report(facts)
    return paths


def _write_drafts(
    cube: xr.DataArray, drafts: list[Path], storage: Storage, measured: Delayed | None
) -> tuple[np.ndarray, Facts]:
    """Compute a cube and write its blocks to one uncompressed file a beta.

    Returns:
        (betas, bands, n) a sample of the pixels, and the facts that were measured.
    """
    rows, cols = sample_lattice((cube.sizes["y"], cube.sizes["x"]))
    sample = np.empty((*cube.shape[:2], len(rows), len(cols)), np.float32)
    writing = threading.Lock()
    with ExitStack() as open_files:
        profile = _draft_profile(cube, storage)
        files = [open_files.enter_context(rasterio.open(draft, "w", **profile)) for draft in drafts]

        def write(block: np.ndarray, top: int, left: int) -> Loss | None:
            window = Window(left, top, block.shape[3], block.shape[2])
            taken_rows, taken_cols = _within(rows, top, block.shape[2]), _within(cols, left, block.shape[3])
            sample[:, :, taken_rows, taken_cols] = block[:, :, rows[taken_rows] - top][..., cols[taken_cols] - left]
            if is_empty(block):  # it stays a hole in the file
                return None
            stored, lost = storage.encode(block)
            with writing:
                for file, values in zip(files, stored, strict=True):
                    file.write(values.astype(profile["dtype"], copy=False), window=window)
            return lost

        facts, (losses,) = write_blocks(cube, write, measured, scheduler="threads")
    return sample.reshape(*cube.shape[:2], -1), facts | storage.facts(losses, facts_of(cube))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Completion:
    """How drafts become finished files, once all values are written.

    Attributes:
        names: the names of the bands.
        tags: the metadata of each beta.
        storage: how values are stored.
        colours: the colours of the previews, which all betas share.
        style: the text of the QGIS styles.
        profile: the creation options of the finished files.
        overviews: whether the finished files have overviews.
    """

    names: list[str]
    tags: list[dict[str, str]]
    storage: Storage
    colours: Colours
    style: str
    profile: dict[str, Any]
    overviews: bool

    @classmethod
    def of(
        cls,
        cube: xr.DataArray,
        facts: Facts,
        sample: np.ndarray,
        storage: Storage,
        profile: dict[str, Any],
        *,
        overviews: bool,
    ) -> _Completion:
        """Fit the colours and the style to a sample (betas, bands, n) of the pixels of a cube."""
        names = band_names(cube)
        betas = cube["beta"].values.tolist() if "beta" in cube.coords else [None]
        return cls(
            names=names,
            tags=[_tags(_described(cube) | facts, beta) for beta in betas],
            storage=storage,
            colours=fit_colours(np.concatenate(list(sample), axis=1).T, names=names),
            style=qgis_style(names, [_drawn_range(band) for band in sample.swapaxes(0, 1)[:3]]),
            profile=profile,
            overviews=overviews,
        )

    def run(self, draft: Path, finished: Path, layer: int) -> None:
        """Make the finished file, its preview and its style from the draft of a beta, and remove the draft."""
        with rasterio.open(draft, "r+") as file:
            file.descriptions = self.names
            if self.storage.scale is not None and self.storage.offset is not None:
                file.scales, file.offsets = self.storage.scale[layer].tolist(), self.storage.offset[layer].tolist()
            file.update_tags(**self.tags[layer])
        self._paint_preview(draft, _preview_path(finished), layer)
        _compress(draft, finished, self.profile, overviews=self.overviews)
        _style_path(finished).write_text(self.style, encoding="utf-8")
        draft.unlink()

    def _paint_preview(self, draft: Path, preview: Path, layer: int) -> None:
        """Paint a draft on its own grid, block by block."""
        with rasterio.open(draft) as source:
            grid = {key: source.profile[key] for key in ("height", "width", "crs", "transform")}
            with rgb_file(preview, **grid) as file:
                for _, window in source.block_windows(1):
                    values = self.storage.decode(source.read(window=window), layer)
                    file.write(self.colours.paint(values), window=window)


def _within(lines: np.ndarray, start: int, length: int) -> slice:
    """Which of these rising lines lie in a block of `length` lines from `start` on."""
    return slice(*np.searchsorted(lines, (start, start + length)))


def _drawn_range(values: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest value of a band that QGIS draws; any range will do for a band without data."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (LOW, HIGH)).tolist() if finite.size else (0.0, 1.0)
    return low, high


def output_paths(cube: xr.DataArray, path: Path) -> list[Path]:
    """The path of each beta: NAME_beta0.5.tif and so on if there are several, else NAME.tif."""
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
    """Refuse options and destinations before any work is done. Every file that would be written is checked.

    Raises:
        UsageError: a creation option cannot be used.
        OutputError: a file cannot be written.
    """
    check_crs(geobox_of(cube))
    _finished_profile(cube, dtype, creation_options)
    for output in output_paths(cube, path):
        if output.is_dir():
            raise OutputError(f"{output} is a folder and was left as it is; give another {argument('out')}")
        check_destination(output, int(ROOM * stored_bytes(cube, dtype)), overwrite=overwrite)
        for beside in (_style_path(output), _preview_path(output)):
            check_destination(beside, 0, overwrite=overwrite)


def _preview_path(path: Path) -> Path:
    stem, suffix = split_suffix(path)
    return path.with_name(f"{stem}_rgb{suffix}")


def _style_path(path: Path) -> Path:
    return path.with_name(f"{split_suffix(path)[0]}.qml")


def _tiling(cube: xr.DataArray) -> dict[str, Any]:
    """The creation options that the draft and the finished file share; many bands have smaller blocks."""
    block = 256 if cube.sizes["band"] <= FEW_BANDS else 128
    return {"driver": "GTiff", "tiled": True, "blockxsize": block, "blockysize": block, "interleave": "band"}


def _draft_profile(cube: xr.DataArray, storage: Storage) -> dict[str, Any]:
    """The creation options of a draft."""
    geobox = geobox_of(cube)
    return _tiling(cube) | {
        "bigtiff": "yes",
        "sparse_ok": True,
        **raster_type(storage.dtype),
        "count": cube.sizes["band"],
        "height": cube.sizes["y"],
        "width": cube.sizes["x"],
        "crs": wkt_of(geobox),
        "transform": geobox.affine,
        "nodata": storage.nodata,
    }


def _finished_profile(cube: xr.DataArray, dtype: str, creation_options: Mapping[str, object] | None) -> dict[str, Any]:
    """The creation options of a finished file: the defaults, replaced by those that the user gives."""
    usual = _tiling(cube) | {"bigtiff": "if_safer", "num_threads": "all_cpus", "sparse_ok": True, **compression(dtype)}
    return with_options(usual, creation_options, cube.sizes["band"], dtype)


def _described(cube: xr.DataArray) -> dict[str, Any]:
    """What is known about a cube; what was computed from a cube says so."""
    origin = computed_from(cube)
    writer = {"rangegeo_version": version("rangegeo")}  # by which `open_cube` knows its own files
    return writer | ({} if origin is None else {"long_name": origin}) | plain_attributes(facts_of(cube))


def _tags(facts: Mapping[Any, Any], beta: float | None) -> dict[str, str]:
    """Facts as text, which is all that GeoTIFF metadata can hold."""
    tags = {str(key): str(value) for key, value in facts.items()}
    return tags if beta is None else tags | {"beta": repr(beta)}


def _compress(draft: Path, finished: Path, profile: dict[str, Any], *, overviews: bool = True) -> None:
    """Copy a draft to a compressed file, with overviews in front of its pixels as in a COG."""
    if overviews:
        with rasterio.open(draft, "r+") as file:
            file.build_overviews(overview_factors(file.shape), Resampling.average)
    rasterio.shutil.copy(draft, finished, copy_src_overviews=overviews, **profile)


@contextmanager
def rgb_file(finished: Path, **grid: Any) -> Iterator[DatasetWriter]:
    """A three-band uint8 GeoTIFF for the eye, open for writing. It is compressed when the block ends.

    Args:
        finished: its path; meanwhile a draft lies beside it.
        grid: height, width, crs and transform, as rasterio takes them. Pixels without data are 0.
    """
    draft = finished.with_name(f"draft-{finished.name}")
    tiling = {"driver": "GTiff", "tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "pixel"}
    profile: dict[str, Any] = tiling | {"photometric": "rgb"}
    with rasterio.open(draft, "w", **profile, **grid, count=3, dtype="uint8", nodata=0) as file:
        file.descriptions = ("red", "green", "blue")
        yield file
    _compress(draft, finished, profile | compression("uint8"))
    draft.unlink()
