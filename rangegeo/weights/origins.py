"""What the known encoders and databases were made from."""

from __future__ import annotations

from pathlib import Path

from rangegeo.weights.demo import FOLDER
from rangegeo.weights.published import PUBLISHED

BLUE_MARBLE = "https://visibleearth.nasa.gov/collection/1484/blue-marble"
SENTINEL_2 = "https://planetarycomputer.microsoft.com/dataset/sentinel-2-l2a"  # of SatCLIP, arXiv:2311.17179
PAGES = {
    "satclip": lambda file: SENTINEL_2,
    "database": lambda file: f"https://huggingface.co/datasets/{file.repo}",
}
KNOWN = {file.file: PAGES[file.form](file) for file in PUBLISHED.values() if file.form in PAGES}


def source_data(path: Path, name: str, sha256: str) -> str:
    """A URI of the data behind an encoder or a database.

    Args:
        path: of the file.
        name: of the file as it was published.
        sha256: of its bytes.
    Returns:
        The page of what the embedded or a published file was made from; of any other file its own hash.
    """
    if path.parent == FOLDER:
        return BLUE_MARBLE
    return KNOWN.get(name, f"hash://sha256/{sha256}")
