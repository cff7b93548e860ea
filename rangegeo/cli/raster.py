"""`rangegeo raster`: write an embedding cube of a bounding box, of an area, or on the grid of another raster."""

from __future__ import annotations

from dataclasses import replace

import click

from rangegeo.cli.arguments import NumberList, Place, typed_line
from rangegeo.cli.kept_blocks import naming_what_is_kept
from rangegeo.cli.options import CLUSTER_OPTIONS, CONTENT_OPTIONS, ENGINE_OPTIONS, Verbosity, grouped, verbosity_options
from rangegeo.cli.outputs import FILE_OPTIONS, PREVIEW_OPTION, REPLACE_OPTIONS, STAC_OPTION
from rangegeo.cli.starting import starting
from rangegeo.cli.streams import print_written
from rangegeo.jobs.options import Content, Engine, Extent, RasterOutput

PLACE = Place(named=True)
EXTENT_OPTIONS = (
    click.option(
        "--bbox",
        type=NumberList((4,), "5,44,10,48 in degrees"),
        metavar="W,S,E,N",
        help="Bounding box; W > E crosses the antimeridian.",
    ),
    click.option("--like", type=PLACE, metavar="FILE", help="Take the grid of an existing raster instead of a box."),
    click.option(
        "--aoi",
        metavar="FILE|-",
        help="Take polygons instead of a box, from a vector file, or from GeoJSON on stdin (-); "
        "pixels outside of them are nodata.",
    ),
    click.option("--aoi-layer", metavar="NAME", help="Layer of the --aoi file, if it has several."),
    click.option(
        "--all-touched", is_flag=True, help="Keep all pixels that --aoi touches, not only those centred in it."
    ),
    click.option(
        "--res",
        type=NumberList((1, 2), "0.01 in degrees, or --res 1000 in metres"),
        metavar="X [Y]",
        help="Pixel size in units of --crs. Required, except with --like.",
    ),
    click.option("--crs", help="CRS of the raster, any that pyproj knows. [default: EPSG:4326]"),
    click.option(
        "--bbox-crs", metavar="CRS", help="CRS of --bbox, and of an --aoi that names none. [default: EPSG:4326]"
    ),
    click.option("--align", is_flag=True, help="Move the corners outwards to multiples of the pixel size (-tap)."),
)
PCA_OPTION = click.option("--pca", type=int, metavar="N", help="Project on N principal components of the raster.")
PCA_FROM_OPTION = click.option(
    "--pca-from",
    type=PLACE,
    metavar="FILE",
    help="Take the components of another output, to be joined with it.",
)
SCALES_OPTION = click.option(
    "--scales-from",
    type=PLACE,
    metavar="FILE",
    help="Count integers in the steps of another output, to be joined with it.",
)
DTYPE_OPTION = click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "int16", "int8"]),
    default="float32",
    show_default=True,
    help="How values are stored. Integers count the steps of a scale.",
)
CHUNKS_OPTION = click.option("--chunks", type=int, metavar="N", help="Side of a chunk in pixels, a multiple of 16.")
PICTURE_OPTIONS = (
    PREVIEW_OPTION,
    click.option(
        "--stretch",
        type=click.Choice(["shared", "each"]),
        help="With --preview: one stretch of the colours for all betas, or one for each. [default: shared]",
    ),
)
OVERVIEWS_OPTION = click.option(
    "--overviews",
    is_flag=True,
    help="Add coarser levels to a .zarr, evaluated and not resampled. They take a third more room.",
)
GROW_OPTIONS = (
    click.option(
        "--tiles", type=int, metavar="N", help="Write a folder of GeoTIFFs of N x N pixels, and a VRT over them."
    ),
    click.option("--extend", is_flag=True, help="Let a .zarr that exists grow by this raster; what is there stays."),
)


@click.command("raster")
@grouped("extent", Extent, *EXTENT_OPTIONS)
@grouped("content", Content, *CONTENT_OPTIONS, PCA_OPTION, PCA_FROM_OPTION)
@DTYPE_OPTION  # fields of the output, which help shows beside the content
@SCALES_OPTION
@grouped("engine", Engine, *ENGINE_OPTIONS, *CLUSTER_OPTIONS)
@grouped(
    "output",
    RasterOutput,
    *FILE_OPTIONS,
    CHUNKS_OPTION,
    *PICTURE_OPTIONS,
    OVERVIEWS_OPTION,
    STAC_OPTION,
    *REPLACE_OPTIONS,
    *GROW_OPTIONS,
)
@click.option("--dry-run", is_flag=True, help="Say what would be made, and stop.")
@verbosity_options
@naming_what_is_kept
def command(
    extent: Extent, content: Content, engine: Engine, output: RasterOutput, dry_run: bool, verbosity: Verbosity
) -> None:
    """Make an embedding raster of a box, of an area, or on the grid of another raster.

    \b
    rangegeo raster --bbox 5,44,10,48 --res 0.01 --beta 0,0.5,1 -o alps.zarr
    rangegeo raster --bbox 5,44,10,48 --res 1000 --crs EPSG:3035 -o alps.tif
    rangegeo raster --bbox 176,-19,-178,-15 --res 0.01 --model SatCLIP -o fiji.tif
    rangegeo raster --like elevation.tif -o same_grid.tif
    rangegeo raster --bbox 10,44,12,48 --res 0.01 --beta 0,0.5,1 --extend -o alps.zarr
    rangegeo raster --aoi park.gpkg --res 100 --crs EPSG:32632 --co COMPRESS=DEFLATE -o park.tif
    """
    with starting():
        from rangegeo.cli.notices import announce_model, say_kept_blocks, say_what_exists, tell_plan
        from rangegeo.cli.progress import shown_progress
        from rangegeo.cubes.evaluated import nothing_kept
        from rangegeo.jobs.plan import planned
        from rangegeo.jobs.raster import RasterJob
        from rangegeo.jobs.scheduler import computing_with

        verbosity.silence_grid_warnings()
        if dry_run and tell_plan(extent, content, engine, output, verbosity):
            return
        checked = replace(output, overwrite=True) if dry_run and not output.resume else output
        job = RasterJob.prepare(extent, content, engine, checked, command=typed_line())
    announce_model(content.model, content.weights, content.db, engine.device, verbosity)
    if not verbosity.quiet:
        for line in job.describe():
            verbosity.say(line)
    if dry_run:
        for line in planned(job.raster.spec, None, output, job.format).details():
            verbosity.say(line)
        say_kept_blocks(output.out, verbosity)
        if output.extend:
            for line in job.notes():
                verbosity.say(line)
            return
        say_what_exists(job.format.outputs(job.cube, output.out), verbosity, overwrite=output.overwrite)
        return
    for line in job.notes():
        verbosity.say(line)
    with computing_with(engine, job.at_once), nothing_kept(), shown_progress(quiet=verbosity.quiet) as progress:
        job.write(progress)
    for line in job.measured():
        verbosity.say(line)
    for path in list(job.outputs()):  # all files are written before the first name is printed
        print_written(path)
