"""Labels: what is known of some places, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rangegeo.errors import UsageError, argument
from rangegeo.support.text import counted

FEWEST = 20  # labels; with fewer of them a score says nothing
FEW_VALUES = 12  # different whole numbers, so few that they may be codes of classes
MOST_CLASSES = 255  # that fit into one byte beside nodata
EMPTY = ("", "nan", "na", "n/a", "null", "none", r"\n")  # what stands for no value, in lower case
NUMBERS, CLASSES, PRESENCE = "numbers", "classes", "presence"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Target:
    """One thing that is known of n places.

    Attributes:
        name: of the column.
        kind: "numbers", "classes" or "presence".
        values: (n,) float64: numbers, or the positions of classes in `classes`; 1 for presence, 0 for background.
        classes: names of the classes, in order; empty for numbers.
    """

    name: str
    kind: str
    values: np.ndarray
    classes: tuple[str, ...] = ()

    @property
    def strata(self) -> np.ndarray:
        """(n,) integers: classes, which folds should share evenly; zeros for numbers."""
        return np.zeros(len(self.values), np.int64) if self.kind == NUMBERS else self.values.astype(np.int64)

    @property
    def unit(self) -> float:
        """The standard deviation of numbers, in which errors are measured; 1 for logits of classes."""
        return float(self.values.std()) if self.kind == NUMBERS else 1.0

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        return float(self.values.min()), float(self.values.max())

    def taken(self, rows: np.ndarray) -> Target:
        """The target of some places."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Labels:
    """What is known of n places.

    Attributes:
        name: of the table, for messages.
        lonlat_deg: (n, 2) longitude and latitude in degrees.
        targets: what is known.
        weights: (n,) float64 above 0, with a mean of 1.
        together: (n,) numbers; labels with the same number are of one polygon or of one place, and never separated.
        remarks: what a user should know, one line each.
        background: where places come from that stand for where something was not found; empty if there are none.
    """

    name: str
    lonlat_deg: np.ndarray
    targets: tuple[Target, ...]
    weights: np.ndarray
    together: np.ndarray
    remarks: tuple[str, ...] = ()
    background: str = ""

    def __len__(self) -> int:
        return len(self.lonlat_deg)


def as_target(name: str, column: pd.Series, *, classes: bool, counted_as: str = "row") -> tuple[Target, np.ndarray]:
    """A column as a target.

    Args:
        name: of the column.
        column: (n,) its values.
        classes: whether numbers are codes of classes.
        counted_as: what the numbers of rows count, for messages: "row" or "line".
    Returns:
        The target, and (n,) bool, which rows have a value; those without have 0.
    Raises:
        UsageError: the column holds numbers and text, or too many classes.
    """
    column = column.reset_index(drop=True)
    known = column.notna().to_numpy(copy=True)
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        text = column.astype("string").str.strip()
        known &= ~text.str.lower().isin(EMPTY).fillna(True).to_numpy(bool)
        numbers = pd.to_numeric(text.where(known), errors="coerce").to_numpy(np.float64, na_value=np.nan)
        if known.any() and np.isfinite(numbers[known]).all():
            column = pd.Series(numbers)
        else:
            _check_no_mixture(name, text, numbers, known, counted_as, classes=classes)
            return _classes(name, text, known)
    numbers = column.to_numpy(np.float64, na_value=np.nan)
    known &= np.isfinite(numbers)
    if classes:
        whole = bool((numbers[known] == np.rint(numbers[known])).all())
        text = pd.Series([f"{number:.0f}" if whole else f"{number:g}" for number in numbers], dtype="string")
        return _classes(name, text, known)
    return Target(name=name, kind=NUMBERS, values=np.where(known, numbers, 0.0)), known


def _check_no_mixture(
    name: str, text: pd.Series, numbers: np.ndarray, known: np.ndarray, counted_as: str, *, classes: bool
) -> None:
    """Refuse a column that holds more numbers than text, and text all the same."""
    words = known & ~np.isfinite(numbers)
    if classes or not words.any() or 2 * words.sum() > known.sum():
        return
    row = int(words.argmax())
    told = row + 2 if counted_as == "line" else row + 1  # the first line names the columns
    raise UsageError(
        f"the column {name!r} holds numbers, and {text[row]!r} in {counted_as} {told}; correct it in a copy, or add "
        f"{argument('classes', True)} if its values are names of classes"
    )


def _classes(name: str, text: pd.Series, known: np.ndarray) -> tuple[Target, np.ndarray]:
    """A column of names as a target."""
    names = sorted(set(text[known].tolist()), key=_in_order)
    if len(names) > MOST_CLASSES:
        raise UsageError(
            f"the column {name!r} holds {len(names):,} classes, and a map has at most {MOST_CLASSES}; choose another "
            f"{argument('target')}, or join classes in a copy"
        )
    codes = pd.Categorical(text.where(known), categories=names).codes.astype(np.float64)
    return Target(name=name, kind=CLASSES, values=np.where(known, codes, 0.0), classes=tuple(names)), known


