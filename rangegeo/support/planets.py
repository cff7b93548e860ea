"""How stored planets are told from names of models and of weights, before anything is opened."""

from __future__ import annotations

import os

from rangegeo.support.address import Address


def names_planet(given: object) -> bool:
    """Whether what a user gives for a model or for weights names a stored planet: the folder or the address of a Zarr
    store.
    """
    if isinstance(given, Address):
        return True
    if not isinstance(given, str | os.PathLike):
        return False
    text = os.fspath(given).rstrip("/")
    return text.endswith(".zarr") or "://" in text or os.path.isfile(os.path.join(text, "zarr.json"))
