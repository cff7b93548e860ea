"""Options that several commands share, and options that arrive in groups."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import reduce, wraps

import click

from rangegeo.cli.arguments import BandList, NumberList, flattened

Decorator = Callable[[Callable], Callable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbosity:
    """How much a command says.

    Attributes:
        quiet: nothing but errors and what was written.
        verbose: how often -v was given; twice shows the traceback of an error.
    """

    quiet: bool = False
    verbose: int = 0

    def say(self, message: object) -> None:
        """One line on stderr, unless quiet."""
        if not self.quiet:
            click.echo(message, err=True)

    def silence_grid_warnings(self) -> None:
        """Leave out, if quiet, doubts about a grid that is made as asked for."""
        from rangegeo.errors import GridWarning

        if self.quiet:
            warnings.simplefilter("ignore", GridWarning)


def grouped(name: str, group: type, *options: Decorator) -> Decorator:
    """Options that reach the command as one value.

    Args:
        name: of the command's parameter.
        group: a dataclass; an option goes to its field of the same name.
        options: in the order in which help shows them.
    """

    def decorate(command: Callable) -> Callable:
        @wraps(command)
        def gathered(**given: object) -> object:
            own = {field.name: given.pop(field.name) for field in fields(group) if field.name in given}
            return command(**given, **{name: group(**own)})

        return together(gathered, *options)

    return decorate


def together(command: Callable, *decorators: Decorator) -> Callable:
    """A command with options that its help shows in this order."""
    return reduce(lambda decorated, decorator: decorator(decorated), reversed(decorators), command)


def model_options(command: Callable) -> Callable:
    """--weights and --db."""
    db = click.option("--db", metavar="demo|large|med|PATH", help="RANGE database; by default the one of the weights.")
    weights = click.option(
        "--weights",
        metavar="demo|official|NAME|PATH",
        help="Location encoder. [default: demo, or what rangegeo models says]",
    )
    return weights(db(command))


CONTENT_OPTIONS = (
    click.option("--model", default="RANGE+", show_default=True, help="A name that rangegeo models lists."),
    model_options,
    click.option(
        "--beta",
        "betas",
        type=NumberList((), "0,0.5,1"),
        multiple=True,
        callback=flattened,
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
        type=BandList(),
        default="all",
        show_default=True,
        metavar="all|visual|location|diagnostics|LIST",
        help="Bands; a LIST such as 1,2,10-20 or all,diagnostics. Diagnostics say how many database rows decided.",
    ),
)

ENGINE_OPTIONS = (
    click.option(
        "--tolerance",
        type=float,
        metavar="T",
        help="Largest error of interpolation, relative to each component's largest value. [default: 1e-5]",
    ),
    click.option("--exact", is_flag=True, help="Evaluate every pixel or place; interpolate none."),
    click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:i]", help="Where to evaluate."),
    click.option("--threads", type=click.IntRange(min=1), help="Processor threads. [default: all cores]"),
)

verbosity_options = grouped(
    "verbosity",
    Verbosity,
    click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and what was written."),
    click.option("-v", "--verbose", count=True, help="Say more; -vv shows the traceback of an error."),
)
