"""`rangegeo map`: learn from labels, test in blocks that were left out, and write a map."""

from __future__ import annotations

from dataclasses import replace

import click

from rangegeo.cli.arguments import Place, typed_line
from rangegeo.cli.kept_blocks import naming_what_is_kept
from rangegeo.cli.options import (
    CLUSTER_OPTIONS,
    ENGINE_OPTIONS,
    MODEL_OPTION,
    Decorator,
    Verbosity,
    block_options,
    grouped,
    model_options,
    temperature_options,
    verbosity_options,
)
from rangegeo.cli.outputs import FILE_OPTIONS, PREVIEW_OPTION, REPLACE_OPTIONS
from rangegeo.cli.raster import CHUNKS_OPTION, DTYPE_OPTION, EXTENT_OPTIONS, OVERVIEWS_OPTION
from rangegeo.cli.streams import print_written
from rangegeo.jobs.map_options import LabelInput, Learning
from rangegeo.jobs.options import Engine, Extent, RasterOutput

LABEL_OPTIONS = (
    click.argument("labels", metavar="LABELS"),
    click.option(
        "--target", multiple=True, metavar="COLUMN", help="What to map. Repeatable. [required without --background]"
    ),
    click.option("--classes", is_flag=True, help="Numbers are codes of classes. Text holds classes anyway."),
    click.option("--weight", metavar="COLUMN", help="Weights of the labels. [default: equal ones]"),
    click.option(
        "--background",
        metavar="FILE|N",
        help="LABELS are places where something was found; these stand for where it was not: a table, or N random "
        "places in --aoi, or else in the box around LABELS.",
    ),
    click.option("--lon", metavar="NAME", help="Column of longitude, or x. [default: the one with a usual name]"),
    click.option("--lat", metavar="NAME", help="Column of latitude, or y."),
    click.option("--labels-crs", metavar="CRS", help="CRS of the columns. [default: EPSG:4326, or what a file says]"),
    click.option("--layer", metavar="NAME", help="Layer of a LABELS file that has several."),
    click.option(
        "--input-format",
        type=click.Choice(["csv", "geojson", "geojsonl", "gpkg", "parquet"]),
        help="Format of LABELS, if the suffix does not tell.",
    ),
    click.option("--delimiter", metavar="CHAR|tab", help="Of a text table. [default: found out]"),
    click.option("--quoting", type=click.Choice(["none", "minimal", "all"]), help="Of a text table."),
    click.option("--encoding", metavar="NAME", help="Of a text table, such as latin-1. [default: utf-8]"),
    click.option("--decimal", metavar=".|,", default=".", show_default=True, help="Sign before decimals in text."),
)
LEARNING_OPTIONS: tuple[Decorator, ...] = (
    MODEL_OPTION,
    model_options,
    temperature_options,
    click.option("--beta", type=float, metavar="B", help="Learn from one beta. [default: S, G and q side by side]"),
    *block_options(seeds=2, baselines="Test nearest labels and smooth functions of the place too."),
    click.option("--spread/--no-spread", default=True, help="Add a band that says how uncertain values are."),
    click.option("--probabilities", is_flag=True, help="Add a band with the probability of each class."),
    click.option("--mask-unlike", is_flag=True, help="Pixels unlike all labels are nodata."),
    click.option("--clip/--no-clip", default=True, help="Limit predicted numbers to the range of the labels."),
    click.option(
        "--report",
        type=Place(),
        metavar="HTML|MD",
        help="Write one page: the map, its scores fold by fold, its errors, and what to cite.",
    ),
    click.option("--save", type=Place(), metavar="NPZ", help="Keep what was learned, for rangegeo.FittedMap.load."),
)
TOLERANCE_OPTION = click.option(
    "--tolerance",
    type=float,
    metavar="T",
    help="Largest error of interpolation, in standard deviations of the labels, or of logits. [default: 1e-3]",
)


@click.command("map")
@grouped("labels", LabelInput, *LABEL_OPTIONS)
@grouped("extent", Extent, *EXTENT_OPTIONS)
@grouped("learning", Learning, *LEARNING_OPTIONS)
@DTYPE_OPTION  # a field of the output
@grouped("engine", Engine, TOLERANCE_OPTION, *ENGINE_OPTIONS[1:], *CLUSTER_OPTIONS)
@grouped("output", RasterOutput, *FILE_OPTIONS, CHUNKS_OPTION, PREVIEW_OPTION, OVERVIEWS_OPTION, *REPLACE_OPTIONS)
@click.option("--dry-run", is_flag=True, help="Learn and test, say what would be made, and stop.")
@verbosity_options
@naming_what_is_kept
def command(
    labels: LabelInput,
    extent: Extent,
    learning: Learning,
    engine: Engine,
    output: RasterOutput,
    dry_run: bool,
    verbosity: Verbosity,
) -> None:
    """Map what is known of some places: numbers, classes, or where something was found.

    \b
    rangegeo map trees.csv --target height --bbox -10,36,3,44 --res 0.005 -o height.tif
    rangegeo map plots.gpkg --target cover --aoi spain.gpkg --res 1000 --crs EPSG:3035 -o cover.tif
    rangegeo map gbif.csv --background 5000 --block 200km --like grid.tif -o suitability.tif
    """
    from rangegeo.cli.notices import announce_model, say_what_exists
    from rangegeo.cli.progress import shown_progress
    from rangegeo.jobs.map import MapJob
    from rangegeo.jobs.scheduler import computing_with

    verbosity.silence_grid_warnings()
    checked = replace(output, overwrite=True) if dry_run and not output.resume else output
    job = MapJob.prepare(extent, labels, learning, engine, checked, command=typed_line())
    announce_model(learning.model, learning.weights, learning.db, engine.device, verbosity)
    if not verbosity.quiet:
        for line in (*job.remarks(), *job.describe()):
            verbosity.say(line)
    if dry_run:
        say_what_exists(job.outputs, verbosity, overwrite=output.overwrite)
        return
    with computing_with(engine), shown_progress(quiet=verbosity.quiet) as progress:
        written = job.write(progress)
    for line in job.measured():
        verbosity.say(line)
    for path in [*written, *job.shown()]:
        print_written(path)
