"""The value that names a model and travels to workers instead of weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What a worker needs to load the same model: names, paths and hashes, no weights.

    Attributes:
        name: one of `rangegeo.encoders.MODELS`.
        weights: path of the location encoder's file, None for a model without weights.
        db: path of the database's file, None for a location encoder alone.
        device: torch device, resolved.
        weights_sha256: hash of the file at `weights`.
        db_sha256: hash of the file at `db`.
    """

    name: str
    weights: str | None
    db: str | None
    device: str
    weights_sha256: str | None
    db_sha256: str | None
