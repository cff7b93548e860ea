"""Which weights are on this machine. This module does not load them, imports no torch and uses no network."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rangegeo.encoders import MODELS, ModelInfo, installed_info
from rangegeo.encoders.installed import installed_names
from rangegeo.weights.cache import stored_path
from rangegeo.weights.hub import cached
from rangegeo.weights.published import OFFICIAL_DATABASES, OFFICIAL_ENCODERS, PUBLISHED, PublishedFile

EMBEDDED_VISUAL = 256  # visual bands of the embedded database; the published ones have 1024
PUBLISHED_VISUAL = 1024
GEOCLIP_FILE = "model/weights/location_encoder_weights.pth"  # in the folder of the package geoclip


def installed_geoclip() -> Path | None:
    """The file of the package `geoclip`, found without importing the package; None if it is not installed."""
    spec = find_spec("geoclip")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / GEOCLIP_FILE
        if path.is_file():
            return path
    return None


def weights_at_hand(row: ModelInfo) -> dict[str, str]:
    """The names of a model's weights, each with "embedded", "installed", "cached" or "missing"."""
    states = {}
    if row.default == "demo":
        states["demo"] = "embedded"
    if row.default == "installed":
        states["installed"] = "installed" if installed_geoclip() else "missing"
    return states | {key: _state(OFFICIAL_ENCODERS[key]) for key in row.published}


def databases_at_hand(row: ModelInfo) -> dict[str, str]:
    """The names of databases, each with "embedded", "cached" or "missing"; empty for a model without a database."""
    if row.temperature is None:
        return {}
    return {"demo": "embedded"} | {key: _state(file) for key, file in OFFICIAL_DATABASES.items()}


def embedded_bands(row: ModelInfo) -> int | None:
    """The number of bands with the embedded weights; None for a model without any."""
    if row.default != "demo":
        return None
    return row.dim if row.temperature is None else row.dim - PUBLISHED_VISUAL + EMBEDDED_VISUAL


def model_facts() -> list[dict]:
    """JSON-able facts of every model, with its weights and databases and whether they are on this machine."""
    return [
        {
            "model": name,
            "bands": row.dim or None,  # of an installed model only once it is loaded
            "bands_embedded": embedded_bands(row),
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
        for name, row in (MODELS | {name: installed_info() for name in installed_names()}).items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A published file, and where it is on this machine.

    Attributes:
        name: key of the file in `PUBLISHED`.
        published: its row there.
        path: the path of the file; None if it is not on this machine.
        converted: the path of its converted form; None if there is none.
    """

    name: str
    published: PublishedFile
    path: Path | None
    converted: Path | None

    @property
    def facts(self) -> dict[str, object]:
        """JSON-able facts for `rangegeo weights list`."""
        file = self.published
        return {
            "name": self.name,
            "file": file.file,
            "repo": file.repo or None,
            "kind": file.kind if file.repo else None,
            "archive": file.archive or None,
            "licence": file.licence,
            "bytes": self.path.stat().st_size if self.path else None,
            "bytes_about": file.size,
            "present": self.path is not None,
            "converted": self.converted is not None,
            "path": str(self.path) if self.path else None,
            "converted_path": str(self.converted) if self.converted else None,
        }


def entry(name: str, published: PublishedFile) -> Entry:
    """Look for a published file, without opening it and without the network."""
    path = cached(published)
    converted = stored_path(path, published.form) if path else None
    exists = converted is not None and converted.exists()
    return Entry(name=name, published=published, path=path, converted=converted if exists else None)


def inventory() -> list[Entry]:
    """Every published file, and where it is on this machine."""
    return [entry(name, file) for name, file in PUBLISHED.items()]


def _state(file: PublishedFile) -> str:
    """Whether a published file is on this machine."""
    return "cached" if cached(file) else "missing"
