"""What cubes must share to be joined: the model, its files, the bands, the principal components and the betas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from rangegeo.errors import CubeError, argument
from rangegeo.schema.betas import SAME_BETA
from rangegeo.schema.complete import band_names
from rangegeo.schema.facts import facts_of

# Facts in which they agree, what messages call them, and the argument that chooses them.
SHARED = {
    "model": ("model", "model"),
    "encoder_sha256": ("encoder file", "weights"),
    "encoder_version": ("version of the encoder", "model"),
    "database_sha256": ("database file", "db"),
    "planet_sha256": ("planet", "model"),
    "semantic_temperature": ("temperature", "temperature"),
    "geographic_temperature": ("geographic temperature", "geographic_temperature"),
    "layout": ("layout", "layout"),
}
SAME_BASIS = 1e-6  # of components of length 1, and of their mean; other machines round differently
HASH_DIGITS = 8  # that messages show
SHOWN = 3  # names of bands that messages show


def check_alike(first: xr.DataArray, other: xr.DataArray, first_name: str, name: str, *, betas: bool = False) -> None:
    """Refuse to join cubes of other contents. The first difference is named, with what to type.

    Args:
        first, other: the cubes; their grids and values are not looked at.
        first_name, name: what messages call them.
        betas: whether they must have the same betas.
    Raises:
        CubeError: they differ.
    """

    def refusal(called: str, ours: str, theirs: str, typed: str) -> CubeError:
        return CubeError(f"{first_name} and {name} differ in {called}: {ours} and {theirs}; make {name} with {typed}")

    facts, others = facts_of(first), facts_of(other)
    for fact, (called, typed) in SHARED.items():
        if facts.get(fact) != others.get(fact):
            ours, theirs = (_shown(part.get(fact)) for part in (facts, others))
            way = argument(typed, facts[fact]) if fact == "model" and fact in facts else f"the same {argument(typed)}"
            raise refusal(called, ours, theirs, way)
    names, other_names = band_names(first), band_names(other)
    if names != other_names:
        way = argument("pca", len(names)) if "pca_mean" in facts else f"the same {argument('bands')}"
        raise refusal("bands", _some(names), _some(other_names), way)
    if not same_basis(facts, others):
        raise CubeError(
            f"{name} has other principal components than {first_name}; make it again with "
            f"{argument('pca_from', first_name)}"
        )
    held, of_other = held_betas(first), held_betas(other)
    if betas and (held.shape != of_other.shape or (np.abs(held - of_other) > SAME_BETA).any()):
        ours, theirs = (", ".join(f"{beta:g}" for beta in part) or "none" for part in (held, of_other))
        raise refusal("betas", ours, theirs, argument("betas", tuple(held.tolist())))


def same_basis(facts: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Whether two cubes were projected on the same principal components, or both on none."""
    for key in ("pca_mean", "pca_components"):
        ours, theirs = (np.array(part.get(key, [])) for part in (facts, others))
        if ours.shape != theirs.shape or not np.allclose(ours, theirs, atol=SAME_BASIS):
            return False
    return True


def held_betas(cube: xr.DataArray) -> np.ndarray:
    """(n,) the betas of a cube; none if it has none."""
    return np.atleast_1d(cube["beta"].values).astype(float) if "beta" in cube.coords else np.array([])


def _shown(value: object) -> str:
    """A fact in a message; a hash is cut."""
    return "not said" if value is None else str(value)[:HASH_DIGITS] if len(str(value)) == 64 else str(value)


def _some(names: list[str]) -> str:
    """A few names."""
    return f"{len(names)} ({', '.join(names[:SHOWN])}{' …' if len(names) > SHOWN else ''})"
