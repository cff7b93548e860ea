"""The page about a map: what it looks like, how it was tested, where it fails, what to cite and how it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from rangegeo.errors import UsageError
from rangegeo.evaluation.answers import Answer
from rangegeo.evaluation.crossvalidation import HeldOut
from rangegeo.evaluation.figures import confusions, draw_errors, draw_folds, png
from rangegeo.evaluation.fitting import Fit
from rangegeo.evaluation.labels import CLASSES, NUMBERS, PRESENCE, Labels
from rangegeo.evaluation.page import Code, Page, Part, Picture, Section, Table
from rangegeo.evaluation.scores import MEASURES, main_measure, shown
from rangegeo.evaluation.tested import BALANCED, BASELINES, BLOCK, WEIGHTED
from rangegeo.models.model import Model
from rangegeo.picture.coastlines import has_lines
from rangegeo.picture.maps import Layer, draw_maps, is_map, layers_of, note_of_map, title_of_map
from rangegeo.picture.shown import decimated
from rangegeo.picture.towns import has_towns
from rangegeo.schema.facts import facts_of
from rangegeo.support.paths import file_names
from rangegeo.support.text import counted

MOST_MISTAKES = 10
SPLITS = {"block": "in blocks that were left out", "random": "at random places"}
UNTOLD = ("long_name", "scores", "command", "citation", "classes", "flag_values", "flag_meanings")  # told elsewhere
SATCLIP = "SatCLIP (arXiv:2311.17179), whose location encoder it uses"
AREA_OF_APPLICABILITY = "the mask of pixels unlike all labels: Meyer and Pebesma 2021, doi:10.1111/2041-210X.13650"
LINES = "coastlines, lakes and borders in pictures: GSHHG and WDBII (LGPL-3.0-or-later)"
TOWNS = "towns in pictures: GeoNames (CC BY 4.0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of a map in words.

    Attributes:
        facts: as its files have them.
        remarks: what a user should know, one line each.
        spread: what the spread covers, one line for each target.
    """

    facts: Mapping[str, Any]
    remarks: Sequence[str]
    spread: Sequence[str]


def page_of(
    fit: Fit,
    labels: Labels,
    model: Model,
    told: Told,
    cubes: Sequence[xr.DataArray],
    drawn: Sequence[xr.DataArray],
) -> Page:
    """The page about a map.

    Args:
        fit: what was learned.
        labels: from which.
        model: of the features.
        told: what is known of the map.
        cubes: the map; none to leave out its pictures.
        drawn: the same, perhaps with larger pixels.
    Raises:
        UsageError: a cube is no map of these targets.
    """
    names = [answer.name for answer in fit.answers]
    layers, coarse = layers_of([_checked(cube, names) for cube in cubes]), layers_of(drawn)
    facts = {**told.facts, **(facts_of(cubes[0]) if cubes else {}), "target": ", ".join(names)}
    title = f"{', '.join(names)}, predicted from {model.spec.name}"
    lead = (
        f"Learned from {counted(len(labels), 'label')} of {labels.name}, and tested in blocks of {fit.side}: each was "
        f"predicted from {counted(facts['folds'] - 1, 'fold')} of other blocks."
    )
    tested = list(zip(fit.answers, fit.held, file_names(names), strict=True))
    maps = [_map(layers[held.target.name], coarse[held.target.name], file) for _, held, file in tested if layers]
    folds = [part for _, held, file in tested for part in _folds(fit, labels, held, file)]
    errors = [part for _, held, file in tested for part in _errors(fit, held, file)]
    sections = [
        Section(title="Map", parts=maps),
        Section(title="Scores", parts=[part for answer in fit.answers for part in _scores(fit, answer)]),
        Section(title="Scores of the folds", parts=folds),
        Section(title="Errors", parts=errors),
        Section(title="How uncertain it is", parts=list(told.spread)),
        Section(title="What to know", parts=list(told.remarks)),
        Section(title="What to cite", parts=list(_cited(model, facts, drawn=bool(cubes)))),
        Section(title="How it was made", parts=list(_made(facts))),
    ]
    return Page(title=title, lead=lead, sections=sections)


def _checked(cube: xr.DataArray, names: Sequence[str]) -> xr.DataArray:
    """A cube that is a map of some of these targets.

    Raises:
        UsageError: it is another one.
    """
    found = set(layers_of([cube])) if is_map(cube) else set()
    if not found or not found <= set(names):
        what = ", ".join(map(repr, sorted(found))) or str(cube.attrs.get("model", cube.name))
        expected = f"a map of {', '.join(map(repr, names))}, from its raster or its file"
        raise UsageError(argument="cube", expected=expected, got=what, remedy="leave it out for a page without a map")
    return cube


def _map(layers: Sequence[Layer], drawn: Sequence[Layer], file: str) -> Picture:
    """The picture of a target, drawn from layers with larger pixels."""
    figure = draw_maps(drawn, note=note_of_map(layers))
    alt = f"Map of {title_of_map(layers)}: {'; '.join(_seen(layer) for layer in drawn)}."
    return Picture(name=f"map_{file}", alt=alt, caption=note_of_map(layers), png=png(figure))


def _seen(layer: Layer) -> str:
    """What a band shows, in words."""
    values = decimated(layer.cube).values
    values = values[np.isfinite(values)]
    if not values.size:
        return f"{layer.heading} has no values"
    if layer.classes is None:
        low, middle, high = np.percentile(values, [0, 50, 100])
        return f"{layer.heading} from {low:.3g} to {high:.3g}, half of it below {middle:.3g}"
    codes, counts = np.unique(values.astype(int), return_counts=True)
    order = np.argsort(-counts)[:5]
    shares = [f"{layer.classes.names[codes[row]]} {counts[row] / values.size:.0%}" for row in order]
    more = f" and {len(codes) - 5} more classes" if len(codes) > 5 else ""
    return f"{layer.heading} is {', '.join(shares)}{more}"


