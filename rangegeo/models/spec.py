"""The value that names a model. Workers receive it instead of weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Names, paths and hashes, from which a worker can load the same model. It holds no weights.

    Attributes:
        name: a key of `rangegeo.encoders.MODELS`.
        weights: path of the location encoder's file; None for a model without weights.
        db: path of the database's file; None for a model without a database.
        device: the torch device, such as "cpu" or "cuda:0", never "auto".
        weights_sha256: hash of the file at `weights`.
        db_sha256: hash of the file at `db`.
        temperature: of the semantic average; None for the published one, and for a model without a database.
        geographic_temperature: of the geographic average, in the same way.
    """

    name: str
    weights: str | None
    db: str | None
    device: str
    weights_sha256: str | None
    db_sha256: str | None
    temperature: float | None = None
    geographic_temperature: float | None = None
