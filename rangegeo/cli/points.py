"""`rangegeo points`: a table of places to a table of embeddings."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path

import click

from rangegeo.cli.arguments import parse_bands
from rangegeo.cli.notices import announce_demo
from rangegeo.cli.options import check_content, chosen_tolerance, content_options, engine_options, verbosity_options


@click.command("points")
@click.argument("source", metavar="IN")
@click.option("--lon", metavar="NAME", help="Column of longitude, or x. [default: the one with a usual name]")
@click.option("--lat", metavar="NAME", help="Column of latitude, or y.")
@click.option("--crs", help="CRS of the columns. [default: EPSG:4326, or what a vector file says]")
@click.option("--layer", metavar="NAME", help="Layer of a file that has several.")
@click.option(
    "--input-format",
    type=click.Choice(["csv", "geojson", "geojsonl", "gpkg", "parquet"]),
    help="Of IN, instead of the suffix. [default of standard input: csv]",
)
@click.option("--representative-point", is_flag=True, help="Take a point within each line or polygon.")
@click.option(
    "--invalid",
    type=click.Choice(["null", "refuse"]),
    default="null",
    show_default=True,
    help="Rows without a possible place: keep them with nulls, or refuse the table.",
)
@content_options
@engine_options
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Output: .parquet, .geoparquet, .csv, .tsv or .npz.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["parquet", "geoparquet", "csv", "npz"]),
    help="Instead of the suffix.",
)
@click.option(
    "--as",
    "shape",
    type=click.Choice(["list", "columns"]),
    help="An embedding as one column of lists, or a column a band: b0001 ... [default: list in Parquet]",
)
@click.option("--drop-columns", is_flag=True, help="Leave out the columns of IN.")
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@verbosity_options
def command(
    source: str,
    lon: str | None,
    lat: str | None,
    crs: str | None,
    layer: str | None,
    input_format: str | None,
    representative_point: bool,
    invalid: str,
    model_name: str,
    weights: str | None,
    db: str | None,
    betas: tuple[tuple[float, ...], ...],
    layout: str,
    bands: str,
    tolerance: float | None,
    exact: bool,
    device: str,
    threads: int | None,
    out: Path,
    format_name: str | None,
    shape: str | None,
    drop_columns: bool,
    overwrite: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Embed the places of a table: CSV, TSV, GeoJSON, GeoPackage, Parquet, any vector file, or - for standard input.

    \b
    rangegeo points places.csv -o places.parquet
    rangegeo points stations.gpkg --beta 0,0.5,1 -o stations.geoparquet
    cat places.csv | rangegeo points - --lon x --lat y --crs EPSG:2154 -o places.npz
    """
    from rangegeo.encoders import model_info
    from rangegeo.errors import TableError
    from rangegeo.support.unfinished import unfinished
    from rangegeo.tables.embed import check_output, plan_table, write_table
    from rangegeo.tables.formats import choose_format
    from rangegeo.tables.opening import open_table
    from rangegeo.tables.places import find_places

    row = model_info(model_name)
    if betas and not row.has_beta:
        raise click.UsageError(f"--beta needs a model with betas, and {model_name} has none; leave it out")
    form = choose_format(out, format_name)
    if shape is not None and not form.choice:
        raise click.UsageError("--as is for Parquet; CSV has a column a band, npz an array an embedding")
    check_output(out, overwrite=overwrite)
    given = check_content(betas, layout, bands)
    tolerance = chosen_tolerance(tolerance, exact=exact)
    with unfinished(out) as draft:
        table = open_table(source, draft.parent, kind=input_format, layer=layer)
        where = find_places(table, lon=lon, lat=lat, crs=crs, representative=representative_point)

        from rangegeo.engine.points import PointInterpolator
        from rangegeo.jobs.scheduler import use_threads
        from rangegeo.models.load import load_model

        use_threads(threads)
        model = load_model(model_name, weights=weights, db=db, device=device)
        recipe = model.recipe(given, layout=layout, bands=parse_bands(bands))
        lists = None if shape is None else shape == "list"
        plan = plan_table(table, where, form, recipe, lists=lists, drop=drop_columns)
        if plan.survey.unusable and invalid == "refuse":
            raise TableError(f"{plan.survey}; correct them, or leave out --invalid refuse to keep them with nulls")
        check_output(out, form.room * plan.nbytes, overwrite=overwrite)
        if plan.survey.unusable:
            click.echo(f"{plan.survey}; they get nulls", err=True)
        announce_demo(weights or row.default, quiet=quiet)

        field = PointInterpolator(model, recipe, tolerance, plan.survey.tiles)
        if not quiet:
            evaluate = partial(model.points_block, recipe=recipe)
            click.echo(f"{out}: {plan.describe(evaluate, field.expected)}", err=True)

        from rangegeo.cli.progress import progress
        from rangegeo.cubes.outline import provenance

        facts = provenance(model, recipe) | {
            "betas": list(recipe.betas) if model.has_beta else [],
            "band_names": list(model.source_names(recipe)),
            "command": shlex.join(["rangegeo", *sys.argv[1:]]),
        }
        with progress(plan.survey.rows, "places", quiet=quiet) as told:
            write_table(plan, draft, field, lambda: facts | field.facts, told.advance)
        if not quiet:
            click.echo(field, err=True)
    click.echo(out)
