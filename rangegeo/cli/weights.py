"""`rangegeo weights`: download published files once and use them offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from rangegeo.cli.arguments import LocalPath
from rangegeo.cli.options import Verbosity, verbosity_options
from rangegeo.cli.streams import print_written, remark
from rangegeo.errors import UsageError, WeightsError


@click.group("weights", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> int | None:
    """List, pull, verify and convert published weights and databases.

    \b
    rangegeo weights pull
    rangegeo raster --bbox 5,44,10,48 --res 0.01 --weights official --db large -o alps.zarr
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        return 2
    return None


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@verbosity_options
def list_(as_json: bool, verbosity: Verbosity) -> None:
    """List published files, and which of them are here."""
    from rangegeo.weights.cache import cache_folder
    from rangegeo.weights.hub import cache_root
    from rangegeo.weights.inventory import inventory

    rows = [one.facts for one in inventory()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    lines = [("name", "size", "here", "licence", "path, or where it comes from"), *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]) - 1)]
    for line in lines:
        click.echo("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]))
    if not verbosity.quiet:
        click.echo(f"downloads: {cache_root()} (HF_HOME)\nconverted: {cache_folder()} (RANGEGEO_CACHE)", err=True)


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--endpoint", metavar="URL", help="Hub or mirror. [default: HF_ENDPOINT, else the hub itself]")
@click.option(
    "--revision", metavar="REV", help="Branch, tag or commit. Such a file is used by the path that is printed."
)
@verbosity_options
def pull(names: tuple[str, ...], endpoint: str | None, revision: str | None, verbosity: Verbosity) -> None:
    """Download, check and convert published files.

    They work offline afterwards. NAME is a file that `rangegeo weights list` shows, or a model; by default RANGE+,
    which is what --weights official --db large needs. An interrupted download goes on where it stopped, and files
    that are here are checked again.

    \b
    rangegeo weights pull
    rangegeo weights pull range_db_med satclip-vit16-l10
    HF_HOME=/shared/hf RANGEGEO_CACHE=/shared/rangegeo rangegeo weights pull
    """
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise UsageError(f"--endpoint must be an address such as https://hub.example.org, got {endpoint}")

    from rangegeo.weights.hub import without_bars
    from rangegeo.weights.pulling import pull as pull_files

    with without_bars(verbosity.quiet):
        for path in pull_files(names or ("RANGE+",), endpoint=endpoint, revision=revision, say=_say(verbosity.quiet)):
            print_written(path)


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@verbosity_options
def verify(names: tuple[str, ...], verbosity: Verbosity) -> None:
    """Read every byte of the files that are here.

    Their converted forms are read too. NAME is as for pull. The exit code is 1 if a file is damaged or missing.
    """
    from rangegeo.support.text import counted
    from rangegeo.weights.published import PUBLISHED
    from rangegeo.weights.pulling import DAMAGED, MISSING
    from rangegeo.weights.pulling import verify as verify_files

    checked = verify_files(names)
    width = max(len(one.name) for one, *_ in checked)
    for one, file, converted in checked:
        if not verbosity.quiet:
            click.echo(f"{one.name.ljust(width)}  file {file.ljust(7)}  converted {converted}")
    bad = [one for one, *states in checked if {DAMAGED, MISSING} & set(states)]
    if bad:
        on_hub = [one.name for one in bad if PUBLISHED[one.name].repo]
        remedies = [f"type rangegeo weights pull {' '.join(on_hub)}"] if on_hub else []
        by_hand = {one.name: PUBLISHED[one.name].archive for one in bad if one.name not in on_hub}
        remedies += [f"download {name} by hand from {archive}" for name, archive in by_hand.items()]
        raise WeightsError(
            f"{len(bad)} of {counted(len(checked), 'file')} {'is' if len(bad) == 1 else 'are'} damaged or missing; "
            f"{'; '.join(remedies)}"
        )


@command.command()
@click.argument("path", type=LocalPath(exists=True))
@verbosity_options
def convert(path: Path, verbosity: Verbosity) -> None:
    """Convert a file to the memory-mapped form.

    PATH is a checkpoint or a RANGE database. The path of the converted form is printed. A file that is loaded by its
    path is converted too; this does it ahead of time.
    """
    from rangegeo.weights.names import in_folder
    from rangegeo.weights.pulling import convert as convert_file

    path = Path(in_folder(str(path)))
    if path.is_dir():
        raise UsageError(f"PATH must be a checkpoint or a RANGE database, got the folder {path}, which holds none")
    click.echo(convert_file(path, say=_say(verbosity.quiet)))


def _say(quiet: bool) -> Callable[[str], None]:
    """A function that prints a line on stderr, or does nothing if quiet."""
    return (lambda line: None) if quiet else remark


def _cells(row: dict) -> tuple[str, ...]:
    """The cells of a published file's row."""
    from rangegeo.support.text import human_bytes

    size = row["bytes"] or row["bytes_about"]
    here = "yes, converted" if row["converted"] else "yes" if row["present"] else "by hand" if row["archive"] else "no"
    where = row["path"] or row["archive"] or f"{row['kind']} {row['repo']}"
    return row["name"], human_bytes(size) if size else "?", here, row["licence"], where
