"""`rangegeo.evaluate`: which encoder, and which beta, knows most of what is to be learned."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from rangegeo.errors import PlaceWarning, UsageError, argument
from rangegeo.evaluation.background import Background, background_of, labels_of
from rangegeo.evaluation.blocks import BlockSide
from rangegeo.evaluation.comparing import Task, compare
from rangegeo.evaluation.comparison import Evaluation
from rangegeo.evaluation.embedded import Encoder, Models, chosen_betas, encoders_of
from rangegeo.evaluation.fitting import Splitting
from rangegeo.evaluation.reading import SHOWN, ReadingOptions, Rows, reading_of, rows_of
from rangegeo.grid.crs import CrsLike
from rangegeo.grid.vectors import AreaLike
from rangegeo.schema.betas import Betas

SEEDS = 3


def evaluate(
    labels: Any,
    target: str | Sequence[str] | None = None,
    *,
    model: Models = "RANGE+",
    betas: Betas | None = None,
    classes: bool = False,
    weight: str | None = None,
    background: Any = None,
    aoi: AreaLike | None = None,
    aoi_layer: str | None = None,
    bbox_crs: CrsLike | None = None,
    block: str | None = None,
    folds: int = 5,
    seeds: int = SEEDS,
    seed: int = 0,
    baselines: bool = True,
    **reading: Unpack[ReadingOptions],
) -> Evaluation:
    """Compare models, their betas and their components by what linear probes of them predict.

    Every model is evaluated once at the places of the labels. From its components come the embedding at each beta, S, G
    and q alone, and all three side by side. The same labels are left out for all, in blocks of the Earth and at random.
    A score is the one that `rangegeo.fit_map` gives for the same features, labels and seeds.

    Args:
        labels: as of `rangegeo.fit_map`, or a list of several tables.
        target: the column to be predicted, or several. Each table must have some of them.
        model: from `rangegeo.load_model`; a name; a name with weights, as "SatCLIP=FILE", or with weights and a
            database, as "RANGE+=FILE,DB"; "all" for every model that needs no download; a list of these; or a mapping
            that gives them names in the result.
        betas: of models that have some, in [0, 1]; by default 0, 0.25, 0.5, 0.75 and 1.
        classes, weight, background, aoi, aoi_layer, bbox_crs, block, folds, seed, reading: as of `rangegeo.fit_map`.
        seeds: how often the labels are put into folds anew. The spread over them is told.
        baselines: whether the nearest labels and radial functions of the place, alone and beside the location bands of
            the first model, are scored too.
    Returns:
        A table of pandas in `.table`; `.wide()`, `.to_markdown()`, `.to_csv()`, `.draw()` and `.write(path)` show it.
    Raises:
        UsageError, TableError: as of `rangegeo.fit_map`. WeightsError: a file of a model cannot be used.
    """
    splitting = splitting_of(block=block, folds=folds, seeds=seeds, seed=seed, baselines=baselines)
    encoders = encoders_of(model)
    chosen = chosen_betas(encoders, betas)
    way = reading_of(reading)
    tables = [rows_of(table, way) for table in (labels if isinstance(labels, list | tuple) else [labels])]
    beside = background_of(background, way, aoi, aoi_layer, bbox_crs)
    targets = [target] if isinstance(target, str) else list(target or ())
    tasks, remarks = tasks_of(tables, targets, encoders, classes=classes, weight=weight, background=beside, seed=seed)
    for remark in remarks:
        warnings.warn(PlaceWarning(remark), stacklevel=2)
    return replace(compare(tasks, encoders, chosen, splitting), remarks=tuple(remarks))


def splitting_of(*, block: str | None, **options: Any) -> Splitting:
    """How labels are split; `options` are those of `Splitting`. Raises UsageError if one is out of range."""
    return Splitting(block=None if block is None else BlockSide.parse(block), **options)


def tasks_of(
    tables: Sequence[Rows],
    targets: Sequence[str],
    encoders: Sequence[Encoder],
    *,
    classes: bool = False,
    weight: str | None = None,
    background: Background | None = None,
    seed: int = 0,
) -> tuple[list[Task], list[str]]:
    """A task for each target of each table, and what a user should know about the labels.

    Args:
        tables: of labels.
        targets: names of columns.
        encoders: the first one's database says where places of a background may lie.
        classes, weight, background, seed: as of `rangegeo.evaluation.background.labels_of`.
    Raises:
        UsageError: as of `evaluate`.
    """
    tasks: list[Task] = []
    remarks: list[str] = []
    for rows in tables:
        own, missing = _columns(rows, targets, len(tables))
        remarks += missing
        known = labels_of(
            rows, own, encoders[0].model, classes=classes, weight=weight, background=background, seed=seed
        )
        remarks += known.remarks
        tasks += [Task(name=target.name, labels=known, targets=(target,)) for target in known.targets]
    return list(_with_own_names(tasks)), remarks


def _columns(rows: Rows, targets: Sequence[str], tables: int) -> tuple[list[str], list[str]]:
    """The targets that a table has, if there are several tables, and what is said of the others."""
    if tables == 1:
        return list(targets), []
    own = [name for name in targets if name in rows.columns]
    if targets and not own:
        names = ", ".join(list(map(str, rows.columns))[:SHOWN])
        raise UsageError(
            f"{rows.name}: there is no column {' or '.join(map(repr, targets))}; {argument('target')} must name "
            f"one of {names}"
        )
    return own, [
        f"{rows.name}: there is no column {name!r}, so the table is not used for it"
        for name in targets
        if name not in own
    ]


def _with_own_names(tasks: Sequence[Task]) -> Iterator[Task]:
    """Tasks whose names differ: those of several tables get the names of these, and then a number."""
    names = [task.name for task in tasks]
    told = [f"{Path(task.labels.name).name} {task.name}" if names.count(task.name) > 1 else task.name for task in tasks]
    for number, (task, name) in enumerate(zip(tasks, told, strict=True)):
        before = told[:number].count(name)
        yield replace(task, name=f"{name} {before + 1}" if told.count(name) > 1 else name)