def _scores(fit: Fit, answer: Answer) -> Iterator[Part]:
    """Every score of a target, a row for each method and split; and whether others predict as well."""
    measures = list(MEASURES[answer.kind])
    table = fit.scores.table[fit.scores.table.target == answer.name]
    rows = []
    for (method, split), own in table.groupby(["method", "split"], sort=False):
        found = own.set_index("measure")
        scores = [f"{found.value[name]:.3g} ± {found.spread[name]:.2g}" for name in measures]
        rows.append([BASELINES.get(str(method), "this map"), SPLITS[str(split)], *scores])
    rows.sort(key=lambda row: (row[1] != SPLITS[BLOCK], row[0] != "this map"))
    caption = (
        f"Scores of {answer.name}: over all labels that were left out, ± the standard deviation over the folds"
        f"{_weighed(fit.held[0])}."
    )
    yield Table(caption=caption, columns=["what predicts", "where", *map(shown, measures)], rows=rows)
    yield from fit.scores.verdict(answer.name)


def _folds(fit: Fit, labels: Labels, held: HeldOut, file: str) -> Iterator[Part]:
    """The scores of each fold, where its blocks lie and as a table."""
    name, measure = held.target.name, shown(main_measure(held.target))
    table, measures = held.by_fold, list(MEASURES[held.target.kind])
    scores = ", ".join(f"fold {row.fold} {getattr(row, main_measure(held.target)):.3g}" for row in table.itertuples())
    yield Picture(
        name=f"folds_{file}",
        alt=f"Map of the blocks of {fit.side} in which {name} was tested, by the {measure} of their folds: {scores}.",
        caption=f"Each block has the colour of the {measure} of its fold, and the number of the fold. Dots are labels.",
        png=png(draw_folds(labels, fit.blocks, fit.side, held)),
    )
    rows = [
        [f"fold {row['fold']:.0f}", f"{row['labels']:,.0f}", *(f"{row[each]:.3g}" for each in measures)]
        for row in table.to_dict("records")
    ]
    yield Table(
        caption=f"Scores of {name} in each fold, of the first seed{_weighed(held)}.",
        columns=["fold", "labels", *map(shown, measures)],
        rows=rows,
    )


def _errors(fit: Fit, held: HeldOut, file: str) -> Iterator[Part]:
    """What was predicted of the labels, as a picture and in words."""
    target = held.target
    told = ", ".join(f"{shown(name)} {value:.3g}" for name, value in held.scores.items())
    what = {
        NUMBERS: f"Predictions of {target.name} over its labels, with the line on which both are equal",
        CLASSES: f"Confusion matrix of {target.name}: rows are classes of labels, columns are predicted classes",
    }.get(target.kind, f"Histograms of the suitability of {target.name} at its places and at the background")
    yield Picture(name=f"errors_{file}", alt=f"{what}; {told}.", caption=f"{what}.", png=png(draw_errors(held)))
    if target.kind == NUMBERS:
        return
    own = fit.scores.classes[fit.scores.classes.target == target.name]
    yield Table(
        caption=f"How well each class of {target.name} is predicted in blocks that were left out{_weighed(held)}.",
        columns=["class", "labels", "recall", "precision", "F1"],
        rows=[
            [row["class"], f"{row['labels']:,}", *(f"{row[name]:.3g}" for name in ("recall", "precision", "f1"))]
            for row in own.to_dict("records")
        ],
    )
    if target.kind == CLASSES:
        yield from _mistakes(target.name, confusions(held, MOST_MISTAKES))


def _weighed(held: HeldOut) -> str:
    """How labels count in scores, if they do not all count the same."""
    if held.target.kind == PRESENCE:
        return f"; {BALANCED}"
    return "" if np.ptp(held.weights) == 0 else f"; {WEIGHTED}"


def _mistakes(name: str, found: pd.DataFrame) -> Iterator[Part]:
    """The most frequent mistakes, which tell a confusion matrix to those who cannot see it."""
    if len(found):
        rows = [[row["class"], row["predicted"], f"{row['labels']:,}"] for row in found.to_dict("records")]
        caption = f"The most frequent mistakes with {name}."
        yield Table(caption=caption, columns=["class of the labels", "predicted as", "labels"], rows=rows)


def _cited(model: Model, told: Mapping[str, Any], *, drawn: bool) -> Iterator[Part]:
    """What to cite."""
    if model.citation:
        yield f"{model.spec.name}: {model.citation}"
    if model.row.has_database:
        yield SATCLIP
    if "masked" in told:
        yield AREA_OF_APPLICABILITY
    if has_lines():
        yield LINES
    if drawn and has_towns():
        yield TOWNS
    yield "Name the weights and the database too, and cite where the labels come from."


def _made(told: Mapping[str, Any]) -> Iterator[Part]:
    """The command line, and what is known of the map."""
    if "command" in told:
        yield Code(str(told["command"]))
    rows = [
        [name.replace("_", " "), _text(value)]
        for name, value in told.items()
        if name not in UNTOLD and not name.startswith(("classes_", "score_", "pca_")) and name != "layout"
    ]
    yield Table(caption="What the files of the map say, too.", columns=["fact", "value"], rows=rows)


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
