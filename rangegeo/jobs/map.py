"""From labels to a map on disk: learn, test, describe, write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import dask.array as da
import rasterio
import xarray as xr

from rangegeo.cubes.cost import Plan, plan
from rangegeo.engine.values import BandEvaluator
from rangegeo.errors import UsageError, argument, for_shell
from rangegeo.evaluation.background import background_of, labels_of
from rangegeo.evaluation.blocks import BlockSide
from rangegeo.evaluation.fitting import Splitting
from rangegeo.evaluation.labels import CLASSES, check_probabilities
from rangegeo.evaluation.lazy import LazyMap
from rangegeo.evaluation.learning import learn
from rangegeo.evaluation.maps import MAP_TOLERANCE, FittedMap
from rangegeo.evaluation.page import check_page, write_page
from rangegeo.evaluation.parts import Part, parts_of
from rangegeo.evaluation.reading import Reading, ReadingOptions, rows_of_file
from rangegeo.evaluation.stored import check_suffix
from rangegeo.evaluation.study_area import StudyArea
from rangegeo.jobs.map_options import LabelInput, Learning
from rangegeo.jobs.measured import interpolation_line, storage_line, stored_line
from rangegeo.jobs.options import Engine, Extent, RasterOutput
from rangegeo.jobs.scheduler import use_threads
from rangegeo.jobs.write import choose_storage, compute_and_write, warn_of_losses
from rangegeo.picture.maps import picture_paths
from rangegeo.picture.preview import Look, check_picture, preview
from rangegeo.picture.shown import PIXELS
from rangegeo.schema.cube import as_4d
from rangegeo.schema.facts import facts_of
from rangegeo.stores import quantise
from rangegeo.stores.drafts import kept_blocks
from rangegeo.stores.formats import Format, choose_format
from rangegeo.stores.opening import open_cube
from rangegeo.support.destination import check_destination
from rangegeo.support.inputs import check_keeps_inputs
from rangegeo.support.location import Location
from rangegeo.support.optional import import_optional
from rangegeo.support.paths import local_path
from rangegeo.support.progress import SILENT, Progress

if TYPE_CHECKING:
    from rangegeo.stores.quantise import Storage


QUANTISED = ("float16", "int16", "int8")  # dtypes that cost something


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapJob:
    """A map that was learned and can be written; nothing is written yet. Made by `prepare`.

    Attributes:
        fitted: what was learned.
        lazy: the map as dask computes it.
        parts: the outputs, each with how it is stored.
        output: what it is written to.
        format: of the outputs.
        finished: outputs that an interrupted run of the same command had finished.
        doubts: what a user should know about the grid.
        learning: which page about it, and where what was learned is kept.
        facts: what was measured; empty until it is written.
    """

    fitted: FittedMap
    lazy: LazyMap
    parts: tuple[tuple[Part, Storage], ...]
    output: RasterOutput
    format: Format
    finished: tuple[Part, ...]
    doubts: tuple[str, ...]
    learning: Learning
    facts: dict[str, object] = field(default_factory=dict)

    @classmethod
    def prepare(
        cls,
        extent: Extent,
        labels: LabelInput,
        learning: Learning,
        engine: Engine,
        output: RasterOutput,
        *,
        command: str | None = None,
    ) -> MapJob:
        """Check a request, cheap things first, then read the labels, load the model and learn.

        Args:
            command: the command line, kept in the map.
        Raises:
            UsageError: what is wrong with an argument or with the labels. TableError, GridError, WeightsError: a file
                cannot be used. OutputError: an output cannot be written. Nothing was touched.
        """
        side = None if learning.block is None else BlockSide.parse(learning.block)
        names = ("folds", "seeds", "seed", "baselines")
        splitting = Splitting(block=side, **{name: getattr(learning, name) for name in names})
        engine.check()
        within = None if engine.exact else engine.chosen_tolerance if engine.tolerance is not None else MAP_TOLERANCE
        geobox, area = extent.choose()
        form = choose_format(output.out, output.format)
        read = {"like": extent.like, "aoi": extent.aoi, "weights": learning.weights, "db": learning.db}
        check_keeps_inputs(
            [*output.own_paths, ("save", learning.save), ("report", learning.report)],
            labels=labels.labels,
            background=labels.background,
            **read,
        )
        _check_output(form, output, learning, labels.target)
        study = None if area is None else StudyArea.of_grid(area, geobox)
        fitted = _learned(labels, learning, engine, splitting, study)
        bands = {name: getattr(learning, name) for name in ("spread", "probabilities", "mask_unlike")}
        finishing = fitted.finishing(**bands)
        chunks = "auto" if output.chunks is None else output.chunks
        options = {"labels": extent.labels(), "chunks": chunks, "command": command}
        lazy = fitted.lazy(geobox, finishing, area=area, tolerance=within, **options)
        parts = parts_of(lazy, output.out, apart=_is_geotiff(form))
        finished = tuple(part for part in parts if output.resume and _is_finished(part))
        return cls(
            fitted=fitted,
            lazy=lazy,
            parts=tuple(_stored(part, form, output) for part in parts if part not in finished),
            finished=finished,
            output=output,
            format=form,
            doubts=tuple(fitted.doubts(geobox, area, mask_unlike=learning.mask_unlike)),
            learning=learning,
        )

    def remarks(self) -> Iterator[str]:
        """What a user should know about the labels, the scores and the grid, one line each."""
        yield from self.fitted.fit.remarks
        yield from self.fitted.scores.lines()
        yield from self.fitted.spread_lines()
        yield from self.doubts

    def describe(self) -> Iterator[str]:
        """What it will cost; measures the model for a moment."""
        spec, evaluator = self.lazy.raster.spec, self.fitted.model.evaluator
        cost = plan(spec, evaluator, "float32", *self.format.rates)
        for part, storage in self.parts:
            yield f"{part.out}: {_cost(cost, part.cube)}"
            if storage.dtype in QUANTISED:
                yield storage_line(storage, one_scale=self.format.shares_scale(self.output.creation_options))

    @property
    def outputs(self) -> list[Location]:
        """What is written."""
        made = [path for part, _ in self.parts for path in self.format.outputs(part.cube, part.out)]
        others = [path for path in (self.learning.report, self.learning.save) if path is not None]
        return made + _pictures(self.output, [answer.name for answer in self.fitted.fit.answers]) + others

    def write(self, progress: Progress = SILENT) -> list[Location]:
        """Compute the map and write it, and keep what was learned if that is asked for.

        Args:
            progress: is told how far the work is.
        Returns:
            The paths that were written.
        """
        written: list[Location] = [part.out for part in self.finished]
        options = _writer_options(self.format, self.output)
        options |= {"overwrite": self.output.overwrite, "resume": self.output.resume}
        if self.output.overviews:
            options["overviews"] = self.lazy.overviews()
        for part, storage in self.parts:
            facts: dict[str, object] = {}
            written += compute_and_write(part.cube, part.out, self.format, storage, options, facts.update, progress)
            if storage is not quantise.CLASSES:
                warn_of_losses(facts, storage, {})
            self.facts.update(facts)
        if self.learning.save is not None:
            written.append(self.fitted.save(str(self.learning.save), overwrite=self.output.overwrite))
        return written

    def shown(self) -> Iterator[Location]:
        """Paths of the pictures and of the page that are asked for, which are made on the way from what was written."""
        outputs, overwrite = [part.out for part, _ in self.parts], self.output.overwrite
        outputs += [part.out for part in self.finished]
        if self.output.picture is not None:
            yield from preview(outputs, self.output.picture, overwrite=overwrite)
        if self.learning.report is not None:
            cubes, drawn = ([open_cube(path, pixels=pixels) for path in outputs] for pixels in (None, PIXELS))
            yield write_page(self.fitted.page(cubes, drawn, for_shell), local_path(str(self.learning.report)))

    def measured(self) -> Iterator[str]:
        """What was measured while it was written."""
        if self.parts:
            evaluator = self.fitted.model.evaluator
            if isinstance(evaluator, BandEvaluator):
                yield evaluator.told
            else:
                yield interpolation_line(self.facts, self.lazy.raster.spec.tolerance)
        for _, storage in self.parts:
            if storage.dtype in QUANTISED:
                yield stored_line(self.facts, storage)


def _learned(
    labels: LabelInput, learning: Learning, engine: Engine, splitting: Splitting, area: StudyArea | None
) -> FittedMap:
    """What is learned from the table of labels; random places of a background lie in the area, if there is one."""
    way = reading_of_input(labels)
    rows = rows_of_file(labels.labels, way)
    use_threads(engine.threads)
    model = learning.content.load(engine.device)
    beside = background_of(labels.background, way)
    known = labels_of(
        rows,
        labels.target,
        model,
        classes=labels.classes,
        weight=labels.weight,
        background=None if beside is None else replace(beside, area=area),
        seed=learning.seed,
    )
    if learning.probabilities:
        check_probabilities({target.name: target.kind for target in known.targets})
    return learn(known, model, learning.beta, splitting, clip=learning.clip)


def reading_of_input(labels: LabelInput) -> Reading:
    """How the table of labels is read."""
    return Reading(**{name: getattr(labels, name) for name in ReadingOptions.__annotations__})


def _is_finished(part: Part) -> bool:
    """Whether an interrupted run of the same command had finished this output."""
    if isinstance(part.out, Path) and part.out.is_file() and not kept_blocks(part.out):
        with rasterio.open(part.out) as file:
            return bool(file.tags().get("command") == facts_of(part.cube).get("command"))
    return False


def _is_geotiff(form: Format) -> bool:
    return form.suffixes != (".zarr",)


def _cost(cost: Plan, cube: xr.DataArray) -> Plan:
    """What one output of several costs; the time is that of all."""
    return replace(cost, sizes={str(dim): size for dim, size in cube.sizes.items()}, nbytes=cube.nbytes)


def _pictures(output: RasterOutput, targets: Sequence[str]) -> list[Location]:
    """The pictures that are asked for."""
    return [] if output.picture is None else picture_paths(output.picture, targets)


def _check_output(form: Format, output: RasterOutput, learning: Learning, targets: Sequence[str]) -> None:
    """Refuse, before anything is read, outputs and options that cannot be had."""
    if output.overviews and _is_geotiff(form):
        plain = f"leave out {argument('format')} too" if output.format == "gtiff" else "leave it out"
        raise UsageError(f"{argument('overviews')} is for .zarr; a Cloud Optimized GeoTIFF has them anyway, {plain}")
    if output.zarr_format and _is_geotiff(form):
        raise UsageError(f"{argument('zarr_format')} is for .zarr; leave it out")
    form.check_options(dtype=output.dtype, **_writer_options(form, output))
    if not output.resume:
        check_destination(output.out, 0, overwrite=output.overwrite, store=not _is_geotiff(form))
    if output.picture is not None:
        check_picture(output.picture, Look(), "preview")
        for picture in _pictures(output, targets):
            check_destination(picture, 0, overwrite=output.overwrite, other=argument("preview", "PICTURE.png"))
    if learning.report is not None:
        import_optional("matplotlib", argument("report"))
        check_page(local_path(str(learning.report)), overwrite=output.overwrite, name="report")
    if learning.save is not None:
        path = local_path(str(learning.save))
        check_suffix(path, "save")
        check_destination(path, 0, overwrite=output.overwrite, other=argument("save", "LEARNED.npz"))


def _writer_options(form: Format, output: RasterOutput) -> dict[str, object]:
    """Options that the format's writer takes."""
    options: dict[str, object] = {"creation_options": output.creation_options}
    return options | ({} if _is_geotiff(form) else {"zarr_format": output.zarr_format or 3})


def _stored(part: Part, form: Format, output: RasterOutput) -> tuple[Part, Storage]:
    """A part that can be written, and how it is stored."""
    dtype = quantise.CODES if part.kind == CLASSES else output.dtype
    options = _writer_options(form, output) | ({"overviews": True} if output.overviews else {})
    form.check(part.cube, part.out, overwrite=output.overwrite, resume=output.resume, dtype=dtype, **options)
    if part.kind == CLASSES:
        return part, quantise.CLASSES
    storage = choose_storage(
        part.cube,
        dtype,
        lambda: da.asarray(as_4d(part.cube).data),
        one_scale=form.shares_scale(output.creation_options),
        scales_from=output.scales_from,
        continued=part.out if output.resume else None,
    )
    return part, storage
