"""The files of the page: its own, and those of Leaflet."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rangegeo.support.optional import import_optional

OWN = Path(__file__).parent / "page"
ASSETS = {  # by name: the kind of its content
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "server.js": "text/javascript; charset=utf-8",
    "stored.js": "text/javascript; charset=utf-8",
    "worker.js": "text/javascript; charset=utf-8",
    "layers.js": "text/javascript; charset=utf-8",
    "saving.js": "text/javascript; charset=utf-8",
    "labels.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "leaflet.js": "text/javascript; charset=utf-8",
    "leaflet.css": "text/css; charset=utf-8",
}
LEAFLET = ("leaflet.js", "leaflet.css")


@lru_cache
def read_asset(name: str) -> tuple[bytes, str]:
    """The content and the kind of a file of the page.

    Args:
        name: one of `ASSETS`.
    Raises:
        MissingPackage: Leaflet is not installed.
    """
    folder = OWN
    if name in LEAFLET:
        folder = Path(import_optional("xstatic.pkg.leaflet", "the page").BASE_DIR)
    return (folder / name).read_bytes(), ASSETS[name]
