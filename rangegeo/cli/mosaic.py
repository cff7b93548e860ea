"""`rangegeo mosaic`: join cubes that lie on one lattice."""

from __future__ import annotations

import shlex
import sys

import click

from rangegeo.cli.arguments import NameValue, Place, storage_option, unique_pairs, without_storage
from rangegeo.cli.kept_blocks import naming_what_is_kept
from rangegeo.cli.options import Verbosity, grouped, verbosity_options
from rangegeo.cli.streams import print_written
from rangegeo.jobs.mosaic import MosaicJob, MosaicOutput
from rangegeo.support.location import Location

OUTPUT_OPTIONS = (
    click.option("-o", "--out", type=Place(), required=True, help="Output: .zarr or .tif, also in s3:// and others."),
    click.option("--format", type=click.Choice(["zarr", "cog", "gtiff"]), help="Format, if the suffix does not tell."),
    click.option(
        "--dtype",
        type=click.Choice(["float32", "float16", "int16", "int8"]),
        help="How values are stored. [default: as in the parts, if they share a dtype and its steps, else float32]",
    ),
    click.option(
        "--co",
        "creation_options",
        type=NameValue(),
        multiple=True,
        callback=unique_pairs,
        metavar="NAME=VALUE",
        help="Creation option, as of rangegeo raster. Repeatable.",
    ),
    click.option(
        "--zarr-format",
        type=click.Choice(["2", "3"]),
        callback=lambda context, parameter, value: value and int(value),
        help="Format of a .zarr. [default: 3]",
    ),
    click.option("--overviews", is_flag=True, help="Add coarser levels to a .zarr, each pixel the mean of four."),
    click.option("--stac", is_flag=True, help="Write a STAC item, NAME.stac.json, beside each output."),
    click.option("--overwrite", is_flag=True, help="Replace an output that exists."),
    storage_option,
    click.option("--resume", is_flag=True, help="Continue what an interrupted run of the same command left."),
)


@click.command("mosaic")
@click.argument("parts", nargs=-1, required=True, metavar="CUBE...", type=Place())
@grouped("output", MosaicOutput, *OUTPUT_OPTIONS)
@verbosity_options
@naming_what_is_kept
def command(parts: tuple[Location, ...], output: MosaicOutput, verbosity: Verbosity) -> None:
    """Join cubes of one lattice, .zarr and .tif in any mixture. Nothing is resampled.

    Where cubes overlap, the first one that has data wins. Pixels that lie in none are nodata.

    \b
    rangegeo mosaic west.zarr east.zarr -o both.zarr
    rangegeo mosaic west_beta0.tif west_beta1.tif east.zarr -o both.tif
    """
    from rangegeo.cli.progress import shown_progress

    typed = without_storage([text for text in sys.argv[1:] if text != "--resume"])  # the result is that of one run
    job = MosaicJob.prepare(parts, output, command=shlex.join(["rangegeo", *typed]))
    for line in job.describe():
        verbosity.say(line)
    with shown_progress(quiet=verbosity.quiet) as progress:
        paths = list(job.write(progress))
    for path in paths:  # all files are written before the first name is printed
        print_written(path)
