"""`rangegeo mosaic`: join cubes that lie on one lattice."""

from __future__ import annotations

import click

from rangegeo.cli.arguments import Place, typed_line
from rangegeo.cli.kept_blocks import naming_what_is_kept
from rangegeo.cli.options import Verbosity, grouped, verbosity_options
from rangegeo.cli.outputs import FILE_OPTIONS, REPLACE_OPTIONS, STAC_OPTION
from rangegeo.cli.streams import print_written
from rangegeo.jobs.mosaic import MosaicJob, MosaicOutput
from rangegeo.support.location import Location

DTYPE_OPTION = click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "int16", "int8"]),
    help="How values are stored. [default: as in the parts, if they share a dtype and its steps, else float32]",
)
OVERVIEWS_OPTION = click.option(
    "--overviews", is_flag=True, help="Add coarser levels to a .zarr, each pixel the mean of four."
)


@click.command("mosaic")
@click.argument("parts", nargs=-1, required=True, metavar="CUBE...", type=Place())
@grouped("output", MosaicOutput, *FILE_OPTIONS, DTYPE_OPTION, OVERVIEWS_OPTION, STAC_OPTION, *REPLACE_OPTIONS)
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

    job = MosaicJob.prepare(parts, output, command=typed_line())
    for line in job.describe():
        verbosity.say(line)
    with shown_progress(quiet=verbosity.quiet) as progress:
        paths = list(job.write(progress))
    for path in paths:  # all files are written before the first name is printed
        print_written(path)
