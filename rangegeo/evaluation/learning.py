"""`rangegeo.fit_map`: from labels to a map that was tested."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Unpack

from rangegeo.errors import PlaceWarning
from rangegeo.evaluation.background import background_of, labels_of
from rangegeo.evaluation.blocks import BlockSide
from rangegeo.evaluation.features import feature_recipe
from rangegeo.evaluation.fitting import Splitting, fit
from rangegeo.evaluation.labels import Labels
from rangegeo.evaluation.maps import FittedMap
from rangegeo.evaluation.reading import ReadingOptions, reading_of, rows_of
from rangegeo.grid.crs import CrsLike
from rangegeo.grid.vectors import AreaLike
from rangegeo.models.load import load_model
from rangegeo.models.model import Model


def fit_map(
    labels: Any,
    target: str | Sequence[str] | None = None,
    *,
    model: Model | str = "RANGE+",
    beta: float | None = None,
    classes: bool = False,
    weight: str | None = None,
    background: Any = None,
    aoi: AreaLike | None = None,
    aoi_layer: str | None = None,
    bbox_crs: CrsLike | None = None,
    clip: bool = True,
    block: str | None = None,
    folds: int = 5,
    seeds: int = 2,
    seed: int = 0,
    baselines: bool = True,
    **reading: Unpack[ReadingOptions],
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
            was not, or how many random ones. All places of the background together weigh as much as all labels. The
            map says how suitable a place is, from 0 to 1.
        aoi, aoi_layer, bbox_crs: the area in which random places of the background are drawn, given as for
            `rangegeo.raster`; labels outside it are left out. None for the box around the labels.
        clip: whether predictions of numbers are limited to the range of the labels. In blocks that are left out it is
            the range of the labels that are not.
        block: the side of the blocks, such as "200km" or "10deg"; None for the largest one up to about 1100 km that
            leaves four blocks for each fold.
        folds: of the blocks; each is predicted from the others.
        seeds: how often the blocks are put into folds anew.
        seed: of the first of these.
        baselines: whether the nearest labels and smooth functions of the place are tested in the same folds.
        reading: how a table is read, as the options of `rangegeo map` say it: `lon` and `lat`, the columns with the
            places, and `labels_crs`, their CRS; for files `layer`, `input_format`, `delimiter`, `quoting`, `encoding`
            and `decimal` too. A table of the background is read in the same way.
    Returns:
        A map with `.scores`, `.raster(bbox, res)`, `.predict(places)`, `.save` and `.load`.
    Raises:
        UsageError: the labels cannot be learned from, or an argument is out of its range; the message says what to do.
        TableError: a file cannot be read as a table of places.
    """
    side = None if block is None else BlockSide.parse(block)
    splitting = Splitting(block=side, folds=folds, seeds=seeds, seed=seed, baselines=baselines)
    way = reading_of(reading)
    beside = background_of(background, way, aoi, aoi_layer, bbox_crs)
    model = load_model(model) if isinstance(model, str) else model
    known = labels_of(rows_of(labels, way), target, model, classes=classes, weight=weight, background=beside, seed=seed)
    found = learn(known, model, beta, splitting, clip=clip)
    for remark in found.fit.remarks:
        warnings.warn(PlaceWarning(remark), stacklevel=2)
    return found


def learn(labels: Labels, model: Model, beta: float | None, splitting: Splitting, *, clip: bool = True) -> FittedMap:
    """The map of labels that are known to be sound. Raises as `fit_map`."""
    recipe = feature_recipe(model, beta)
    learned = fit(labels, model, recipe, splitting, clip=clip)
    return FittedMap(model=model, recipe=recipe, labels=labels, fit=learned, beta=beta, splitting=splitting)
