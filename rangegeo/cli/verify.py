"""`rangegeo verify`: find out whether cubes are as they were written, and make damaged blocks again."""

from __future__ import annotations

import json

import click

from rangegeo.cli.arguments import Place, storage_option
from rangegeo.cli.options import Verbosity, device_option, model_options, verbosity_options
from rangegeo.cli.streams import tell
from rangegeo.support.location import Location


@click.command("verify")
@click.argument("cubes", metavar="CUBE...", nargs=-1, required=True, type=Place())
@storage_option
@click.option(
    "--pixels",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    metavar="N",
    help="Pixels that are evaluated again, spread over all blocks; 0 for none.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of their choice.")
@click.option(
    "--repair", is_flag=True, help="Evaluate damaged blocks again and write them, and put back metadata and tiles."
)
@model_options
@device_option()
@click.option("--json", "as_json", is_flag=True, help="Print JSON; of several cubes one object for each name.")
@verbosity_options
def command(
    cubes: tuple[Location, ...],
    pixels: int,
    seed: int,
    repair: bool,
    weights: str | Location | None,
    db: str | None,
    device: str,
    as_json: bool,
    verbosity: Verbosity,
) -> None:
    """Find out whether cubes are as they were written.

    The exit code is 1 if a cube has a fault.

    \b
    rangegeo verify alps.zarr
    rangegeo verify alps.zarr --repair
    rangegeo verify s3://bucket/alps.zarr --storage region=eu-central-1
    rangegeo verify alps_tiles --repair
    rangegeo verify alps_beta0.tif alps_beta1.tif --pixels 10000
    """
    from rangegeo.cli.progress import shown_progress
    from rangegeo.errors import CubeError
    from rangegeo.jobs.examined import Asked
    from rangegeo.jobs.verify import verify_at

    reports = {}
    for cube in cubes:
        with shown_progress(quiet=verbosity.quiet or not repair) as progress:
            asked = Asked(pixels=pixels, seed=seed, weights=weights, db=db, device=device, progress=progress)
            reports[cube] = verify_at(cube, asked, repair=repair)
        for note in reports[cube].notes:
            verbosity.say(f"{cube}: {note.message}")
        if not (as_json or verbosity.quiet):
            for line in reports[cube].lines():
                tell(line)
    if as_json:
        facts = {str(cube): report.facts for cube, report in reports.items()}
        click.echo(json.dumps(facts if len(facts) > 1 else next(iter(facts.values())), indent=2))
    if unsound := [report for report in reports.values() if not report.sound]:
        raise CubeError("; ".join(report.summary.message for report in unsound))
