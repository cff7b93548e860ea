"""Packages that only some commands need, imported when they are used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from rangegeo.errors import MissingPackage

DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # where a package is installed under another name


def import_optional(module: str, purpose: str, extra: str) -> ModuleType:
    """An optional module.

    Args:
        module: to import.
        purpose: what needs it, for the message.
        extra: of rangegeo that installs it.
    Raises:
        MissingPackage: it is not installed; says what to type.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.split(".")[0]
        if error.name is None or error.name.split(".")[0] != package:
            raise  # it is there, but lacks something of its own
        name = DISTRIBUTIONS.get(package, package)
        raise MissingPackage(f'{purpose} needs {name}: pip install "rangegeo[{extra}]"') from None
