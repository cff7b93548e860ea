"""Options that several commands share, in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import click

from rangegeo.cli.arguments import NumberList

Decorator = Callable[[Callable], Callable]


def model_options(command: Callable) -> Callable:
    """--weights and --db."""
    db = click.option("--db", metavar="demo|large|med|PATH", help="RANGE database; by default the one of the weights.")
    weights = click.option(
        "--weights",
        metavar="demo|official|NAME|PATH",
        help="Location encoder. [default: demo, or what rangegeo models says]",
    )
    return weights(db(command))


def content_options(command: Callable) -> Callable:
    """--model, --weights and --db, --beta, --layout and --bands."""
    return _all(
        command,
        click.option(
            "--model", "model_name", default="RANGE+", show_default=True, help="A name that rangegeo models lists."
        ),
        model_options,
        click.option(
            "--beta",
            "betas",
            type=NumberList((), "0,0.5,1"),
            multiple=True,
            metavar="B[,B...]",
            help="0 geographic to 1 semantic; a comma list or repeated. [default: 0.5]",
        ),
        click.option(
            "--layout",
            type=click.Choice(["betas", "components"]),
            default="betas",
            show_default=True,
            help="components stores S, G and q once, for any beta later.",
        ),
        click.option(
            "--bands",
            default="all",
            show_default=True,
            metavar="all|visual|location|diagnostics|LIST",
            help="Bands; a LIST such as 1,2,10-20 or all,diagnostics. Diagnostics say how many database rows decided.",
        ),
    )


def engine_options(command: Callable) -> Callable:
    """--tolerance and --exact, --device and --threads."""
    return _all(
        command,
        click.option(
            "--tolerance",
            type=float,
            metavar="T",
            help="Largest error of interpolation, relative to each component's largest value. [default: 1e-5]",
        ),
        click.option("--exact", is_flag=True, help="Evaluate every pixel or place; interpolate none."),
        click.option(
            "--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:i]", help="Where to evaluate."
        ),
        click.option("--threads", type=click.IntRange(min=1), help="Processor threads. [default: all cores]"),
    )


def verbosity_options(command: Callable) -> Callable:
    """-q and -v."""
    quiet = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and what was written.")
    verbose = click.option("-v", "--verbose", count=True, help="Say more; -vv shows the traceback of an error.")
    return quiet(verbose(command))


def _all(command: Callable, *decorators: Decorator) -> Callable:
    """A command with options that its help shows in this order."""
    return reduce(lambda decorated, decorator: decorator(decorated), reversed(decorators), command)


def check_content(
    betas: tuple[tuple[float, ...], ...], layout: str, bands: str, *, pca: bool = False
) -> tuple[float, ...]:
    """The betas asked for, or the default one.

    Raises:
        UsageError: the layout already holds what the other options ask for.
    """
    from rangegeo.schema.betas import check_betas

    if layout == "components" and (betas or pca or bands not in ("all", "all,diagnostics")):
        raise click.UsageError("--layout components holds all of S, G and q; leave out --beta, --bands and --pca")
    return check_betas([beta for group in betas for beta in group]) if betas else (0.5,)


def chosen_tolerance(tolerance: float | None, *, exact: bool) -> float | None:
    """Of interpolation; None where everything is evaluated."""
    from rangegeo.engine.tolerance import TOLERANCE, check_tolerance

    if exact:
        if tolerance is not None:
            raise click.UsageError("--exact evaluates everything; leave out --tolerance")
        return None
    return TOLERANCE if tolerance is None else check_tolerance(tolerance)
