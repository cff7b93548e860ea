"""Options that several verbs share, and the decorator that hands options over in groups."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import reduce, wraps

import click

from rangegeo.cli.arguments import BandList, ModelName, NumberList, flattened
from rangegeo.cli.streams import remark
from rangegeo.errors import GridWarning, for_shell

Decorator = Callable[[Callable], Callable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbosity:
    """How much a command says.

    Attributes:
        quiet: whether to print nothing but errors, warnings and the paths that were written.
        verbose: how often -v was given. Twice shows the traceback of an error.
    """

    quiet: bool = False
    verbose: int = 0

    def say(self, message: str) -> None:
        """Print one line on stderr, unless quiet; arguments in it are spelled as flags."""
        if not self.quiet:
            remark(for_shell(message))

    def silence_grid_warnings(self) -> None:
        """Show no warnings about grids, if quiet."""
        if self.quiet:
            warnings.simplefilter("ignore", GridWarning)


def grouped(name: str, group: type, *options: Decorator) -> Decorator:
    """A decorator that adds options to a command and passes them to it as one value.

    Args:
        name: name of the command's parameter.
        group: a dataclass. Each option fills the field of the same name, also if another decorator added the option.
        options: decorators of click, in the order in which help shows them.
    """

    def decorate(command: Callable) -> Callable:
        @wraps(command)
        def gathered(**given: object) -> object:
            own = {field.name: given.pop(field.name) for field in fields(group) if field.name in given}
            return command(**given, **{name: group(**own)})

        return together(gathered, *options)

    return decorate


def together(command: Callable, *decorators: Decorator) -> Callable:
    """Apply decorators so that the command's help shows their options in this order."""
    return reduce(lambda decorated, decorator: decorator(decorated), reversed(decorators), command)


def model_options(command: Callable) -> Callable:
    """Add --weights and --db."""
    db = click.option("--db", metavar="demo|large|med|PATH", help="RANGE database. [default: the weights' own]")
    weights = click.option(
        "--weights",
        type=ModelName(),
        metavar="demo|official|NAME|PATH",
        help="Location encoder. [default: demo, or what rangegeo models says]",
    )
    return weights(db(command))


def temperature_options(command: Callable) -> Callable:
    """Add --temperature and --geographic-temperature."""
    semantic = click.option(
        "--temperature",
        type=float,
        metavar="T",
        help="Of the semantic average, up to 43; fewer database rows decide if it is larger. [default: as published]",
    )
    geographic = click.option(
        "--geographic-temperature",
        type=float,
        metavar="T",
        help="Of the geographic average, up to 10000; finer if it is larger. [default: as published, 40]",
    )
    return semantic(geographic(command))


def device_option(text: str = "Where to evaluate.") -> Decorator:
    """Add --device, with a text for --help."""
    return click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:i]", help=text)


def block_options(seeds: int, baselines: str) -> tuple[Decorator, ...]:
    """The options of spatial blocks.

    Args:
        seeds: the default of --seeds.
        baselines: what --help says of --baselines.
    """
    return (
        click.option(
            "--block", metavar="200km|10deg", help="Side of blocks that are left out. [default: by the labels]"
        ),
        click.option("--folds", type=int, default=5, show_default=True, metavar="N", help="Parts to put blocks into."),
        click.option(
            "--seeds", type=int, default=seeds, show_default=True, metavar="N", help="How often they are put anew."
        ),
        click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of the first time."),
        click.option("--baselines/--no-baselines", default=True, help=baselines),
    )


MODEL_OPTION = click.option(
    "--model",
    type=ModelName(),
    default="RANGE+",
    show_default=True,
    metavar="NAME|PLANET",
    help="A name that rangegeo models lists, or a planet.",
)
THREADS_OPTION = click.option("--threads", type=click.IntRange(min=1), help="Processor threads. [default: all cores]")
CONTENT_OPTIONS = (
    MODEL_OPTION,
    model_options,
    temperature_options,
    click.option(
        "--beta",
        "betas",
        type=NumberList((), "0,0.5,1"),
        multiple=True,
        callback=flattened,
        metavar="B[,B...]",
        help="From 0, geographic, to 1, semantic; several are joined by commas or repeated. [default: 0.5]",
    ),
    click.option(
        "--layout",
        type=click.Choice(["betas", "components"]),
        default="betas",
        show_default=True,
        help="One layer for each beta; or components: S, G and q, from which any beta can be read later.",
    ),
    click.option(
        "--bands",
        type=BandList(),
        default="all",
        show_default=True,
        metavar="all|visual|location|diagnostics|LIST",
        help="Which bands; a LIST is such as 1,2,10-20 or all,diagnostics. "
        "Diagnostics say how many database rows decided.",
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
    device_option(),
    THREADS_OPTION,
)

CLUSTER_OPTIONS = (
    click.option("--workers", type=int, metavar="N", help="Compute with N processes, which share the cores."),
    click.option(
        "--scheduler",
        metavar="ADDRESS|FILE",
        help="Compute with a cluster, tcp://HOST:8786 for example, or the file that its scheduler has written.",
    ),
    click.option("--memory", metavar="BYTES", help="Take no more memory, such as 4GB, in all processes together."),
)

verbosity_options = grouped(
    "verbosity",
    Verbosity,
    click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors, warnings and what was written."),
    click.option("-v", "--verbose", count=True, help="Say more; -vv shows the traceback of an error."),
)
