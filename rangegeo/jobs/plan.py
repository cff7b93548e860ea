"""What a raster would cost: pixels, bytes, evaluations, time and objects. Nothing is written or downloaded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from rangegeo.cubes.cost import Plan
from rangegeo.cubes.cost import plan as cost_of
from rangegeo.cubes.projection import check_components, taken_projection
from rangegeo.cubes.size import check_pixels
from rangegeo.cubes.spec import RasterSpec, checked_side
from rangegeo.engine.tolerance import TOLERANCE
from rangegeo.field.recipe import Projection, Recipe
from rangegeo.grid.crs import CrsLike
from rangegeo.grid.like import RasterLike
from rangegeo.grid.polygons import AreaLike
from rangegeo.jobs.options import Content, Engine, Extent, RasterOutput
from rangegeo.jobs.plan_tiles import tiles_take
from rangegeo.jobs.raster import check_output, check_room
from rangegeo.models.model import Model
from rangegeo.models.recipes import diagnostics_of, recipe_of
from rangegeo.models.sketch import Sketch, sketch
from rangegeo.models.spec import ModelSpec
from rangegeo.schema.bands import Bands
from rangegeo.schema.betas import Betas, one_spelling
from rangegeo.stores.arrays import CHUNK_BYTES
from rangegeo.stores.formats import Format, choose_format
from rangegeo.stores.quantise import check_dtype
from rangegeo.stores.taken import read_taken
from rangegeo.support.location import located
from rangegeo.support.text import counted, human_bytes

if TYPE_CHECKING:
    from rangegeo.engine.values import AnyEvaluator

NOWHERE = ModelSpec(name="", weights=None, db=None, device="cpu", weights_sha256=None, db_sha256=None)
# Bytes on disk for each byte before compression, of 512 bands of the embedded model; workflows/guide/storage.md.
STORED = {
    ".zarr": {"float32": 0.65, "float16": 0.45, "int16": 0.11, "int8": 0.02},
    ".tif": {"float32": 0.7, "float16": 0.31, "int16": 0.21, "int8": 0.17},
}
# Dollars for 1000 PUT requests at list prices: aws.amazon.com/s3/pricing (us-east-1, standard),
# cloud.google.com/storage/pricing (class A, standard), azure.microsoft.com/pricing/details/storage/blobs (hot, LRS).
REQUESTS = 3  # at most, for each stored chunk: it is written, an entry of the journal is, and it is copied to its place
PUTS = {"s3": 0.005, "gs": 0.005, "az": 0.0065}
METADATA = 20  # objects of a Zarr store that are no chunks: metadata, coordinates and the journal


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterPlan(Plan):
    """What a raster will cost, and what it will take on disk.

    Attributes:
        out: where it would be written; None if that was not said.
        stored: bytes on disk, compressed, as far as can be foreseen.
        objects: files, or objects of a bucket.
        dollars: at most, for what a bucket takes for PUT and COPY requests at list prices; None for anything else.
        missing: files that would be downloaded first.
    """

    out: object = None
    stored: int = 0
    objects: int = 0
    dollars: float | None = None
    missing: tuple[str, ...] = ()

    def details(self) -> Iterator[str]:
        """What is not in the line of the plan itself, a line each."""
        puts = "" if self.dollars is None else f", at most ${self.dollars:.2f} for requests at list prices"
        yield (
            f"about {counted(self.evaluations, 'evaluation')}; about {human_bytes(self.stored)} on disk in "
            f"{counted(self.objects, 'file' if self.dollars is None else 'object')}{puts}"
        )
        if self.missing:
            yield f"would be downloaded first, so the time was not probed: {', '.join(self.missing)}"

    def __str__(self) -> str:
        return Plan.__str__(self)


def plan(
    bbox: Sequence[float] | None = None,
    res: float | Sequence[float] | None = None,
    *,
    like: RasterLike | None = None,
    aoi: AreaLike | None = None,
    aoi_layer: str | None = None,
    all_touched: bool = False,
    model: Model | str = "RANGE+",
    weights: str | None = None,
    db: str | None = None,
    betas: Betas | None = None,
    crs: CrsLike | None = None,
    bbox_crs: CrsLike | None = None,
    align: bool = False,
    layout: str = "betas",
    bands: Bands = "all",
    pca: int | None = None,
    pca_from: str | None = None,
    tolerance: float = TOLERANCE,
    exact: bool = False,
    chunks: int | str = "auto",
    beta: Betas | None = None,
    dtype: str = "float32",
    format: str | None = None,
    path: str | Path | None = None,
) -> RasterPlan:
    """What a raster would cost: its shape, bytes, evaluations, time and files. Nothing is written or downloaded.

    Args:
        bbox, res, like, aoi, aoi_layer, all_touched, model, betas, crs, bbox_crs, align, layout, bands, pca, pca_from,
            tolerance, exact, chunks, beta: as `rangegeo.raster` takes them.
        weights, db: of a model that is named; as `rangegeo.load_model` takes them. If they would have to be downloaded,
            the time is not known.
        dtype: float32, float16, int16 or int8, that values would be stored as.
        format: "zarr", "cog" or "gtiff"; by default what the suffix of `path` says, else "zarr".
        path: where it would be written, also s3://, gs:// or az://, which is not asked; a local path is checked.
    Returns:
        Its `str` is one line; `details` gives more.
    Raises:
        UsageError: an argument is wrong, or the raster is too large. OutputError: the path cannot be written to, or its
            disk is too small.
    """
    given = one_spelling(betas, beta)
    content = Content(
        model=model if isinstance(model, str) else model.spec.planet or model.spec.name,
        weights=weights,
        db=db,
        betas=() if given is None else tuple(np.atleast_1d(given).tolist()),
        layout=layout,
        bands=bands if isinstance(bands, str) else (bands,) if isinstance(bands, int) else tuple(bands),
        pca=pca,
        pca_from=pca_from,
    )
    extent = Extent(
        bbox=bbox,
        res=res,
        crs=crs,
        bbox_crs=bbox_crs,
        align=align,
        like=like,
        aoi=aoi,
        aoi_layer=aoi_layer,
        all_touched=all_touched,
    )
    out = located("raster.zarr" if format in (None, "zarr") else "raster.tif") if path is None else located(path)
    side = None if chunks == "auto" else cast(int, chunks)
    output = RasterOutput(out=out, format=format, dtype=check_dtype(dtype), chunks=side, overwrite=True)
    engine = Engine(tolerance=None if exact else tolerance, exact=exact)
    found = None if isinstance(model, str) else model
    return plan_request(extent, content, engine, output, model=found, to_be_written=path is not None)


def plan_request(
    extent: Extent,
    content: Content,
    engine: Engine,
    output: RasterOutput,
    *,
    model: Model | None = None,
    to_be_written: bool = True,
) -> RasterPlan:
    """The plan of a request. If its model is here, it is timed for a moment.

    Args:
        model: the model; None to find it by its name.
        to_be_written: whether the output is checked.
    Raises:
        as `rangegeo.jobs.raster.RasterJob.prepare`, but for what only the model's files can tell.
    """
    content.check()
    engine.check()
    geobox, area = extent.choose()
    check_pixels(geobox)
    form = choose_format(output.out, output.format)
    to_be_written = to_be_written and isinstance(output.out, Path)  # a bucket is not asked
    if to_be_written:
        check_output(form, output, several=len(content.betas) > 1)
    absent = None if model is not None else absent_model(content)
    if absent is None:
        model = model or content.load(engine.device)
        recipe, smooth_deg, spec = content.recipe(model), model.evaluator.smooth_deg, model.spec
    else:
        recipe, smooth_deg, spec = _recipe(absent, content), absent.smooth_deg, NOWHERE
    recipe = _projected(recipe, content, model)
    raster = RasterSpec(
        geobox=geobox,
        area=area,
        model=spec,
        recipe=recipe,
        tolerance=engine.chosen_tolerance if model is None else model.checked_tolerance(engine.chosen_tolerance),
        side=checked_side("auto" if output.chunks is None else output.chunks, recipe.bands),
        smooth_deg=smooth_deg,
        has_beta=content.info.has_beta and bool(recipe.betas),
        provenance={},
    )
    if to_be_written:
        check_room(raster, output)
    found = planned(raster, None if model is None else model.evaluator, output, form)
    return found if absent is None else replace(found, missing=absent.missing)


def absent_model(content: Content) -> Sketch | None:
    """The sketch of a model that would have to be downloaded; None if it is here."""
    return None if content.is_planet else sketch(str(content.model), str(content.weights or "") or None, content.db)


def planned(spec: RasterSpec, evaluator: AnyEvaluator | None, output: RasterOutput, form: Format) -> RasterPlan:
    """The plan of a raster that is written to an output.

    Args:
        evaluator: of the model; None if its files are not here.
    """
    cost = cost_of(spec, evaluator, output.dtype, *form.rates)
    to_zarr = form.suffixes == (".zarr",)
    objects = _chunks(spec, output) if to_zarr else 3 * spec.recipe.layers
    more = 0
    if output.tiles is not None:
        objects, more = tiles_take(spec, output)
    price = PUTS.get(getattr(located(output.out), "scheme", ""))
    return RasterPlan(
        **{name: getattr(cost, name) for name in Plan.__dataclass_fields__},
        out=output.out,
        stored=int(cost.nbytes * cost.share * STORED[".zarr" if to_zarr else ".tif"][output.dtype]) + more,
        objects=objects,
        dollars=None if price is None else REQUESTS * _chunks(spec, output) / 1000 * price,
    )


def _chunks(spec: RasterSpec, output: RasterOutput) -> int:
    """The objects of a Zarr store, without overviews."""
    share = 1.0 if spec.area is None else spec.area.reach
    blocks = math.ceil(share * len(spec.rows) * len(spec.cols))
    if str(output.creation_options.get("SHARDS", "NO")).upper() == "YES":
        return blocks + METADATA
    bands = max(1, CHUNK_BYTES // (spec.side**2 * np.dtype(output.dtype).itemsize))
    return blocks * spec.recipe.layers * math.ceil(spec.recipe.bands / bands) + METADATA


def _recipe(found: Sketch, content: Content) -> Recipe:
    """Layers and bands of a model that is not here."""
    return recipe_of(
        found.name,
        found.row,
        found.visual,
        found.location,
        diagnostics_of(found.row),
        betas=content.check(),
        layout=content.layout,
        bands=content.bands,
    )


def _projected(recipe: Recipe, content: Content, model: Model | None) -> Recipe:
    """A recipe with the principal components that are asked for, which are not fitted."""
    if content.pca_from is not None and model is not None:
        return taken_projection(recipe, model, content.pca_from, content.pca)
    count = content.pca
    if count is None and content.pca_from is not None:
        count = len(read_taken(content.pca_from, "pca_from").facts.get("pca_components", [])) or 1
    if count is None:
        return recipe
    check_components(recipe, count)
    bands = recipe.bands
    flat = Projection(
        mean=np.zeros(bands, np.float32),
        directions=np.zeros((count, bands), np.float32),
        explained=np.zeros(count, np.float32),
    )
    return replace(recipe, projection=flat)
