"""Lines that several verbs print."""

from __future__ import annotations

from collections.abc import Iterable

from rangegeo.cli.options import Verbosity
from rangegeo.encoders import model_info
from rangegeo.support.location import Location

DEMO_NOTICE = (
    "using the embedded demo model (regional landscape only); for the published one: --weights official --db large"
)


def announce_demo(model: str, weights: str | None, verbosity: Verbosity) -> None:
    """Print one line on stderr if the weights are those embedded in the package.

    Args:
        model: the name of the model.
        weights: as the user gives them; None for the default of the model.
    """
    info = model_info(model)
    if (weights or info.default) == "demo":
        verbosity.say(DEMO_NOTICE if info.has_database else DEMO_NOTICE.removesuffix(" --db large"))


def say_what_exists(outputs: Iterable[Location], verbosity: Verbosity, *, overwrite: bool) -> None:
    """Print one line on stderr for each output of a dry run that is there already."""
    for path in outputs:
        if path.exists():
            verbosity.say(f"{path} exists; {'it will be replaced' if overwrite else 'add --overwrite to replace it'}")
