"""The embedded default: a location encoder and a database trained from real imagery (workflows/demo/).

Small enough to ship, of the published model's own architecture, and honest about its limits: see README.
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
    """The path of a shipped file, after checking its bytes against SHA256SUMS.

    Raises:
        WeightsError: the file is not the one that was shipped.
    """
    path, listed = FOLDER / name, FOLDER / "SHA256SUMS"
    sums = dict(reversed(line.split()) for line in listed.read_text().splitlines()) if listed.exists() else {}
    if not path.exists() or file_sha256(path) != sums.get(name):
        raise WeightsError(
            f"the embedded {name} is missing or damaged; reinstall it: pip install --force-reinstall rangegeo"
        )
    return path
