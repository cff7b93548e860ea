"""The value that names a model. Workers receive it instead of weights."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rangegeo.errors import UsageError

ENTRY = "entry point "  # how the source of an installed model begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapped:
    """An encoder of a user's own, as other processes find it.

    Only what other processes can import is pickled.

    Attributes:
        name: of the model.
        source: "package.module:name" or "entry point NAME"; None if only this process has it.
        version: of its code and weights; the same version is the same encoder.
        dim, smooth_deg, order, tensors, citation: the arguments of `rangegeo.wrap`.
    """

    name: str
    source: str | None
    version: str
    dim: int
    smooth_deg: float
    order: str
    tensors: bool
    citation: str

    def __copy__(self) -> Wrapped:
        return self

    def __deepcopy__(self, memo: object) -> Wrapped:
        return self

    def __reduce__(self) -> tuple[Callable[..., Wrapped], tuple[dict[str, Any]]]:
        self.check_travels()
        return _wrapped, (asdict(self),)

    @property
    def is_installed(self) -> bool:
        """Whether a package installs it, so that its name alone says what is imported."""
        return self.source is not None and self.source.startswith(ENTRY)

    def check_travels(self) -> None:
        """Refuse to be sent to another process.

        Raises:
            UsageError: other processes cannot import the encoder.
        """
        if self.source is None:
            raise UsageError(
                f"{self.name} cannot be sent to other processes, because they cannot import it; define it in a module "
                'that they have, and wrap it by name: rangegeo.wrap("package.module:name")'
            )


def _wrapped(fields: dict[str, Any]) -> Wrapped:
    return Wrapped(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Names, paths and hashes, from which a worker can load the same model. It holds no weights.

    Attributes:
        name: a key of `rangegeo.encoders.MODELS`, or the name of an encoder of a user's own.
        weights: path of the location encoder's file; None for a model without weights.
        db: path of the database's file; None for a model without a database.
        device: the torch device, such as "cpu" or "cuda:0", never "auto".
        weights_sha256: hash of the file at `weights`.
        db_sha256: hash of the file at `db`.
        temperature: of the semantic average; None for the published one, and for a model without a database.
        geographic_temperature: of the geographic average, in the same way.
        wrapped: of an encoder of a user's own; None for the models of rangegeo.
        planet: path or address of the stored planet that holds the model; None for a model that has files of its own.
        planet_sha256: hash of the planet's attributes and tables.
        planet_options: names and values that the server of the planet needs, among them secrets. No file holds them.
    """

    name: str
    weights: str | None
    db: str | None
    device: str
    weights_sha256: str | None
    db_sha256: str | None
    temperature: float | None = None
    geographic_temperature: float | None = None
    wrapped: Wrapped | None = None
    planet: str | None = None
    planet_sha256: str | None = None
    planet_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def stored(self) -> dict[str, Any]:
        """Its fields as a file keeps them: without what may be secret."""
        fields = asdict(self)
        del fields["planet_options"]
        return fields

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> ModelSpec:
        """The spec whose `stored` has these fields."""
        wrapped = fields.get("wrapped")
        options = tuple((name, value) for name, value in fields.get("planet_options", ()))
        wrapped = None if wrapped is None else Wrapped(**wrapped)
        return cls(**{**fields, "wrapped": wrapped, "planet_options": options})


def check_travels(spec: ModelSpec) -> None:
    """Refuse an encoder that only this process has, if tasks will go to a cluster of dask.distributed.

    Raises:
        UsageError: the workers cannot import it.
    """
    distributed = sys.modules.get("distributed.client")
    if spec.wrapped is not None and distributed is not None and distributed._get_global_client() is not None:
        spec.wrapped.check_travels()
