"""`rangegeo evaluate`: compare encoders, betas and components by what they predict."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

import click

from rangegeo.cli.arguments import ComparedModel, LocalPath, NumberList, flattened, storage_option, told_storage
from rangegeo.cli.map import LABEL_OPTIONS
from rangegeo.cli.options import (
    THREADS_OPTION,
    Decorator,
    Verbosity,
    block_options,
    device_option,
    grouped,
    verbosity_options,
)
from rangegeo.cli.streams import print_written, tell
from rangegeo.errors import UsageError, argument
from rangegeo.jobs.evaluate_options import Comparing, ScoreOutput, Suite
from rangegeo.jobs.map_options import LabelInput
from rangegeo.support.planets import names_planet, split_model
from rangegeo.support.text import printable

if TYPE_CHECKING:
    from rangegeo.evaluation.comparison import Evaluation

DEMO_NOTICE = "using the embedded demo model (regional landscape only); for the published one: --model RANGE+=official"
TARGET_OPTION = click.option(
    "--target", multiple=True, metavar="COLUMN", help="What to predict. Repeatable. [required without --background]"
)
SUITE_OPTIONS = (
    click.option("--suite", is_flag=True, help="Compare on public data instead of LABELS."),
    click.option("--task", "tasks", multiple=True, metavar="NAME", help="Of the suite. Repeatable. [default: all 14]"),
    click.option("--places", type=int, metavar="N", help="Of each task of the suite. [default: 3000]"),
    click.option("--fetch", is_flag=True, help="Download data of the suite that is not in the cache, up to 130 MB."),
)
COMPARING_OPTIONS: tuple[Decorator, ...] = (
    click.option(
        "--model",
        "models",
        type=ComparedModel(),
        multiple=True,
        default=("RANGE+",),
        show_default=True,
        metavar="NAME[=WEIGHTS[,DB]]|PLANET|all",
        help="What to compare, of what rangegeo models lists; all takes each that needs no download. Repeatable.",
    ),
    click.option(
        "--beta",
        "betas",
        type=NumberList((), "0,0.5,1"),
        multiple=True,
        callback=flattened,
        metavar="B[,B...]",
        help="Which betas. [default: 0,0.25,0.5,0.75,1]",
    ),
    click.option("--aoi", metavar="FILE", help="Draw the N places of --background in these polygons."),
    click.option("--aoi-layer", metavar="NAME", help="Layer of the --aoi file, if it has several."),
    click.option("--bbox-crs", metavar="CRS", help="CRS of an --aoi that names none. [default: EPSG:4326]"),
    *block_options(seeds=3, baselines="Score nearest labels and smooth functions of the place too."),
    device_option(),
    THREADS_OPTION,
)
SCORE_OPTIONS = (
    click.option(
        "-o", "--out", "outs", type=LocalPath(), multiple=True, help="Table: .md to read, .csv with all. Repeatable."
    ),
    click.option("--plot", type=LocalPath(), help="Picture of the scores: .png, .svg or .pdf."),
    click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
    storage_option,
)


@click.command("evaluate")
@click.argument("tables", metavar="[LABELS...]", nargs=-1)
@grouped("labels", LabelInput, TARGET_OPTION, *LABEL_OPTIONS[2:])
@grouped("suite", Suite, *SUITE_OPTIONS)
@grouped("comparing", Comparing, *COMPARING_OPTIONS)
@grouped("output", ScoreOutput, *SCORE_OPTIONS)
@verbosity_options
def command(
    tables: tuple[str, ...],
    labels: LabelInput,
    suite: Suite,
    comparing: Comparing,
    output: ScoreOutput,
    verbosity: Verbosity,
) -> None:
    """Compare models, their betas and components by what they predict of labels that were left out.

    \b
    rangegeo evaluate trees.csv --target height --block 200km
    rangegeo evaluate plots.gpkg --target cover --model RANGE+ --model GeoCLIP -o scores.md -o scores.csv
    rangegeo evaluate --suite --fetch -o scores.md
    """
    from rangegeo.cli.notices import announce_device
    from rangegeo.cli.progress import shown_progress
    from rangegeo.encoders import MODELS, model_info
    from rangegeo.jobs.evaluate import EvaluateJob

    comparing = replace(comparing, storage=told_storage())
    if suite.suite:
        job = EvaluateJob.of_suite(suite, tables, labels, comparing, output, verbosity.say)
    else:
        if suite.given:
            raise UsageError(f"{argument(suite.given[0])} is for {argument('suite')}; add it, or leave it out")
        job = EvaluateJob.prepare(tables, labels, comparing, output)
    if any(model_info(name).default == "demo" for name in comparing.models if name in MODELS):
        verbosity.say(DEMO_NOTICE)
    if not all(any(map(names_planet, split_model(name)[:2])) for name in comparing.models):
        announce_device(comparing.device, verbosity)
    for line in (*job.remarks, *job.describe()):
        verbosity.say(line)
    with shown_progress(quiet=verbosity.quiet) as progress:
        scores = job.score(progress)
    written = job.write(scores)
    if not written:
        _show(scores)
    for path in written:
        print_written(path)


def _show(scores: Evaluation) -> None:
    """Print the tables to read: as tables on a terminal, and in Markdown elsewhere."""
    if not _is_terminal(sys.stdout):
        tell(scores.to_markdown().rstrip())
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for split, heading in scores.headings():
        header, rows = scores.cells(split)
        table = Table(title=heading, title_justify="left")
        for number, name in enumerate(header):
            table.add_column(name, justify="left" if number < 2 else "right")
        for row in rows:
            table.add_row(*(printable(cell) for cell in row))
        console.print(table, markup=False)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()
