"""Encoders, their betas and baselines, scored on the same labels in the same folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rangegeo.evaluation.baselines import Method, ProbeMethod
from rangegeo.evaluation.blocks import BlockSide, Split, blocks_of, choose_side, splits_at_random, splits_by_block
from rangegeo.evaluation.comparison import BASELINE, Evaluation
from rangegeo.evaluation.crossvalidation import HeldOut, held_out
from rangegeo.evaluation.embedded import Encoder
from rangegeo.evaluation.features import Scaling
from rangegeo.evaluation.fitting import Splitting, baselines_of
from rangegeo.evaluation.labels import Labels, Target
from rangegeo.evaluation.scores import MEASURES, main_measure
from rangegeo.evaluation.tested import BLOCK, RANDOM
from rangegeo.support.progress import SILENT, Progress


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Task:
    """What encoders are tested with.

    Attributes:
        name: in tables.
        labels: the places, and what is known of them.
        targets: one, or several of numbers; the score of the task is the mean of theirs.
        side: of its blocks, whatever is asked for; None for no side of its own.
    """

    name: str
    labels: Labels
    targets: tuple[Target, ...]
    side: BlockSide | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Folds:
    """The folds of a task: for each kind of split, those of every seed. All targets of a task share them."""

    task: Task
    side: str
    splits: dict[str, list[list[Split]]]  # split, seed, fold

    @classmethod
    def of(cls, task: Task, splitting: Splitting) -> _Folds:
        labels, folds = task.labels, splitting.folds
        side = task.side or splitting.block or choose_side(labels.lonlat_deg, folds)
        groups = {BLOCK: blocks_of(labels.lonlat_deg, labels.together, side, folds), RANDOM: labels.together}
        ways = {BLOCK: splits_by_block, RANDOM: splits_at_random}
        seeds = range(splitting.seed, splitting.seed + splitting.seeds)
        splits = {
            split: [list(ways[split](groups[split], task.targets[0].strata, folds, seed)) for seed in seeds]
            for split in ways
        }
        return cls(task, str(side), splits)

    def rows(self, encoder: str, features: str, bands: int, method: Method) -> Iterator[dict]:
        """The scores of a method, one row for each kind of split and each measure."""
        labels = self.task.labels
        for split, seeds in self.splits.items():
            held = [held_out(method, self.task.targets, labels.weights, own) for own in seeds]
            told = {"task": self.task.name, "encoder": encoder, "features": features, "bands": bands, "split": split}
            told |= {"blocks": self.side, "labels": len(labels)}
            for measure, value, over_seeds, over_folds in _summaries(held):
                yield {**told, "measure": measure, "value": value, "over_seeds": over_seeds, "over_folds": over_folds}


def _summaries(held: Sequence[Sequence[HeldOut]]) -> Iterator[tuple[str, float, float, float]]:
    """Each measure with its mean over the seeds, and its standard deviations over the seeds and over the folds.

    Args:
        held: for each seed, what was predicted of each target; several targets count as one, by their mean.
    """
    target = held[0][0].target
    of_seeds = pd.DataFrame([pd.DataFrame([one.scores for one in parts]).mean() for parts in held])
    of_folds = pd.concat([sum(one.by_fold for one in parts) / len(parts) for parts in held])
    for measure in MEASURES[target.kind]:
        seeds, folds = of_seeds[measure].to_numpy(), of_folds[measure].to_numpy()
        over_seeds = float(np.std(seeds, ddof=1)) if len(seeds) > 1 else np.nan
        yield measure, float(seeds.mean()), over_seeds, float(np.nanstd(folds, ddof=1))


def compare(
    tasks: Sequence[Task],
    encoders: Sequence[Encoder],
    betas: Sequence[float],
    splitting: Splitting,
    progress: Progress = SILENT,
) -> Evaluation:
    """Score every encoder, with all its features, and the baselines on every task.

    Places that several tasks share are evaluated once for each encoder.

    Raises:
        UsageError: the labels of a task lie in too few blocks, or all of one class in one fold.
    """
    folds = [_Folds.of(task, splitting) for task in tasks]
    rows: list[dict] = []
    progress.stage("scoring", len(tasks) * (len(encoders) + splitting.baselines), "round")
    for group in _by_places(folds):
        labels = group[0].task.labels
        location = np.empty((len(labels), 0))
        for number, encoder in enumerate(encoders):
            for name, bands in encoder.features(labels.lonlat_deg, betas):
                if number == 0:
                    location = bands[:, -encoder.model.location :].astype(np.float64)
                features = Scaling.of(bands).apply(bands)
                for one in group:
                    method = ProbeMethod(features=features, weights=one.task.labels.weights)
                    rows += one.rows(encoder.name, name, bands.shape[1], method)
            progress.advance(len(group))
        for one in group if splitting.baselines else ():
            for name, other in baselines_of(one.task.labels, location).items():
                rows += one.rows(BASELINE, name, 0, other)
        progress.advance(len(group) * splitting.baselines)
    return Evaluation(table=_in_order(pd.DataFrame(rows), [task.name for task in tasks]), measures=_measures(tasks))


def _by_places(folds: Sequence[_Folds]) -> list[list[_Folds]]:
    """Tasks that have the same places, together."""
    groups: dict[bytes, list[_Folds]] = {}
    for one in folds:
        groups.setdefault(one.task.labels.lonlat_deg.tobytes(), []).append(one)
    return list(groups.values())


def _in_order(table: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """The rows, task by task."""
    order = {name: number for number, name in enumerate(tasks)}
    return table.sort_values("task", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def _measures(tasks: Sequence[Task]) -> dict[str, str]:
    """The measure that encoders are compared by, of each task."""
    return {task.name: main_measure(task.targets[0]) for task in tasks}
