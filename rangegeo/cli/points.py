"""`rangegeo points`: write the embeddings of the places of a table."""

from __future__ import annotations

import shlex
import sys

import click

from rangegeo.cli.arguments import LocalPath
from rangegeo.cli.options import CONTENT_OPTIONS, ENGINE_OPTIONS, Verbosity, grouped, verbosity_options
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
        help="Output: .parquet, .geoparquet, .csv, .tsv or .npz.",
    ),
    click.option(
        "--format",
        type=click.Choice(["parquet", "geoparquet", "csv", "npz"]),
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
@verbosity_options
def command(source: TableInput, content: Content, engine: Engine, output: TableOutput, verbosity: Verbosity) -> None:
    """Embed the places of a table: CSV, TSV, GeoJSON, GeoPackage, Parquet, any vector file, or - for standard input.

    \b
    rangegeo points places.csv -o places.parquet
    rangegeo points stations.gpkg --beta 0,0.5,1 -o stations.geoparquet
    cat places.csv | rangegeo points - --lon x --lat y --crs EPSG:2154 -o places.npz
    """
    from rangegeo.cli.notices import announce_demo
    from rangegeo.cli.progress import progress
    from rangegeo.jobs.points import prepared

    typed = shlex.join(["rangegeo", *sys.argv[1:]])
    with prepared(source, content, engine, output, command=typed) as job:
        if job.missing:
            click.echo(job.missing, err=True)
        announce_demo(content.uses_demo, verbosity)
        if not verbosity.quiet:
            verbosity.say(job.describe())
        with progress(job.rows, "places", quiet=verbosity.quiet) as told:
            job.write(told.advance)
        verbosity.say(job.measured)
    click.echo(output.out)
