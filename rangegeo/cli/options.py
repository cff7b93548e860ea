"""Options that several commands share, in one place."""

from __future__ import annotations

from collections.abc import Callable

import click

DEMO_NOTICE = (
    "using the embedded demo model (regional landscape only); for the published one: --weights official --db large"
)


def model_options(command: Callable) -> Callable:
    """--weights and --db."""
    db = click.option("--db", metavar="demo|large|med|PATH", help="RANGE database; by default the one of the weights.")
    weights = click.option(
        "--weights",
        metavar="demo|official|NAME|PATH",
        help="Location encoder. [default: demo, or what rangegeo models says]",
    )
    return weights(db(command))


def verbosity_options(command: Callable) -> Callable:
    """-q and -v."""
    quiet = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and what was written.")
    verbose = click.option("-v", "--verbose", count=True, help="Say more; -vv shows the traceback of an error.")
    return quiet(verbose(command))


def announce_demo(weights: str | None, *, quiet: bool) -> None:
    """One line on stderr when the embedded default is used."""
    if weights == "demo" and not quiet:
        click.echo(DEMO_NOTICE, err=True)
