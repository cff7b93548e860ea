"""The embedded model: a location encoder and a database, trained from real imagery (workflows/demo/).

It is small enough to be part of the package and has the architecture of the published model. README states its limits.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rangegeo.errors import WeightsError
from rangegeo.weights.cache import file_sha256

FOLDER = Path(__file__).parent
ENCODER = "location_encoder.safetensors"
DATABASE = "database.safetensors"


@lru_cache
def demo_file(name: str) -> Path:
    """The path of a file of the embedded model. Its hash is compared with SHA256SUMS first.

    Raises:
        WeightsError: the file is missing or was changed.
    """
    path, listed = FOLDER / name, FOLDER / "SHA256SUMS"
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    hashes = {file: sha256 for sha256, file in map(str.split, lines)}
    if not path.exists() or file_sha256(path) != hashes.get(name):
        raise WeightsError(
            f"the embedded {name} is missing or damaged; restore it in the clone of rangegeo: "
            "git checkout rangegeo/weights/demo && pip install -e ."
        )
    return path
