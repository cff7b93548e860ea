"""Which weights are on this machine, without loading any of them: nothing here imports torch or uses the network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from rangegeo.encoders import MODELS, ModelRow
from rangegeo.weights.hub import OFFICIAL_DATABASES, OFFICIAL_ENCODERS, PublishedFile, cached

GEOCLIP_FILE = "model/weights/location_encoder_weights.pth"


def installed_geoclip() -> Path | None:
    """The location encoder in the package `geoclip`, found without importing it; None if it is not installed."""
    spec = find_spec("geoclip")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / GEOCLIP_FILE
        if path.is_file():
            return path
    return None


def weights_at_hand(row: ModelRow) -> dict[str, str]:
    """What may be said for --weights, and whether it is there: embedded, installed, cached or missing."""
    found = {}
    if row.default == "demo":
        found["demo"] = "embedded"
    if row.default == "installed":
        found["installed"] = "installed" if installed_geoclip() else "missing"
    return found | {key: _state(OFFICIAL_ENCODERS[key]) for key in row.published}


def databases_at_hand(row: ModelRow) -> dict[str, str]:
    """What may be said for --db, and whether it is there; empty for a model without retrieval."""
    if row.temperature is None:
        return {}
    return {"demo": "embedded"} | {key: _state(file) for key, file in OFFICIAL_DATABASES.items()}


def model_facts() -> list[dict]:
    """Every model as plain facts, with what is at hand of its weights and databases."""
    return [
        {
            "model": name,
            "bands": row.dim,
            "order": row.order,
            "needs_weights": row.has_weights,
            "weights": weights_at_hand(row),
            "databases": databases_at_hand(row),
            "licence": row.licence,
            "citation": row.citation,
            "source": row.source,
            "tested": row.tested,
            "notes": row.notes,
        }
        for name, row in MODELS.items()
    ]


def _state(file: PublishedFile) -> str:
    return "cached" if cached(file) else "missing"
