"""`rangegeo models`: list what --model takes, and which weights are on this machine."""

from __future__ import annotations

import json

import click

from rangegeo.cli.options import Verbosity, verbosity_options

NAMES = ("model", "bands", "licence", "weights")


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with citations, sources and notes.")
@verbosity_options
def command(as_json: bool, verbosity: Verbosity) -> None:
    """List the models and which weights are here.

    \b
    rangegeo models
    rangegeo models --json
    """
    from rangegeo.weights.inventory import model_facts

    facts = model_facts()
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    rows = [NAMES, *((row["model"], str(row["bands"] or "-"), row["licence"], _weights(row)) for row in facts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, bands, licence, weights in rows:
        click.echo(f"{name:<{widths[0]}}  {bands:>{widths[1]}}  {licence:<{widths[2]}}  {weights}")


def _weights(row: dict) -> str:
    """The weights that are here; if there are none, what to give to --weights."""
    if not row["needs_weights"]:
        return "none needed"
    weights = row["weights"]
    here = [f"{name} {state}" if name != state else state for name, state in weights.items() if state != "missing"]
    if row["bands_embedded"] not in (None, row["bands"]):
        here[0] += f" ({row['bands_embedded']} bands)"
    if here:
        return ", ".join(here)
    return f"missing: --weights {'official downloads them' if weights else 'PATH'}"
