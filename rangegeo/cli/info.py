"""`rangegeo info`: tell what a file or a name is."""

from __future__ import annotations

import json

import click

from rangegeo.cli.arguments import Place, storage_option
from rangegeo.cli.options import Verbosity, model_options, verbosity_options
from rangegeo.cli.streams import tell
from rangegeo.support.location import Location
from rangegeo.support.text import counted

LONGEST_LIST = 20  # longer lists are printed as their size


@click.command("info")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True, type=Place(named=True))
@storage_option
@model_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON; of several targets one object for each name.")
@verbosity_options
def command(
    targets: tuple[str | Location, ...], weights: str | None, db: str | None, as_json: bool, verbosity: Verbosity
) -> None:
    """Say what a cube, a planet, a saved map, a model, a checkpoint or a database is.

    \b
    rangegeo info alps.zarr
    rangegeo info alps_beta0.tif alps_beta1.tif
    rangegeo info RANGE+
    rangegeo info satclip-vit16-l40.ckpt
    """
    from rangegeo.reports.describe import describe

    if len(targets) == 1:
        facts = describe(targets[0], weights=weights, db=db)
    else:
        facts = {str(target): describe(target, weights=weights, db=db) for target in targets}
    tell(json.dumps(facts, indent=2) if as_json else "\n".join(_lines(facts)))


def _lines(facts: dict, indent: str = "") -> list[str]:
    """One line `name: value` for each fact; groups are indented below their name."""
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *_lines(value, indent + "  ")]
        elif value is not None:
            lines.append(f"{indent}{name}: {_shown(value)}")
    return lines


def _shown(value: object) -> object:
    """A value for people: a long list is replaced by its size. --json prints lists whole."""
    if not isinstance(value, list):
        return " ".join(value.splitlines()) if isinstance(value, str) else value
    if value and isinstance(value[0], list):
        return f"{len(value)} x {len(value[0])} numbers"
    return ", ".join(map(str, value)) if len(value) <= LONGEST_LIST else counted(len(value), "number")
