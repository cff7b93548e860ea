"""Bands by name: which ones a user asks for, and those that are no part of an embedding.

Diagnostics tell how a model's retrieval decided at a place: the entropy of the weights of the database rows, in nats,
and its exponential, the effective number of neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

from rangegeo.errors import UsageError

SEMANTIC_DIAGNOSTICS = ("semantic_entropy", "semantic_neighbours")
GEOGRAPHIC_DIAGNOSTICS = ("geographic_entropy", "geographic_neighbours")
DIAGNOSTICS = SEMANTIC_DIAGNOSTICS + GEOGRAPHIC_DIAGNOSTICS
VISUAL = ("visual", "semantic", "geographic")  # what visual bands begin with


def embedding_bands(names: Sequence[str]) -> list[int]:
    """Positions of the bands that are an embedding; of all, if there is none."""
    return [i for i, name in enumerate(names) if name not in DIAGNOSTICS] or list(range(len(names)))


def chosen_bands(bands: str | Sequence[int | str], names: Sequence[str]) -> tuple[int, ...] | None:
    """Indices from 0 on of the bands asked for; None for the whole embedding.

    Args:
        bands: names, groups or numbers from 1 on; as text, joined by commas.
        names: of all bands that can be had, the embedding's and then the diagnostics.
    Raises:
        UsageError: something is no band, or one is asked for twice.
    """
    groups = _groups(names)
    chosen: list[int] = []
    for item in bands.split(",") if isinstance(bands, str) else bands:
        if not isinstance(item, str):
            if not 1 <= item <= len(groups["all"]) or item != int(item):
                raise UsageError(f"--bands must be numbers from 1 to {len(groups['all'])}, got {item:g}")
            chosen.append(int(item) - 1)
        elif item in groups:
            chosen += groups[item]
        elif item in names:
            chosen.append(names.index(item))
        else:
            raise UsageError(
                f"--bands must be {', '.join(groups)}, a name such as {names[0]} or a number, or several of these, "
                f"got {item!r}; for example --bands 1,2,3"
            )
    if not chosen:
        raise UsageError("--bands must name a band; a range goes from small to large, for example 1,2,10-20")
    if len(set(chosen)) != len(chosen):
        raise UsageError("--bands must name every band once; for example --bands 1,2,3")
    return None if chosen == groups["all"] else tuple(chosen)


def _groups(names: Sequence[str]) -> dict[str, list[int]]:
    """Indices of the bands that one word stands for; words that stand for none are left out."""
    embedding = embedding_bands(names)
    kinds = [names[band].rpartition("_")[0] for band in embedding]
    groups = {"all": embedding, "visual": [i for i, kind in enumerate(kinds) if kind in VISUAL]}
    groups |= {kind: [i for i, other in enumerate(kinds) if other == kind] for kind in ("semantic", "geographic")}
    groups["location"] = [i for i, kind in enumerate(kinds) if kind == "location"]
    groups["diagnostics"] = [i for i, name in enumerate(names) if name in DIAGNOSTICS]
    return {word: indices for word, indices in groups.items() if indices}
