"""Notices that several commands print."""

from __future__ import annotations

from rangegeo.cli.options import Verbosity

DEMO_NOTICE = (
    "using the embedded demo model (regional landscape only); for the published one: --weights official --db large"
)


def announce_demo(uses_demo: bool, verbosity: Verbosity) -> None:
    """One line on stderr when the embedded default is used."""
    if uses_demo:
        verbosity.say(DEMO_NOTICE)
