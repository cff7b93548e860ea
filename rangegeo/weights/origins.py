"""Which data encoders and databases were made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rangegeo.weights.demo import FOLDER
from rangegeo.weights.published import PUBLISHED, PublishedFile

BLUE_MARBLE = "https://visibleearth.nasa.gov/collection/1484/blue-marble"
SENTINEL_2 = "https://planetarycomputer.microsoft.com/dataset/sentinel-2-l2a"  # for SatCLIP, arXiv:2311.17179
PAGES: dict[str, Callable[[PublishedFile], str]] = {  # page of the data, by `PublishedFile.form`
    "satclip": lambda file: SENTINEL_2,
    "database": lambda file: f"https://huggingface.co/datasets/{file.repo}",
}
KNOWN = {file.file: PAGES[file.form](file) for file in PUBLISHED.values() if file.form in PAGES}  # by file name


def source_data(path: Path, name: str, sha256: str) -> str:
    """A URI of the data from which an encoder or a database was made.

    Args:
        path: the file.
        name: the name under which the file was published.
        sha256: hex digest of the file.
    Returns:
        for the embedded model and for published files the page of the data, for other files a URI of their hash.
    """
    if path.parent == FOLDER:
        return BLUE_MARBLE
    return KNOWN.get(name, f"hash://sha256/{sha256}")
