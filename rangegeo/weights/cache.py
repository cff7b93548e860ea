"""Where converted files lie, and what the bytes of a file hash to. Nothing here imports torch or uses the network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs

FORMAT = 2  # raise it when a conversion changes, so that older files in the cache are not used


def cache_folder() -> Path:
    """RANGEGEO_CACHE, or the user's cache folder."""
    return Path(os.environ.get("RANGEGEO_CACHE") or platformdirs.user_cache_dir("rangegeo"))


def stored_path(source: Path, kind: str) -> Path:
    """Where the converted form of a file lies, or would lie, as the file is now.

    Args:
        source: the published file.
        kind: what it is converted to; part of the converted file's name.
    """
    status = source.stat()
    identity = f"{FORMAT}|{kind}|{source.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    name = f"{kind}-{source.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.safetensors"
    return cache_folder() / name


def file_sha256(path: Path) -> str:
    """Of every byte."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
