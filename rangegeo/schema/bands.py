"""Bands by name: which ones a user asks for, and which ones are diagnostics and not part of an embedding.

Diagnostics tell how the retrieval of a model decided at a place. They are the entropy of the weights of the database
rows, in nats, and its exponential, the effective number of neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

from rangegeo.errors import UsageError, argument

SEMANTIC_DIAGNOSTICS = ("semantic_entropy", "semantic_neighbours")
GEOGRAPHIC_DIAGNOSTICS = ("geographic_entropy", "geographic_neighbours")
DIAGNOSTICS = SEMANTIC_DIAGNOSTICS + GEOGRAPHIC_DIAGNOSTICS
VISUAL = ("visual", "semantic", "geographic")  # the names of visual bands begin with one of these
EXAMPLE = (1, 2, 3)


def embedding_bands(names: Sequence[str]) -> list[int]:
    """Indices of the bands that belong to the embedding; all bands if none of them does."""
    return [i for i, name in enumerate(names) if name not in DIAGNOSTICS] or list(range(len(names)))


def chosen_bands(bands: str | Sequence[int | str], names: Sequence[str]) -> tuple[int, ...] | None:
    """The bands that a user asks for.

    Args:
        bands: band names, band numbers from 1 on, or the groups "all", "visual", "semantic", "geographic", "location"
            and "diagnostics"; a string holds names and groups joined by commas.
        names: the names of all available bands, the diagnostics after the bands of the embedding.
    Returns:
        Indices from 0 on; None for the whole embedding.
    Raises:
        UsageError: an item is not a band, no band is left, or a band is given twice.
    """
    groups = _groups(names)
    chosen: list[int] = []
    for item in bands.split(",") if isinstance(bands, str) else bands:
        if not isinstance(item, str):
            if not 1 <= item <= len(groups["all"]) or item != int(item):
                expected = f"numbers from 1 to {len(groups['all'])}"
                raise UsageError(argument="bands", expected=expected, got=f"{item:g}")
            chosen.append(int(item) - 1)
        elif item in groups:
            chosen += groups[item]
        elif item in names:
            chosen.append(names.index(item))
        else:
            kinds = f"{', '.join(groups)}, a name such as {names[0]} or a number, or several of these"
            raise UsageError(argument="bands", expected=kinds, got=repr(item), example=EXAMPLE)
    if not chosen:
        range_hint = "a range goes from small to large, for example 1,2,10-20"
        raise UsageError(f"{argument('bands')} must name a band; {range_hint}")
    if len(set(chosen)) != len(chosen):
        once = f"{argument('bands')} must name every band once"
        raise UsageError(f"{once}; for example {argument('bands', EXAMPLE)}")
    return None if chosen == groups["all"] else tuple(chosen)


def _groups(names: Sequence[str]) -> dict[str, list[int]]:
    """The words that stand for several bands, each with the indices of its bands; words without bands are left out."""
    embedding = embedding_bands(names)
    kinds = [names[band].rpartition("_")[0] for band in embedding]
    groups = {"all": embedding, "visual": [i for i, kind in enumerate(kinds) if kind in VISUAL]}
    groups |= {kind: [i for i, other in enumerate(kinds) if other == kind] for kind in ("semantic", "geographic")}
    groups["location"] = [i for i, kind in enumerate(kinds) if kind == "location"]
    groups["diagnostics"] = [i for i, name in enumerate(names) if name in DIAGNOSTICS]
    return {word: indices for word, indices in groups.items() if indices}
