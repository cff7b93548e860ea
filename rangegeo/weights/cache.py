"""Paths of converted files, and hashes of files. This module imports no torch and uses no network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs

from rangegeo.support.paths import local_path

FORMAT = 2  # increase it when a conversion changes, so that older files in the cache are no longer used


def cache_folder() -> Path:
    """The folder for converted files: RANGEGEO_CACHE, else the user's cache folder."""
    return local_path(os.environ.get("RANGEGEO_CACHE") or platformdirs.user_cache_dir("rangegeo"))


def stored_path(source: Path, kind: str) -> Path:
    """The path of the converted form of a file, whether or not this form exists. It changes when the file changes.

    Args:
        source: the file itself.
        kind: a family of encoders or "database"; part of the converted file's name.
    """
    status = source.stat()
    identity = f"{FORMAT}|{kind}|{source.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    name = f"{kind}-{source.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.safetensors"
    return cache_folder() / name


def file_sha256(path: Path) -> str:
    """SHA-256 hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
