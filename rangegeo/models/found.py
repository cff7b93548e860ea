"""The model that a cube was made with, found by its name and the hashes of its files among what is on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rangegeo.encoders import MODELS
from rangegeo.encoders.installed import installed_names
from rangegeo.errors import RangegeoError, UsageError, argument
from rangegeo.models.load import load_model
from rangegeo.models.model import Model
from rangegeo.support.location import Location
from rangegeo.weights.inventory import databases_at_hand, weights_at_hand
from rangegeo.weights.names import database_file, encoder_file

ROLES = {"encoder": "weights", "database": "db"}  # files of a model, and the arguments that name them
TEMPERATURES = {"temperature": "semantic_temperature", "geographic_temperature": "geographic_temperature"}
AT_HAND = ("embedded", "installed", "cached")


def model_of(
    facts: Mapping[str, Any],
    *,
    weights: str | Location | None = None,
    db: str | Path | None = None,
    device: str = "auto",
) -> Model | None:
    """The model that a cube was made with; None if its files are not on this machine. Nothing is downloaded.

    Args:
        facts: what the cube says about itself.
        weights, db: its files, if they are no published ones.
        device: as in `load_model`.
    Raises:
        UsageError: a file that is given is another one. WeightsError: it cannot be used.
    """
    name = str(facts["model"])
    if "planet_sha256" in facts:
        return _planet(facts, name, weights)
    row = MODELS.get(name)
    if row is None:
        return _installed(facts, name, device)
    temperatures = {name: facts.get(fact) for name, fact in TEMPERATURES.items()}
    if weights is not None or db is not None:
        model = load_model(name, weights=weights, db=db, device=device, **temperatures)
        for role, keyword in ROLES.items():
            known, found = facts.get(f"{role}_sha256"), model.facts.get(role, {}).get("sha256")
            if known != found:
                told = f"{argument(keyword)} must be the {role} of the cube, {facts.get(f'{role}_file', 'none')}"
                raise UsageError(f"{told} with the SHA-256 {known}, got one with {found}")
        return model
    if not row.has_weights:
        return load_model(name, device=device)
    found_weights = [key for key, state in weights_at_hand(row).items() if state in AT_HAND]
    encoders = [key for key in found_weights if encoder_file(key, name).name == facts.get("encoder_file")]
    found_databases = [key for key, state in databases_at_hand(row).items() if state in AT_HAND]
    databases = [key for key in found_databases if database_file(key).name == facts.get("database_file")]
    try:
        chosen_db = databases[0] if databases else None
        model = load_model(name, weights=encoders[0], db=chosen_db, device=device, **temperatures)
    except (IndexError, RangegeoError):
        return None
    same = all(facts.get(f"{role}_sha256") == model.facts.get(role, {}).get("sha256") for role in ROLES)
    return model if same else None


def _planet(facts: Mapping[str, Any], name: str, weights: str | Location | None) -> Model | None:
    """The model of the planet that a cube was made with: the one that is given, or one at an address."""
    place = weights or str(facts.get("planet", ""))
    if weights is None and "://" not in str(place):  # a cube keeps the name of a folder, and not where it lies
        return None
    model = load_model(name, weights=place)
    if model.spec.planet_sha256 != facts["planet_sha256"]:
        if weights is None:
            return None
        told = (
            f"{argument('weights')} must be the planet of the cube, {facts.get('planet')}, and {place} is another one"
        )
        raise UsageError(told)
    return model


def _installed(facts: Mapping[str, Any], name: str, device: str) -> Model | None:
    """The model that a package installs, if it is the version that the cube was made with."""
    if name not in installed_names():
        return None
    model = load_model(name, device=device)
    return model if model.origin.get("encoder_version") == facts.get("encoder_version") else None
