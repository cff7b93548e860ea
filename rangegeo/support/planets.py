"""How stored planets are told from names of models and of weights, before anything is opened."""

from __future__ import annotations

import os

from rangegeo.support.address import Address
from rangegeo.support.location import is_address
from rangegeo.support.packed_stores import check_unpacked


def names_planet(given: object) -> bool:
    """Whether what a user gives for a model or for weights names a stored planet: the folder or the address of a Zarr
    store.

    Raises:
        CubeError: it is a packed store.
    """
    check_unpacked(given)
    if isinstance(given, Address):
        return True
    if not isinstance(given, str | os.PathLike):
        return False
    text = os.fspath(given).rstrip("/")
    return text.endswith(".zarr") or "://" in text or os.path.isfile(os.path.join(text, "zarr.json"))


def split_model(given: str) -> tuple[str, str, str]:
    """A model that is compared, such as "RANGE+=FILE,DB": what it is, its weights and its database.

    The name of a planet, an address or a folder that is there, may hold the signs = and , itself.

    Returns:
        Texts; empty ones for what is not given.
    """
    if is_address(given) or os.path.exists(given):
        return given, "", ""
    name, _, files = given.partition("=")
    if is_address(files) or os.path.exists(files):
        return name, files, ""
    weights, _, db = files.partition(",")
    return name, weights, db
