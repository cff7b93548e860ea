"""What encoders say of places: every beta, and S, G and q alone, from one evaluation of the components."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rangegeo.errors import UsageError, argument
from rangegeo.evaluation.features import bands_at, feature_recipe
from rangegeo.field.blend import blend
from rangegeo.models.load import load_model
from rangegeo.models.model import Model
from rangegeo.schema.betas import Betas, check_betas
from rangegeo.support.location import is_address
from rangegeo.support.planets import split_model
from rangegeo.weights.inventory import model_facts

BETAS = (0.0, 0.25, 0.5, 0.75, 1.0)  # that are compared if none are given
EMBEDDING = "embedding"  # the features of a model without betas
ALL = "all"  # the name that stands for every model that can be loaded without a download
Models = str | Model | Iterable[str | Model] | Mapping[str, str | Model]
AT_HAND = ("embedded", "installed")  # states of default weights that need no download


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """A model that is compared.

    Attributes:
        name: in tables.
        model: the model itself.
    """

    name: str
    model: Model

    def features(self, lonlat_deg: np.ndarray, betas: Sequence[float]) -> Iterator[tuple[str, np.ndarray]]:
        """What can be learned from, by its name; the model is evaluated once, when the first one is asked for.

        Args:
            lonlat_deg: (n, 2) places.
            betas: of the embeddings; a model without betas ignores them.
        Yields:
            Names, such as "beta 0.5", "S" or "S+G+q", and (n, bands) float32.
        """
        found = bands_at(self.model, feature_recipe(self.model, None), lonlat_deg)
        if not self.model.has_beta:
            yield EMBEDDING, found
            return
        visual = self.model.visual
        semantic, geographic, location = np.split(found, [visual, 2 * visual], axis=1)
        for beta in betas:
            yield f"beta {beta:g}", np.hstack([blend(semantic, geographic, beta), location])
        yield from (("S", semantic), ("G", geographic), ("q", location), ("S+G+q", found))


def encoders_of(
    models: Models, device: str = "auto", storage_options: Mapping[str, str] | None = None
) -> list[Encoder]:
    """The models that are compared.

    Args:
        models: names, "NAME=WEIGHTS", "NAME=WEIGHTS,DB", "all" for every model that needs no download, or models; a
            mapping gives them other names in tables.
        device: where those are evaluated that are loaded here.
        storage_options: names and values for addresses of planets, as obstore takes them.
    Raises:
        UsageError: a name is unknown, or one is given twice. WeightsError: a file cannot be used.
    """
    if isinstance(models, Mapping):
        return [Encoder(name, _encoder(one, device, storage_options).model) for name, one in models.items()]
    given = [models] if isinstance(models, str | Model) else list(models)
    names = [one for each in given for one in (names_at_hand() if each == ALL else [each])]
    if not names:
        raise UsageError(argument="model", expected="the name of a model, or several", got="none", example="RANGE+")
    found = [_encoder(one, device, storage_options) for one in names]
    twice = [one.name for one in found if [other.name for other in found].count(one.name) > 1]
    if twice:
        raise UsageError(f"{argument('model')} names {twice[0]} twice; leave one out")
    return found


def names_at_hand() -> list[str]:
    """The names of all models that can be loaded without a download and without a path."""
    return [row["model"] for row in model_facts() if _is_at_hand(row)]


def names_left_out() -> list[str]:
    """The names of the other models."""
    return [row["model"] for row in model_facts() if not _is_at_hand(row)]


def _is_at_hand(row: dict) -> bool:
    return not row["needs_weights"] or bool({*row["weights"].values()} & {*AT_HAND})


def _encoder(given: str | Model, device: str, options: Mapping[str, str] | None) -> Encoder:
    if isinstance(given, Model):
        return Encoder(given.spec.name, given)
    name, weights, db = split_model(given)
    told = options if is_address(weights or name) else None
    shown = ",".join(Path(file).stem for file in (weights, db) if file)
    model = load_model(name, device=device, weights=weights or None, db=db or None, storage_options=told)
    return Encoder(f"{name}={shown}" if shown else name, model)


def chosen_betas(encoders: Sequence[Encoder], betas: Betas | None) -> tuple[float, ...]:
    """The betas that are compared.

    Raises:
        UsageError: one is out of range, or no model has betas.
    """
    if betas is None:
        return BETAS
    if not any(encoder.model.has_beta for encoder in encoders):
        names = ", ".join(encoder.name for encoder in encoders)
        raise UsageError(f"{argument('betas')} needs a model with betas, and {names} has none; leave it out")
    return check_betas(betas)
