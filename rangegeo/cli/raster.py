"""`rangegeo raster`: a bounding box to a cube on disk."""

from __future__ import annotations

import shlex
import sys
import warnings
from functools import partial
from pathlib import Path

import click

from rangegeo.cli.arguments import NameValue, NumberList, parse_bands, unique_pairs
from rangegeo.cli.notices import announce_demo
from rangegeo.cli.options import check_content, chosen_tolerance, content_options, engine_options, verbosity_options


@click.command("raster")
@click.option(
    "--bbox",
    type=NumberList((4,), "5,44,10,48"),
    metavar="W,S,E,N",
    help="Bounding box; W > E crosses the antimeridian.",
)
@click.option("--like", metavar="FILE", help="Instead of a box: the very grid of an existing raster.")
@click.option(
    "--aoi",
    metavar="FILE|-",
    help="Instead of a box: polygons of a vector file, or of GeoJSON on stdin; outside of them is nodata.",
)
@click.option("--all-touched", is_flag=True, help="Pixels count that --aoi touches, not those centred in it alone.")
@click.option(
    "--res",
    type=NumberList((1, 2), "0.01"),
    metavar="X [Y]",
    help="Pixel size in units of --crs; needed but with --like.",
)
@click.option("--crs", help="CRS of the raster, any that pyproj knows. [default: EPSG:4326]")
@click.option("--bbox-crs", metavar="CRS", help="CRS of --bbox, and of an --aoi that says none. [default: EPSG:4326]")
@click.option("--align", is_flag=True, help="Move the corners outwards to multiples of the pixel size (-tap).")
@content_options
@click.option("--pca", type=int, metavar="N", help="Project on N principal components of the raster.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "int16", "int8"]),
    default="float32",
    show_default=True,
    help="How values are stored; integers as steps of a scale.",
)
@engine_options
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Output: .zarr or .tif.")
@click.option("--format", "format_name", type=click.Choice(["zarr", "cog", "gtiff"]), help="Instead of the suffix.")
@click.option(
    "--co",
    "creation",
    type=NameValue(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Creation option of GDAL's GTiff or COG driver; for Zarr COMPRESS, LEVEL, SHUFFLE or SHARDS. Repeatable.",
)
@click.option(
    "--zarr-format",
    type=click.Choice(["2", "3"]),
    help="2 for GDAL and QGIS that do not read 3. [default: 3]",
)
@click.option(
    "--chunks",
    type=int,
    metavar="N",
    help="Pixels a side of a chunk, a multiple of 16.",
)
@click.option(
    "--preview",
    "picture",
    is_flag=False,
    flag_value="",
    metavar="[PNG]",
    help="Draw a map too, the betas side by side. [default: NAME_preview.png]",
)
@click.option("--overviews", is_flag=True, help="Zarr: coarser levels too, evaluated, not resampled; a third more.")
@click.option("--stac", is_flag=True, help="Write a STAC item, NAME.stac.json, beside each output.")
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@click.option("--dry-run", is_flag=True, help="Say what would be made, and stop.")
@verbosity_options
def command(
    bbox: tuple[float, ...] | None,
    like: str | None,
    aoi: str | None,
    all_touched: bool,
    res: tuple[float, ...] | None,
    crs: str | None,
    bbox_crs: str | None,
    align: bool,
    model_name: str,
    weights: str | None,
    db: str | None,
    betas: tuple[tuple[float, ...], ...],
    layout: str,
    bands: str,
    pca: int | None,
    dtype: str,
    tolerance: float | None,
    exact: bool,
    device: str,
    threads: int | None,
    out: Path,
    format_name: str | None,
    creation: tuple[tuple[str, str], ...],
    zarr_format: str | None,
    chunks: int | None,
    picture: str | None,
    overviews: bool,
    stac: bool,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Make an embedding raster of a box, of an area, or on the grid of another raster.

    \b
    rangegeo raster --bbox 5,44,10,48 --res 0.01 --beta 0,0.5,1 -o alps.zarr
    rangegeo raster --bbox 5,44,10,48 --res 1000 --crs EPSG:3035 -o alps.tif
    rangegeo raster --bbox 176,-19,-178,-15 --res 0.01 --model SatCLIP -o fiji.tif
    rangegeo raster --like elevation.tif -o same_grid.tif
    rangegeo raster --aoi park.gpkg --res 100 --crs EPSG:32632 --co COMPRESS=DEFLATE -o park.tif
    """
    from rangegeo.encoders import model_info
    from rangegeo.errors import GridWarning
    from rangegeo.grid.extent import choose_extent
    from rangegeo.stores.formats import choose_format
    from rangegeo.support.destination import check_destination

    row = model_info(model_name)
    if betas and not row.has_beta:
        raise click.UsageError(f"--beta needs a model with betas, and {model_name} has none; leave it out")
    if quiet:
        warnings.simplefilter("ignore", GridWarning)
    where = {"crs": crs, "bbox_crs": bbox_crs, "align": align, "like": like, "aoi": aoi, "all_touched": all_touched}
    geobox, area = choose_extent(bbox, res, **where)
    chosen = choose_format(out, format_name)
    to_zarr = chosen.suffixes == (".zarr",)
    if overviews and not to_zarr:
        raise click.UsageError("--overviews is for .zarr; a Cloud Optimized GeoTIFF has them anyway, leave it out")
    options: dict[str, object] = {"creation_options": unique_pairs(creation)}
    if to_zarr:
        options["zarr_format"] = int(zarr_format or 3)
    elif zarr_format:
        raise click.UsageError("--zarr-format is for .zarr; leave it out")
    chosen.check_options(dtype=dtype, **options)

    from rangegeo.cli.notices import announce_storage
    from rangegeo.cubes.cost import plan
    from rangegeo.cubes.graph import model_raster
    from rangegeo.cubes.outline import outline
    from rangegeo.cubes.projection import with_projection
    from rangegeo.cubes.samples import sample_values
    from rangegeo.jobs.scheduler import use_threads
    from rangegeo.models.load import load_model
    from rangegeo.pictures.preview import MAP, check_picture, preview
    from rangegeo.stores.quantise import ROUND_OFF, fit_storage

    tolerance = chosen_tolerance(tolerance, exact=exact)
    given = check_content(betas, layout, bands, pca=pca is not None)
    if to_zarr or len(given) == 1:  # said before anything is downloaded
        check_destination(out, 0, overwrite=overwrite)
    if picture is not None:
        picture = Path(picture) if picture else out.with_name(f"{out.stem}_preview.png")
        check_picture(picture, MAP)
        check_destination(picture, 0, overwrite=overwrite, other="--preview PICTURE.png")
    use_threads(threads)
    model = load_model(model_name, weights=weights, db=db, device=device)
    recipe = model.recipe(given, layout=layout, bands=parse_bands(bands))
    if pca is not None:
        recipe = with_projection(recipe, model, geobox, pca, area)
    expected = outline(geobox, model, recipe, area)
    chosen.check(
        expected, out, overwrite=overwrite, dtype=dtype, **options, **({"overviews": True} if overviews else {})
    )
    if stac:
        from rangegeo.stores.stac import check_items, write_item

        check_items(chosen.outputs(expected, out), overwrite=overwrite)
    storage = fit_storage(
        dtype,
        expected["band_name"].values,
        partial(sample_values, geobox, model, recipe, area),
        one_scale=chosen.one_scale,
        round_off=tolerance or ROUND_OFF,
    )
    chunks = "auto" if chunks is None else chunks
    cube = model_raster(geobox, model, recipe, area=area, tolerance=tolerance, chunks=chunks)
    cube.attrs["command"] = shlex.join(["rangegeo", *sys.argv[1:]])
    announce_demo(weights or row.default, quiet=quiet)
    if not quiet:
        click.echo(f"{out}: {plan(cube, model, recipe, dtype, chosen.bytes_a_second)}", err=True)
        announce_storage(storage, one_scale=chosen.one_scale)
    if dry_run:
        return

    from rangegeo.cli.notices import stored_error
    from rangegeo.cli.progress import block_progress
    from rangegeo.jobs.measured import Measured

    if overviews:
        from rangegeo.cubes.overviews import make_overviews
        from rangegeo.grid.pyramid import COARSEST

        options["overviews"] = make_overviews(cube, model, recipe, area)
        if not options["overviews"] and not quiet:
            click.echo(f"no overviews: at most {COARSEST} pixels a side are read whole", err=True)
    measured = Measured(cube)
    with block_progress(cube.data.npartitions, quiet=quiet):
        written = chosen.write(cube, out, overwrite=overwrite, storage=storage, measured=measured.facts, **options)
    if not quiet:
        click.echo(measured, err=True)
        if dtype != "float32":
            click.echo(stored_error(written[0], storage), err=True)
    for path in written:
        click.echo(path)
        if stac:
            click.echo(write_item(path))
    if picture is not None:
        for path in preview(written, picture, MAP, overwrite=overwrite):
            click.echo(path)
