"""`rangegeo neighbors`: list the rows of the database that decide an embedding."""

from __future__ import annotations

import json

import click

from rangegeo.cli.notices import announce_model
from rangegeo.cli.options import Verbosity, device_option, model_options, temperature_options, verbosity_options

# What a table shows: the name of the variable, then its heading and its format.
COLUMNS = {
    "row": ("row", "{:.0f}"),
    "row_lon": ("lon", "{:.3f}"),
    "row_lat": ("lat", "{:.3f}"),
    "distance": ("km", "{:.1f}"),
    "cosine": ("cosine", "{:.4f}"),
    "semantic_weight": ("in S", "{:.3%}"),
    "geographic_weight": ("in G", "{:.3%}"),
    "weight": ("weight", "{:.3%}"),
}


@click.command("neighbors", context_settings={"ignore_unknown_options": True})  # longitudes may be negative
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("-k", "count", type=click.IntRange(min=1), default=10, show_default=True, help="How many rows.")
@click.option("--beta", type=float, help="From 0, geographic, to 1, semantic. [default: 0.5]")
@click.option("--model", "model_name", default="RANGE+", show_default=True, help="RANGE+ or RANGE.")
@model_options
@temperature_options
@device_option()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@verbosity_options
def command(
    lon: float,
    lat: float,
    count: int,
    beta: float | None,
    model_name: str,
    weights: str | None,
    db: str | None,
    temperature: float | None,
    geographic_temperature: float | None,
    device: str,
    as_json: bool,
    verbosity: Verbosity,
) -> None:
    """Say which rows of the database decide the embedding of a place.

    \b
    rangegeo neighbors 7.66 45.98
    rangegeo neighbors -122.4 37.8 -k 20 --beta 1 --json
    """
    from rangegeo.encoders import model_info
    from rangegeo.models.load import load_model
    from rangegeo.support.planets import names_planet

    row = None if names_planet(model_name) else model_info(model_name)
    if beta is not None and row is not None and row.temperature is not None and not row.has_beta:
        raise click.UsageError(f"--beta needs a model with betas, and {model_name} has none; leave it out")
    model = load_model(
        model_name,
        weights=weights,
        db=db,
        device=device,
        temperature=temperature,
        geographic_temperature=geographic_temperature,
    )
    found = model.neighbors([lon, lat], count, beta=beta)
    if not as_json:
        announce_model(model_name, weights, db, device, verbosity)
    place = found.isel(place=0)
    table = place.drop_dims("neighbour")
    rows = place.drop_vars(list(table.variables)).to_dataframe().reset_index(drop=True).to_dict("records")
    if as_json:
        facts = {name: value.values.item() for name, value in table.drop_vars("place").variables.items()}
        click.echo(json.dumps(found.attrs | facts | {"neighbours": rows}, indent=2))
    else:
        _print_table(rows, {str(name): value.item() for name, value in table.data_vars.items()})


def _print_table(rows: list[dict], rest: dict[str, float]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = {name: column for name, column in COLUMNS.items() if name in rows[0]}
    table = Table(box=None, pad_edge=False, show_footer=True)
    for name, (heading, how) in shown.items():
        others = name.replace("weight", "rest")
        footer = "others" if name == "row" else how.format(rest[others]) if others in rest else ""
        table.add_column(heading, justify="right", no_wrap=True, footer=footer)
    for row in rows:
        table.add_row(*(how.format(row[name]) for name, (_, how) in shown.items()))
    Console().print(table)
