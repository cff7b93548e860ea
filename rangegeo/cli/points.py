"""`rangegeo points`: write the embeddings of the places of a table."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import click

from rangegeo.cli.arguments import LocalPath, storage_option, typed_line
from rangegeo.cli.options import CONTENT_OPTIONS, ENGINE_OPTIONS, Verbosity, grouped, verbosity_options
from rangegeo.cli.starting import starting
from rangegeo.cli.streams import print_written, remark
from rangegeo.errors import for_shell
from rangegeo.jobs.options import Content, Engine, TableInput, TableOutput

INPUT_OPTIONS = (
    click.argument("source", metavar="IN"),
    click.option("--lon", metavar="NAME", help="Column of longitude, or x. [default: the one with a usual name]"),
    click.option("--lat", metavar="NAME", help="Column of latitude, or y."),
    click.option("--crs", help="CRS of the columns. [default: EPSG:4326, or what a vector file says]"),
    click.option("--layer", metavar="NAME", help="Layer of a file that has several."),
    click.option(
        "--input-format",
        type=click.Choice(["csv", "geojson", "geojsonl", "gpkg", "parquet"]),
        help="Format of IN, if the suffix does not tell. [default of standard input: csv]",
    ),
    click.option(
        "--delimiter", metavar="CHAR|tab", help="Of a text table. [default: the most frequent of , tab ; | in line 1]"
    ),
    click.option(
        "--quoting",
        type=click.Choice(["none", "minimal", "all"]),
        help="Of a text table: none if quotation marks are text, else they enclose values. [default: found out]",
    ),
    click.option("--encoding", metavar="NAME", help="Of a text table, such as latin-1. [default: utf-8]"),
    click.option(
        "--decimal", metavar=".|,", default=".", show_default=True, help="Sign before the decimals of numbers in text."
    ),
    click.option("--representative-point", is_flag=True, help="Take a point within each line or polygon."),
    click.option(
        "--invalid",
        type=click.Choice(["null", "refuse"]),
        default="null",
        show_default=True,
        help="Rows without a possible place: keep them with nulls, or refuse the table.",
    ),
)
OUTPUT_OPTIONS = (
    click.option(
        "-o",
        "--out",
        type=LocalPath(),
        required=True,
        help="Output: .parquet, .geoparquet, .csv, .tsv, .gpkg or .npz; - for CSV on standard output.",
    ),
    click.option(
        "--format",
        type=click.Choice(["parquet", "geoparquet", "csv", "gpkg", "npz"]),
        help="Format, if the suffix does not tell.",
    ),
    click.option(
        "--as",
        "shape",
        type=click.Choice(["list", "columns"]),
        help="One column of lists, or a column for each band: b0001 ... [default: list in Parquet]",
    ),
    click.option("--drop-columns", is_flag=True, help="Leave out the columns of IN."),
    click.option("--overwrite", is_flag=True, help="Replace an output that exists."),
)


@click.command("points")
@grouped("source", TableInput, *INPUT_OPTIONS)
@grouped("content", Content, *CONTENT_OPTIONS)
@grouped("engine", Engine, *ENGINE_OPTIONS)
@grouped("output", TableOutput, *OUTPUT_OPTIONS)
@storage_option
@click.option("--dry-run", is_flag=True, help="Say what would be made, and stop.")
@verbosity_options
def command(
    source: TableInput, content: Content, engine: Engine, output: TableOutput, dry_run: bool, verbosity: Verbosity
) -> None:
    """Embed the places of a table: CSV, TSV, GeoJSON, GeoPackage, Parquet, any vector file, or - for standard input.

    \b
    rangegeo points places.csv -o places.parquet
    rangegeo points stations.gpkg --beta 0,0.5,1 -o stations.geoparquet
    cat places.csv | rangegeo points - --lon x --lat y --crs EPSG:2154 -o places.npz
    rangegeo points places.csv --bands 1-3 -q -o - | head
    """
    with _quiet_if_nobody_reads(), ExitStack() as stack:
        with starting():
            from rangegeo.cli.notices import announce_model, say_what_exists
            from rangegeo.cli.progress import shown_progress
            from rangegeo.jobs.points import prepared

            checked = replace(output, overwrite=True) if dry_run else output
            job = stack.enter_context(prepared(source, content, engine, checked, command=typed_line()))
        if job.lost:
            remark(f"rangegeo: warning: {for_shell(job.lost)}")
        for line in job.remarks:
            verbosity.say(line)
        announce_model(content.model, content.weights, content.db, engine.device, verbosity)
        if not verbosity.quiet:
            verbosity.say(job.describe())
        if dry_run:
            say_what_exists([output.out], verbosity, overwrite=output.overwrite)
            return
        with shown_progress(quiet=verbosity.quiet) as progress:
            progress.stage("embedding", job.rows, "place")
            job.write(progress.advance)
        verbosity.say(job.measured)
    if not output.to_stdout and not dry_run:
        print_written(output.out)


@contextmanager
def _quiet_if_nobody_reads() -> Iterator[None]:
    """Say nothing more on standard output if its reader, such as `head`, has enough and ends the pipe."""
    try:
        yield
    except BrokenPipeError:
        with suppress(OSError, ValueError):  # a standard output that is no file needs nothing
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
