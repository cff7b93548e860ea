"""`rangegeo planet`: write a model down for the whole Earth, as coefficients that are read without torch."""

from __future__ import annotations

from dataclasses import replace

import click

from rangegeo.cli.arguments import NumberList, Place, storage_option, typed_line
from rangegeo.cli.kept_blocks import naming_what_is_kept
from rangegeo.cli.options import (
    CLUSTER_OPTIONS,
    ENGINE_OPTIONS,
    Verbosity,
    grouped,
    model_options,
    temperature_options,
    verbosity_options,
)
from rangegeo.cli.streams import print_written
from rangegeo.jobs.options import Content, Engine
from rangegeo.jobs.planet_options import PlanetArea, PlanetOutput

AREA_OPTIONS = (
    click.option(
        "--bbox",
        type=NumberList((4,), "5,44,10,48 in degrees"),
        metavar="W,S,E,N",
        help="Only tiles that this box touches. [default: the whole Earth]",
    ),
    click.option("--aoi", metavar="FILE|-", help="Only tiles that these polygons touch."),
    click.option("--aoi-layer", metavar="NAME", help="Layer of the --aoi file, if it has several."),
    click.option("--bbox-crs", metavar="CRS", help="CRS of an --aoi that names none. [default: EPSG:4326]"),
    click.option("--land", is_flag=True, help="Only tiles that touch land."),
)
CONTENT_OPTIONS = (
    click.option("--model", default="RANGE+", show_default=True, help="A name that rangegeo models lists."),
    model_options,
    temperature_options,
)
TOLERANCE_OPTION = click.option(
    "--tolerance",
    type=float,
    metavar="T",
    help="Largest error, relative to each part's largest value in a tile. [default: 1e-3]",
)
OUTPUT_OPTIONS = (
    click.option(
        "--range/--no-range",
        "with_range",
        default=True,
        help="A planet of RANGE+ holds RANGE too, which takes two thirds more room.",
    ),
    click.option("-o", "--out", type=Place(), required=True, help="Output: a .zarr, also in s3:// and others."),
    click.option("--overwrite", is_flag=True, help="Replace an output that exists."),
    storage_option,
    click.option("--resume", is_flag=True, help="Continue what an interrupted run of the same command left."),
)


@click.group("planet", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> int | None:
    """Write a model down once for the whole Earth: a planet, which is read without torch and without weights.

    \b
    rangegeo planet build -o planet.zarr
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        return 2
    return None


@command.command()
@grouped("area", PlanetArea, *AREA_OPTIONS)
@grouped("content", Content, *CONTENT_OPTIONS)
@grouped("engine", Engine, TOLERANCE_OPTION, *ENGINE_OPTIONS[2:], *CLUSTER_OPTIONS[:2])
@grouped("output", PlanetOutput, *OUTPUT_OPTIONS)
@click.option("--dry-run", is_flag=True, help="Say what would be made, and stop.")
@verbosity_options
@naming_what_is_kept
def build(
    area: PlanetArea, content: Content, engine: Engine, output: PlanetOutput, dry_run: bool, verbosity: Verbosity
) -> None:
    """Build a planet.

    \b
    rangegeo planet build -o planet.zarr
    rangegeo planet build --bbox 5,44,10,48 --tolerance 1e-4 -o alps.zarr
    rangegeo planet build --land --weights official --db large --workers 2 -o land.zarr
    """
    from rangegeo.cli.notices import announce_model, say_kept_blocks, say_what_exists
    from rangegeo.cli.progress import shown_progress
    from rangegeo.jobs.planet import PlanetJob
    from rangegeo.jobs.scheduler import computing_with

    verbosity.silence_grid_warnings()
    checked = replace(output, overwrite=True) if dry_run and not output.resume else output
    job = PlanetJob.prepare(area, content, engine, checked, command=typed_line())
    announce_model(content.model, content.weights, content.db, engine.device, verbosity)
    if not verbosity.quiet:
        for line in job.describe():
            verbosity.say(line)
    if dry_run:
        say_kept_blocks(output.out, verbosity)
        say_what_exists([output.out], verbosity, overwrite=output.overwrite)
        return
    with computing_with(engine), shown_progress(quiet=verbosity.quiet) as progress:
        path = job.write(progress)
    for line in job.measured():
        verbosity.say(line)
    print_written(path)
