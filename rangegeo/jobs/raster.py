"""From a request to a raster on disk: prepare, describe, write, and what lies beside the outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from rangegeo.errors import UsageError, argument
from rangegeo.jobs.options import Content, Engine, Extent, RasterOutput
from rangegeo.stores.formats import Format, choose_format
from rangegeo.support.destination import check_destination
from rangegeo.support.inputs import check_keeps_inputs
from rangegeo.support.location import Location
from rangegeo.support.progress import SILENT, Progress

SIZES = {"float32": 4, "float16": 2, "int16": 2, "int8": 1}  # bytes of a stored value

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from rangegeo.cubes.graph import LazyRaster
    from rangegeo.cubes.spec import RasterSpec
    from rangegeo.field.recipe import Recipe
    from rangegeo.grid.coords import Labels
    from rangegeo.grid.extent import Area
    from rangegeo.jobs.extend import Growth
    from rangegeo.models.model import Model
    from rangegeo.picture.preview import Look
    from rangegeo.stores.quantise import Storage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RasterJob:
    """A raster that can be written: everything is checked, and nothing is written yet. Made by `prepare`.

    Attributes:
        raster: the raster as dask computes it.
        cube: the same with coordinates and attributes.
        model: that is evaluated.
        output: what it is written to.
        format: of the output.
        storage: how values are stored.
        overviews: coarser levels of a Zarr store; None if they were not asked for.
        growth: of the store that grows by the raster; None if a new output is made.
        at_once: how many blocks each process may compute at once; None for as many as it has threads.
        facts: what was measured; empty until it is written.
        written: paths of the embeddings; empty until they are written.
    """

    raster: LazyRaster
    cube: xr.DataArray
    model: Model
    output: RasterOutput
    format: Format
    storage: Storage
    overviews: list[xr.DataArray] | None
    growth: Growth | None = None
    at_once: int | None = None
    facts: dict[str, object] = field(default_factory=dict)
    written: list[Location] = field(default_factory=list)

    @classmethod
    def prepare(
        cls, extent: Extent, content: Content, engine: Engine, output: RasterOutput, *, command: str | None = None
    ) -> RasterJob:
        """Check a request, cheap things first, then load the model and plan the raster.

        Args:
            command: the command line, kept in the cube.
        Raises:
            UsageError: what is wrong with an argument. GridError, WeightsError, DownloadError: a file cannot be used.
            OutputError: an output cannot be written. Nothing was touched.
        """
        from rangegeo.cubes.size import check_pixels

        content.check()
        engine.check()
        geobox, area = extent.choose()
        check_pixels(geobox)
        form = choose_format(output.out, output.format) if output.tiles is None else _tiled(output)
        if not output.extend:
            files = {"like": extent.like, "aoi": extent.aoi, "weights": content.weights, "db": content.db}
            check_keeps_inputs(output.own_paths, **files, pca_from=content.pca_from, scales_from=output.scales_from)
        check_output(form, output, several=len(content.betas) > 1)
        return _planned(geobox, area, extent.labels(), content, engine, output, form, command)

    @property
    def blocks(self) -> int:
        """How many blocks are to be written."""
        return self._all_blocks - self.kept

    @property
    def _all_blocks(self) -> int:
        return self.raster.values.npartitions if self.growth is None else self.growth.blocks

    @property
    def kept(self) -> int:
        """How many blocks an interrupted run has written already."""
        from rangegeo.stores.drafts import kept_blocks

        return kept_blocks(self.output.out) if self.output.resume else 0

    def describe(self) -> Iterator[str]:
        """What it will cost, and how it is stored; measures the model for a moment."""
        from rangegeo.cubes.cost import plan
        from rangegeo.jobs.measured import storage_line

        cost = plan(self.raster.spec, self.model.evaluator, self.output.dtype, *self.format.rates)
        yield f"{self.output.out}: {cost}"
        if self.storage.dtype != "float32":
            yield storage_line(self.storage, one_scale=self.format.shares_scale(self.output.creation_options))

    def notes(self) -> Iterator[str]:
        """What is worth a word before it is written."""
        from rangegeo.grid.pyramid import COARSEST

        if self.growth is not None:
            yield from self.growth.notes()
        if self.overviews is not None and not self.overviews:
            yield f"no overviews: at most {COARSEST} pixels a side are read whole"

    def write(self, progress: Progress = SILENT) -> list[Location]:
        """Compute the raster and write it.

        Args:
            progress: is told how far the work is.
        Returns:
            The paths of the embeddings.
        """
        from rangegeo.jobs.write import compute_and_write, warn_of_losses

        if self.growth is not None:
            how = {"resume": self.output.resume, "discard": self.output.overwrite}
            self.written[:] = self.growth.write(**how, facts=self.facts, progress=progress)
            return self.written
        options = _writer_options(self.format, self.output)
        options |= {"overwrite": self.output.overwrite, "resume": self.output.resume}
        if self.overviews is not None:
            options["overviews"] = self.overviews
        self.written[:] = compute_and_write(
            self.cube, self.output.out, self.format, self.storage, options, self.facts.update, progress
        )
        warn_of_losses(self.facts, self.storage, {})
        return self.written

    def measured(self) -> Iterator[str]:
        """What was measured while it was written."""
        from rangegeo.engine.values import BandEvaluator
        from rangegeo.jobs.measured import interpolation_line, stored_line

        if self.growth is not None and not self.growth.grows:
            return
        if isinstance(self.model.evaluator, BandEvaluator):
            yield self.model.evaluator.told
        else:
            yield interpolation_line(self.facts, self.raster.spec.tolerance)
        if self.storage.dtype != "float32":
            yield stored_line(self.facts, self.storage)

    def outputs(self) -> Iterator[Location]:
        """Every path, those of STAC items and of pictures too, which are made on the way."""
        for path in self.written:
            yield path
            if self.output.stac and self.output.tiles is None:
                from rangegeo.stores.stac import write_item

                yield write_item(path)
        if self.output.stac and self.output.tiles is not None:
            from rangegeo.stores.stac_tiles import write_collection

            yield write_collection(self.output.out)
        if self.output.picture is not None:
            from rangegeo.picture.preview import preview

            look = _look(self.output)
            yield from preview(self.written, self.output.picture, look, overwrite=self.output.overwrite)


def check_output(form: Format, output: RasterOutput, *, several: bool) -> None:
    """Refuse, before anything is downloaded or loaded, outputs and options that cannot be had."""
    from rangegeo.stores.drafts import committed, is_arriving

    to_zarr = form.suffixes == (".zarr",)
    if output.overviews and not to_zarr:
        plain = f"leave out {argument('format')} too" if output.format == "gtiff" else "leave it out"
        raise UsageError(f"{argument('overviews')} is for .zarr; a Cloud Optimized GeoTIFF has them anyway, {plain}")
    if output.zarr_format and not to_zarr:
        raise UsageError(f"{argument('zarr_format')} is for .zarr; leave it out")
    if output.extend:
        _check_extend(output, to_zarr=to_zarr)
    form.check_options(dtype=output.dtype, **_writer_options(form, output))
    if output.extend:
        check_destination(output.out, 0, overwrite=True, store=True)
    elif output.tiles is None and ((to_zarr and not is_arriving(output.out)) or (not to_zarr and not several)):
        finished = output.resume and output.out.name in committed(output.out)
        check_destination(output.out, 0, overwrite=output.overwrite or finished, store=to_zarr)
    if output.picture is not None:
        from rangegeo.picture.preview import check_picture

        check_picture(output.picture, _look(output), "preview")
        check_destination(output.picture, 0, overwrite=output.overwrite, other=argument("preview", "PICTURE.png"))
    elif output.stretch is not None:
        raise UsageError(f"{argument('stretch')} is for the picture; add {argument('preview')}, or leave it out")


def _tiled(output: RasterOutput) -> Format:
    """The format of a folder of tiles.

    Raises:
        UsageError: the folder or the side of the tiles cannot be used, or another option does not go with it.
    """
    from rangegeo.stores.formats import tiled_format
    from rangegeo.stores.tiles import check_name

    assert output.tiles is not None
    form = tiled_format(output.tiles)
    check_name(output.out)
    for name, given in (("format", output.format), ("overviews", output.overviews), ("extend", output.extend)):
        if given:
            raise UsageError(
                f"{argument('tiles')} writes a folder of Cloud Optimized GeoTIFFs; leave out {argument(name)}"
            )
    return form


def _check_extend(output: RasterOutput, *, to_zarr: bool) -> None:
    """Refuse options that a store which grows has chosen already."""
    from rangegeo.jobs.extend import local_store

    if not to_zarr:
        raise UsageError(f"{argument('extend', True)} is for .zarr; write another file, and join both: rangegeo mosaic")
    if not local_store(output.out).exists():
        raise UsageError(
            f"{output.out} does not exist, so it cannot grow; leave out {argument('extend', True)} to make it"
        )
    given = {
        "creation_options": output.creation_options,
        "zarr_format": output.zarr_format,
        "chunks": output.chunks,
        "scales_from": output.scales_from,
        "overviews": output.overviews,
    }
    for name in (name for name, value in given.items() if value):
        raise UsageError(f"a store that grows keeps what it has; leave out {argument(name)}")


def check_room(spec: RasterSpec, output: RasterOutput) -> None:
    """Refuse a raster that the disk cannot hold, before its coordinates are made.

    Raises:
        OutputError: there is too little room; the message says how the raster gets smaller.
    """
    if isinstance(output.out, Path):
        share = 1.0 if spec.area is None else spec.area.reach
        nbytes = int(prod(spec.shape) * SIZES[output.dtype] * share)
        smaller = f"give a coarser {argument('res')}, fewer {argument('bands')} or {argument('pca', 3)}"
        store = output.out.is_dir()
        if output.tiles is not None:  # of a folder, whose own check is that of its format
            beside = output.out.with_name(f"{output.out.name}.vrt")
            check_destination(beside, nbytes, overwrite=True, smaller=smaller)
            return
        check_destination(output.out, nbytes, overwrite=True, smaller=smaller, store=store)


def _look(output: RasterOutput) -> Look:
    """How the picture is drawn: all betas side by side."""
    from rangegeo.picture.preview import MAP

    return replace(MAP, stretch=output.stretch or MAP.stretch)


def _writer_options(form: Format, output: RasterOutput) -> dict[str, object]:
    """Options that the format's writer takes."""
    options: dict[str, object] = {"creation_options": output.creation_options}
    return options | ({"zarr_format": output.zarr_format or 3} if form.suffixes == (".zarr",) else {})


