"""`rangegeo db`: build databases of one's own, and say what one holds."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from rangegeo.cli.arguments import LocalPath, NumberList
from rangegeo.cli.options import Verbosity, device_option, grouped, verbosity_options
from rangegeo.cli.points import INPUT_OPTIONS
from rangegeo.cli.streams import print_written, tell
from rangegeo.jobs.database_options import DatabaseOutput, PlaceChoice, Sight


def _joined(context: click.Context, parameter: click.Parameter, groups: tuple[tuple[float, ...], ...]) -> tuple:
    """Callback of an option of numbers that may be joined by commas or repeated."""
    return tuple(value for group in groups for value in group)


def _whole(context: click.Context, parameter: click.Parameter, groups: tuple[tuple[float, ...], ...]) -> tuple:
    """The same, of whole numbers."""
    numbers = _joined(context, parameter, groups)
    if any(number != int(number) for number in numbers):
        raise click.BadParameter("expected whole numbers; for example --bands 3,2,1", context, parameter)
    return tuple(int(number) for number in numbers)


PLACE_OPTIONS = (
    click.argument("places", metavar="[IN]", required=False),
    *INPUT_OPTIONS[1:5],
    *INPUT_OPTIONS[5:10],
    click.option("--sample", type=int, metavar="N", help="No table: N places that lie evenly on land."),
    click.option(
        "--bbox",
        type=NumberList((4,), "5,44,10,48 in degrees"),
        metavar="W,S,E,N",
        help="Of the sample. [default: Earth]",
    ),
    click.option("--sea", is_flag=True, help="The sample has places at sea too."),
    click.option("--stratify", metavar="RASTER", help="The sample has as many places in each class of this raster."),
    click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of the sample."),
)
SIGHT_OPTIONS = (
    click.option(
        "--imagery",
        multiple=True,
        metavar="RASTER|FOLDER",
        help="What is seen: a raster, a mosaic, a VRT; or a folder of pictures with index.csv, which has the places. "
        "Repeatable.",
    ),
    click.option("--values", multiple=True, metavar="RASTER", help="What is known: its bands as they are. Repeatable."),
    click.option(
        "--bands",
        type=NumberList((), "3,2,1"),
        multiple=True,
        callback=_whole,
        metavar="N[,N...]",
        help="Which bands of the rasters. [default: all]",
    ),
    click.option(
        "--size-km",
        type=NumberList((), "10"),
        multiple=True,
        callback=_joined,
        metavar="KM[,KM...]",
        help="Side of the windows on the ground; several are encoded one after another.",
    ),
    click.option("--pixels", type=int, default=64, show_default=True, metavar="N", help="Side of encoded pictures."),
    click.option(
        "--value-range",
        type=NumberList((2,), "0,10000"),
        metavar="LOW,HIGH",
        help="Values that count as black and as white. [default of 8-bit imagery: 0,255]",
    ),
    click.option(
        "--encoder",
        default="efficientnet-lite0",
        show_default=True,
        metavar="NAME",
        help="Of pictures: efficientnet-lite0, colours, torchvision:NAME, timm:NAME or package.module:name.",
    ),
    click.option("--encoder-weights", metavar="FILE", help="Weights of a network of torchvision or timm."),
    click.option(
        "--mean", type=NumberList((), "0.5"), default=(), metavar="M[,M...]", help="Of the bands, black 0 and white 1."
    ),
    click.option("--std", type=NumberList((), "0.25"), default=(), metavar="S[,S...]", help="Of the bands, the same."),
    device_option("Of the encoder."),
    click.option("--batch", type=int, default=256, show_default=True, metavar="N", help="Places at a time."),
)
OUTPUT_OPTIONS = (
    click.option(
        "-o", "--out", type=LocalPath(), required=True, help="Output: .safetensors, or .npz for the published form."
    ),
    click.option("--npz", is_flag=True, help="Write the published form beside a .safetensors too."),
    click.option(
        "--weights",
        default="demo",
        show_default=True,
        metavar="demo|official|PATH",
        help="Location encoder of the keys; load the database with it.",
    ),
    click.option("--pca", type=int, metavar="N", help="Turn the values into N principal components."),
    click.option("--half", is_flag=True, help="Store numbers in 16 bits."),
    click.option("--overwrite", is_flag=True, help="Replace an output that exists."),
    click.option("--resume", is_flag=True, help="Continue what an interrupted run of the same command left."),
)


@click.group("db", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> int | None:
    """Build RANGE databases of your own imagery or variables, and say what one holds.

    \b
    rangegeo db build places.csv --imagery mosaic.vrt --size-km 10 -o own.safetensors
    rangegeo points places.csv --weights demo --db own.safetensors -o places.parquet
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        return 2
    return None


@command.command()
@grouped("choice", PlaceChoice, *PLACE_OPTIONS)
@grouped("sight", Sight, *SIGHT_OPTIONS)
@grouped("output", DatabaseOutput, *OUTPUT_OPTIONS)
@click.option("--dry-run", is_flag=True, help="Say what would be made, and stop.")
@verbosity_options
def build(choice: PlaceChoice, sight: Sight, output: DatabaseOutput, dry_run: bool, verbosity: Verbosity) -> None:
    """Build a database: places, what is seen or known there, and keys of a location encoder.

    \b
    rangegeo db build places.csv --imagery mosaic.vrt --bands 3,2,1 --value-range 0,3000 --size-km 5 -o own.safetensors
    rangegeo db build --sample 20000 --values climate.tif --values elevation.tif -o climate.safetensors --npz
    rangegeo db build --imagery s2-100k -o s2.npz
    """
    from rangegeo.cli.notices import announce_device, say_what_exists
    from rangegeo.cli.progress import shown_progress
    from rangegeo.jobs.database import DatabaseJob

    checked = replace(output, overwrite=True) if dry_run else output
    with ExitStack() as open_files:
        job = DatabaseJob.prepare(choice, sight, checked, open_files)
        for line in (*job.remarks, job.describe()):
            verbosity.say(line)
        if sight.imagery:
            announce_device(sight.device, verbosity, "encoding pictures")
        if dry_run:
            say_what_exists(output.paths, verbosity, overwrite=output.overwrite)
            return
        with shown_progress(quiet=verbosity.quiet) as progress:
            written = job.write(progress)
    for line in job.remarks:
        verbosity.say(line)
    for path in written:
        print_written(path)


@command.command()
@click.argument("db", metavar="DB")
@click.option("--plot", type=LocalPath(), metavar="PNG", help="Draw a map of the rows: .png, .svg or .pdf.")
@click.option("--overwrite", is_flag=True, help="Replace a picture that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@verbosity_options
def info(db: str, plot: Path | None, overwrite: bool, as_json: bool, verbosity: Verbosity) -> None:
    """Say what a database holds: demo, large, med or a path.

    \b
    rangegeo db info own.safetensors --plot rows.png
    """
    from rangegeo.jobs.database_facts import facts_and_map

    facts = facts_and_map(db, plot, overwrite=overwrite)
    lines = (
        f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in facts.items()
    )
    tell(json.dumps(facts, indent=2) if as_json else "\n".join(lines))
    if plot is not None:
        verbosity.say(f"{plot}: a map of the rows")
