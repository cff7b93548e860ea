"""Lines that several verbs print."""

from __future__ import annotations

from rangegeo.cli.options import Verbosity

DEMO_NOTICE = (
    "using the embedded demo model (regional landscape only); for the published one: --weights official --db large"
)


def announce_demo(uses_demo: bool, verbosity: Verbosity) -> None:
    """Print one line on stderr if the weights are those embedded in the package."""
    if uses_demo:
        verbosity.say(DEMO_NOTICE)
