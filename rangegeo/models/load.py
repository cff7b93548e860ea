"""Models from their names and files, and those that this process has loaded."""

from __future__ import annotations

import copyreg
import threading
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from rangegeo.encoders import model_info
from rangegeo.errors import UsageError, WeightsError
from rangegeo.field.range import EncoderField, RangeField
from rangegeo.models.device import resolve_device
from rangegeo.models.model import Model
from rangegeo.models.spec import ModelSpec
from rangegeo.schema.betas import DEFAULT_BETA, Betas, check_beta, one_spelling
from rangegeo.weights.checkpoint import build_free, load_encoder
from rangegeo.weights.database import load_database
from rangegeo.weights.names import database_file, database_for, default_weights, encoder_file

_LOADED: dict[ModelSpec, Model] = {}
_LOADING = threading.Lock()


def loaded(spec: ModelSpec) -> Model:
    """The model that a spec names, loaded once a process and shared by its threads.

    Raises:
        WeightsError: a file has changed since the spec was made.
    """
    with _LOADING:
        if spec not in _LOADED:
            _LOADED[spec] = load_spec(spec)
        return _LOADED[spec]


def load_spec(spec: ModelSpec, beta: float = DEFAULT_BETA) -> Model:
    """A model of its own, from the files that a spec names; raises as `loaded`."""
    model = load_model(spec.name, weights=spec.weights, db=spec.db, device=spec.device, beta=beta)
    if model.spec != spec:
        raise WeightsError(
            f"{spec.weights} or {spec.db} is not the file this cube was planned with; "
            "make the cube again with the files as they are"
        )
    return model


def _reduced(model: Model) -> tuple[Callable, tuple]:
    """How a model is pickled and copied: as its spec, so that weights are loaded where it arrives, never sent."""
    return load_spec, (model.spec, model.beta)


copyreg.pickle(Model, _reduced)


def load_model(
    model_name: str = "RANGE+",
    pretrained_path: str | Path | None = None,
    device: str | torch.device | None = "auto",
    *,
    weights: str | None = None,
    db: str | None = None,
    db_path: str | Path | None = None,
    beta: float | None = None,
    name: str | None = None,
    betas: Betas | None = None,
) -> Model:
    """Load a location model.

    Takes the research repository's arguments too: `load_model(model_name, pretrained_path, device, db_path=, beta=)`.

    Args:
        model_name, name: one of `rangegeo.encoders.MODELS`.
        weights, pretrained_path: a name that `rangegeo models` lists for it, such as demo (embedded, offline) or
            official (downloaded), or the path of a published checkpoint; by default demo, or GeoCLIP's as installed.
        device: auto (or None), cpu, cuda or cuda:i.
        db, db_path: demo, large, med or the path of a RANGE database; by default the one that belongs to the weights.
        beta: the beta of calls, and of `encode` if none is given: in [0, 1], 0 geographic to 1 semantic; by default
            0.5. Only RANGE+ uses it. `betas` is another name for it.
    Raises:
        UsageError: an unknown name, a missing file or a device that is not there.
        WeightsError: what is wrong in a file. DownloadError: a published file cannot be had.
    """
    model_name = name or model_name
    row = model_info(model_name)
    for flag, value in (("--weights", weights), ("--db", db)):
        if value == "":
            raise UsageError(f"{flag} must be a name or a path, got nothing; leave it out for the default")
    if db and row.temperature is None:  # but upstream hands every model a db_path
        raise UsageError(f"{model_name} has no database; leave out --db {db}")
    given = one_spelling(betas, beta)
    beta = DEFAULT_BETA if given is None else check_beta(given, "load_model")
    device = resolve_device("auto" if device is None else str(device))
    if not row.has_weights:
        if weights:  # but upstream asks for a pretrained_path that it does not use
            raise UsageError(f"{model_name} has no weights; leave out --weights {weights}")
        spec = ModelSpec(name=model_name, weights=None, db=None, device=device, weights_sha256=None, db_sha256=None)
        return Model(spec, EncoderField(build_free(row)), {}, beta)
    weights = _one("weights", weights, "pretrained_path", pretrained_path)
    if db_path and not weights and row.temperature is not None:
        raise UsageError("pretrained_path must be given with db_path, because the two are made together")
    return _load(model_name, weights or default_weights(model_name), _one("db", db, "db_path", db_path), device, beta)


def _load(name: str, weights: str, db: str | None, device: str, beta: float) -> Model:
    """A model with weights, and a database if it has one, from files by name or path."""
    row = model_info(name)
    database = None
    if row.temperature is not None:
        db = database_for(weights, db)
    encoder_path = encoder_file(weights, name)
    encoder, stored = load_encoder(encoder_path, row.family)
    facts = {"encoder": stored.facts}
    field: nn.Module = EncoderField(encoder)
    if row.temperature is not None:
        db_path = database_file(db)
        database = load_database(db_path)
        facts["database"] = database.facts
        field = RangeField(encoder, **database.tensors, temperature=row.temperature, geographic=row.has_beta)
    spec = ModelSpec(
        name=name,
        weights=str(encoder_path.absolute()),  # a link in a cache of downloads has the name, what it leads to has not
        db=None if database is None else str(db_path.absolute()),
        device=device,
        weights_sha256=stored.sha256,
        db_sha256=None if database is None else database.sha256,
    )
    return Model(spec, field, facts, beta)


def _one(name: str, value: object, other: str, other_value: object) -> str | None:
    """Whichever of two spellings of an argument is given; an empty one is none.

    Raises:
        UsageError: both are given.
    """
    if value and other_value:
        raise UsageError(f"{name} and {other} mean the same; leave one out")
    return str(value or other_value or "") or None
