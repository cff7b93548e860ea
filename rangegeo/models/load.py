"""Loads models by name or from files, and keeps those that this process has loaded.

torch is imported with the first model that needs it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rangegeo.encoders import ModelInfo, model_info
from rangegeo.errors import UsageError, WeightsError, argument
from rangegeo.models.model import HOW_TO_LOAD, Model
from rangegeo.models.spec import ModelSpec
from rangegeo.models.temperatures import Temperatures
from rangegeo.schema.betas import DEFAULT_BETA, Betas, check_beta, one_spelling, warn_of_no_betas
from rangegeo.support.address import Address
from rangegeo.support.location import Location
from rangegeo.support.optional import import_optional
from rangegeo.support.planets import names_planet
from rangegeo.weights.names import database_file, database_for, default_weights, encoder_file

if TYPE_CHECKING:
    import torch

_LOADED: dict[ModelSpec, Model] = {}
_LOADING = threading.Lock()


def loaded(spec: ModelSpec) -> Model:
    """The model that a spec names. A process loads it once, and its threads share it.

    Raises:
        WeightsError: a file has changed since the spec was made.
    """
    with _LOADING:
        if spec not in _LOADED:
            _LOADED[spec] = load_spec(spec)
        return _LOADED[spec]


def load_spec(spec: ModelSpec, beta: float = DEFAULT_BETA) -> Model:
    """A new model from the files that a spec names. Raises as `loaded` does."""
    if spec.planet is not None:
        from rangegeo.models.planet import planet_of

        return planet_of(spec, beta)
    if spec.wrapped is not None:
        from rangegeo.models.wrapping import rebuilt

        return rebuilt(spec, beta)
    model = load_model(
        spec.name,
        weights=spec.weights,
        db=spec.db,
        device=spec.device,
        temperature=spec.temperature,
        geographic_temperature=spec.geographic_temperature,
    )
    model.beta = beta
    if model.spec != spec:
        raise WeightsError(
            f"{spec.weights} or {spec.db} is not the file this cube was planned with; "
            "make the cube again with the files as they are"
        )
    return model


HOW_TO_LOAD.append(load_spec)


def load_model(
    model_name: str | Location = "RANGE+",
    pretrained_path: str | Path | None = None,
    device: str | torch.device | None = "auto",
    *,
    weights: str | Location | None = None,
    db: str | Path | None = None,
    db_path: str | Path | None = None,
    beta: float | None = None,
    name: str | None = None,
    betas: Betas | None = None,
    temperature: float | None = None,
    geographic_temperature: float | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> Model:
    """Load a location model.

    The arguments of the research repository work too: `load_model(model_name, pretrained_path, device, db_path=,
    beta=)`. Some arguments have two names; give only one.

    Args:
        model_name, name: a stored planet, a folder or an address that ends in .zarr, which is read without torch;
            or "RANGE+", "RANGE", "SatCLIP", "GeoCLIP", "TaxaBind", "CSP", "CSP_INat" or "SINR"; or a model
            without weights: "Direct", "Cartesian_3D", "Wrap", "Theory", "s2vec_grid", "s2vec_spherec",
            "s2vec_spherecplus", "s2vec_spherem" or "s2vec_spheremplus".
        weights, pretrained_path: "demo" (embedded, works offline), "official" (downloaded), "installed" (GeoCLIP's
            package), another name that `rangegeo models` lists, the path of a published checkpoint, or a planet
            that holds the model; by default
            "demo", or "installed" for GeoCLIP. TaxaBind, CSP, CSP_INat and SINR have no default. Models without
            weights, such as "Direct", take none.
        device: "auto" (or None), "cpu", "cuda" or "cuda:1".
        db, db_path: "demo", "large", "med" or the path of a RANGE database; by default the one that belongs to the
            weights. Only RANGE+ and RANGE have one.
        beta: the beta of calls, and of `encode` if none is given: in [0, 1], 0 geographic to 1 semantic; by default
            0.5. Only RANGE+ uses it, and a warning tells so of other models. `betas` is another name for it.
        temperature: inverse temperature of the semantic average S, above 0 and at most 43: the larger it is, the fewer
            database rows decide. By default the published one, 12 for RANGE+ and 15 for RANGE.
        geographic_temperature: inverse temperature of the geographic average G, above 0 and at most 10000; rows within
            about 57 / sqrt(temperature) degrees decide. By default the published one, 40. Only RANGE+ has it.
        storage_options: names and values for the address of a planet, such as "endpoint", as obstore takes them.
    Raises:
        UsageError: there is no such name, file or device, or two arguments do not go together.
        WeightsError: a file is damaged or is not what it should be. DownloadError: a published file cannot be fetched.
    """
    model_name = name or model_name
    if names_planet(model_name) or names_planet(weights or pretrained_path):
        from rangegeo.models.planet import load_planet

        others = {"db": db or db_path, "device": device, "temperature": temperature}
        others |= {"geographic_temperature": geographic_temperature}
        return load_planet(model_name, weights or pretrained_path, others, one_spelling(betas, beta), storage_options)
    if storage_options:
        raise UsageError(f"{argument('storage_options')} is for the address of a planet; leave it out")
    assert not isinstance(weights, Address)  # that is a planet
    model_name = str(model_name)
    row = model_info(model_name)
    _check_files(model_name, row, weights, db)
    given = one_spelling(betas, beta)
    beta = DEFAULT_BETA if given is None else check_beta(given, "load_model")
    if given is not None and not row.has_beta:
        warn_of_no_betas(model_name, stacklevel=2)
    other = Temperatures.checked(model_name, temperature, geographic_temperature)
    from rangegeo.models.device import resolve_device  # imports torch

    device = resolve_device("auto" if device is None else str(device))
    if not row.has_weights:
        return _load_free(row, model_name, weights, device, beta)
    weights = _one("weights", weights, "pretrained_path", pretrained_path)
    if db_path and not weights and row.temperature is not None:
        raise UsageError("pretrained_path must be given with db_path, because the two are made together")
    weights = weights or default_weights(model_name)
    assert weights is not None  # the models without weights are made above
    return _load(model_name, weights, _one("db", db, "db_path", db_path), device, beta, other)


def _check_files(name: str, row: ModelInfo, weights: str | Path | None, db: str | Path | None) -> None:
    """Refuse an empty name of a file, a database for a model that has none, and any model if there is no torch."""
    import_optional("torch", name)
    for keyword, value in (("weights", weights), ("db", db)):
        if value == "":
            raise UsageError(f"{argument(keyword)} must be a name or a path, got nothing; leave it out for the default")
    if db and row.temperature is None:  # db_path is ignored instead, because upstream gives one to every model
        raise UsageError(f"{name} has no database; leave out {argument('db', db)}")


def _load_free(row: ModelInfo, name: str, weights: str | Path | None, device: str, beta: float) -> Model:
    """A model without weights, or one that a package installs. Raises UsageError if weights are given."""
    if weights:  # pretrained_path is ignored instead, because upstream asks for one that it does not use
        raise UsageError(f"{name} has no weights; leave out {argument('weights', weights)}")
    if row.family == "wrapped":
        from rangegeo.models.wrapping import installed_model

        return installed_model(name, device, beta)
    from rangegeo.field.range import EncoderField
    from rangegeo.models.neural import NeuralModel
    from rangegeo.weights.checkpoint import build_free

    spec = ModelSpec(name=name, weights=None, db=None, device=device, weights_sha256=None, db_sha256=None)
    return NeuralModel(spec, EncoderField(build_free(row)), {}, beta)


def _load(name: str, weights: str, db: str | None, device: str, beta: float, other: Temperatures) -> Model:
    """A model with weights, and with a database if models of this name have one.

    Args:
        weights: a name or a path, as `encoder_file` takes it.
        db: a name or a path, as `database_file` takes it; None for the database made with the weights.
        other: temperatures other than the published ones.
    """
    from rangegeo.field.range import EncoderField, RangeField
    from rangegeo.models.neural import NeuralModel
    from rangegeo.weights.checkpoint import load_encoder
    from rangegeo.weights.database import check_pair, load_database

    row = model_info(name)
    chosen_db = None if row.temperature is None else database_for(weights, db)  # wrong pairs are refused before loading
    encoder_path = encoder_file(weights, name)
    encoder, stored = load_encoder(encoder_path, row.family)
    # Paths are made absolute but not resolved: a link in a download cache has the name of the file, its target has not.
    spec = ModelSpec(
        name=name,
        weights=str(encoder_path.absolute()),
        db=None,
        device=device,
        weights_sha256=stored.sha256,
        db_sha256=None,
    )
    facts = {"encoder": stored.facts}
    if chosen_db is None or row.temperature is None:
        return NeuralModel(spec, EncoderField(encoder), facts, beta)
    db_path = database_file(chosen_db)
    check_pair(db_path, stored)
    database = load_database(db_path)
    field = RangeField(encoder, **other.arguments(database.tensors, row), geographic=row.has_beta)
    spec = replace(spec, db=str(db_path.absolute()), db_sha256=database.sha256, **asdict(other))
    return NeuralModel(spec, field, facts | {"database": database.facts}, beta)


def _one(name: str, value: object, other: str, other_value: object) -> str | None:
    """The value of an argument that has two names; an empty text counts as not given.

    Raises:
        UsageError: both are given.
    """
    if value and other_value:
        raise UsageError(f"{name} and {other} mean the same; leave one out")
    return str(value or other_value or "") or None