def _in_order(name: str) -> tuple[float, str]:
    """Numbers by their size, then names by their letters."""
    try:
        return float(name), name
    except ValueError:
        return np.inf, name


def checked(labels: Labels) -> Labels:
    """The labels without repetitions.

    Raises:
        UsageError: there are too few, or a target has one value alone.
    """
    if len(labels) < FEWEST:
        expected = f"a map needs {FEWEST} labels with a place and a value"
        raise UsageError(f"{expected}, and {labels.name} has {len(labels)}; give more places")
    labels = _without_repetitions(labels)
    for target in labels.targets:
        values = np.unique(target.values)
        if target.kind == PRESENCE and target.values.sum() < FEWEST:
            found = f"{labels.name} has {target.values.sum():.0f} without repetitions"
            raise UsageError(f"a map needs {FEWEST} places where something was found, and {found}; give more places")
        if len(values) == 1:
            which = f"{target.classes[0]!r}" if target.classes else f"{values[0]:g}"
            only = f"all labels have one {'class' if target.classes else 'value'}, {which}, in {target.name!r}"
            remedy = f"; give places of other classes, or {argument('background', 1000)} for a map of suitability"
            raise UsageError(f"{only}{remedy if target.classes else '; a map needs different ones'}")
    if len(labels) < FEWEST:
        raise UsageError(
            f"a map needs {FEWEST} labels, and {labels.name} has {len(labels)} without repetitions; give more places"
        )
    return replace(labels, remarks=(*labels.remarks, *_contradictions(labels), *_doubts(labels)))


def _contradictions(labels: Labels) -> Iterator[str]:
    """Places of which labels say different things. A place of presence may well be one of the background too."""
    place = np.unique(labels.lonlat_deg, axis=0, return_inverse=True)[1].reshape(-1)
    for target in labels.targets:
        told = np.unique(np.column_stack([place, target.values]), axis=0)
        several = np.flatnonzero(np.bincount(told[:, 0].astype(int)) > 1)
        if len(several) and target.kind != PRESENCE:
            count = int(np.isin(place, several).sum())
            yield (
                f"{labels.name}: {counted(len(several), 'place')} {'has' if len(several) == 1 else 'have'} labels of "
                f"{target.name!r} that contradict one another, {count:,} in all, and all are used; correct them in a "
                "copy if only one can be right"
            )


def check_probabilities(kinds: Mapping[str, str]) -> None:
    """Refuse probabilities of classes for targets none of which holds classes.

    Args:
        kinds: of the targets, by their names.
    """
    if CLASSES in kinds.values():
        return
    held = {NUMBERS: "numbers", PRESENCE: "places where it was found, whose suitability is mapped anyway"}
    told = ", and ".join(f"{name!r} holds {held[kind]}" for name, kind in kinds.items())
    raise UsageError(f"{argument('probabilities')} is for classes, and {told}; leave it out")


def _named(names: Sequence[str]) -> str:
    """Some classes, the first ones by name."""
    shown = ", ".join(map(repr, names[:3]))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"the class {shown}" if len(names) == 1 else f"the classes {shown}{more}"


def _without_repetitions(labels: Labels) -> Labels:
    """Labels that say the same of the same place count once."""
    told = np.column_stack([labels.lonlat_deg, *(target.values for target in labels.targets)])
    _, first = np.unique(told, axis=0, return_index=True)
    if len(first) == len(labels):
        return labels
    rows = np.sort(first)
    repeated = len(labels) - len(rows)
    said = f"{labels.name}: {counted(repeated, 'label')} {'repeats' if repeated == 1 else 'repeat'} another one, with "
    found = taken(labels, rows)
    return replace(found, remarks=(*labels.remarks, f"{said}the same place and value, and count once"))


def taken(labels: Labels, rows: np.ndarray) -> Labels:
    """Some of the labels, by their positions."""
    weights = labels.weights[rows]
    return replace(
        labels,
        lonlat_deg=labels.lonlat_deg[rows],
        targets=tuple(target.taken(rows) for target in labels.targets),
        weights=weights / weights.mean() if len(weights) else weights,
        together=labels.together[rows],
    )


def _doubts(labels: Labels) -> Iterator[str]:
    """What may have been meant otherwise."""
    for target in labels.targets:
        codes, counts = np.unique(target.values, return_counts=True)
        rare = [target.classes[int(code)] for code in codes[counts == 1]] if target.kind == CLASSES else []
        if rare:
            has = "has one label and is" if len(rare) == 1 else "have one label each and are"
            yield f"{labels.name}: {_named(rare)} of {target.name!r} {has} never tested; give more labels"
        if target.kind != NUMBERS:
            continue
        values = np.unique(target.values)
        if len(values) <= FEW_VALUES and (values == np.rint(values)).all():
            yield (
                f"{labels.name}: {target.name!r} holds {len(values)} different whole numbers, which are taken for "
                f"amounts; if they are codes of classes, add {argument('classes', True)}"
            )
