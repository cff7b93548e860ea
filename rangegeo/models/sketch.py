"""What is known of a published model before its files are on this machine: the numbers of its bands."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rangegeo.encoders import ModelInfo, model_info
from rangegeo.weights.hub import cached
from rangegeo.weights.inventory import PUBLISHED_VISUAL
from rangegeo.weights.names import DATABASE_OF
from rangegeo.weights.published import ALIASES, OFFICIAL_DATABASES, OFFICIAL_ENCODERS, PublishedFile

# Degrees over which the published encoders can be interpolated, by family; as `smooth_deg` of the encoders says.
SMOOTH_DEG = {"satclip": math.inf, "geoclip": 0.0, "sinr": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A published model without its files.

    Attributes:
        name: of the model.
        visual, location: numbers of its bands.
        smooth_deg: degrees over which it can be interpolated.
        missing: the names of the files that would be downloaded.
    """

    name: str
    visual: int
    location: int
    smooth_deg: float
    missing: tuple[str, ...]

    @property
    def row(self) -> ModelInfo:
        """The model's row in the table `MODELS`."""
        return model_info(self.name)


def sketch(name: str, weights: str | None, db: str | None) -> Sketch | None:
    """The sketch of a model that would have to be downloaded; None if its files are here, or if they are no published
    ones.

    Args:
        name, weights, db: as `rangegeo.load_model` takes them.
    """
    row = model_info(name)
    wanted = weights or row.default
    encoder = _encoder(row, wanted)
    files: dict[str, PublishedFile | None] = {} if encoder is None else {encoder: OFFICIAL_ENCODERS[encoder]}
    chosen = db or DATABASE_OF.get(wanted or "")
    if row.has_database and chosen in OFFICIAL_DATABASES:
        files[ALIASES[chosen]] = OFFICIAL_DATABASES[chosen]
    missing = tuple(key for key, file in files.items() if file is not None and cached(file) is None)
    if not missing or row.family not in SMOOTH_DEG:
        return None
    visual = PUBLISHED_VISUAL if row.has_database else 0
    return Sketch(
        name=name, visual=visual, location=row.dim - visual, smooth_deg=SMOOTH_DEG[row.family], missing=missing
    )


def _encoder(row: ModelInfo, weights: str | None) -> str | None:
    """The name of the published file that weights stand for; None for other weights."""
    if weights == "official" and row.published:
        return row.published[0]
    return weights if weights in row.published else None
