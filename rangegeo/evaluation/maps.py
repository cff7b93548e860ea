"""A map that was learned from labels, and where it is made."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from odc.geo.geobox import GeoBox

from rangegeo.cubes.spec import RasterSpec, provenance
from rangegeo.engine.tolerance import TOLERANCE, check_tolerance
from rangegeo.errors import GridWarning, UsageError, argument, for_python
from rangegeo.evaluation.answers import Finishing
from rangegeo.evaluation.doubts import far_away, places_of_grid, places_of_map, too_fine
from rangegeo.evaluation.features import bands_at, feature_recipe
from rangegeo.evaluation.fitting import Fit, Splitting
from rangegeo.evaluation.labels import CLASSES, Labels, check_probabilities
from rangegeo.evaluation.lazy import LazyMap
from rangegeo.evaluation.page import Page, check_page, write_page
from rangegeo.evaluation.report import Told, page_of
from rangegeo.evaluation.spread import WIDER
from rangegeo.evaluation.stored import packed, read_stored, same_model, unpacked, write_stored
from rangegeo.evaluation.tested import BLOCK, PROBE, MapScores
from rangegeo.field.recipe import Recipe
from rangegeo.grid.crs import CrsLike
from rangegeo.grid.extent import Area, choose_extent
from rangegeo.grid.like import RasterLike, own_labels
from rangegeo.grid.polygons import AreaLike
from rangegeo.models.device import resolve_device
from rangegeo.models.load import loaded
from rangegeo.models.model import Model
from rangegeo.models.spec import ModelSpec
from rangegeo.places.lonlat import read_places
from rangegeo.schema.cube import geobox_of
from rangegeo.schema.facts import facts_of
from rangegeo.support.optional import import_optional
from rangegeo.support.paths import local_path
from rangegeo.support.text import counted

# The largest error of interpolation, in standard deviations of a target, or as a logit. Labels are rarely so exact, and
# the float32 features of the embedded model move answers by up to a tenth of it.
MAP_TOLERANCE = 1e-3


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
        model = self.model.spec.stored
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
            UsageError, GridError: as of `rangegeo.raster`; or probabilities are asked for, and no target holds classes.
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
        for doubt in self.doubts(geobox, area, mask_unlike=mask_unlike):
            warnings.warn(GridWarning(doubt), stacklevel=2)
        within = None if exact else check_tolerance(tolerance)
        finishing = self.finishing(spread=spread, probabilities=probabilities, mask_unlike=mask_unlike)
        return self.lazy(geobox, finishing, area=area, labels=own_labels(like), tolerance=within, chunks=chunks).cube

    def predict(
        self, places: Any, *, spread: bool = True, probabilities: bool = False, mask_unlike: bool = False
    ) -> pd.DataFrame:
        """The values of the map at places, each evaluated.

        Args:
            places: (n, 2) longitude and latitude in degrees, or a table, as for `Model.encode`.
            spread, probabilities, mask_unlike: as of `raster`.
        Returns:
            A row for each place, with the index of a table of pandas, and a column for each band of `raster`; classes
            have their names. Rows without a place are empty.
        Raises:
            UsageError: as of `raster` and `Model.encode`.
        """
        lonlat, index = read_places(places)
        finishing = self.finishing(spread=spread, probabilities=probabilities, mask_unlike=mask_unlike)
        recipe = replace(self.recipe, projection=finishing.probes(self.fit.scaling))
        placed = np.isfinite(lonlat).all(axis=1)
        values = np.full((len(lonlat), len(finishing.names)), np.nan, dtype=np.float32)
        values[placed] = finishing(bands_at(self.model, recipe, lonlat[placed]).T[:, :, None])[:, :, 0].T
        table = pd.DataFrame(values, index=index, columns=finishing.names)
        for answer in self.fit.answers:
            if answer.kind == CLASSES:
                names = dict(enumerate(answer.classes))
                table[answer.name] = table[answer.name].map(names).astype(object)
        return table

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
        doubts: list[str] = []
        for cube, coarse in zip(cubes[:1], drawn, strict=False):
            if "masked" not in facts_of(cube):
                doubts += far_away(self.labels.lonlat_deg, self.fit.side, places_of_map(coarse))
            doubts += too_fine(self.model, geobox_of(cube))
        told = Told(
            facts=provenance(self.model, self.recipe) | self.facts(self.finishing()),
            remarks=list(map(spelled, (*self.fit.remarks, *self.limit_lines(), *doubts))),
            spread=list(self.spread_lines()),
        )
        return page_of(self.fit, self.labels, self.model, told, cubes, drawn)

    def spread_lines(self) -> Iterator[str]:
        """How many labels in blocks that were left out lie within the spread of each target, one line each."""
        for answer in self.fit.answers:
            scale = answer.scale
            if scale.covered == scale.covered:
                yield (
                    f"{answer.name}: of the labels in blocks that were left out, {scale.covered:.0%} lie within one "
                    f"spread of their prediction (68% should), and {scale.covered_wide:.0%} within {WIDER} spreads "
                    f"(90% should); the spread is {scale.factor:.2g} times how far the {len(answer.members)} probes "
                    f"disagree, within which {scale.raw:.0%} lie"
                )

    def limit_lines(self) -> Iterator[str]:
        """To which range predictions of numbers are limited, one line each."""
        for answer in self.fit.answers:
            if answer.clip is not None:
                low, high = answer.clip
                yield f"{answer.name}: predictions are limited to the range of the labels, {low:.6g} to {high:.6g}"

    def doubts(self, geobox: GeoBox, area: Area | None = None, *, mask_unlike: bool = False) -> Iterator[str]:
        """What a user should know about a grid, and the area on it that is wanted, one line each."""
        if not mask_unlike:
            yield from far_away(self.labels.lonlat_deg, self.fit.side, places_of_grid(geobox, area))
        yield from too_fine(self.model, geobox)

    def finishing(self, *, spread: bool = True, probabilities: bool = False, mask_unlike: bool = False) -> Finishing:
        """What the bands of a map are; the arguments and the errors are those of `raster`."""
        if probabilities:
            check_probabilities({answer.name: answer.kind for answer in self.fit.answers})
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
        if self.labels.background:
            found["background"] = self.labels.background
        if finishing.likeness is not None:
            found["masked"] = "pixels unlike all labels"
        for answer in self.fit.answers:
            value, spread = self.scores.value(answer.name, BLOCK, PROBE)
            found |= {f"score_{answer.name}": value, f"score_spread_{answer.name}": spread}
            if answer.clip is not None:
                found[f"limited_{answer.name}"] = list(answer.clip)
            if finishing.spread and answer.scale.covered == answer.scale.covered:
                found[f"spread_covers_{answer.name}"] = answer.scale.covered
        classes = {answer.name: list(answer.classes) for answer in finishing.answers if answer.kind == CLASSES}
        if classes and len(finishing.answers) == 1:
            return found | {"classes": classes[names[0]]}
        return found | {f"classes_{name}": own for name, own in classes.items()}

    @property
    def _bands(self) -> str:
        return "the embedding" if self.beta is None else f"the embedding at beta {self.beta:g}"
