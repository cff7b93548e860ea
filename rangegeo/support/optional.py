"""Packages that only some commands need. They are imported when they are used."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from rangegeo.errors import MissingPackage

DISTRIBUTIONS = {  # packages that pip knows by another name
    "sklearn": "scikit-learn",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "PIL": "pillow",
    "xstatic": "xstatic-leaflet",
}
# Packages that are of no use without the others of an extra of the project.
EXTRAS = {
    "uvicorn": "view",
    "starlette": "view",
    "xstatic": "view",
    "PIL": "view",
    "pystac": "stac",
    "antimeridian": "stac",
}


def import_optional(module: str, purpose: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: the name of the module.
        purpose: what the module is needed for; the message begins with these words.
    Raises:
        MissingPackage: the package is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.split(".")[0]
        if error.name is None or error.name.split(".")[0] != package:
            raise  # the package is installed, but one of its own dependencies is missing
        name = DISTRIBUTIONS.get(package, package)
        extra = EXTRAS.get(package)
        whole = f'; in the clone of rangegeo, pip install -e ".[{extra}]" brings all that it needs' if extra else ""
        raise MissingPackage(f"{purpose} needs {name}: pip install {name}{whole}") from None


def is_installed(package: str) -> bool:
    """Whether an optional package can be imported; it is not imported now."""
    return find_spec(package) is not None
