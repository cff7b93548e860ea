"""`rangegeo.fit_map`: from labels to a map that was tested."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.cubes.spec import RasterSpec, provenance
from rangegeo.engine.tolerance import TOLERANCE, check_tolerance
from rangegeo.errors import GridWarning, PlaceWarning, UsageError, argument, for_python
from rangegeo.evaluation.answers import Finishing
from rangegeo.evaluation.background import background_of
from rangegeo.evaluation.blocks import BlockSide
from rangegeo.evaluation.features import feature_recipe
from rangegeo.evaluation.fitting import Fit, Splitting, fit
from rangegeo.evaluation.labels import CLASSES, Labels
from rangegeo.evaluation.lazy import LazyMap
from rangegeo.evaluation.page import Page, check_page, write_page
from rangegeo.evaluation.reading import read_labels, rows_of
from rangegeo.evaluation.report import Told, page_of
from rangegeo.evaluation.stored import packed, read_stored, same_model, unpacked, write_stored
from rangegeo.evaluation.tested import BLOCK, PROBE, MapScores
from rangegeo.field.recipe import Recipe
from rangegeo.grid import pixel_arc_deg
from rangegeo.grid.crs import CrsLike
from rangegeo.grid.extent import Area, choose_extent
from rangegeo.grid.like import RasterLike, own_labels
from rangegeo.grid.polygons import AreaLike
from rangegeo.models.device import resolve_device
from rangegeo.models.load import load_model, loaded
from rangegeo.models.model import Model
from rangegeo.models.spec import ModelSpec
from rangegeo.schema.cube import geobox_of
from rangegeo.support.earth import METRES_A_DEGREE
from rangegeo.support.optional import import_optional
from rangegeo.support.paths import local_path
from rangegeo.support.text import counted
from rangegeo.weights.demo import FOLDER

# The largest error of interpolation, in standard deviations of a target, or as a logit. Labels are rarely so exact, and
# the float32 features of the embedded model move answers by up to a tenth of it.
MAP_TOLERANCE = 1e-3
DEMO_KM = 100  # that the embedded model can tell apart


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedMap:
    """What was learned from labels: a map of any extent. Make it with `rangegeo.fit_map`, or read it with `load`.

    Attributes:
        model: that gives the embeddings.
        recipe: the bands that were learned from.
        labels: what was learned from.
        fit: what was learned.
        beta: of the embedding; None for components.
        splitting: how it was tested.
    """

    model: Model
    recipe: Recipe
    labels: Labels
    fit: Fit
    beta: float | None
    splitting: Splitting

    @property
    def scores(self) -> MapScores:
        """How well labels are predicted that were left out."""
        return self.fit.scores

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know about the labels, one line each."""
        return tuple(map(for_python, self.fit.remarks))

    def __repr__(self) -> str:
        names = ", ".join(answer.name for answer in self.fit.answers)
        return f"<rangegeo map of {names} from {counted(len(self.labels), 'label')}>\n{self.scores}"

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write what was learned to one file, without the model, which is named by its files and their hashes.

        Args:
            path: ending in .npz.
        Raises:
            UsageError: the name has another suffix. OutputError: the file exists, or cannot be written.
        """
        arrays, facts = packed(self.fit, self.labels)
        model = asdict(self.model.spec)
        facts |= {
            "model": model,
            "beta": self.beta,
            "splitting": asdict(self.splitting) | {"block": str(self.fit.side)},
        }
        return write_stored(path, arrays, facts, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path, *, model: Model | None = None) -> FittedMap:
        """Read what `save` wrote.

        Args:
            model: the same model, if it is loaded already; None to load it from the files that are named.
        Raises:
            UsageError: the file is none of these, or the model is another one.
            WeightsError: a file of the model is missing, or has changed.
        """
        arrays, facts = read_stored(path)
        told = facts["model"]
        spec = ModelSpec.of(told | {"device": resolve_device("auto") if model is None else model.spec.device})
        if model is not None and not same_model(model.spec, spec):
            raise UsageError(f"{path} was learned from {spec.name} with other files; leave out {argument('model')}")
        if model is None and spec.wrapped is not None and not spec.wrapped.is_installed:  # a file imports no code
            raise UsageError(
                f"{path} was learned from {spec.name}, an encoder of your own; wrap it again, and give the model itself"
            )
        found = loaded(spec) if model is None else model
        learned, labels = unpacked(arrays, facts)
        splitting = Splitting(**(facts["splitting"] | {"block": learned.side}))
        recipe = feature_recipe(found, facts["beta"])
        return cls(model=found, recipe=recipe, labels=labels, fit=learned, beta=facts["beta"], splitting=splitting)

    def raster(
        self,
        bbox: Sequence[float] | None = None,
        res: float | Sequence[float] | None = None,
        *,
        like: RasterLike | None = None,
        aoi: AreaLike | None = None,
        aoi_layer: str | None = None,
        all_touched: bool = False,
        crs: CrsLike | None = None,
        bbox_crs: CrsLike | None = None,
        align: bool = False,
        spread: bool = True,
        probabilities: bool = False,
        mask_unlike: bool = False,
        tolerance: float = MAP_TOLERANCE,
        exact: bool = False,
        chunks: int | str = "auto",
    ) -> xr.DataArray:
        """The map of a box, of an area, or on the grid of another raster, computed when it is used.

        The extent is given as for `rangegeo.raster`.

        Args:
            spread: add a band with the spread of each target: see `rangegeo.evaluation.spread`.
            probabilities: add a band with the probability of each class.
            mask_unlike: leave out pixels unlike all labels, see `rangegeo.evaluation.unlike`; they are NaN.
            tolerance: the largest error of interpolation, from 4e-6 to 0.1, in standard deviations of the labels, or of
                logits for classes.
            exact: evaluate every pixel and interpolate none.
            chunks: pixels a side of a chunk, a multiple of 16.
        Returns:
            float32 with dims (band, y, x). Numbers have a band with the name of the target; classes one with their
            positions in the attribute `classes`, and one with the probability of that class; presence one with its
            suitability, from 0 to 1. NaN outside the domain of the projection and outside the area.
        Raises:
            UsageError, GridError: as of `rangegeo.raster`.
        """
        geobox, area = choose_extent(
            bbox,
            res,
            crs=crs,
            bbox_crs=bbox_crs,
            align=align,
            like=like,
            aoi=aoi,
            aoi_layer=aoi_layer,
            all_touched=all_touched,
        )
        for doubt in self.doubts(geobox):
            warnings.warn(GridWarning(doubt), stacklevel=2)
        within = None if exact else check_tolerance(tolerance)
        finishing = self.finishing(spread=spread, probabilities=probabilities, mask_unlike=mask_unlike)
        return self.lazy(geobox, finishing, area=area, labels=own_labels(like), tolerance=within, chunks=chunks).cube

    def report(
        self, path: str | Path, cube: xr.DataArray | Sequence[xr.DataArray] = (), *, overwrite: bool = False
    ) -> Path:
        """Write one page about the map: its picture, its scores fold by fold, its errors, and what to cite.

        Args:
            path: ending in .html, for one file with its pictures in it, or in .md, whose pictures lie beside it in the
                folder NAME_files.
            cube: the map, from `raster` or from `rangegeo.open_cube`; or several, the files of one map. Without it the
                page has no picture of the map.
            overwrite: whether a page that exists is replaced.
        Raises:
            UsageError: the name has another suffix, or the cube is no map of these targets. OutputError: the page
                exists, or cannot be written. MissingPackage: matplotlib is not installed.
        """
        import_optional("matplotlib", "the pictures of a report")
        path = local_path(path)
        check_page(path, overwrite=overwrite, name="path")
        cubes = [cube] if isinstance(cube, xr.DataArray) else list(cube)
        return write_page(self.page(cubes, cubes), path)

    def page(
        self,
        cubes: Sequence[xr.DataArray],
        drawn: Sequence[xr.DataArray],
        spelled: Callable[[str], str] = for_python,
    ) -> Page:
        """The page that `report` writes.

        Args:
            cubes: the map, which the words are about.
            drawn: the same, perhaps with larger pixels, which its pictures are drawn from.
            spelled: spells the arguments in remarks.
        """
        doubts = [doubt for cube in cubes[:1] for doubt in self.doubts(geobox_of(cube))]
        told = Told(
            facts=provenance(self.model, self.recipe) | self.facts(self.finishing()),
            remarks=list(map(spelled, (*self.fit.remarks, *doubts))),
            spread=list(self.spread_lines()),
        )
        return page_of(self.fit, self.labels, self.model, told, cubes, drawn)

    def spread_lines(self) -> Iterator[str]:
        """How far the spread of each target covers the errors in blocks that were left out, one line each."""
        for answer in self.fit.answers:
            scale = answer.scale
            if scale.covered == scale.covered:
                yield (
                    f"{answer.name}: the spread is {scale.factor:.2g} times that of the {len(answer.members)} probes, "
                    f"which alone covers {scale.raw:.0%} of the errors in blocks that were left out; one spread covers "
                    f"{scale.covered:.0%}, and 1.645 cover {scale.covered_wide:.0%}"
                )

    def doubts(self, geobox: GeoBox) -> Iterator[str]:
        """What a user should know about a grid, one line each."""
        wide = pixel_arc_deg(geobox) * METRES_A_DEGREE / 1000
        if self.model.spec.weights is not None and Path(self.model.spec.weights).parent == FOLDER and wide < DEMO_KM:
            yield (
                f"pixels of {wide:.2g} km are finer than what the embedded model can tell apart, about {DEMO_KM} km, "
                f"so the map is smooth between them; {argument('weights', 'official')} sees landscapes of some km"
            )

    def finishing(self, *, spread: bool = True, probabilities: bool = False, mask_unlike: bool = False) -> Finishing:
        """What the bands of a map are; the arguments are those of `raster`."""
        return Finishing(
            answers=self.fit.answers,
            spread=spread,
            probabilities=probabilities,
            likeness=self.fit.likeness if mask_unlike else None,
        )

    def lazy(
        self, geobox: GeoBox, finishing: Finishing, *, area: Area | None, tolerance: float | None, **options: Any
    ) -> LazyMap:
        """The map on a grid; `options` are those of `RasterSpec.of`."""
        recipe = replace(self.recipe, projection=finishing.probes(self.fit.scaling))
        if (
            self.model.spec.planet is not None and tolerance is not None
        ):  # nothing is interpolated, and answers have units of their own
            tolerance = TOLERANCE
        spec = RasterSpec.of(self.model, geobox, recipe, area=area, tolerance=tolerance, **options)
        return LazyMap.of(spec, finishing, self.facts(finishing))

    def facts(self, finishing: Finishing) -> dict[str, Any]:
        """What a file says about the map."""
        names = [answer.name for answer in self.fit.answers]
        found: dict[str, Any] = {
            "long_name": f"{', '.join(names)}, predicted from {self.model.spec.name}",
            "target": ", ".join(names),
            "labels": len(self.labels),
            "learned_from": "S, G and q" if self.beta is None and self.model.has_beta else self._bands,
            "blocks": str(self.fit.side),
            "folds": self.splitting.folds,
            "seeds": self.splitting.seeds,
            "scores": str(self.scores),
        }
        if finishing.likeness is not None:
            found["masked"] = "pixels unlike all labels"
        for answer in self.fit.answers:
            value, spread = self.scores.value(answer.name, BLOCK, PROBE)
            found |= {f"score_{answer.name}": value, f"score_spread_{answer.name}": spread}
            if finishing.spread and answer.scale.covered == answer.scale.covered:
                found[f"spread_covers_{answer.name}"] = answer.scale.covered
        classes = {answer.name: list(answer.classes) for answer in finishing.answers if answer.kind == CLASSES}
        if classes and len(finishing.answers) == 1:
            return found | {"classes": classes[names[0]]}
        return found | {f"classes_{name}": own for name, own in classes.items()}

    @property
    def _bands(self) -> str:
        return "the embedding" if self.beta is None else f"the embedding at beta {self.beta:g}"


def fit_map(
    labels: Any,
    target: str | Sequence[str] | None = None,
    *,
    model: Model | str = "RANGE+",
    beta: float | None = None,
    classes: bool = False,
    weight: str | None = None,
    background: Any = None,
    block: str | None = None,
    folds: int = 5,
    seeds: int = 2,
    seed: int = 0,
    baselines: bool = True,
) -> FittedMap:
    """Learn a map from places where something is known.

    Linear probes of the embeddings are fitted by scikit-learn: ridge regression for numbers, multinomial logistic
    regression for classes, logistic regression for places where something was found. They are tested on blocks of the
    Earth that were left out.

    Args:
        labels: a DataFrame, a GeoDataFrame of points or of polygons, a table of another library, or the path of any
            file that `rangegeo points` reads. A polygon gives places in it.
        target: the column to be mapped, or several. A column of text holds classes. With `background` it may be left
            out, or name a column that says the same in every row, such as that of the species.
        model: from `rangegeo.load_model`, or a name, to load with its default weights.
        beta: learn from the embedding at this beta, in [0, 1], instead of S, G and q side by side.
        classes: whether numbers are codes of classes.
        weight: the column with the weights of the labels, from 0 on; None for equal ones.
        background: for labels that are places where something was found: a table of places that stand for where it
            was not, or how many random ones are put into the box around the labels. All places of the background
            together weigh as much as all labels. The map says how suitable a place is, from 0 to 1.
        block: the side of the blocks, such as "200km" or "10deg"; None for the largest one up to about 1100 km that
            leaves four blocks for each fold.
        folds: of the blocks; each is predicted from the others.
        seeds: how often the blocks are put into folds anew.
        seed: of the first of these.
        baselines: whether the nearest labels and smooth functions of the place are tested in the same folds.
    Returns:
        A map with `.scores`, `.raster(bbox, res)`, `.save` and `.load`.
    Raises:
        UsageError: the labels cannot be learned from, or an argument is out of its range; the message says what to do.
        TableError: a file cannot be read as a table of places.
    """
    side = None if block is None else BlockSide.parse(block)
    splitting = Splitting(block=side, folds=folds, seeds=seeds, seed=seed, baselines=baselines)
    model = load_model(model) if isinstance(model, str) else model
    rows = rows_of(labels)
    places = None if background is None else background_of(rows, background, model, seed)
    known = read_labels(rows, target, classes=classes, weight=weight, background=places)
    found = learn(known, model, beta, splitting)
    for remark in found.fit.remarks:
        warnings.warn(PlaceWarning(remark), stacklevel=2)
    return found


def learn(labels: Labels, model: Model, beta: float | None, splitting: Splitting) -> FittedMap:
    """The map of labels that are known to be sound. Raises as `fit_map`."""
    recipe = feature_recipe(model, beta)
    learned = fit(labels, model, recipe, splitting)
    return FittedMap(model=model, recipe=recipe, labels=labels, fit=learned, beta=beta, splitting=splitting)
