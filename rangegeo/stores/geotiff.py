"""Cubes as Cloud Optimized GeoTIFF, one file a beta, each with a style and a colour preview beside it.

Bands are not interleaved by pixel, because QGIS would take seconds to draw a file of 1280 bands. GDAL's COG driver can
keep bands apart only from 3.11 on, so its GTiff driver writes the same layout with COPY_SRC_OVERVIEWS. The blocks are
written to a Zarr store in the draft of the output, see `rangegeo.stores.drafts`, so any scheduler of dask can compute
them and an interrupted run can be continued. Each file is then made from the store. Only finished files get their final
names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product, repeat
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import rasterio
import rasterio.shutil
import xarray as xr
import zarr
from rasterio.enums import Resampling
from rasterio.io import DatasetWriter

from rangegeo.colours.fit import Colours, fit_colours
from rangegeo.grid.crs import wkt_of
from rangegeo.grid.pyramid import overview_factors
from rangegeo.grid.samples import sample_lattice
from rangegeo.grid.windows import Window, cut
from rangegeo.schema.complete import band_names
from rangegeo.schema.cube import as_4d, geobox_of
from rangegeo.schema.facts import Facts, computed_from, facts_of
from rangegeo.stores.arrays import block_writing, draft_array, evenly_chunked
from rangegeo.stores.attributes import plain_attributes
from rangegeo.stores.beside import files_of, preview_path, style_path
from rangegeo.stores.blocks import Measuring, Report, stored_bytes, write_blocks
from rangegeo.stores.drafts import committed, drafted, request_of
from rangegeo.stores.geotiff_crs import check_crs
from rangegeo.stores.geotiff_journal import keep_values
from rangegeo.stores.geotiff_options import FEW_BANDS, compression, raster_type, with_options
from rangegeo.stores.geotiff_sample import TAG, sample_text
from rangegeo.stores.legend import Classes, Ramp, drawn_range, legend_of
from rangegeo.stores.qml import qgis_style
from rangegeo.stores.quantise import FLOAT32, Storage
from rangegeo.support.destination import check_destination
from rangegeo.support.location import Location, Place, located
from rangegeo.support.progress import SILENT, Progress, watched_file
from rangegeo.support.text import printable

FILES_AT_ONCE = 2  # finished at the same time
ROOM = 3.7  # times the raw bytes: the stored values, a draft with its overviews, and a file that does not compress


def write_geotiff(
    cube: xr.DataArray,
    path: str | Location,
    *,
    overwrite: bool = False,
    overviews: bool = True,
    creation_options: Mapping[str, object] | None = None,
    storage: Storage = FLOAT32,
    measuring: Callable[[da.Array], Measuring | None] | None = None,
    resume: bool = False,
    report: Report | None = None,
    progress: Progress = SILENT,
) -> list[Location]:
    """Write a cube as Cloud Optimized GeoTIFF, block by block.

    Args:
        cube: (beta, band, y, x) or (band, y, x), from `rangegeo.raster`.
        path: the file, or an object in a bucket; several betas are written to NAME_beta0.5.tif and so on instead.
        overwrite: whether existing files are replaced, and what an interrupted run left is thrown away.
        overviews: whether the file has overviews; without them it is a plain tiled GeoTIFF.
        creation_options: options of GDAL's GTiff or COG driver, such as {"COMPRESS": "DEFLATE"}.
        storage: how values are stored, from `rangegeo.stores.quantise.fit_storage`.
        measuring: finds what is measured while the cube is computed, `rangegeo.cubes.proof.Measuring.of`.
        resume: whether to continue what an interrupted run of the same request left.
        report: called with what was measured and with what storing the values cost.
        progress: is told how far the work is.
    Returns:
        The paths of the embeddings, in the order of the betas. NAME.qml and NAME_rgb.tif lie beside each of them.
    Raises:
        OutputError: a destination cannot be written. Nothing was touched.
        UsageError: a creation option cannot be used. Nothing was touched.
    """
    path, cube = located(path), as_4d(cube)
    paths = output_paths(cube, path)
    check_outputs(cube, path, overwrite=overwrite, resume=resume, dtype=storage.dtype)
    profile = finished_profile(cube, storage.dtype, creation_options)
    cube = evenly_chunked(cube)
    options = {"format": "COG" if overviews else "GeoTIFF", "creation options": profile}
    everything = [made for output in paths for made in files_of(cube, output)]
    request = request_of(cube, storage, **options)
    with drafted(path, request, storage, outputs=everything, overwrite=overwrite, resume=resume) as draft:
        stored = draft_array(cube, draft, storage)
        facts, (entries,) = write_blocks(block_writing(cube, stored, storage, draft), measuring, progress=progress)
        facts |= storage.facts([entry.loss for entry in entries], facts_of(cube))
        sample = sampled(stored, storage)
        completion = Completion.of(cube, facts, sample, storage, profile, overviews=overviews)
        finished = [draft.bench / output.name for output in paths]
        progress.stage("finishing files", len(paths) * completion.nbytes, "byte")
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:  # GDAL releases the interpreter while it compresses
            list(pool.map(completion.run, repeat(stored), finished, range(len(paths)), repeat(progress)))
        for output, final in zip(finished, paths, strict=True):
            for made in files_of(cube, output):
                draft.commit(made, final.with_name(made.name))
    if report is not None:
        report(facts)
    return paths


def sampled(stored: zarr.Array, storage: Storage) -> np.ndarray:
    """(betas, bands, n) a sample of the pixels, for colours and styles."""
    rows, cols = sample_lattice((stored.shape[2], stored.shape[3]))
    sample = np.empty((*stored.shape[:2], len(rows), len(cols)), np.float32)

    def read(window: Window) -> None:
        of_rows, of_cols = _within(rows, window[0]), _within(cols, window[1])
        if of_rows.start == of_rows.stop or of_cols.start == of_cols.stop:
            return
        block = np.asarray(stored[:, :, window[0], window[1]])[:, :, rows[of_rows] - window[0].start]
        block = block[..., cols[of_cols] - window[1].start]
        for layer, values in enumerate(block):
            sample[layer, :, of_rows, of_cols] = storage.decode(values, layer)

    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        list(pool.map(read, _blocks_of(stored)))
    return sample.reshape(*stored.shape[:2], -1)


def _blocks_of(stored: zarr.Array) -> Iterator[Window]:
    """The windows of pixels that the chunks of an array hold."""
    rows, cols = (cut(length, side) for length, side in zip(stored.shape[2:], stored.chunks[2:], strict=True))
    return product(rows, cols)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Completion:
    """How drafts become finished files, once all values are written.

    Attributes:
        names: the names of the bands.
        tags: the metadata of each beta.
        storage: how values are stored.
        colours: paints the previews, which all betas share.
        style: the text of the QGIS styles.
        draft: the creation options of an uncompressed file that overviews are made in.
        profile: the creation options of the finished files.
        overviews: whether the finished files have overviews.
    """

    names: list[str]
    tags: list[dict[str, str]]
    storage: Storage
    colours: Colours | Classes | Ramp
    style: str
    draft: dict[str, Any]
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
    ) -> Completion:
        """Fit the colours and the style to a sample (betas, bands, n) of the pixels of a cube."""
        names = band_names(cube)
        betas = cube["beta"].values.tolist() if "beta" in cube.coords else [None]
        ranges = [drawn_range(band) for band in sample.swapaxes(0, 1)[:3]]
        legend = legend_of(cube, ranges[0])
        return cls(
            names=names,
            tags=[_tags(_described(cube) | facts, beta) for beta in betas],
            storage=storage,
            colours=legend or fit_colours(np.concatenate(list(sample), axis=1).T, names=names),
            style=qgis_style(names, ranges) if legend is None else legend.style(names),
            draft=_draft_profile(cube, storage),
            profile=profile,
            overviews=overviews,
        )

    @property
    def nbytes(self) -> int:
        """What counts as work: the values of a file, those of its overviews, and both again when it is compressed."""
        return 2 * (self._values + self._overviews)

    @property
    def _values(self) -> int:
        size = np.dtype(self.draft["dtype"]).itemsize
        return self.draft["count"] * self.draft["height"] * self.draft["width"] * size

    @property
    def _overviews(self) -> int:
        factors = overview_factors((self.draft["height"], self.draft["width"])) if self.overviews else []
        return sum(self._values // factor**2 for factor in factors)

    def run(self, stored: zarr.Array, finished: Path, layer: int, progress: Progress) -> None:
        """Make the finished file, its preview and its style from a beta of the stored values.

        Args:
            progress: counts `nbytes`.
        """
        draft = finished.with_name(f"draft-{finished.name}")
        with rasterio.open(draft, "w", **self.draft) as file:
            file.descriptions = tuple(map(printable, self.names))  # GDAL writes them as XML
            if isinstance(self.colours, Classes):
                file.write_colormap(1, self.colours.colour_table)
            elif self.storage.scale is not None and self.storage.offset is not None:
                file.scales, file.offsets = self.storage.scale[layer].tolist(), self.storage.offset[layer].tolist()
            for rows, cols in _blocks_of(stored):
                values = np.asarray(stored[layer, :, rows, cols])
                if not is_hole(values, self.storage.nodata):
                    file.write(values, window=rasterio.windows.Window.from_slices(rows, cols))
                progress.advance(values.nbytes)
        with rasterio.open(draft, "r+") as file:
            tags = {name: printable(str(value)) for name, value in self.tags[layer].items()}
            file.update_tags(**tags, **{TAG: sample_text(file)})
        self.paint_preview(draft, preview_path(finished), layer)
        work = self._values, self._overviews
        compress(
            draft,
            finished,
            self.profile,
            overviews=self.overviews,
            sides=stored.chunks[2:],
            progress=progress,
            work=work,
            how=Resampling.mode if isinstance(self.colours, Classes) else Resampling.average,
        )
        if isinstance(self.colours, Classes):
            self.colours.write_table(finished, self.names[0])
        style_path(finished).write_text(self.style, encoding="utf-8")
        draft.unlink()

    def paint_preview(self, draft: Path, preview: Path, layer: int) -> None:
        """Paint a draft on its own grid, block by block."""
        with rasterio.open(draft) as source:
            grid = {key: source.profile[key] for key in ("height", "width", "crs", "transform")}
            with rgb_file(preview, **grid) as file:
                for _, window in source.block_windows(1):
                    values = self.storage.decode(source.read(window=window), layer)
                    file.write(self.colours.paint(values), window=window)


def _within(lines: np.ndarray, part: slice) -> slice:
    """Which of these rising lines lie in a part of all lines."""
    return slice(*np.searchsorted(lines, (part.start, part.stop)))


def is_hole(values: np.ndarray, nodata: float) -> bool:
    """Whether stored values are all nodata."""
    return bool((np.isnan(values) if np.isnan(nodata) else values == nodata).all())


def output_paths(cube: xr.DataArray, path: Place) -> list[Place]:
    """The path of each beta: NAME_beta0.5.tif and so on if there are several, else NAME.tif."""
    if "beta" not in cube.dims or cube.sizes["beta"] == 1:
        return [path]
    return [path.with_name(f"{path.stem}_beta{beta:.12g}{path.suffix}") for beta in cube["beta"].values]


def check_outputs(
    cube: xr.DataArray,
    path: Location,
    *,
    overwrite: bool,
    resume: bool = False,
    dtype: str = "float32",
    creation_options: Mapping[str, object] | None = None,
) -> None:
    """Refuse options and destinations before any work is done. Every file that would be written is checked.

    Files that an interrupted run had finished are no obstacle if it is to be continued.

    Raises:
        UsageError: a creation option cannot be used.
        OutputError: a file cannot be written.
    """
    check_crs(geobox_of(cube))
    finished_profile(cube, dtype, creation_options)
    finished = committed(path) if resume else []
    for output in output_paths(cube, path):
        for made in reversed(files_of(cube, output)):
            nbytes = int(ROOM * stored_bytes(cube, dtype)) if made == output else 0
            check_destination(made, nbytes, overwrite=overwrite or made.name in finished)


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


def finished_profile(cube: xr.DataArray, dtype: str, creation_options: Mapping[str, object] | None) -> dict[str, Any]:
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


def compress(
    draft: Path,
    finished: Path,
    profile: dict[str, Any],
    *,
    overviews: bool = True,
    sides: tuple[int, ...] | None = None,
    progress: Progress = SILENT,
    work: tuple[int, int] = (0, 0),
    how: Resampling = Resampling.average,
) -> None:
    """Copy a draft to a compressed file, with overviews in front of its pixels as in a COG.

    Args:
        sides: rows and columns of the blocks that the file keeps checksums of; None for none.
        work: bytes of the values and of the overviews, which `progress` counts.
        how: the pixels of overviews are made.
    """
    values, of_overviews = work
    if overviews:
        with watched_file(draft, of_overviews, progress), rasterio.open(draft, "r+") as file:
            file.build_overviews(overview_factors(file.shape), how)
    if sides is not None:
        keep_values(draft, (sides[0], sides[1]), profile, overviews=overviews)
    with watched_file(finished, values + of_overviews, progress):  # which copies the journal too
        rasterio.shutil.copy(draft, finished, copy_src_overviews=overviews, copy_src_mdd=True, **profile)


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
    compress(draft, finished, profile | compression("uint8"))
    draft.unlink()