def _planned(
    geobox: GeoBox,
    area: Area | None,
    labels: Labels | None,
    content: Content,
    engine: Engine,
    output: RasterOutput,
    form: Format,
    command: str | None,
) -> RasterJob:
    """The job of a request that is known to be sound; loads the model."""
    from rangegeo.cubes.graph import to_dask
    from rangegeo.cubes.outline import outline
    from rangegeo.cubes.overviews import make_overviews
    from rangegeo.cubes.samples import sample_values
    from rangegeo.cubes.spec import RasterSpec
    from rangegeo.jobs.memory import blocks_at_once
    from rangegeo.jobs.scheduler import use_threads
    from rangegeo.jobs.write import choose_storage
    from rangegeo.stores.quantise import ROUND_OFF

    tolerance = engine.chosen_tolerance
    use_threads(engine.threads, with_torch=not content.is_planet)
    model = content.load(engine.device)
    recipe = _recipe(content, output, model, geobox, area)
    chunks = "auto" if output.chunks is None else output.chunks
    spec = RasterSpec.of(
        model, geobox, recipe, area=area, labels=labels, tolerance=tolerance, chunks=chunks, command=command
    )
    at_once = blocks_at_once(engine, spec, model)
    check_room(spec, output)
    expected = outline(spec)
    options = _writer_options(form, output) | ({"overviews": True} if output.overviews else {})
    replaces = output.overwrite or output.extend
    form.check(expected, output.out, overwrite=replaces, resume=output.resume, dtype=output.dtype, **options)
    if output.stac:
        from rangegeo.stores.stac import check_items

        check_items([] if output.tiles else form.outputs(expected, output.out), overwrite=replaces)
    if output.extend:
        return _growing(spec, expected, model, output, form)
    storage = choose_storage(
        expected,
        output.dtype,
        partial(sample_values, spec),
        one_scale=form.shares_scale(output.creation_options),
        scales_from=output.scales_from,
        continued=output.out if output.resume else None,
        round_off=spec.tolerance or ROUND_OFF,
    )
    raster = to_dask(spec)
    return RasterJob(
        raster=raster,
        cube=raster.cube,
        model=model,
        output=output,
        format=form,
        storage=storage,
        overviews=make_overviews(raster) if output.overviews else None,
        at_once=at_once,
    )


def _recipe(content: Content, output: RasterOutput, model: Model, geobox: GeoBox, area: Area | None) -> Recipe:
    """Layers and bands, after any projection. A store that grows has its own principal components."""
    from rangegeo.cubes.projection import taken_projection, with_projection

    recipe = content.recipe(model)
    if content.pca_from is not None:
        return taken_projection(recipe, model, content.pca_from, content.pca)
    if content.pca is not None and output.extend:
        return taken_projection(recipe, model, output.out, content.pca)
    if content.pca is not None:
        return with_projection(recipe, model, geobox, content.pca, area)
    return recipe


def _growing(spec: RasterSpec, expected: xr.DataArray, model: Model, output: RasterOutput, form: Format) -> RasterJob:
    """The job of a store that grows."""
    from rangegeo.cubes.graph import to_dask
    from rangegeo.jobs.extend import Growth, check_growing, local_store

    path = local_store(output.out)
    check_growing(path, expected, output.dtype)  # before tasks are made
    raster = to_dask(spec)
    growth = Growth.of(path, raster.cube, output.dtype)
    return RasterJob(
        raster=raster,
        cube=growth.cube,
        model=model,
        output=output,
        format=form,
        storage=growth.storage,
        overviews=None,
        growth=growth,
    )
