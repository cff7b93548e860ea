"""Zarr stores in a zip file, as browsers save them: they are unpacked before anything reads them."""

from __future__ import annotations

import os
import shlex

from rangegeo.errors import CubeError

PACKED = ".zip"


def check_unpacked(given: object) -> None:
    """Refuse the path of a packed Zarr store.

    Raises:
        CubeError: it is one.
    """
    text = os.fspath(given) if isinstance(given, str | os.PathLike) else ""
    if text.lower().endswith(f".zarr{PACKED}") and os.path.isfile(text):
        folder = text[: -len(PACKED)]
        raise CubeError(
            f"{text} is a packed Zarr store; unpack it: unzip {shlex.quote(text)} -d {shlex.quote(folder)}, "
            f"and give {folder}"
        )
