"""Bands by name: which ones a user asks for, and which ones are diagnostics and not part of an embedding.

Diagnostics tell how the retrieval of a model decided at a place. They are the entropy of the weights of the database
rows, in nats, and its exponential, the effective number of neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from numbers import Real
from typing import Any, TypeAlias

from rangegeo.errors import UsageError, argument

SEMANTIC_DIAGNOSTICS = ("semantic_entropy", "semantic_neighbours")
GEOGRAPHIC_DIAGNOSTICS = ("geographic_entropy", "geographic_neighbours")
DIAGNOSTICS = SEMANTIC_DIAGNOSTICS + GEOGRAPHIC_DIAGNOSTICS
VISUAL = ("visual", "semantic", "geographic")  # the names of visual bands begin with one of these
EXAMPLE = (1, 2, 3)
Bands: TypeAlias = int | str | Iterable[int | str]
UNORDERED = AbstractSet | Mapping | slice | bytes | bool | None  # no bands in an order, or no bands at all


def embedding_bands(names: Sequence[str]) -> list[int]:
    """Indices of the bands that belong to the embedding; all bands if none of them does."""
    return [i for i, name in enumerate(names) if name not in DIAGNOSTICS] or list(range(len(names)))


def chosen_bands(bands: Bands, names: Sequence[str]) -> tuple[int, ...] | None:
    """The bands that a user asks for.

    Args:
        bands: a band number from 1 on, a band name, one of the groups "all", "visual", "semantic", "geographic",
            "location" and "diagnostics", or several of these: a list, an array, a range, or text such as "1,2,10-20".
        names: the names of all available bands, the diagnostics after the bands of the embedding.
    Returns:
        Indices from 0 on; None for the whole embedding.
    Raises:
        UsageError: an item is not a band, no band is left, or a band is given twice.
    """
    groups = _groups(names)
    chosen: list[int] = []
    for item in _items(bands):
        if not isinstance(item, str):
            chosen.append(_index(item, len(groups["all"])))
        elif item in groups:
            chosen += groups[item]
        elif item in names:
            chosen.append(names.index(item))
        else:
            kinds = f"{', '.join(groups)}, a name such as {names[0]} or a number, or several of these"
            missing = item in ("diagnostics", *SEMANTIC_DIAGNOSTICS)
            why = ", which only a model with its database has" if missing else ""
            raise UsageError(argument="bands", expected=kinds, got=f"{item!r}{why}", example=EXAMPLE)
    if not chosen:
        range_hint = "a range goes from small to large, for example 1,2,10-20"
        raise UsageError(f"{argument('bands')} must name a band; {range_hint}")
    if len(set(chosen)) != len(chosen):
        once = f"{argument('bands')} must name every band once"
        raise UsageError(f"{once}; for example {argument('bands', EXAMPLE)}")
    return None if chosen == groups["all"] else tuple(chosen)


def parse_bands(text: str) -> str | tuple[int | str, ...]:
    """Bands from text such as red_1, 1,2,5-8 or all,diagnostics.

    Returns:
        The text itself if it is one name; else a tuple of numbers and names.
    """
    bands: list[int | str] = []
    for part in map(str.strip, text.split(",")):
        numbers = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part)
        bands += range(int(numbers[1]), int(numbers[2] or numbers[1]) + 1) if numbers else [part]
    return text if bands == [text] else tuple(bands)


def _items(bands: Any) -> list[Any]:
    """The single bands of what was given: of one band, of text, or of anything that holds bands in an order."""
    if isinstance(bands, UNORDERED):
        expected = "band numbers from 1 on, names, or a list of these"
        raise UsageError(argument="bands", expected=expected, got=bands, example=EXAMPLE)
    if isinstance(bands, str):
        bands = parse_bands(bands)
    if isinstance(bands, str | int | float) or getattr(bands, "ndim", None) == 0:
        bands = [bands]
    try:
        return [item.item() if getattr(item, "ndim", None) == 0 else item for item in bands]
    except TypeError:
        expected = "band numbers from 1 on, names, or a list of these"
        raise UsageError(argument="bands", expected=expected, got=bands, example=EXAMPLE) from None


def _index(item: Any, count: int) -> int:
    """The index from 0 on of a band number.

    Args:
        item: what should be a number from 1 to `count`.
    """
    whole = isinstance(item, Real) and not isinstance(item, bool) and 1 <= float(item) <= count and float(item) % 1 == 0
    if not whole:
        got = f"{item:g}" if isinstance(item, float) else str(item)
        example = EXAMPLE if count >= EXAMPLE[-1] else 1
        raise UsageError(argument="bands", expected=f"numbers from 1 to {count}", got=got, example=example)
    return int(item) - 1


def _groups(names: Sequence[str]) -> dict[str, list[int]]:
    """The words that stand for several bands, each with the indices of its bands; words without bands are left out."""
    embedding = embedding_bands(names)
    kinds = [names[band].rpartition("_")[0] for band in embedding]
    groups = {"all": embedding, "visual": [i for i, kind in enumerate(kinds) if kind in VISUAL]}
    groups |= {kind: [i for i, other in enumerate(kinds) if other == kind] for kind in ("semantic", "geographic")}
    groups["location"] = [i for i, kind in enumerate(kinds) if kind == "location"]
    groups["diagnostics"] = [i for i, name in enumerate(names) if name in DIAGNOSTICS]
    return {word: indices for word, indices in groups.items() if indices}
