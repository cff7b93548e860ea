"""From labels to fitted probes and their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from rangegeo.errors import UsageError
from rangegeo.evaluation.answers import Answer
from rangegeo.evaluation.baselines import Method, NearestLabels, ProbeMethod, RadialFunctions, typical_distance
from rangegeo.evaluation.blocks import BlockSide, Split, blocks_of, choose_side, splits_at_random, splits_by_block
from rangegeo.evaluation.crossvalidation import HeldOut, held_out
from rangegeo.evaluation.features import Scaling, bands_at
from rangegeo.evaluation.labels import NUMBERS, Labels, Target
from rangegeo.evaluation.probes import fit_paths, on_one_core
from rangegeo.evaluation.spread import scale_of
from rangegeo.evaluation.tested import BLOCK, PROBE, RANDOM, MapScores
from rangegeo.evaluation.unlike import Likeness
from rangegeo.field.places import unit_vectors
from rangegeo.field.recipe import Recipe
from rangegeo.models.model import Model
from rangegeo.support.earth import EARTH_RADIUS_KM
from rangegeo.support.numbers import check_seed, is_whole
from rangegeo.support.text import counted

FAR = 4.0  # typical distances between rows of a database; farther from any row the model knows nothing
MOST_FOLDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
    """How labels are split.

    Attributes:
        block: the side of blocks; None to choose it.
        folds: how many.
        seeds: how often the blocks are put into folds anew.
        seed: of the first of these.
        baselines: whether other methods are scored too.
    """

    block: BlockSide | None = None
    folds: int = 5
    seeds: int = 2
    seed: int = 0
    baselines: bool = True

    def __post_init__(self) -> None:
        for name, low, high in (("folds", 2, MOST_FOLDS), ("seeds", 1, MOST_FOLDS)):
            value = getattr(self, name)
            if not is_whole(value) or not low <= value <= high:
                example = type(self).__dataclass_fields__[name].default
                raise UsageError(argument=name, expected=f"from {low} to {high}", got=repr(value), example=example)
        check_seed(self.seed)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """What was learned from labels.

    Attributes:
        scaling: from bands to features.
        answers: the targets.
        scores: of the targets.
        side: of the blocks.
        blocks: (n,) the block of each label.
        remarks: what a user should know, one line each.
        likeness: what pixels are compared with, to find those unlike all labels.
        held: what was predicted of the labels in blocks that were left out, for each target, with the first seed.
    """

    scaling: Scaling
    answers: tuple[Answer, ...]
    scores: MapScores
    side: BlockSide
    blocks: np.ndarray
    remarks: tuple[str, ...]
    likeness: Likeness
    held: tuple[HeldOut, ...]


def fit(labels: Labels, model: Model, recipe: Recipe, splitting: Splitting, *, clip: bool = True) -> Fit:
    """Learn every target of the labels, and score it.

    Args:
        clip: whether predictions of numbers are limited to the range of their labels.
    Raises:
        UsageError: the labels lie in too few blocks.
    """
    side = splitting.block or choose_side(labels.lonlat_deg, splitting.folds)
    blocks = blocks_of(labels.lonlat_deg, labels.together, side, splitting.folds)
    bands = bands_at(model, recipe, labels.lonlat_deg)
    scaling = Scaling.of(bands)
    features = scaling.apply(bands)
    location = bands[:, -model.location :].astype(np.float64)
    seeds = range(splitting.seed, splitting.seed + splitting.seeds)
    answers, kept = [], []
    scored: list[tuple[str, str, Sequence[HeldOut]]] = []
    for target in labels.targets:
        splits = [list(splits_by_block(blocks, target.strata, splitting.folds, seed)) for seed in seeds]
        method = ProbeMethod(features=features, weights=labels.weights, clip=clip)
        held = tuple(_held(method, target, labels.weights, one) for one in splits)
        answer = _answer(target, features, labels.weights, held, splitting.folds)
        answers.append(replace(answer, clip=target.limits if clip and target.kind == NUMBERS else None))
        scored.append((BLOCK, PROBE, held))
        at_random = list(splits_at_random(labels.together, target.strata, splitting.folds, splitting.seed))
        others = baselines_of(labels, location, clip=clip) if splitting.baselines else {}
        for name, other in others.items():
            scored.append((BLOCK, name, [_held(other, target, labels.weights, one) for one in splits]))
        scored.append((RANDOM, PROBE, [_held(method, target, labels.weights, at_random)]))
        kept.append(replace(held[0], probes=()))
    return Fit(
        scaling=scaling,
        answers=tuple(answers),
        scores=MapScores.of(scored),
        side=side,
        blocks=blocks,
        remarks=(*labels.remarks, *_far_from_rows(labels, model)),
        likeness=Likeness.of(features, kept),
        held=tuple(kept),
    )


def _held(method: Method, target: Target, weights: np.ndarray, splits: Sequence[Split]) -> HeldOut:
    """What a method says of one target, as `held_out`."""
    return held_out(method, [target], weights, splits)[0]


def _answer(target: Target, features: np.ndarray, weights: np.ndarray, held: Sequence[HeldOut], folds: int) -> Answer:
    """The probe of all labels, with the strength that the first seed speaks for, and the members of the folds."""
    setting = held[0].setting
    members = tuple(path[setting] for one in held for path in one.probes)
    with on_one_core():
        probe = fit_paths([target], features, weights)[0][setting]
    return Answer(
        name=target.name,
        kind=target.kind,
        classes=target.classes,
        unit=target.unit,
        probe=probe,
        members=members,
        scale=scale_of(members, features, held, folds),
    )


def baselines_of(labels: Labels, location: np.ndarray, *, clip: bool = True) -> dict[str, Method]:
    """What else a user might take, by its name."""
    xyz, weights = unit_vectors_of(labels.lonlat_deg), labels.weights
    return {
        "nearest": NearestLabels(xyz=xyz),
        "rbf": RadialFunctions(xyz=xyz, weights=weights, clip=clip),
        "rbf+q": RadialFunctions(xyz=xyz, weights=weights, location=location, clip=clip),
    }


def unit_vectors_of(lonlat_deg: np.ndarray) -> np.ndarray:
    """(n, 3) unit vectors of places (n, 2) in degrees."""
    return unit_vectors(torch.from_numpy(np.ascontiguousarray(lonlat_deg))).numpy()


def near_rows(model: Model) -> tuple[np.ndarray | None, float]:
    """The places of the rows of a model's database, (n, 3) unit vectors, and up to which distance one is near.

    A model without a database has no rows.
    """
    rows = getattr(getattr(model, "field", None), "xyz", None)
    if rows is None:
        return None, np.inf
    known = rows.detach().cpu().numpy().astype(np.float64)
    return known, FAR * typical_distance(known)


def _far_from_rows(labels: Labels, model: Model) -> Iterator[str]:
    """A remark about labels far from every row of the model's database, such as places at sea."""
    known, near = near_rows(model)
    if known is None:
        return
    distances = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(unit_vectors_of(labels.lonlat_deg))[0][:, 0]
    far = int((distances > near).sum())
    if far:
        lie = "lies" if far == 1 else "lie"
        yield (
            f"{labels.name}: {counted(far, 'label')} of {len(labels):,} {lie} more than {near * EARTH_RADIUS_KM:,.0f} "
            "km from every place of the model's database, probably at sea, where it averages distant places; leave "
            f"{'it' if far == 1 else 'them'} out in a copy"
        )
