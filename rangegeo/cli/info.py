"""`rangegeo info`: what a file or a name is."""

from __future__ import annotations

import json

import click

from rangegeo.cli.options import model_options, verbosity_options


@click.command("info")
@click.argument("target")
@model_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@verbosity_options
def command(target: str, weights: str, db: str | None, as_json: bool, quiet: bool, verbose: int) -> None:
    """Say what a cube, a model, a checkpoint or a database is.

    \b
    rangegeo info alps.zarr
    rangegeo info RANGE+
    rangegeo info satclip-vit16-l40.ckpt
    """
    from rangegeo.describe import describe

    facts = describe(target, weights=weights, db=db)
    click.echo(json.dumps(facts, indent=2) if as_json else "\n".join(_lines(facts)))


def _lines(facts: dict, indent: str = "") -> list[str]:
    """`name: value` a line, groups indented below their name."""
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *_lines(value, indent + "  ")]
        elif value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{indent}{name}: {shown}")
    return lines
